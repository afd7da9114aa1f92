"""The "tutorial" families: plain perceptrons as lectures and tutorials on GANs build them.

Every layer has a bias, none is normalised; G ends in tanh, and all networks work on pixels in [-1, 1], but
take and return pictures in [0, 1]. Weights are initialised as by He et al. (arXiv 1502.01852), biases as 0:
with PyTorch's default, in which each layer shrinks its signal, the GAN of MNIST collapsed onto one or two
digits within the first epochs and did not recover.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from ganlab.config import ModelConfig
from ganlab.networks import base, folding


@dataclass(frozen=True)
class Layout:
    """Units of the hidden layers, as shares of the config's width, and what follows each layer."""

    generator: tuple[float, ...]
    others: tuple[float, ...]  # of D and of E
    generator_leak: float = 0.0  # slope below zero; 0 is ReLU
    leak: float = 0.2
    dropout: float = 0.0  # after each hidden layer of D

    def build_trunk(self, inputs: int, width: int, dropout: float = 0.0) -> nn.Sequential:
        """The hidden layers of D or E."""
        return _layers(inputs, _units(self.others, width), self.leak, dropout)


# z-256-512-1024-pixels and pixels-512-256-1, for MNIST
GAN = Layout(generator=(1 / 4, 1 / 2, 1), others=(1 / 2, 1 / 4))
# z-256-512-1024-pixels and pixels-1024-512-256-1 with dropout, for CIFAR-10
GAN_COLOUR = Layout(generator=(1 / 4, 1 / 2, 1), others=(1, 1 / 2, 1 / 4), generator_leak=0.2, dropout=0.3)
# two hidden layers of ReLU in G, E and D, which takes x and z side by side
BIGAN = Layout(generator=(1, 1), others=(1, 1), leak=0.0)


class _Initialised:
    """Weights from N(0, 2 / inputs), which keeps the variance of a signal through layers of ReLU; biases
    0."""

    def initialise(self, rng: torch.Generator, zero_output: bool = False) -> None:
        """`zero_output` has no effect: tutorials do not start an output layer at zero."""
        assert isinstance(self, nn.Module)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=rng)
                nn.init.zeros_(module.bias)


def _units(shares: Sequence[float], width: int) -> list[int]:
    return [max(1, round(share * width)) for share in shares]


def _layers(inputs: int, units: Sequence[int], leak: float, dropout: float = 0.0) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in zip([inputs, *units], units, strict=False):
        layers += [nn.Linear(before, after), nn.LeakyReLU(leak) if leak else nn.ReLU()]
        if dropout:
            layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers)


class Generator(_Initialised, nn.Module):
    """z (N, latent_dim) -> x (N, C, H, W) in [0, 1]."""

    def __init__(self, config: ModelConfig, layout: Layout) -> None:
        super().__init__()
        self.shape = config.image_shape
        self.leak = layout.generator_leak
        units = _units(layout.generator, config.width)
        self.layers = _layers(config.latent_dim, units, layout.generator_leak)
        self.output = nn.Linear(units[-1], config.pixels)

    def forward(self, z: Tensor) -> Tensor:
        return ((torch.tanh(base.widen(self.output(self.layers(z)))) + 1) / 2).view(-1, *self.shape)

    def fold(self) -> list[folding.Layer]:
        output = folding.fold_linear(self.output, leak=folding.NO_LEAK, gain=2.0)
        linear = [layer for layer in self.layers if isinstance(layer, nn.Linear)]
        hidden = [folding.fold_linear(layer, leak=self.leak) for layer in linear]
        return [*hidden, folding.reorder_outputs(output, self.shape)]


class Encoder(_Initialised, base.Encoder):
    """x -> z."""

    def __init__(self, config: ModelConfig, layout: Layout) -> None:
        super().__init__()
        self.prior = config.prior
        self.layers = layout.build_trunk(config.pixels, config.width)
        self.output = nn.Linear(_units(layout.others, config.width)[-1], config.latent_dim)

    def hidden(self, x: Tensor) -> Tensor:
        h: Tensor = self.layers(2 * x.flatten(1) - 1)
        return h


class Discriminator(_Initialised, base.Discriminator):
    """x -> logit; `pictures` of them side by side in the channels."""

    def __init__(self, config: ModelConfig, layout: Layout, pictures: int = 1) -> None:
        super().__init__()
        self.layers = layout.build_trunk(pictures * config.pixels, config.width, layout.dropout)
        self.output = nn.Linear(_units(layout.others, config.width)[-1], 1)

    def hidden(self, x: Tensor, batches: int = 1) -> Tensor:
        h: Tensor = self.layers(2 * x.flatten(1) - 1)
        return h


class JointDiscriminator(_Initialised, base.JointDiscriminator):
    """(x, z) -> logit, with x and z side by side as one input."""

    def __init__(self, config: ModelConfig, layout: Layout) -> None:
        super().__init__()
        self.layers = layout.build_trunk(config.pixels + config.latent_dim, config.width, layout.dropout)
        self.output = nn.Linear(_units(layout.others, config.width)[-1], 1)

    def hidden(self, x: Tensor, z: Tensor, batches: int = 1) -> Tensor:
        h: Tensor = self.layers(torch.cat([2 * x.flatten(1) - 1, z], 1))
        return h


def list_networks(layout: Layout) -> dict[str, Callable[[ModelConfig], nn.Module]]:
    """The networks of the family with this layout, by name."""
    return {
        "generator": partial(Generator, layout=layout),
        "encoder": partial(Encoder, layout=layout),
        "discriminator": partial(Discriminator, layout=layout),
        "joint_discriminator": partial(JointDiscriminator, layout=layout),
        "pair_discriminator": partial(Discriminator, layout=layout, pictures=2),
    }
