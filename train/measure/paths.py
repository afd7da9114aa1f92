"""How certain the judge is of the pictures on paths between two test pictures of different classes."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ganlab import latent
from ganlab.judge import Judge
from ganlab.model import LatentModel
from train.measure.batches import get_batch, map_batches
from train.measure.measurement import (
    Figures,
    Measurement,
    Row,
    Subject,
    name_pictures,
    require_judged_reconstructions,
)
from train.report.text import format_percent

PATHS, STEPS = 500, 9  # paths, and pictures on each


@torch.inference_mode()
def measure_paths(
    model: LatentModel, x: Tensor, labels: Tensor, judge: Judge, count: int | None = None
) -> Figures:
    """The judge's largest probability, of whichever class, on the path that `latent.interpolate` takes
    between two codes, and in a cross-fade of the two pictures; x (N, C, H, W), labels (N,). Of `count` paths,
    or PATHS."""
    firsts = [i for i in range(len(x) - 1) if labels[i] != labels[i + 1]][: count or PATHS]
    batch = get_batch(model.config)
    z = map_batches(model.encoder, x[: firsts[-1] + 2], batch)
    codes = torch.stack(
        [latent.interpolate(z[i], z[i + 1], STEPS + 2, model.config.prior)[1:-1] for i in firsts]
    )
    share = torch.linspace(0, 1, STEPS + 2)[1:-1].view(1, -1, 1, 1, 1)
    a, b = x[firsts].unsqueeze(1), x[[i + 1 for i in firsts]].unsqueeze(1)

    def confidence(pictures: Tensor) -> Tensor:
        return judge.probabilities(pictures).amax(1).view(len(firsts), STEPS)

    decoded = confidence(map_batches(model.generator, codes.flatten(0, 1), batch))
    faded = confidence((a + share * (b - a)).flatten(0, 1))
    return {
        "count": len(firsts),
        "confidence": float(decoded.mean()),
        "lowest": float(decoded.amin(1).mean()),
        "cross_fade": float(faded.mean()),
        "cross_fade_lowest": float(faded.amin(1).mean()),
    }


def _measure(subject: Subject) -> Figures:
    judge, count = subject.require_judge(), subject.limit(PATHS)
    figures = measure_paths(subject.model, subject.x, subject.test.labels, judge, count)
    return figures | subject.describe()


def _rows(figures: Figures) -> Iterator[Row]:
    def both(mean: str, lowest: str) -> str:
        return f"{format_percent(figures[mean])} ({format_percent(figures[lowest])})"

    yield Row(
        f"Between two {name_pictures(figures)}, how certain the judge is: mean (lowest)",
        both("confidence", "lowest"),
        f"{both('cross_fade', 'cross_fade_lowest')} in a cross-fade",
    )


MEASUREMENT = Measurement(
    key="paths",
    measure=_measure,
    explain_absence=require_judged_reconstructions,
    rows=_rows,
)
