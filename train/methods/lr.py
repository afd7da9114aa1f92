"""LR: a latent regressor beside a GAN (Donahue et al., arXiv 1605.09782, section 4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from ganlab.networks import Encoder


def regression(E: Encoder, x: Tensor, z: Tensor, form: str) -> Tensor:
    """The loss of E(x) as an estimate of z (N, D), where x = G(z): a mean over pictures and dimensions.

    `form` is "cross-entropy", the release's (dist.py), between E's logits and (z + 1) / 2, for a uniform
    prior; or "l2", (E(x) - z)^2.
    """
    logits = E.logits(x).float()
    if form == "cross-entropy":
        return binary_cross_entropy_with_logits(logits, (z + 1) / 2)
    return (E.to_latents(logits) - z).square().mean()


class LR:
    """A GAN, and an E that learns to regress z from G(z); no gradient of the regression reaches G.

    E never sees a real picture.
    """

    title = "Latent regressor"
    networks: tuple[str, ...] = ("generator", "discriminator", "encoder")
    players: Mapping[str, tuple[str, ...]] = {
        "discriminator": ("discriminator",),
        "generator": ("generator",),
        "encoder": ("encoder",),
    }
    zero_output = ("encoder",)  # as in the release (gan.py)

    def __init__(self, regression: str = "cross-entropy") -> None:
        self.form = regression

    def losses(self, nets: Mapping[str, nn.Module], x: Tensor, z: Tensor) -> dict[str, Tensor]:
        G, D, E = nets["generator"], nets["discriminator"], cast("Encoder", nets["encoder"])
        generated = G(z)
        real, fake = D(torch.cat([x, generated]), batches=2).float().chunk(2)
        return {
            "discriminator": (softplus(-real).mean() + softplus(fake).mean()) / 2,
            "generator": softplus(-fake).mean(),
            "encoder": regression(E, generated.detach(), z, self.form),
        }
