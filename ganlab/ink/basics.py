"""What all of this package shares: errors, types, and pooling of arrays (H, W)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

Polarity: TypeAlias = Literal["auto", "light", "dark"]  # the ink's, against its paper
Box: TypeAlias = tuple[float, float, float, float]  # left, top, width, height in pixels
BLANK = "There is no ink in this picture: draw or upload a digit."
MAX_COARSE_SIDE = 48  # longest side at which the light and the strongest ink are estimated


class PictureError(ValueError):
    """A picture that cannot be used; the message says what was wrong and what would be right."""


def pooled(values: np.ndarray, pool: Callable[..., Tensor], *sizes: Any) -> np.ndarray:
    """What a function of torch makes of values (H, W)."""
    result: np.ndarray = pool(torch.from_numpy(np.array(values, np.float32))[None, None], *sizes)[
        0, 0
    ].numpy()
    return result


def coarse(values: np.ndarray, pool: Callable[..., Tensor]) -> np.ndarray:
    """Values (H, W) pooled to at most MAX_COARSE_SIDE a side."""
    return pooled(values, pool, tuple(min(length, MAX_COARSE_SIDE) for length in values.shape))


def dilate(values: np.ndarray, side: int) -> np.ndarray:
    """The maximum over the square of an odd `side` around each pixel."""
    rows = pooled(values, F.max_pool2d, (side, 1), 1, (side // 2, 0))
    return pooled(rows, F.max_pool2d, (1, side), 1, (0, side // 2))


def grow(mask: np.ndarray) -> np.ndarray:
    """A mask (H, W) with all that touches it, corners too."""
    tall = mask.copy()
    tall[1:] |= mask[:-1]
    tall[:-1] |= mask[1:]
    wide: np.ndarray = tall.copy()
    wide[:, 1:] |= tall[:, :-1]
    wide[:, :-1] |= tall[:, 1:]
    return wide


def reduce(pixels: np.ndarray, factor: int) -> np.ndarray:
    """Pixels (H, W) or (H, W, 3), uint8 or in [0, 1], as float32 in [0, 1]: the mean of each square of
    `factor`, which may be cut at the right and the lower edge."""
    full = np.float32(255 if pixels.dtype == np.uint8 else 1)
    if factor == 1:
        return np.asarray(pixels / full, np.float32)
    kinds = (np.uint16, np.uint32) if pixels.dtype == np.uint8 else (np.float32, np.float32)
    for axis, kind in enumerate(kinds):  # where a square is cut, the last pixel stands for what is missing
        missing = -pixels.shape[axis] % factor
        if missing:
            margins = [(0, 0)] * pixels.ndim
            margins[axis] = (0, missing)
            pixels = np.pad(pixels, margins, "edge")
        planes = [pixels[step::factor] if axis == 0 else pixels[:, step::factor] for step in range(factor)]
        sums = np.zeros(planes[0].shape, kind)
        for plane in planes:
            sums += plane
        pixels = sums
    means: np.ndarray = (pixels / (full * factor**2)).astype(np.float32)
    return means


def bounds(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Top, bottom, left, right (ends exclusive) of what is True; the mask is not empty."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
