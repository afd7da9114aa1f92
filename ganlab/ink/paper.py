"""Paper and its light: what of a grey picture is ink, and how strong.

Arrays are float32 (H, W) in [0, 1] unless a docstring says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch.nn.functional as F

from ganlab.ink.basics import BLANK, PictureError, Polarity, coarse, dilate, pooled

MIN_CONTRAST = 0.04  # of 1, below which a picture is blank


@dataclass(frozen=True)
class Field:
    """Ink separated from its paper, digits and all else."""

    strength: np.ndarray  # float32 (H, W), 0 paper to 1 ink
    dark: bool  # whether the ink is darker than the paper
    uneven: bool  # whether uneven light was removed


def separate_ink(values: np.ndarray, polarity: Polarity) -> Field:
    """The ink of a grey picture. PictureError where there is only noise."""
    rough, dark, uneven = _paper(coarse(values, F.adaptive_avg_pool2d), polarity)
    paper = pooled(rough, F.interpolate, values.shape, None, "bilinear")
    # Shade dims the paper and the contrast of dark ink alike; light ink adds to a dark ground.
    contrast = (paper - values) / np.maximum(paper, 0.1) if dark else values - paper
    return Field(_remove_noise(contrast), dark, uneven)


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
    shadow = -dilate(-dilate(rest, side), side) if dark else dilate(-dilate(-rest, side), side)
    shadow = pooled(shadow, F.avg_pool2d, 3, 1, 1, False, False)
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
    clear = values[dilate(ink, 5) == 0]
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
    smooth = pooled(ink, F.avg_pool2d, 3, 1, 1, False, False)
    strongest = np.sort(coarse(smooth, F.adaptive_max_pool2d).ravel())[-3:]
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
