"""Ink on paper: separate a digit's strokes from uneven light and dirt, size and centre them as MNIST does.

Arrays are float32 (H, W) in [0, 1] unless a docstring says otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

Polarity: TypeAlias = Literal["auto", "light", "dark"]  # the ink's, against its paper
Box: TypeAlias = tuple[float, float, float, float]  # left, top, width, height in pixels
BLANK = "There is no ink in this picture: draw or upload a digit."
MNIST, SIDE = 28, 20  # MNIST's pictures are 28x28, its digits 20 on their longest side
MAX_SIDE = 400  # longest side, in pixels, at which ink is searched
MAX_COARSE_SIDE = 48  # longest side at which the light and the parts of a digit are estimated
MIN_CONTRAST = 0.04  # of 1, below which a picture is blank
MIN_PART = 0.08  # share of the largest part's ink; a separate part with less is dirt
MIN_STROKE = 1.8  # stroke width, in pixels of a 28x28 picture, below which strokes are thickened


class PictureError(ValueError):
    """A picture that cannot be used; the message says what was wrong and what would be right."""


def is_mnist(picture: np.ndarray) -> bool:
    """Whether a picture (H, W) in [0, 1] follows MNIST's convention, as all 60,000 training digits do.

    28x28, mostly exact zeros, the ink's longest side 20 (13 digits: 19), centre of mass at (14, 14) rounded.
    """
    if picture.shape != (MNIST, MNIST) or picture.max() < 0.98 or (picture == 0).mean() < 0.5:
        return False
    top, bottom, left, right = _bounds(picture > 0)
    centred = max(abs(centre - MNIST / 2) for centre in _centre(picture)) < 0.53
    return centred and max(bottom - top, right - left) in (SIDE - 1, SIDE)


def _bounds(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Top, bottom, left, right (ends exclusive) of what is True; the mask is not empty."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _centre(picture: np.ndarray) -> tuple[float, float]:
    """Centre of mass (row, column); the picture is not empty."""
    total = picture.sum()
    rows, columns = (np.arange(length) for length in picture.shape)
    return float(picture.sum(1) @ rows / total), float(picture.sum(0) @ columns / total)


@dataclass(frozen=True)
class Ink:
    """The strokes of one digit, separated from their paper."""

    strength: np.ndarray  # float32 (h, w), 0 paper to 1 ink, cropped to the ink
    dark: bool  # whether the ink is darker than the paper
    uneven: bool  # whether uneven light was removed
    boxes: tuple[Box, ...]  # of the digits, the one that was taken first


def find_ink(grey: np.ndarray, polarity: Polarity) -> Ink:
    """The ink of one digit on a grey picture (H, W) in [0, 1]. PictureError where there is none."""
    factor = math.ceil(max(grey.shape) / MAX_SIDE)
    values = _pooled(grey, F.avg_pool2d, factor, factor, 0, True, False) if factor > 1 else grey
    coarse, dark, uneven = _paper(_coarse(values, F.adaptive_avg_pool2d), polarity)
    paper = _pooled(coarse, F.interpolate, values.shape, None, "bilinear")
    # Shade dims the paper and the contrast of dark ink alike; light ink adds to a dark ground.
    strength = _remove_noise((paper - values) / np.maximum(paper, 0.1) if dark else values - paper)
    strength = strength * _main_parts(strength)
    if strength.max() <= 0.5:
        raise PictureError(BLANK)
    top, bottom, left, right = _bounds(strength > 0.15)
    longest = max(bottom - top, right - left)
    margin = longest // 4 + 2
    if longest + 2 * margin < 0.6 * max(values.shape):
        # A digit that is small on its page is searched again at a higher resolution.
        rows = slice(factor * max(top - margin, 0), factor * (bottom + margin))
        columns = slice(factor * max(left - margin, 0), factor * (right + margin))
        closer = find_ink(grey[rows, columns], "dark" if dark else "light")
        boxes = tuple((columns.start + x, rows.start + y, w, h) for x, y, w, h in closer.boxes)
        return Ink(closer.strength, dark, uneven or closer.uneven, boxes)
    box = (factor * left, factor * top, factor * (right - left), factor * (bottom - top))
    return Ink(strength[top:bottom, left:right], dark, uneven, (box,))


def _pooled(values: np.ndarray, pool: Callable[..., Tensor], *sizes: Any) -> np.ndarray:
    pooled: np.ndarray = pool(torch.from_numpy(np.array(values, np.float32))[None, None], *sizes)[
        0, 0
    ].numpy()
    return pooled


def _coarse(values: np.ndarray, pool: Callable[..., Tensor]) -> np.ndarray:
    return _pooled(values, pool, tuple(min(length, MAX_COARSE_SIDE) for length in values.shape))


def _dilate(values: np.ndarray, side: int) -> np.ndarray:
    """The maximum over the square of an odd `side` around each pixel."""
    rows = _pooled(values, F.max_pool2d, (side, 1), 1, (side // 2, 0))
    return _pooled(rows, F.max_pool2d, (1, side), 1, (0, side // 2))


def _paper(values: np.ndarray, polarity: Polarity) -> tuple[np.ndarray, bool, bool]:
    """The paper (h, w) as it would be without ink; whether the ink is dark; whether the light is uneven."""
    dark = _is_dark(values, polarity)
    clear = _clear(values, dark)
    low, level, high = np.quantile(clear, (0.25, 0.5, 0.75))
    if high - low < 0.16 * abs(level - _middle(values)) or high == low:
        return np.full_like(values, level), dark, False
    trend = _trend(values)
    rest = values - trend
    dark = _is_dark(rest, polarity)
    # Anything wider than a stroke is a shadow.
    side = max(values.shape) // 3 | 1
    shadow = -_dilate(-_dilate(rest, side), side) if dark else _dilate(-_dilate(-rest, side), side)
    shadow = _pooled(shadow, F.avg_pool2d, 3, 1, 1, False, False)
    return trend + shadow + np.median(_clear(rest - shadow, dark)), dark, True


def _middle(values: np.ndarray) -> float:
    return float(values.min() + values.max()) / 2


def _is_dark(values: np.ndarray, polarity: Polarity) -> bool:
    """Whether the ink is the darker part: the paper has most of the border and of the area."""
    light = values > _middle(values)
    border = np.concatenate([light[0], light[-1], light[:, 0], light[:, -1]])
    return polarity == "dark" or (polarity == "auto" and bool(2 * border.mean() + light.mean() > 1.5))


def _clear(values: np.ndarray, dark: bool) -> np.ndarray:
    """Values (K,) of the paper away from ink; of all the paper where no pixel is away from ink."""
    ink = values < _middle(values) if dark else values > _middle(values)
    clear = values[_dilate(ink, 5) == 0]
    return clear if clear.size else values[~ink]


def _trend(values: np.ndarray) -> np.ndarray:
    """The quadratic surface with the least absolute deviations from the picture; strokes hardly bend it."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, length) for length in values.shape), indexing="ij")
    basis = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], -1).reshape(-1, 6)
    weights = np.ones(values.size)
    for _ in range(10):  # least absolute deviations, by reweighting; the ridge is for pictures a pixel wide
        weighted = basis.T * weights
        surface = basis @ np.linalg.solve(weighted @ basis + 1e-6 * np.eye(6), weighted @ values.ravel())
        weights = 1 / (np.abs(values.ravel() - surface) + 0.01)
    return np.asarray(surface.reshape(values.shape), np.float32)


def _remove_noise(ink: np.ndarray) -> np.ndarray:
    """The contrast with the paper as a strength from 0 to 1. PictureError where it is only noise."""
    smooth = _pooled(ink, F.avg_pool2d, 3, 1, 1, False, False)
    strongest = np.sort(_coarse(smooth, F.adaptive_max_pool2d).ravel())[-3:]
    peak = float(max(strongest[0], strongest[-1] / 2))  # the very strongest may be dirt
    if peak < max(
        MIN_CONTRAST, min(6 * _noise(smooth), 0.3)
    ):  # strong contrast is ink, however full the frame
        raise PictureError(BLANK)
    full = max(float(np.quantile(ink[smooth >= peak / 2], 0.75)), peak / 2)
    floor = min(max(0.05, 3 * _noise(ink) / full), 0.5)
    return np.asarray(((ink / full - floor) / (1 - floor)).clip(0, 1), np.float32)


def _noise(ink: np.ndarray) -> float:
    """Standard deviation of the paper's noise, if at least a quarter of the pixels are clear paper."""
    return float(np.quantile(np.abs(ink.ravel()[::5]), 0.25)) / 0.319


def _main_parts(strength: np.ndarray) -> np.ndarray:
    """1 around the parts that belong to the digit, 0 around dirt.

    Parts that nearly touch count as one part; a part far from the rest belongs to the digit if it has at
    least the share MIN_PART of the largest part's ink.
    """
    dots = torch.from_numpy(_dilate(_coarse(strength, F.adaptive_max_pool2d) > 0.5, 3))[None, None]
    labels = dots * torch.arange(1, dots.numel() + 1).view_as(dots)
    while True:  # each part takes the largest number in it
        spread = F.max_pool2d(labels, 3, 1, 1) * dots
        if torch.equal(spread, labels):
            break
        labels = spread
    parts = labels[0, 0].long().numpy()
    mass = np.bincount(parts.ravel(), weights=_coarse(strength, F.adaptive_avg_pool2d).ravel())
    mass[0] = 0
    edges = ({*edge} for edge in (parts[0], parts[-1], parts[:, 0], parts[:, -1]))
    for frame in set.intersection(*edges) - {0}:
        if np.delete(mass, frame).max() > MIN_PART / 2 * mass[frame]:
            mass[frame] = 0  # a frame or a table around the paper, with more than dirt inside
    kept = (mass >= MIN_PART * mass.max())[parts] & (parts > 0)
    return _pooled(_dilate(kept, 3), F.interpolate, strength.shape)


def thicken(strength: np.ndarray) -> tuple[np.ndarray, bool]:
    """Dilate strokes that would be thinner than MIN_STROKE once the longest side is SIDE; whether any were.

    The result is larger: small pictures are enlarged first, so that widths can change by parts of a pixel.
    """
    finer = math.ceil(4 * SIDE / max(strength.shape))
    strength = _pooled(strength, F.interpolate, None, finer, "bicubic")
    ink = np.pad(strength > 0.5, 1)
    # Area over half the outline, which a pixel grid shows 4 / pi too long.
    outline = math.pi / 4 * ((ink[1:] != ink[:-1]).sum() + (ink[:, 1:] != ink[:, :-1]).sum())
    width = 2 * ink.sum() / max(outline, 1)
    more = round(MIN_STROKE * max(strength.shape) / SIDE - width)
    if more <= 0:
        return strength, False
    return _dilate(np.pad(strength, more), more // 2 * 2 + 1), True


def fit_to_canvas(strength: np.ndarray) -> np.ndarray:
    """Ink (h, w) scaled to a longest side of 20, its centre of mass in the middle of 28x28, in 256 levels."""
    top, bottom, left, right = _bounds(strength > 0.05)
    strength = strength[top:bottom, left:right]
    scale = SIDE / max(strength.shape)
    height, width = (max(1, round(length * scale)) for length in strength.shape)
    small = _pooled(strength, F.interpolate, (height, width), None, "bicubic", False, None, True).clip(0, 1)
    small = (small / small.max() * 255).round() / 255
    centres = zip(_centre(small), small.shape, strict=True)
    top, left = (min(max(round(MNIST / 2 - centre), 0), MNIST - length) for centre, length in centres)
    picture = np.zeros((MNIST, MNIST), np.float32)
    picture[top : top + height, left : left + width] = small
    return picture
