"""Exact Euclidean nearest neighbours by blockwise comparison, in memory that grows only with the result."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

import torch
from torch import Tensor

from ganlab import interruption

Owner = TypeVar("Owner")

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
        interruption.check()
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


class SpaceCache(Generic[Owner]):
    """The points used last, of all owners together, so that memory does not grow with their number."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._entries: OrderedDict[tuple[int, str], tuple[weakref.ref[Owner], Points]] = OrderedDict()
        self._lock = threading.Lock()

    def __contains__(self, key: tuple[Owner, str]) -> bool:
        with self._lock:
            entry = self._entries.get((id(key[0]), key[1]))
            return entry is not None and entry[0]() is key[0]

    def get(self, key: tuple[Owner, str], compute: Callable[[], Points]) -> Points:
        """The cached points of an owner's space, or those that `compute` returns."""
        owner, space = key
        name = (id(owner), space)
        with self._lock:
            entry = self._entries.get(name)
            if entry is not None and entry[0]() is owner:
                self._entries.move_to_end(name)
                return entry[1]
            # Make room first, so that the old and the new points are never in memory together.
            self._entries.pop(name, None)
            for other in [other for other, (kept, _) in self._entries.items() if kept() is None]:
                del self._entries[other]
            while len(self._entries) >= self.capacity:
                self._entries.popitem(last=False)
        points = compute()
        with self._lock:
            self._entries[name] = weakref.ref(owner), points
            while len(self._entries) > self.capacity:
                self._entries.popitem(last=False)
        return points
