"""What the app may ask of a network, whatever its family: the layers behind a code and a verdict.

Shapes: x is (N, C, H, W) in [0, 1]; z is (N, latent_dim) in the prior's support.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn


class Startable(Protocol):
    """A network that knows the weights that training starts from."""

    def initialise(self, rng: torch.Generator, zero_output: bool = False) -> None: ...


class Encoder(nn.Module):
    """x -> z. `hidden` is the space "features" (the release's NNC_e-), `logits` the raw output (its NNC_e).

    For a uniform prior, z = 2 sigmoid(logits) - 1 stays inside the box.
    """

    prior: str
    output: nn.Module

    def hidden(self, x: Tensor) -> Tensor:
        """The last hidden layer, after its nonlinearity: (N, F)."""
        raise NotImplementedError

    def logits(self, x: Tensor) -> Tensor:
        out: Tensor = self.output(self.hidden(x))
        return out

    def codes(self, logits: Tensor) -> Tensor:
        """Logits as latents, in the prior's support."""
        return 2 * torch.sigmoid(widened(logits)) - 1 if self.prior == "uniform" else logits

    def both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """E(x) and `hidden` of x, in one pass."""
        h = self.hidden(x)
        return self.codes(self.output(h)), h

    def forward(self, x: Tensor) -> Tensor:
        return self.codes(self.logits(x))


class Discriminator(nn.Module):
    """x -> logit (N,). `hidden` is the space "discriminator".

    A "pair_discriminator" is one that takes two pictures as one of twice the channels, (N, 2C, H, W).
    """

    output: nn.Module

    def hidden(self, x: Tensor, batches: int = 1) -> Tensor:
        """The last hidden layer, after its nonlinearity: (N, F). See `forward` for `batches`."""
        raise NotImplementedError

    def forward(self, x: Tensor, batches: int = 1) -> Tensor:
        """`batches` equal parts of the rows are normalised apart, as if they had come one by one; their
        matrix products are shared."""
        out: Tensor = self.output(self.hidden(x, batches)).squeeze(1)
        return out


class JointDiscriminator(nn.Module):
    """(x, z) -> logit (N,)."""

    output: nn.Module

    def hidden(self, x: Tensor, z: Tensor, batches: int = 1) -> Tensor:
        """The last hidden layer, after its nonlinearity: (N, F). See `Discriminator` for `batches`."""
        raise NotImplementedError

    def forward(self, x: Tensor, z: Tensor, batches: int = 1) -> Tensor:
        out: Tensor = self.output(self.hidden(x, z, batches)).squeeze(1)
        return out


def in_parts(norm: nn.Module, h: Tensor, batches: int) -> Tensor:
    """h normalised in `batches` equal parts."""
    return torch.cat([norm(part) for part in h.chunk(batches)]) if batches > 1 else norm(h)


def widened(logits: Tensor) -> Tensor:
    """An output of G or E before its last nonlinearity, in float32 where autocast made it narrower.

    In bf16, sigmoid and tanh round what is near 1 to 1 and its slope to 0: GANs whose D subtracts each
    batch's mean then collapse onto one picture, and codes near the box's edge are told from drawn ones.
    """
    return logits.float() if logits.dtype in (torch.bfloat16, torch.float16) else logits
