"""Generators, encoders and discriminators, built from a ModelConfig alone.

The "paper" family is the MNIST protocol of Donahue, Krähenbühl and Darrell, *Adversarial Feature
Learning* (arXiv 1605.09782): fully connected nets of one width, no bias anywhere, batch norm without
gain or bias (eps 1e-8), weights N(0, 0.02), output layer of D zero.

Shapes: x is (N, C, H, W) in [0, 1]; z is (N, latent_dim) in the prior's support.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from ganlab.model import ModelConfig

INIT_STD = 0.02
LEAK = 0.2


def _linear(inputs: int, outputs: int) -> nn.Linear:
    return nn.Linear(inputs, outputs, bias=False)


def _batch_norm(features: int) -> nn.BatchNorm1d:
    return nn.BatchNorm1d(features, eps=1e-8, affine=False)


class Generator(nn.Module):
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
        return torch.sigmoid(self.output(h)).view(-1, *self.shape)


class Encoder(nn.Module):
    """x -> z, without batch norm in the first layer.

    `hidden` is the space "features" (the release's NNC_e-), `logits` the raw output (its NNC_e).
    For a uniform prior, z = 2 sigmoid(logits) - 1 stays inside the box.
    """

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

    def logits(self, x: Tensor) -> Tensor:
        out: Tensor = self.output(self.hidden(x))
        return out

    def forward(self, x: Tensor) -> Tensor:
        logits = self.logits(x)
        return 2 * torch.sigmoid(logits) - 1 if self.prior == "uniform" else logits


class JointDiscriminator(nn.Module):
    """(x, z) -> logit (N,). z enters once, linearly, at the second layer before its batch norm."""

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
        return F.leaky_relu(torch.cat([self.second_norm(b) for b in h.chunk(batches)]), LEAK)

    def forward(self, x: Tensor, z: Tensor, batches: int = 1) -> Tensor:
        """`batches` equal parts of the rows are normalised apart, as if they had come one by one; their
        matrix products are shared."""
        out: Tensor = self.output(self.hidden(x, z, batches)).squeeze(1)
        return out


FAMILIES: dict[str, dict[str, type[nn.Module]]] = {
    "paper": {
        "generator": Generator,
        "encoder": Encoder,
        "joint_discriminator": JointDiscriminator,
    },
}


def build(config: ModelConfig) -> dict[str, nn.Module]:
    """The networks that `config.networks` names, uninitialised beyond torch's default."""
    family = FAMILIES.get(config.family)
    if family is None:
        raise ValueError(f"Unknown network family {config.family!r}; available = {list(FAMILIES)}.")
    unknown = [name for name in config.networks if name not in family]
    if unknown:
        raise ValueError(f"Unknown networks {unknown}; {config.family!r} has {list(family)}.")
    return {name: family[name](config) for name in config.networks}


def initialise(networks: dict[str, nn.Module], seed: int) -> None:
    """Weights from N(0, 0.02), the discriminator's output layer zero (release, net.py and gan.py)."""
    rng = torch.Generator().manual_seed(seed)
    for name, network in networks.items():
        for key, weight in network.named_parameters():
            if name.endswith("discriminator") and key == "output.weight":
                nn.init.zeros_(weight)
            else:
                nn.init.normal_(weight, std=INIT_STD, generator=rng)


@torch.no_grad()
def calibrate(network: nn.Module, batches: Iterable[tuple[Tensor, ...]]) -> None:
    """Replace running batch-norm statistics by plain averages over `batches` (the release's "deploy" step).

    The running average that training leaves behind follows the last few hundred batches only.
    """
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    was_training = network.training
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch's switch for a cumulative average
    network.train()
    for batch in batches:
        network(*batch)
    network.train(was_training)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
