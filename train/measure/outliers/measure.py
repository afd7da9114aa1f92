"""How well the gauge of ganlab.outliers tells other things from digits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from ganlab import metrics, outliers
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from ganlab.images import PictureError
from ganlab.outliers import Calibration

BATCH = 1000  # pictures at a time
SEED = 0  # of the pictures


def statistics(explorer: Explorer, x: Tensor) -> tuple[Tensor, Tensor]:
    """`outliers.compute_statistics`, batch by batch."""
    parts = [outliers.compute_statistics(explorer, some) for some in torch.split(x, BATCH)]
    return torch.cat([found for found, _ in parts]), torch.cat([labels for _, labels in parts])


def measure(
    explorer: Explorer, test: Pictures, others: Mapping[str, Sequence[Image.Image]]
) -> dict[str, Any]:
    """What is usual, from one half of the test pictures; AUROC and percentiles from the other half.

    Others are prepared as uploads are; those in which preparation finds no ink are counted and left out.
    """
    found, labels = statistics(explorer, test.inputs(slice(None)))
    half = len(test) // 2
    calibration = Calibration.from_statistics(found[:half], labels[:half])
    held = calibration.score(found[half:], labels[half:])
    scores, sets = [], {}
    for kind, images in others.items():
        x, refused = _prepared(explorer, images)
        scores.append(calibration.score(*statistics(explorer, x)))
        sets[kind] = {
            "count": len(x),
            "refused": refused,
            "auroc": metrics.auroc(scores[-1], held),
            "caught": float((scores[-1] > torch.quantile(held, outliers.MIN_SHARE)).double().mean()),
        }
    return {
        "command": f"python -m train.outliers {explorer.config.name}",
        "seed": SEED,
        "held_out": len(test) - half,
        "limit": outliers.MIN_SHARE,
        "auroc": metrics.auroc(torch.cat(scores), held),
        "sets": sets,
        **outliers.export_calibration(explorer, calibration, held),
    }


def _prepared(explorer: Explorer, images: Sequence[Image.Image]) -> tuple[Tensor, int]:
    found = []
    for image in images:
        try:
            found.append(explorer.prepare(image))
        except PictureError:
            continue
    if not found:
        raise ValueError("Preparation found ink in none of these pictures: nothing can be measured.")
    return torch.cat(found), len(images) - len(found)
