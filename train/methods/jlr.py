"""JLR: a latent regressor trained jointly with a GAN (Donahue et al., arXiv 1605.09782, section 4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ganlab.networks import Encoder
from train.methods.lr import regression


class JLR:
    """As LR, but the regression, times `regression_weight`, also trains G, so that its pictures reveal z.

    The authors use a weight of 0.25; one of 1 "results in a degenerate solution".
    """

    title = "Joint latent regressor"
    networks: tuple[str, ...] = ("generator", "discriminator", "encoder")
    players: Mapping[str, tuple[str, ...]] = {
        "discriminator": ("discriminator",),
        "generator": ("generator",),
        "encoder": ("encoder",),
    }
    zero_output = ("encoder",)  # as in the release (gan.py)

    def __init__(self, regression: str = "cross-entropy", regression_weight: float = 0.25) -> None:
        self.form, self.weight = regression, regression_weight

    def losses(self, nets: Mapping[str, nn.Module], x: Tensor, z: Tensor) -> dict[str, Tensor]:
        G, D, E = nets["generator"], nets["discriminator"], cast("Encoder", nets["encoder"])
        generated = G(z)
        real, fake = D(torch.cat([x, generated]), batches=2).float().chunk(2)
        error = regression(E, generated, z, self.form)
        return {
            "discriminator": (softplus(-real).mean() + softplus(fake).mean()) / 2,
            "generator": softplus(-fake).mean() + self.weight * error,
            "encoder": error,
        }
