"""The "residual" family: residual networks without normalisation, for pictures in colour.

After R3GAN (Huang et al., arXiv 2501.05441, section 4): blocks of three convolutions, 1 x 1, 3 x 3 and
1 x 1, the last of which starts at zero; LeakyReLU; bilinear interpolation on the way out; the same depth in
generator, encoder and discriminators. Their 3 x 3 convolutions are in groups, and grids are halved by
interpolation; here they are not in groups, and grids are halved by convolutions of 2 x 2: small networks are
faster so on GPUs.

All blocks work on grids of MIN_GRID to MAX_GRID pixels a side. A larger picture is taken and returned in
patches: a pixel of the outermost grid holds those of 2 x 2 (for 64 pixels a side) or 4 x 4 (for 128) of the
picture. `config.width` is the number of channels of the outermost grid; each stage inwards doubles it, up to
4 times. A stage has `config.blocks` blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganlab.config import ModelConfig
from ganlab.networks import base, folding

LEAK = 0.2
MIN_GRID, MAX_GRID = 4, 32  # sides of the innermost grid and of the outermost
MAX_INNER_GRID = 7  # an innermost grid of 8 is halved once more
MAX_MULTIPLE = 4  # most channels of a stage, in widths
UNITS = 4  # units of a hidden linear layer, in widths
PATCHES = (1, 2, 4)
LINEAR = {"input", "widen", "narrow"}  # layers that no nonlinearity follows


def list_stages(config: ModelConfig) -> list[tuple[int, int]]:
    """Channels and side of the grid of each stage, from the picture inwards. ValueError for a `config.size`
    that has no such grids."""
    if not config.blocks:
        raise ValueError("The family residual has at least one block a stage (blocks).")
    sides = [config.size // get_patch(config)]
    while sides[-1] > MAX_INNER_GRID and sides[-1] % 2 == 0:
        sides.append(sides[-1] // 2)
    fits = sides[0] <= MAX_GRID and MIN_GRID <= sides[-1] <= MAX_INNER_GRID and len(sides) > 1
    if config.size % get_patch(config) or not fits:
        raise ValueError(
            f"The family residual doubles a grid of {MIN_GRID} to {MAX_INNER_GRID} pixels a side until it has"
            f" at most {MAX_GRID}, which makes 28, 32, 48, 64 or 128 pixels a side, but not {config.size}."
        )
    return [(config.width * min(2**stage, MAX_MULTIPLE), side) for stage, side in enumerate(sides)]


def get_patch(config: ModelConfig) -> int:
    """Side of the patch of the picture that a pixel of the outermost grid holds."""
    return next((patch for patch in PATCHES if config.size <= patch * MAX_GRID), PATCHES[-1])


def _activate(h: Tensor) -> Tensor:
    return F.leaky_relu(h, LEAK)


class Pointwise(nn.Conv2d):
    """A convolution of 1 x 1 pixel, as the matrix product that it is: GPUs are faster at those."""

    def __init__(self, inputs: int, outputs: int, bias: bool = False) -> None:
        super().__init__(inputs, outputs, 1, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input.movedim(1, 3), self.weight.flatten(1), self.bias).movedim(3, 1)


class Block(nn.Module):
    """h (N, C, H, W) plus three convolutions of it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = Pointwise(channels, channels, bias=True)
        self.middle = nn.Conv2d(channels, channels, 3, padding=1)
        self.last = Pointwise(channels, channels)

    def forward(self, h: Tensor) -> Tensor:
        change: Tensor = self.last(_activate(self.middle(_activate(self.first(h)))))
        return h + change

    def fold(self) -> list[folding.Layer]:
        return [
            folding.fold_convolution(self.first, LEAK),
            folding.fold_convolution(self.middle, LEAK),
            folding.fold_convolution(self.last)._replace(adds=3),
        ]


class _Initialised:
    """He et al. (arXiv 1502.01852), smaller in blocks by their number (Fixup, arXiv 1901.09321); biases, the
    last convolution of a block and, with `zero_output`, the output are zero."""

    def initialise(self, rng: torch.Generator, zero_output: bool = False) -> None:
        assert isinstance(self, nn.Module)
        count = sum(isinstance(module, Block) for module in self.modules())
        for key, module in self.named_modules():
            if not isinstance(module, nn.Linear | nn.Conv2d):
                continue
            parts = key.split(".")
            if parts[-1] == "last" or (key == "output" and zero_output):
                nn.init.zeros_(module.weight)
            else:
                linear = key == "output" or not LINEAR.isdisjoint(parts)
                nn.init.kaiming_normal_(module.weight, 1.0 if linear else LEAK, generator=rng)
            if parts[-1] in ("first", "middle"):
                module.weight.data.mul_(count**-0.25)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


class Trunk(nn.Module):
    """Pictures (N, `pictures` * C, H, W) in [0, 1] -> the innermost grid, flat: (N, features)."""

    def __init__(self, config: ModelConfig, pictures: int = 1) -> None:
        super().__init__()
        stages = list_stages(config)
        self.patch = get_patch(config)
        self.input = nn.Conv2d(pictures * config.channels * self.patch**2, config.width, 3, padding=1)
        self.stages = nn.ModuleList(
            nn.Sequential(*(Block(channels) for _ in range(config.blocks))) for channels, _ in stages
        )
        self.widen = nn.ModuleList(
            nn.Conv2d(before, after, 2, stride=2, bias=False) for (before, _), (after, _) in pairwise(stages)
        )
        self.features = stages[-1][0] * stages[-1][1] ** 2

    def forward(self, x: Tensor) -> Tensor:
        h = self.input(F.pixel_unshuffle(2 * x - 1, self.patch))
        h = self.stages[0](h)
        for widen, stage in zip(self.widen, list(self.stages)[1:], strict=True):
            h = stage(widen(h))
        return _activate(h).flatten(1)


class Generator(_Initialised, nn.Module):
    """z (N, latent_dim) -> x (N, C, H, W) in [0, 1]: a linear layer to the innermost grid, then blocks."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        stages = list_stages(config)[::-1]
        self.grid = (stages[0][0], stages[0][1], stages[0][1])
        self.patch = get_patch(config)
        self.input = nn.Linear(config.latent_dim, stages[0][0] * stages[0][1] ** 2)
        self.stages = nn.ModuleList(
            nn.Sequential(*(Block(channels) for _ in range(config.blocks))) for channels, _ in stages
        )
        self.narrow = nn.ModuleList(Pointwise(before, after) for (before, _), (after, _) in pairwise(stages))
        self.output = nn.Conv2d(config.width, config.channels * self.patch**2, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        h = self.stages[0](self.input(z).unflatten(1, self.grid))
        for narrow, stage in zip(self.narrow, list(self.stages)[1:], strict=True):
            h = stage(_double(narrow(h)))
        x = F.pixel_shuffle(self.output(_activate(h)), self.patch)
        return torch.sigmoid(base.widen(x))

    def fold(self) -> list[folding.Layer]:
        layers = [folding.reorder_outputs(folding.fold_linear(self.input, leak=folding.NO_LEAK), self.grid)]
        for index, stage in enumerate(self.stages):
            if index:
                narrow = folding.fold_convolution(cast(nn.Conv2d, self.narrow[index - 1]))
                layers.append(narrow._replace(enlarges=True))
            for block in cast(nn.Sequential, stage):
                layers += cast(Block, block).fold()
        layers[-1] = layers[-1]._replace(leak=LEAK)
        return [*layers, folding.fold_convolution(self.output, patch=self.patch)]


def _double(h: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C, 2H, 2W), bilinear with repeated borders. Unlike that of F.interpolate, its
    gradient is the same in every run on CUDA. Channels are innermost in memory, as GPUs want them."""
    return _double_side(_double_side(h.movedim(1, 3), 1), 2).movedim(3, 1)


def _double_side(h: Tensor, side: int) -> Tensor:
    last = h.shape[side] - 1
    before = torch.cat([h.narrow(side, 0, 1), h.narrow(side, 0, last)], side)
    after = torch.cat([h.narrow(side, 1, last), h.narrow(side, last, 1)], side)
    return torch.stack([0.75 * h + 0.25 * before, 0.75 * h + 0.25 * after], side + 1).flatten(side, side + 1)


class Encoder(_Initialised, base.HeadedEncoder):
    """x -> z. With a `config.feature_dim` it has a head, one more hidden layer and that many numbers."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.prior = config.prior
        units = UNITS * config.width
        self.trunk = Trunk(config)
        self.inner = nn.Linear(self.trunk.features, units)
        self.output = nn.Linear(units, config.latent_dim)
        self.head = None
        if config.feature_dim:
            self.head = nn.Sequential(
                nn.Linear(units, units), nn.LeakyReLU(LEAK), nn.Linear(units, config.feature_dim)
            )

    def _last(self, x: Tensor) -> Tensor:
        return _activate(self.inner(self.trunk(x)))


class Discriminator(_Initialised, base.Discriminator):
    """The encoder's layers, then one unit; `pictures` of them side by side in the channels."""

    def __init__(self, config: ModelConfig, pictures: int = 1) -> None:
        super().__init__()
        self.trunk = Trunk(config, pictures)
        self.inner = nn.Linear(self.trunk.features, UNITS * config.width)
        self.output = nn.Linear(UNITS * config.width, 1)

    def hidden(self, x: Tensor, batches: int = 1) -> Tensor:
        return _activate(self.inner(self.trunk(x)))


class JointDiscriminator(_Initialised, base.JointDiscriminator):
    """A trunk for x and two hidden layers for z, concatenated, then two more hidden layers."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        units = UNITS * config.width
        self.trunk = Trunk(config)
        self.latent = nn.Sequential(
            nn.Linear(config.latent_dim, units),
            nn.LeakyReLU(LEAK),
            nn.Linear(units, units),
            nn.LeakyReLU(LEAK),
        )
        self.both = nn.Sequential(
            nn.Linear(self.trunk.features + units, units),
            nn.LeakyReLU(LEAK),
            nn.Linear(units, units),
            nn.LeakyReLU(LEAK),
        )
        self.output = nn.Linear(units, 1)

    def look(self, x: Tensor, batches: int = 1) -> Tensor:
        seen: Tensor = self.trunk(x)
        return seen

    def join(self, seen: Tensor, z: Tensor, batches: int = 1) -> Tensor:
        h: Tensor = self.both(torch.cat([seen, self.latent(z)], 1))
        return h


NETWORKS: dict[str, Callable[[ModelConfig], nn.Module]] = {
    "generator": Generator,
    "encoder": Encoder,
    "discriminator": Discriminator,
    "joint_discriminator": JointDiscriminator,
    "pair_discriminator": partial(Discriminator, pictures=2),
}
