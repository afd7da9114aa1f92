"""What every index shares: its interface, points on disk, and exact distances of candidates."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

EXTRA = 16  # candidates beyond k, so that rounding inside an index does not cost a neighbour


class Index(Protocol):
    """Points (N, F) that can be searched, by several threads at once."""

    def __len__(self) -> int: ...

    def search(self, points: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """The k nearest to each of `points` (n, F), nearest first, 1 <= k <= N: Euclidean distances, float32
        (n, k), and rows, int64 (n, k). Of equally near rows, the first leads."""


def map_rows(path: Path, count: int, dim: int) -> Tensor:
    """`count` rows of `dim` float32 numbers, little-endian, at the beginning of a file, as a tensor that the
    system reads when it is used and may drop from memory again. ValueError for a file that is too short."""
    size = path.stat().st_size if path.is_file() else 0
    if size < count * dim * 4:
        raise ValueError(f"{path.name} holds {size:,} bytes where {count:,} x {dim} numbers take more.")
    # Mode "c": torch wants memory that could be written; the file is never changed.
    mapped = np.memmap(path, np.dtype("<f4"), mode="c", shape=(count, dim)) if count else np.empty((0, dim))
    return torch.from_numpy(np.asarray(mapped, dtype=np.float32))


def rank(points: Tensor, rows: Tensor, candidates: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k nearest of each point's candidates, by exact distance to `rows` (N, F): distances and rows, each
    (n, k). Candidates (n, c) are rows, c >= k; -1 stands for none, and comes last at an infinite distance."""
    candidates = candidates.sort(dim=1).values  # the stable sort below leaves equal distances in this order
    near = rows[candidates.clamp(min=0).flatten()].view(*candidates.shape, -1).double()
    distances = (near - points[:, None].double()).norm(dim=2).masked_fill(candidates < 0, torch.inf)
    distances, order = distances.sort(dim=1, stable=True)
    return distances[:, :k].float(), candidates.gather(1, order)[:, :k]
