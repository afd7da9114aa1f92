"""GAN: generative adversarial nets (Goodfellow et al., arXiv 1406.2661), with the non-saturating loss."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus


class GAN:
    """D classifies x as real and G(z) as generated; G maximises D's probability that G(z) is real.

    V(D, G) = E_x[log D(x)] + E_z[log(1 - D(G(z)))]   (eq. 1)

    G maximises log D(G(z)) instead of minimising log(1 - D(G(z))) (section 3): with logits l,
    -log sigmoid(l) = softplus(-l) for label 1, softplus(l) for label 0. D's two halves are averaged.
    """

    title = "GAN"
    networks: tuple[str, ...] = ("generator", "discriminator")
    players: Mapping[str, tuple[str, ...]] = {
        "discriminator": ("discriminator",),
        "generator": ("generator",),
    }

    def losses(self, nets: Mapping[str, nn.Module], x: Tensor, z: Tensor) -> dict[str, Tensor]:
        G, D = nets["generator"], nets["discriminator"]
        # One pass through D, but two batches for its batch norm.
        real, fake = D(torch.cat([x, G(z)]), batches=2).float().chunk(2)
        return {
            "discriminator": (softplus(-real).mean() + softplus(fake).mean()) / 2,
            "generator": softplus(-fake).mean(),
        }
