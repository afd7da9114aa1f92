"""The "paper" family: the MNIST protocol of Donahue, Krähenbühl and Darrell, *Adversarial Feature
Learning* (arXiv 1605.09782).

Fully connected nets of one width, no bias anywhere, batch norm without gain or bias (eps 1e-8), weights
N(0, 0.02), output layer of D zero.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganlab.config import ModelConfig
from ganlab.networks import base, folding

INIT_STD = 0.02
LEAK = 0.2


def _linear(inputs: int, outputs: int) -> nn.Linear:
    return nn.Linear(inputs, outputs, bias=False)


def _batch_norm(features: int) -> nn.BatchNorm1d:
    return nn.BatchNorm1d(features, eps=1e-8, affine=False)


class _Initialised:
    """Weights from N(0, 0.02), a zero output layer on request (release, net.py and gan.py)."""

    zero_output = False

    def initialise(self, rng: torch.Generator, zero_output: bool = False) -> None:
        assert isinstance(self, nn.Module)
        for key, weight in self.named_parameters():
            if key == "output.weight" and (zero_output or self.zero_output):
                nn.init.zeros_(weight)
            else:
                nn.init.normal_(weight, std=INIT_STD, generator=rng)


class Generator(_Initialised, nn.Module):
    """z -> x. The second hidden layer also receives a linear skip of z, before its batch norm."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.shape = config.image_shape
        self.first = _linear(config.latent_dim, config.width)
        self.first_norm = _batch_norm(config.width)
        self.second = _linear(config.width, config.width)
        self.skip = _linear(config.latent_dim, config.width)
        self.second_norm = _batch_norm(config.width)
        self.output = _linear(config.width, config.pixels)

    def forward(self, z: Tensor) -> Tensor:
        h = F.relu(self.first_norm(self.first(z)))
        h = F.relu(self.second_norm(self.second(h) + self.skip(z)))
        return torch.sigmoid(base.widen(self.output(h))).view(-1, *self.shape)

    def fold(self) -> list[folding.Layer]:
        return [
            folding.fold_linear(self.first, self.first_norm),
            folding.fold_linear(self.second, self.second_norm, skip=self.skip),
            folding.reorder_outputs(folding.fold_linear(self.output, leak=folding.NO_LEAK), self.shape),
        ]


class Encoder(_Initialised, base.Encoder):
    """x -> z, without batch norm in the first layer."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.prior = config.prior
        self.first = _linear(config.pixels, config.width)
        self.second = _linear(config.width, config.width)
        self.second_norm = _batch_norm(config.width)
        self.output = _linear(config.width, config.latent_dim)

    def hidden(self, x: Tensor) -> Tensor:
        h = F.leaky_relu(self.first(x.flatten(1)), LEAK)
        return F.leaky_relu(self.second_norm(self.second(h)), LEAK)


class Discriminator(_Initialised, base.Discriminator):
    """The encoder's hidden layers, then one unit."""

    zero_output = True

    def __init__(self, config: ModelConfig, pictures: int = 1) -> None:
        super().__init__()
        self.first = _linear(pictures * config.pixels, config.width)
        self.second = _linear(config.width, config.width)
        self.second_norm = _batch_norm(config.width)
        self.output = _linear(config.width, 1)

    def hidden(self, x: Tensor, batches: int = 1) -> Tensor:
        h = F.leaky_relu(self.first(x.flatten(1)), LEAK)
        return F.leaky_relu(base.apply_in_parts(self.second_norm, self.second(h), batches), LEAK)


class JointDiscriminator(_Initialised, base.JointDiscriminator):
    """z enters once, linearly, at the second layer before its batch norm."""

    zero_output = True

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.first = _linear(config.pixels, config.width)
        self.second = _linear(config.width, config.width)
        self.latent = _linear(config.latent_dim, config.width)
        self.second_norm = _batch_norm(config.width)
        self.output = _linear(config.width, 1)

    def hidden(self, x: Tensor, z: Tensor, batches: int = 1) -> Tensor:
        h = F.leaky_relu(self.first(x.flatten(1)), LEAK)
        h = self.second(h) + self.latent(z)
        return F.leaky_relu(base.apply_in_parts(self.second_norm, h, batches), LEAK)


NETWORKS: dict[str, Callable[[ModelConfig], nn.Module]] = {
    "generator": Generator,
    "encoder": Encoder,
    "discriminator": Discriminator,
    "joint_discriminator": JointDiscriminator,
    "pair_discriminator": partial(Discriminator, pictures=2),
}
