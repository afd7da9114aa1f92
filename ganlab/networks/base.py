"""What every family's encoders and discriminators offer: their output, and the hidden layer before it.

Shapes: x is (N, C, H, W) in [0, 1]; z is (N, latent_dim) in the prior's support.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Initialisable(Protocol):
    """A network that sets its own initial weights."""

    def initialise(self, rng: torch.Generator, zero_output: bool = False) -> None:
        """Draw all weights from `rng`, in place; with `zero_output` those of the output layer become 0."""
        ...


class Encoder(nn.Module):
    """x (N, C, H, W) in [0, 1] -> z (N, latent_dim).

    `hidden` is the space "features" (NNC_e- in the BiGAN paper's release), `logits` the raw output (NNC_e).
    For a uniform prior z = 2 sigmoid(logits) - 1, which stays inside its box.
    """

    prior: str
    output: nn.Module

    def hidden(self, x: Tensor) -> Tensor:
        """The last hidden layer, after its nonlinearity: (N, F)."""
        raise NotImplementedError

    def logits(self, x: Tensor) -> Tensor:
        """The output layer before `to_latents`: (N, latent_dim), unbounded."""
        out: Tensor = self.output(self.hidden(x))
        return out

    def to_latents(self, logits: Tensor) -> Tensor:
        """Logits (N, latent_dim) as latents in the prior's support."""
        return 2 * torch.sigmoid(widen(logits)) - 1 if self.prior == "uniform" else logits

    def encode_with_features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """E(x) (N, latent_dim) and `hidden(x)` (N, F), in one pass."""
        h = self.hidden(x)
        return self.to_latents(self.output(h)), h

    def forward(self, x: Tensor) -> Tensor:
        return self.to_latents(self.logits(x))


class HeadedEncoder(Encoder):
    """An encoder whose features are its last hidden layer or, with a `head`, what that makes of it,
    normalised to length 1. Features that separate a 4 from a 9 need not hold its slant, which the code
    needs."""

    head: nn.Module | None

    def _last(self, x: Tensor) -> Tensor:
        """The last hidden layer, (N, F)."""
        raise NotImplementedError

    def hidden(self, x: Tensor) -> Tensor:
        return self._features(self._last(x))

    def logits(self, x: Tensor) -> Tensor:
        out: Tensor = self.output(self._last(x))
        return out

    def encode_with_features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self._last(x)
        return self.to_latents(self.output(h)), self._features(h)

    def _features(self, h: Tensor) -> Tensor:
        return h if self.head is None else F.normalize(widen(self.head(h)), dim=1)


class Discriminator(nn.Module):
    """x (N, C, H, W) in [0, 1] -> logit (N,), larger for real pictures. `hidden` is the space
    "discriminator".

    A "pair_discriminator" takes two pictures as one with twice the channels, (N, 2C, H, W).
    """

    output: nn.Module

    def hidden(self, x: Tensor, batches: int = 1) -> Tensor:
        """The last hidden layer, after its nonlinearity: (N, F). See `forward` for `batches`."""
        raise NotImplementedError

    def forward(self, x: Tensor, batches: int = 1) -> Tensor:
        """Batch norm treats `batches` equal parts of the rows as separate batches; they share the matrix
        products."""
        out: Tensor = self.output(self.hidden(x, batches)).squeeze(1)
        return out


class JointDiscriminator(nn.Module):
    """Pairs (x, z), (N, C, H, W) and (N, latent_dim), -> logit (N,), larger for (x, E(x)) than for (G(z), z).
    z are the encoder's own codes, also where a latent map lies before the generator.

    `hidden` is the space "discriminator": `join` of z and what `look` sees in x, in families that keep the
    two apart.
    """

    output: nn.Module

    def look(self, x: Tensor, batches: int = 1) -> Tensor:
        """What D sees in x before it knows z: (N, F). See `Discriminator` for `batches`."""
        raise NotImplementedError

    def join(self, seen: Tensor, z: Tensor, batches: int = 1) -> Tensor:
        """The last hidden layer, of what `look` returned and z."""
        raise NotImplementedError

    def hidden(self, x: Tensor, z: Tensor, batches: int = 1) -> Tensor:
        """The last hidden layer, after its nonlinearity: (N, F)."""
        return self.join(self.look(x, batches), z, batches)

    def forward(self, x: Tensor, z: Tensor, batches: int = 1) -> Tensor:
        out: Tensor = self.output(self.hidden(x, z, batches)).squeeze(1)
        return out


def apply_in_parts(norm: nn.Module, h: Tensor, batches: int) -> Tensor:
    """norm(h), applied to `batches` equal parts of the rows of h separately."""
    return torch.cat([norm(part) for part in h.chunk(batches)]) if batches > 1 else norm(h)


def widen(logits: Tensor) -> Tensor:
    """An output of G or E before its last nonlinearity, as float32 where autocast computed it in half
    precision.

    In bf16, sigmoid and tanh round values near 1 to 1 and their slope to 0: GANs whose D subtracts the mean
    of each batch then collapse onto one picture, and D can distinguish codes near the box's edge from
    samples.
    """
    return logits.float() if logits.dtype in (torch.bfloat16, torch.float16) else logits
