"""The Fréchet distance of samples from real pictures, in the judge's features."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ganlab import latent, metrics
from ganlab.gallery import Pictures
from ganlab.judge import Judge
from ganlab.model import LatentModel
from train.measure.batches import map_batches
from train.measure.measurement import Figures, Measurement, Row, Subject, require_judge

SAMPLES = 10_000  # at most; no more than there are real pictures
SEED = 1
FLOOR_SEED = 0  # of the training pictures behind the floor


@torch.inference_mode()
def measure_frechet(model: LatentModel, pictures: Pictures, x: Tensor, judge: Judge) -> Figures:
    """Of as many samples of the prior as there are test pictures x (N, C, H, W), and of the mixture where
    the model has one.

    The floor is that of as many training pictures: what samples from the data itself would score.
    """
    n = min(SAMPLES, len(x), len(pictures))
    real = judge.features(x[:n])

    def distance(z: Tensor) -> float:
        return metrics.frechet_distance(judge.features(map_batches(model.generator, z)), real)

    figures: Figures = {
        "distance": distance(latent.draw(model.config.prior, model.config.latent_dim, n, SEED))
    }
    if model.mixture is not None:
        figures["mixture"] = distance(model.mixture.draw(n, SEED))
    rng = torch.Generator().manual_seed(FLOOR_SEED)
    others = judge.features(pictures.inputs(torch.randperm(len(pictures), generator=rng)[:n]))
    floor = metrics.frechet_distance(others, real)
    return {**figures, "floor": floor, "n": n, "judge": judge.fingerprint}


def _measure(subject: Subject) -> Figures:
    return measure_frechet(subject.model, subject.pictures, subject.x, subject.require_judge())


def _explain_absence(subject: Subject) -> str:
    if "generator" not in subject.networks:
        return f"{subject.name} has no generator."
    return require_judge(subject)


def _rows(figures: Figures) -> Iterator[Row]:
    sources = {"distance": ""}
    if "mixture" in figures:
        sources = {"distance": " of the prior", "mixture": " of the mixture"}
    for key, source in sources.items():
        name = f"Fréchet distance of {figures['n']:,} samples{source}, judge features"
        yield Row(name, f"{figures[key]:.3f}", f"{figures['floor']:.3f} real pictures")


def _column(figures: Figures) -> str:
    """Of samples of the prior; of the mixture first where there is one."""
    prior = f"{figures['distance']:.2f}"
    return f"{figures['mixture']:.3f} (prior: {prior})" if "mixture" in figures else prior


MEASUREMENT = Measurement(
    key="frechet",
    measure=_measure,
    explain_absence=_explain_absence,
    seeds={"samples": SEED, "floor": FLOOR_SEED},
    rows=_rows,
    columns={"Fréchet, judge features": _column},
)
