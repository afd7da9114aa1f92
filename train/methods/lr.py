"""LR: a latent regressor beside a GAN (Donahue et al., arXiv 1605.09782, section 4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from ganlab.networks import Encoder


def regression(E: Encoder, x: Tensor, z: Tensor, form: str) -> Tensor:
    """How badly E finds z (N, D) in x = G(z): a mean over pictures and dimensions.

    "cross-entropy" is the release's (dist.py): between E's logits and (z + 1) / 2, for a uniform prior.
    "l2" is the lecture's: (E(x) - z)^2.
    """
    logits = E.logits(x).float()
    if form == "cross-entropy":
        return binary_cross_entropy_with_logits(logits, (z + 1) / 2)
    return (E.codes(logits) - z).square().mean()


class LR:
    """A plain GAN; E learns z from G(z), and no gradient of that reaches G. E never sees a real picture."""

    title = "Latent regressor"
    networks: tuple[str, ...] = ("generator", "discriminator", "encoder")
    players: Mapping[str, tuple[str, ...]] = {
        "discriminator": ("discriminator",),
        "generator": ("generator",),
        "encoder": ("encoder",),
    }
    zero = ("encoder",)  # its output layer, as the release starts it (gan.py)

    def __init__(self, regression: str = "cross-entropy") -> None:
        self.form = regression

    def losses(self, nets: Mapping[str, nn.Module], x: Tensor, z: Tensor) -> dict[str, Tensor]:
        G, D, E = nets["generator"], nets["discriminator"], cast("Encoder", nets["encoder"])
        made = G(z)
        real, fake = D(torch.cat([x, made]), batches=2).float().chunk(2)
        return {
            "discriminator": (softplus(-real).mean() + softplus(fake).mean()) / 2,
            "generator": softplus(-fake).mean(),
            "encoder": regression(E, made.detach(), z, self.form),
        }
