"""The Fréchet distances of samples, reconstructions and paths from real pictures, in the judge's features."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ganlab import latent, metrics
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from ganlab.judge import Judge
from ganlab.model import LatentModel
from train.measure.batches import get_batch, map_batches
from train.measure.measurement import Figures, Measurement, Row, Subject, name_pictures, require_judge
from train.measure.travel import compute_paths, list_pairs
from train.report.text import format_percent

SAMPLES = 10_000  # at most; no more than there are real pictures
SEED = 1
FLOOR_SEED = 0  # of the training pictures behind the floor
COLOUR_PAIRS = 2_000  # paths of a model in colour
MIN_HALVES = 4  # test pictures that have halves with a covariance


@torch.inference_mode()
def measure_frechet(model: LatentModel, pictures: Pictures, x: Tensor, judge: Judge) -> Figures:
    """Of as many samples of the prior as there are test pictures x (N, C, H, W), and of the mixture where
    the model has one.

    The floor is that of as many training pictures: what samples from the data itself would score. In colour,
    where the judge knows its training pictures better than others, "floor_halves" is that between two halves
    of the test pictures.
    """
    batch = get_batch(model.config)
    n = min(SAMPLES, len(x), len(pictures))
    real = judge.features(x[:n])

    def distance(z: Tensor) -> float:
        return metrics.frechet_distance(judge.features(map_batches(model.generator, z, batch)), real)

    figures: Figures = {
        "distance": distance(latent.draw(model.config.prior, model.config.latent_dim, n, SEED))
    }
    if model.mixture is not None:
        figures["mixture"] = distance(model.mixture.draw(n, SEED))
    rng = torch.Generator().manual_seed(FLOOR_SEED)
    others = judge.features(pictures.inputs(torch.randperm(len(pictures), generator=rng)[:n]))
    figures |= {"floor": metrics.frechet_distance(others, real), "n": n, "judge": judge.fingerprint}
    if model.config.channels > 1 and n >= MIN_HALVES:
        halves = real[torch.randperm(n, generator=rng)].chunk(2)
        figures |= {"floor_halves": metrics.frechet_distance(*halves), "judge_accuracy": judge.accuracy}
    return figures


@torch.inference_mode()
def measure_paths(
    explorer: Explorer,
    x: Tensor,
    labels: Tensor,
    judge: Judge,
    count: int | None = None,
    y: Tensor | None = None,
) -> Figures:
    """Of reconstructions y of x (N, C, H, W), computed where they are not given, and of the pictures at a
    quarter and in the middle of the model's own paths between all pairs, or the first `count`, of x in
    succession whose labels (N,) differ."""
    x, labels, batch = x[:SAMPLES], labels[:SAMPLES], get_batch(explorer.config)
    pairs = list_pairs(labels, count)
    real, needed = judge.features(x), len(x) if y is None else int(pairs.max()) + 1
    z = map_batches(explorer.encode, x[:needed], batch)

    def distance(pictures: Tensor) -> float:
        return metrics.frechet_distance(judge.features(pictures), real)

    paths = {
        name: distance(map_batches(explorer.decode, latents, batch))
        for name, latents in compute_paths(explorer, z, pairs).items()
    }
    y = map_batches(explorer.decode, z, batch) if y is None else y[:SAMPLES]
    return {"reconstructions": distance(y), "paths": {"count": len(pairs), **paths}}


def _measure(subject: Subject) -> Figures:
    judge = subject.require_judge()
    figures = measure_frechet(subject.model, subject.pictures, subject.x, judge)
    if "encoder" in subject.networks:
        given = (COLOUR_PAIRS, subject.reconstructions) if subject.in_colour else ()
        figures |= measure_paths(subject.explorer, subject.x, subject.test.labels, judge, *given)
    return figures | subject.describe()


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
    if "floor_halves" in figures:
        name = "The same of two halves of the test pictures; the judge's accuracy"
        yield Row(name, f"{figures['floor_halves']:.3f}", format_percent(figures["judge_accuracy"]))
    if "paths" in figures:
        paths = figures["paths"]
        yield Row(
            f"The same of {paths['count']:,} paths between two {name_pictures(figures)}, at t = 0.25 and 0.5",
            f"{paths['quarter']:.3f} and {paths['middle']:.3f}",
            f"{figures['reconstructions']:.3f} reconstructions",
        )


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
