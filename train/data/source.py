"""Where a step's pictures come from: what the trainer asks for, and pictures that lie in memory."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from ganlab.pictures import Pictures
from train.planning import derive_seed


class Source(Protocol):
    """Training pictures by row, 0 to len - 1. `shape` is (C, H, W); `labels` int64 (len,) and `classes` are
    those of ganlab.pictures.Pictures."""

    shape: tuple[int, int, int]
    labels: Tensor
    classes: tuple[str, ...]

    def __len__(self) -> int: ...

    def shuffle(self, seed: int, epoch: int) -> Tensor:
        """All rows, int64 (len,), in the order of an epoch, which depends on `seed` and `epoch` alone."""
        ...

    def prepare(self, batches: Tensor) -> None:
        """Announce the rows (steps, batch) that `fetch` will be asked for next, a step at a time. Others may
        still come between."""
        ...

    def fetch(self, rows: Tensor) -> Tensor:
        """The pictures of `rows` (n,), uint8 (n, C, H, W) on the device."""
        ...

    def close(self) -> None:
        """Nothing that was announced will be fetched."""
        ...


class MemorySource:
    """Pictures that lie on the device as one tensor."""

    def __init__(self, pictures: Pictures, limit: int, device: torch.device) -> None:
        """`limit`: only the first so many; 0: all."""
        self.pixels = pictures.pixels[: limit or None].to(device)
        self.labels, self.classes = pictures.labels[: limit or None], pictures.classes
        channels, height, width = self.pixels.shape[1:]
        self.shape = channels, height, width

    def __len__(self) -> int:
        return len(self.pixels)

    def shuffle(self, seed: int, epoch: int) -> Tensor:
        rng = torch.Generator().manual_seed(derive_seed(seed, "order", epoch))
        return torch.randperm(len(self), generator=rng).to(self.pixels.device)

    def prepare(self, batches: Tensor) -> None:
        pass

    def fetch(self, rows: Tensor) -> Tensor:
        return self.pixels[rows]

    def close(self) -> None:
        pass
