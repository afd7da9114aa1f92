"""The error of reconstructions G(E(x)) of test pictures."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ganlab import metrics
from train.measure.measurement import Figures, Measurement, Row, Subject, require_reconstructions
from train.report.text import NONE


@torch.inference_mode()
def measure_reconstruction(x: Tensor, y: Tensor, mean: Tensor) -> Figures:
    """How far y = G(E(x)) is from x, both (N, C, H, W) in [0, 1], beside answers that do not depend on x:
    another picture's reconstruction, and the mean picture (C, H, W)."""
    other = metrics.pair_with_next(x)
    error, baseline = float(metrics.l2(x, y).mean()), float(metrics.l2(other, y).mean())
    return {
        "l2": error,
        "l2_random_pair": baseline,
        "l2_ratio": error / baseline,
        "l2_real_pair": float(metrics.l2(other, x).mean()),
        "mse": float(metrics.mse(x, y).mean()),
        "mse_random_pair": float(metrics.mse(other, y).mean()),
        "mse_mean_image": float(metrics.mse(x, mean).mean()),
        "mse_quantiles": metrics.quantiles(metrics.mse(x, y)),
    }


def _measure(subject: Subject) -> Figures:
    mean = metrics.mean_image(subject.pictures.pixels)
    figures = measure_reconstruction(subject.x, subject.reconstructions, mean)
    if subject.in_colour:
        figures["mse_ratio"] = figures["mse"] / figures["mse_random_pair"]
    return figures


def _rows(figures: Figures) -> Iterator[Row]:
    q = figures["mse_quantiles"]
    pair = f"{figures['l2_random_pair']:.2f} random pair"
    blind = f"{figures['mse_mean_image']:.4f} mean picture, {figures['mse_random_pair']:.4f} random pair"
    yield Row("Reconstruction, L2 of x − G(E(x))", f"{figures['l2']:.2f}", pair, "l2", "l2 baseline")
    yield Row("The same as a share of its baseline", f"{figures['l2_ratio']:.2f}", NONE, "l2_ratio")
    yield Row("L2 between two different test pictures", f"{figures['l2_real_pair']:.2f}")
    yield Row("Reconstruction, squared error a pixel", f"{figures['mse']:.4f}", blind)
    if "mse_ratio" in figures:
        yield Row("The same as a share of the random pair's", f"{figures['mse_ratio']:.3f}")
    yield Row("The same: median (5 % to 95 % of pictures)", f"{q[50]:.4f} ({q[5]:.4f} to {q[95]:.4f})")


MEASUREMENT = Measurement(
    key="reconstruction",
    measure=_measure,
    explain_absence=require_reconstructions,
    rows=_rows,
    columns={"MSE a pixel": lambda figures: f"{figures['mse']:.4f}"},
)
