"""BiGAN: adversarial feature learning (Donahue et al., arXiv 1605.09782, section 3)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from train.methods.games import penalise_gradient


class BiGAN:
    """D classifies (x, E(x)) as real and (G(z), z) as generated; G and E share D's loss with swapped labels.

    V(D, E, G) = E_x[log D(x, E(x))] + E_z[log(1 - D(G(z), z))]   (eq. 3)

    Both sides use the non-saturating form (section 3.4), so each loss is a mean of two
    cross-entropies: -log sigmoid(l) = softplus(-l) for label 1, softplus(l) for label 0.

    The paper has no `penalty`: this weight times R1 and R2, halved, on D's loss (Mescheder et al., arXiv
    1801.04406), on `penalty_share` of the batch. At 64 pixels D soon wins without it.

    Nor has it `moment_weight`, the weight in G's loss of what D's batch norm hides from D, see
    docs/training.md, or `statistics`: "shared" takes both kinds of pairs as one batch.
    """

    title = "BiGAN"
    networks: tuple[str, ...] = ("generator", "encoder", "joint_discriminator")
    players: Mapping[str, tuple[str, ...]] = {
        "discriminator": ("joint_discriminator",),
        "generator_encoder": ("generator", "encoder"),
    }

    def __init__(
        self,
        penalty: float = 0.0,
        penalty_share: float = 1.0,
        statistics: str = "apart",
        moment_weight: float = 0.0,
    ) -> None:
        self.penalty, self.penalty_share, self.moment_weight = penalty, penalty_share, moment_weight
        self.batches = 2 if statistics == "apart" else 1  # of D's batch norm in a step

    def losses(self, nets: Mapping[str, nn.Module], x: Tensor, z: Tensor) -> dict[str, Tensor]:
        G, E, D = nets["generator"], nets["encoder"], nets["joint_discriminator"]
        # One pass through D, but by default two batches for its batch norm.
        samples = G(z)
        pairs = torch.cat([x, samples]), torch.cat([E(x), z])
        real, fake = D(*pairs, batches=self.batches).float().chunk(2)
        d_loss = (softplus(-real).mean() + softplus(fake).mean()) / 2
        if self.penalty:
            count = max(1, round(self.penalty_share * len(x)))
            rows = (torch.cat([part[:count] for part in pair.chunk(2)]) for pair in pairs)
            d_loss = d_loss + self.penalty * penalise_gradient(D, *rows)
        ge_loss = (softplus(real).mean() + softplus(-fake).mean()) / 2
        if self.moment_weight:
            ge_loss = ge_loss + self.moment_weight * compare_moments(samples, x)
        return {"discriminator": d_loss, "generator_encoder": ge_loss}


def compare_moments(samples: Tensor, x: Tensor) -> Tensor:
    """How far the mean and the deviation of each pixel over a batch are from those of real pictures: squared
    differences, summed over pixels; both batches (N, C, H, W) in [0, 1]. A scalar."""
    deviations = [(batch.var(0) + 1e-6).sqrt() for batch in (samples, x)]
    return (samples.mean(0) - x.mean(0)).square().sum() + (deviations[0] - deviations[1]).square().sum()
