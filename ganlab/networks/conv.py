"""The "conv" family: DCGAN (Radford, Metz and Chintala, arXiv 1511.06434), with an encoder and a D of pairs.

Convolutions of 4 x 4 pixels and stride 2, LeakyReLU in E and D, ReLU in G, weights N(0, 0.02), biases 0. G
ends in tanh, and all networks work on pixels in [-1, 1], but take and return pictures in [0, 1]. Between the
innermost grid and the latent is a linear hidden layer, which DCGAN lacks; that of E is the space "features".

`config.width` is the number of channels next to the picture; each stage inwards doubles it, up to 8 times.
`config.norm` is the normalisation of the discriminators; G and E always have batch norm:

- "batch": batch norm after each layer but the first convolution and the output, as in DCGAN;
- "spectral": every weight is divided by its largest singular value (Miyato et al., arXiv 1802.05957);
- "none": no normalisation, for losses that batch norm would disturb.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganlab.config import ModelConfig
from ganlab.networks import base, folding

INIT_STD = 0.02
LEAK = 0.2
KERNEL = (4, 2, 1)  # side, stride and padding: halves or doubles a side exactly
MIN_GRID, MAX_GRID = 4, 7  # side of the innermost grid; one of 8 is halved once more
MAX_MULTIPLE = 8  # most channels of a stage, in widths
UNITS = 16  # units of a linear hidden layer, in widths


def list_channels(config: ModelConfig) -> list[int]:
    """Channels of each stage, from the picture inwards; each stage halves the side. ValueError for a
    `config.size` that cannot be halved to a grid of MIN_GRID to MAX_GRID pixels a side."""
    grid, stages = config.size, 0
    while grid > MAX_GRID and grid % 2 == 0:
        grid, stages = grid // 2, stages + 1
    if not (MIN_GRID <= grid <= MAX_GRID and stages):
        raise ValueError(
            f"The family conv doubles a grid of {MIN_GRID} to {MAX_GRID} pixels a side until it is a picture,"
            f" which makes 28, 32, 48, 64, 96 or 128 pixels a side, but not {config.size}."
        )
    return [config.width * min(2**stage, MAX_MULTIPLE) for stage in range(stages)]


class SpectralLinear(nn.Linear):
    """A linear layer whose weight has the largest singular value 1; see `normalise_weight`."""

    u: Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        self.register_buffer("u", torch.ones(outputs))

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, normalise_weight(self), self.bias)


class SpectralConv2d(nn.Conv2d):
    """A convolution of stride 2 whose weight, as a matrix (outputs, the rest), has the largest singular
    value 1; see `normalise_weight`."""

    u: Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, *KERNEL)
        self.register_buffer("u", torch.ones(outputs))

    def forward(self, input: Tensor) -> Tensor:
        return F.conv2d(input, normalise_weight(self), self.bias, self.stride, self.padding)


def normalise_weight(layer: SpectralLinear | SpectralConv2d) -> Tensor:
    """The layer's weight divided by its largest singular value (arXiv 1802.05957, algorithm 1).

    One power iteration from the buffer u; in training the result replaces the buffer, so that the estimate
    follows the weight. Unlike torch's parametrisation, this draws nothing from the global random state, and
    computes the singular value in full precision under autocast.
    """
    with torch.autocast(layer.weight.device.type, enabled=False):
        W = layer.weight.flatten(1)
        with torch.no_grad():
            v = F.normalize(layer.u @ W, dim=0)
            u = F.normalize(W @ v, dim=0)
            if layer.training:
                layer.u.copy_(u)
        return layer.weight / (u @ (W @ v))


class _Initialised:
    """Weights from N(0, 0.02), biases 0, gains 1; the vectors u of spectral norm from N(0, 1)."""

    def initialise(self, rng: torch.Generator, zero_output: bool = False) -> None:
        """`zero_output` has no effect on an output with spectral norm, which cannot normalise zeros."""
        assert isinstance(self, nn.Module)
        for key, module in self.named_modules():
            spectral = isinstance(module, SpectralLinear | SpectralConv2d)
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.reset_parameters()
            elif isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                if key == "output" and zero_output and not spectral:
                    nn.init.zeros_(module.weight)
                else:
                    nn.init.normal_(module.weight, std=INIT_STD, generator=rng)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            if spectral:
                nn.init.normal_(module.u, generator=rng)


class Layers(nn.Sequential):
    """A sequence of layers whose batch norms treat `batches` equal parts of the rows as separate batches."""

    def forward(self, input: Tensor, batches: int = 1) -> Tensor:
        h = input
        for layer in self:
            is_norm = isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)
            h = base.apply_in_parts(layer, h, batches) if is_norm else layer(h)
        return h


def _convolutions(config: ModelConfig, norm: str, pictures: int = 1) -> list[nn.Module]:
    """(N, pictures * C, H, W) -> (N, features of the innermost grid)."""
    layers: list[nn.Module] = []
    for before, after in pairwise([pictures * config.channels, *list_channels(config)]):
        batch_norm = norm == "batch" and bool(layers)
        if norm == "spectral":
            layers.append(SpectralConv2d(before, after))
        else:
            layers.append(nn.Conv2d(before, after, *KERNEL, bias=not batch_norm))
        if batch_norm:
            layers.append(nn.BatchNorm2d(after))
        layers.append(nn.LeakyReLU(LEAK))
    return [*layers, nn.Flatten()]


def _hidden(before: int, after: int, norm: str) -> list[nn.Module]:
    if norm == "batch":
        return [nn.Linear(before, after, bias=False), nn.BatchNorm1d(after), nn.LeakyReLU(LEAK)]
    return [_linear(before, after, norm), nn.LeakyReLU(LEAK)]


def _linear(before: int, after: int, norm: str) -> nn.Module:
    return SpectralLinear(before, after) if norm == "spectral" else nn.Linear(before, after)


def _grid(config: ModelConfig) -> tuple[int, int, int]:
    """Shape of the innermost grid, between the linear layers and the convolutions."""
    stages = list_channels(config)
    side = config.size >> len(stages)
    return stages[-1], side, side


def _flat(config: ModelConfig) -> int:
    depth, side, _ = _grid(config)
    return depth * side * side


class Generator(_Initialised, nn.Module):
    """z (N, latent_dim) -> x (N, C, H, W) in [0, 1]: two linear layers to the innermost grid, then transposed
    convolutions."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        units, grid, stages = UNITS * config.width, _grid(config), list_channels(config)[::-1]
        layers: list[nn.Module] = [
            nn.Linear(config.latent_dim, units, bias=False),
            nn.BatchNorm1d(units),
            nn.ReLU(),
            nn.Linear(units, _flat(config), bias=False),
            nn.Unflatten(1, grid),
            nn.BatchNorm2d(grid[0]),
            nn.ReLU(),
        ]
        for before, after in pairwise(stages):
            layers += [
                nn.ConvTranspose2d(before, after, *KERNEL, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
            ]
        self.layers = nn.Sequential(*layers)
        self.output = nn.ConvTranspose2d(stages[-1], config.channels, *KERNEL)

    def forward(self, z: Tensor) -> Tensor:
        return (torch.tanh(base.widen(self.output(self.layers(z)))) + 1) / 2

    def fold(self) -> list[folding.Layer]:
        modules: list[Any] = list(self.layers)  # of different types, in the order of __init__
        first, norm, _, second, grid, grid_norm, _, *rest = modules
        to_grid = folding.fold_into_grid(folding.fold_linear(second), grid_norm, grid.unflattened_size)
        layers = [folding.fold_linear(first, norm), to_grid]
        layers += [folding.fold_transposed(up, norm) for up, norm in zip(rest[::3], rest[1::3], strict=True)]
        return [*layers, folding.fold_transposed(self.output, leak=folding.NO_LEAK, gain=2.0)]


class Encoder(_Initialised, base.HeadedEncoder):
    """x -> z: the generator mirrored. With a `config.feature_dim` it has a head, one more hidden layer and
    that many numbers."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.prior = config.prior
        units = UNITS * config.width
        self.layers = Layers(*_convolutions(config, "batch"), *_hidden(_flat(config), units, "batch"))
        self.output = nn.Linear(units, config.latent_dim)
        self.head = None
        if config.feature_dim:
            self.head = nn.Sequential(*_hidden(units, units, "batch"), nn.Linear(units, config.feature_dim))

    def _last(self, x: Tensor) -> Tensor:
        h: Tensor = self.layers(2 * x - 1)
        return h


class Discriminator(_Initialised, base.Discriminator):
    """The encoder's layers, then one unit; `pictures` of them side by side in the channels."""

    def __init__(self, config: ModelConfig, pictures: int = 1) -> None:
        super().__init__()
        units, norm = UNITS * config.width, config.norm
        self.layers = Layers(*_convolutions(config, norm, pictures), *_hidden(_flat(config), units, norm))
        self.output = _linear(units, 1, norm)

    def hidden(self, x: Tensor, batches: int = 1) -> Tensor:
        h: Tensor = self.layers(2 * x - 1, batches)
        return h


class JointDiscriminator(_Initialised, base.JointDiscriminator):
    """Convolutions of x and two hidden layers of z, concatenated, then two more hidden layers."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        units, norm = UNITS * config.width, config.norm
        self.picture = Layers(*_convolutions(config, norm))
        self.latent = Layers(*_hidden(config.latent_dim, units, norm), *_hidden(units, units, norm))
        self.both = Layers(*_hidden(_flat(config) + units, units, norm), *_hidden(units, units, norm))
        self.output = _linear(units, 1, norm)

    def look(self, x: Tensor, batches: int = 1) -> Tensor:
        h: Tensor = self.picture(2 * x - 1, batches)
        return h

    def join(self, seen: Tensor, z: Tensor, batches: int = 1) -> Tensor:
        h: Tensor = self.both(torch.cat([seen, self.latent(z, batches)], 1), batches)
        return h


NETWORKS: dict[str, Callable[[ModelConfig], nn.Module]] = {
    "generator": Generator,
    "encoder": Encoder,
    "discriminator": Discriminator,
    "joint_discriminator": JointDiscriminator,
    "pair_discriminator": partial(Discriminator, pictures=2),
}
