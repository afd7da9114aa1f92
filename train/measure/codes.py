"""The distribution of the codes E(x) of test pictures, beside the prior."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ganlab import latent, metrics
from ganlab.model import LatentModel
from train.measure.batches import get_batch, map_batches
from train.measure.measurement import Figures, Measurement, Row, require_reconstructions

TESTED = 1000  # codes, and as many latents of the prior, in the test of whether they are of one distribution
SEED = 2
MAX_PICTURES = 10_000  # whose codes are measured


@torch.inference_mode()
def measure_codes(model: LatentModel, x: Tensor) -> Figures:
    """Mean and deviation of the codes of x (N, C, H, W) over dimensions, and a two-sample test."""
    config = model.config
    z = map_batches(model.encoder, x, get_batch(config))
    prior = latent.draw(config.prior, config.latent_dim, min(TESTED, len(z)), SEED)
    deviations = z.std(0)
    energy, by_chance, p = metrics.energy_test(z[:TESTED], prior)
    return {
        "mean_abs": float(z.mean(0).abs().mean()),
        "deviation": float(deviations.mean()),
        "deviation_least": float(deviations.min()),
        "deviation_most": float(deviations.max()),
        "deviation_prior": 3**-0.5 if config.prior == "uniform" else 1.0,
        "energy": energy,
        "energy_by_chance": by_chance,
        "p": p,
    }


def _rows(figures: Figures) -> Iterator[Row]:
    low, high = figures["deviation_least"], figures["deviation_most"]
    spread = f"{figures['deviation']:.3f} ({low:.3f} to {high:.3f})"
    yield Row(
        "Codes: mean abs of their mean; deviation (least to most)",
        f"{figures['mean_abs']:.3f}; {spread}",
        f"0 and {figures['deviation_prior']:.3f} of the prior",
    )
    yield Row(
        "Codes, energy distance from the prior",
        f"{figures['energy']:.4f} (p = {figures['p']:.3f})",
        f"{figures['energy_by_chance']:.4f} once in 20 by chance",
    )


MEASUREMENT = Measurement(
    key="codes",
    measure=lambda subject: measure_codes(subject.model, subject.x[: subject.limit(MAX_PICTURES)]),
    explain_absence=require_reconstructions,
    seeds={"codes": SEED},
    rows=_rows,
)
