"""The error of E(G(z)): whether the encoder recovers the latent of a generated picture."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from ganlab import latent, metrics
from ganlab.model import LatentModel
from train.measure.batches import get_batch, map_batches
from train.measure.measurement import Figures, Measurement, Row, require_reconstructions

SAMPLES = 10_000  # latents
SEED = 0


@torch.inference_mode()
def measure_latent_error(model: LatentModel, count: int | None = None) -> Figures:
    """Mean |E(G(z)) - z| over the prior, beside that of two independent z; the same of the mixture fitted to
    the codes, where there is one. Of `count` latents, or SAMPLES."""
    count, batch = count or SAMPLES, get_batch(model.config)
    draws = {"": latent.draw(model.config.prior, model.config.latent_dim, count, SEED)}
    if model.mixture is not None:
        draws["mixture_"] = model.mixture.draw(count, SEED)
    figures: Figures = {}
    for source, z in draws.items():
        again = map_batches(lambda part: model.encoder(model.generator(part)), z, batch)
        figures[f"{source}mean_abs_error"] = float((again - z).abs().mean())
        figures[f"{source}mean_abs_error_random_pair"] = float((metrics.pair_with_next(z) - z).abs().mean())
    return figures


def _rows(figures: Figures) -> Iterator[Row]:
    for source, suffix in (("", ""), ("mixture_", ", z of the mixture")):
        if f"{source}mean_abs_error" in figures:
            pair = f"{figures[f'{source}mean_abs_error_random_pair']:.3f} random pair"
            value = f"{figures[f'{source}mean_abs_error']:.3f}"
            yield Row(f"Latent, mean abs of E(G(z)) − z{suffix}", value, pair)


MEASUREMENT = Measurement(
    key="latent",
    measure=lambda subject: measure_latent_error(subject.model, subject.limit(SAMPLES)),
    explain_absence=require_reconstructions,
    seeds={"latent": SEED},
    rows=_rows,
)
