"""Exact Euclidean nearest neighbours by blockwise comparison, in memory that grows only with the result."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

CHUNK = 8192  # references compared at a time
EXTRA = 16  # candidates beyond k whose distance is computed again without cancellation
GATHER_CHUNK = 64  # points whose candidates are gathered at a time for that


class Points(NamedTuple):
    """Rows (N, F) and their squared lengths (N,)."""

    rows: Tensor
    squares: Tensor

    @staticmethod
    def from_rows(rows: Tensor) -> Points:
        """From rows (N, F) alone."""
        return Points(rows, torch.cat([(block * block).sum(1) for block in torch.split(rows, CHUNK)]))


def find_nearest(points: Tensor, references: Points, k: int) -> tuple[Tensor, Tensor]:
    """The k references nearest to each of points (n, F), nearest first: their distances, float32 (n, k), and
    their rows, int64 (n, k). Of equally near references, the first leads."""
    count = len(references.rows)
    candidates = min(k + EXTRA, count)
    best = torch.full((len(points), 0), 0.0)
    rows = torch.empty((len(points), 0), dtype=torch.long)
    for start in range(0, count, CHUNK):
        block = references.rows[start : start + CHUNK]
        # |p - b|^2 without |p|^2, which does not change the order
        squared = references.squares[start : start + CHUNK] - 2 * points @ block.T
        near, near_rows = squared.topk(min(candidates, len(block)), largest=False)
        best, rows = torch.cat([best, near], 1), torch.cat([rows, near_rows + start], 1)
        best, order = best.topk(min(candidates, best.shape[1]), largest=False)
        rows = rows.gather(1, order)
    rows = rows.sort(dim=1).values  # so that the stable sort below leaves equal distances in this order
    # The difference itself, not the expanded square: exact even for a point that is a reference.
    exact = torch.cat(
        [
            (
                references.rows[block.flatten()].view(*block.shape, points.shape[1]).double()
                - chunk[:, None].double()
            ).norm(dim=2)
            for chunk, block in zip(
                torch.split(points, GATHER_CHUNK), torch.split(rows, GATHER_CHUNK), strict=True
            )
        ]
    )
    distances, order = exact.sort(dim=1, stable=True)
    return distances[:, :k].float(), rows.gather(1, order)[:, :k]
