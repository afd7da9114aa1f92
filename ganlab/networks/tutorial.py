"""The "tutorial" families: plain perceptrons as lectures and tutorials on GANs build them.

Every layer has a bias, none is normalised; G ends in tanh and all work on pixels in [-1, 1], which is
kept inside: the app's pictures are in [0, 1] on both sides. Weights start as He et al. start them
(arXiv 1502.01852), biases at 0: from PyTorch's default, in which each layer shrinks what comes of z, the GAN
of MNIST collapsed onto one or two digits within the first epochs and did not recover.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from ganlab.config import ModelConfig
from ganlab.networks import base, folded


@dataclass(frozen=True)
class Layout:
    """Hidden layers as shares of the config's width, and what lies between them."""

    generator: tuple[float, ...]
    others: tuple[float, ...]  # of D and of E
    generator_leak: float = 0.0  # slope below zero; 0 is ReLU
    leak: float = 0.2
    dropout: float = 0.0  # after each hidden layer of D

    def trunk(self, inputs: int, width: int, dropout: float = 0.0) -> nn.Sequential:
        return _layers(inputs, _units(self.others, width), self.leak, dropout)


# z-256-512-1024-pixels and pixels-512-256-1, for MNIST
GAN = Layout(generator=(1 / 4, 1 / 2, 1), others=(1 / 2, 1 / 4))
# z-256-512-1024-pixels and pixels-1024-512-256-1 with dropout, for CIFAR-10
GAN_COLOUR = Layout(generator=(1 / 4, 1 / 2, 1), others=(1, 1 / 2, 1 / 4), generator_leak=0.2, dropout=0.3)
# two hidden layers of ReLU in G, E and D, which takes x and z side by side
BIGAN = Layout(generator=(1, 1), others=(1, 1), leak=0.0)


class _Start:
    """Weights from N(0, 2 / inputs), which keeps a signal's size through layers of ReLU; biases 0."""

    def initialise(self, rng: torch.Generator, zero_output: bool = False) -> None:
        """`zero_output` is the paper's, and no tutorial's."""
        assert isinstance(self, nn.Module)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=rng)
                nn.init.zeros_(module.bias)


def _units(shares: Sequence[float], width: int) -> list[int]:
    return [max(1, round(share * width)) for share in shares]


def _layers(inputs: int, units: Sequence[int], leak: float, dropout: float = 0.0) -> nn.Sequential:
    made: list[nn.Module] = []
    for before, after in zip([inputs, *units], units, strict=False):
        made += [nn.Linear(before, after), nn.LeakyReLU(leak) if leak else nn.ReLU()]
        if dropout:
            made.append(nn.Dropout(dropout))
    return nn.Sequential(*made)


class Generator(_Start, nn.Module):
    def __init__(self, config: ModelConfig, layout: Layout) -> None:
        super().__init__()
        self.shape = config.image_shape
        self.leak = layout.generator_leak
        units = _units(layout.generator, config.width)
        self.layers = _layers(config.latent_dim, units, layout.generator_leak)
        self.output = nn.Linear(units[-1], config.pixels)

    def forward(self, z: Tensor) -> Tensor:
        return ((torch.tanh(base.widened(self.output(self.layers(z)))) + 1) / 2).view(-1, *self.shape)

    def folded(self) -> list[folded.Layer]:
        output = folded.linear(self.output, leak=folded.NO_LEAK, times=2.0)
        linear = [layer for layer in self.layers if isinstance(layer, nn.Linear)]
        hidden = [folded.linear(layer, leak=self.leak) for layer in linear]
        return [*hidden, folded.to_pixels(output, self.shape)]


class Encoder(_Start, base.Encoder):
    def __init__(self, config: ModelConfig, layout: Layout) -> None:
        super().__init__()
        self.prior = config.prior
        self.layers = layout.trunk(config.pixels, config.width)
        self.output = nn.Linear(_units(layout.others, config.width)[-1], config.latent_dim)

    def hidden(self, x: Tensor) -> Tensor:
        h: Tensor = self.layers(2 * x.flatten(1) - 1)
        return h


class Discriminator(_Start, base.Discriminator):
    def __init__(self, config: ModelConfig, layout: Layout, pictures: int = 1) -> None:
        super().__init__()
        self.layers = layout.trunk(pictures * config.pixels, config.width, layout.dropout)
        self.output = nn.Linear(_units(layout.others, config.width)[-1], 1)

    def hidden(self, x: Tensor, batches: int = 1) -> Tensor:
        h: Tensor = self.layers(2 * x.flatten(1) - 1)
        return h


class JointDiscriminator(_Start, base.JointDiscriminator):
    def __init__(self, config: ModelConfig, layout: Layout) -> None:
        super().__init__()
        self.layers = layout.trunk(config.pixels + config.latent_dim, config.width, layout.dropout)
        self.output = nn.Linear(_units(layout.others, config.width)[-1], 1)

    def hidden(self, x: Tensor, z: Tensor, batches: int = 1) -> Tensor:
        h: Tensor = self.layers(torch.cat([2 * x.flatten(1) - 1, z], 1))
        return h


def networks(layout: Layout) -> dict[str, Callable[[ModelConfig], nn.Module]]:
    return {
        "generator": partial(Generator, layout=layout),
        "encoder": partial(Encoder, layout=layout),
        "discriminator": partial(Discriminator, layout=layout),
        "joint_discriminator": partial(JointDiscriminator, layout=layout),
        "pair_discriminator": partial(Discriminator, layout=layout, pictures=2),
    }
