"""How unlike pictures look to the judge: the distance of x and G(E(x)) in the features of its convolutions.

The form is that of Zhang et al. (arXiv 1801.03924): features of length 1 at each place, their squared
distance, mean over places; but without learned weights of channels, and the mean over layers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from ganlab import metrics
from ganlab.judge import Judge
from train.measure.measurement import Figures, Measurement, Row, Subject, require_judged_reconstructions

MAX_PICTURES = 1_000  # test pictures, the first


@torch.inference_mode()
def measure_perceptual(x: Tensor, y: Tensor, judge: Judge) -> Figures:
    """Mean distance of y = G(E(x)) from x, both (N, C, H, W) in [0, 1], beside that of another picture's
    reconstruction and that of another picture."""
    other = metrics.pair_with_next(x)
    own = judge.compute_distance(x, y)
    distance, baseline = float(own.mean()), float(judge.compute_distance(other, y).mean())
    return {
        "distance": distance,
        "standard_error": float(own.std()) / math.sqrt(len(x)) if len(x) > 1 else 0.0,
        "random_pair": baseline,
        "ratio": distance / baseline,
        "real_pair": float(judge.compute_distance(other, x).mean()),
        "count": len(x),
        "judge": judge.fingerprint,
    }


def _measure(subject: Subject) -> Figures:
    x, y = (pictures[:MAX_PICTURES] for pictures in (subject.x, subject.reconstructions))
    return measure_perceptual(x, y, subject.require_judge())


def _explain_absence(subject: Subject) -> str:
    if not subject.in_colour:
        return f"{subject.name} makes grey pictures, which are compared by their pixels and classes."
    return require_judged_reconstructions(subject)


def _rows(figures: Figures) -> Iterator[Row]:
    yield Row(
        "Perceptual distance of x and G(E(x)), judge's layers",
        f"{figures['distance']:.4f} ± {figures['standard_error']:.4f}",
        f"{figures['random_pair']:.4f} random pair, {figures['real_pair']:.4f} two test pictures",
    )
    yield Row("The same as a share of the random pair's", f"{figures['ratio']:.3f}")


MEASUREMENT = Measurement(
    key="perceptual",
    measure=_measure,
    explain_absence=_explain_absence,
    rows=_rows,
)
