"""Exact search: every point is compared, wherever it lies."""

from __future__ import annotations

import functools

from torch import Tensor

from ganlab.nearest import Points, find_nearest


class ExactIndex:
    """Points (N, F), compared one and all by `ganlab.nearest`."""

    kind = "exact"

    def __init__(self, rows: Tensor) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    @functools.cached_property
    def _points(self) -> Points:
        return Points.from_rows(self.rows)

    def search(self, points: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """See `Index.search`."""
        return find_nearest(points, self._points, k)
