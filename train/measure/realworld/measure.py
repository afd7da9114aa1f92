"""How preparation and a model fare with uploads whose digit is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

import ganlab
from ganlab import metrics
from ganlab.explorer import Explorer
from ganlab.images import PictureError
from ganlab.judge import Judge
from train.measure.realworld.scenes import Picture

SEED = 0  # of the pictures


def load(name: str) -> Explorer:
    """A model of digits that has an encoder and a judge. Raises ValueError for any other."""
    explorer = ganlab.load(name)
    if explorer.config.preparation != "digit" or "encoder" not in explorer.model.networks:
        raise ValueError(f"{explorer.config.name} is no model of digits with an encoder.")
    if explorer.judge is None:
        raise ValueError(f"{explorer.config.dataset} has no judge: python -m train.judge makes it.")
    return explorer


def real_world(explorer: Explorer, uploads: Sequence[Picture]) -> dict[str, Any]:
    """Shares of uploads in which the judge sees the true digit, after preparation and in G(E(x)).

    A picture in which preparation finds no ink counts as wrong.
    """
    judge = explorer.judge
    assert isinstance(judge, Judge)
    size = explorer.config.image_shape
    x, found = torch.zeros(len(uploads), *size), torch.zeros(len(uploads), dtype=torch.bool)
    for row, upload in enumerate(uploads):
        try:
            x[row], found[row] = explorer.prepare(upload.file)[0], True
        except PictureError:
            continue
    truth = torch.tensor([upload.label for upload in uploads])
    prepared = found & (judge.labels(x) == truth)
    reconstructed = found & (judge.labels(explorer.reconstruct(x)) == truth)
    kinds = {
        kind: torch.tensor([upload.kind == kind for upload in uploads])
        for kind in dict.fromkeys(upload.kind for upload in uploads)
    }

    def shares(chosen: torch.Tensor) -> dict[str, Any]:
        return {
            "count": int(chosen.sum()),
            "prepared": float(prepared[chosen].float().mean()),
            "reconstructed": float(reconstructed[chosen].float().mean()),
        }

    whole = shares(torch.ones_like(found))
    return {
        "command": f"python -m train.realworld {explorer.config.name}",
        "fingerprint": explorer.fingerprint,
        "judge": judge.fingerprint,
        "seed": SEED,
        **whole,
        "standard_error": metrics.standard_error(whole["reconstructed"], whole["count"]),
        "kinds": {kind: shares(chosen) for kind, chosen in kinds.items()},
    }
