"""A digit's ink on MNIST's canvas: its strokes, its size, its middle."""

from __future__ import annotations

import math

import numpy as np
import torch.nn.functional as F

from ganlab.ink.basics import bounds, dilate, pooled

MNIST, SIDE = 28, 20  # MNIST's pictures are 28x28, its digits 20 on their longest side
MIN_STROKE = 1.8  # stroke width, in pixels of a 28x28 picture, below which strokes are thickened
MAX_STROKE = 3.2  # above which they are thinned
MIN_SOLID, DOT = 0.44, 4  # stroke over longest side from which ink is a dot; its size in pixels of 28x28
MIN_WIDTH = 0.48  # width over height, below which digits other than a 1 are widened


def is_mnist(picture: np.ndarray) -> bool:
    """Whether a picture (H, W) in [0, 1] follows MNIST's convention, as all 60,000 training digits do.

    28x28, mostly exact zeros, the ink's longest side 20 (13 digits: 19), centre of mass at (14, 14) rounded.
    """
    if picture.shape != (MNIST, MNIST) or picture.max() < 0.98 or (picture == 0).mean() < 0.5:
        return False
    top, bottom, left, right = bounds(picture > 0)
    centred = max(abs(centre - MNIST / 2) for centre in _centre(picture)) < 0.53
    return centred and max(bottom - top, right - left) in (SIDE - 1, SIDE)


def _centre(picture: np.ndarray) -> tuple[float, float]:
    """Centre of mass (row, column); the picture is not empty."""
    total = picture.sum()
    rows, columns = (np.arange(length) for length in picture.shape)
    return float(picture.sum(1) @ rows / total), float(picture.sum(0) @ columns / total)


def fit_to_canvas(strength: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Ink (h, w) on 28x28 as MNIST has it, its longest side 20, its centre of mass in the middle, in 256
    levels; and what was changed of its strokes, in short phrases. A dot stays one: DOT wide."""
    side = SIDE
    if _is_dot(strength):
        side, changes = DOT, ["a dot"]
    else:
        strength, changes = _set_stroke(_widen(strength))
    top, bottom, left, right = bounds(strength > 0.05)
    strength = strength[top:bottom, left:right]
    scale = side / max(strength.shape)
    height, width = (max(1, round(length * scale)) for length in strength.shape)
    small = pooled(strength, F.interpolate, (height, width), None, "bicubic", False, None, True).clip(0, 1)
    small = (small / small.max() * 255).round() / 255
    centres = zip(_centre(small), small.shape, strict=True)
    top, left = (min(max(round(MNIST / 2 - centre), 0), MNIST - length) for centre, length in centres)
    picture = np.zeros((MNIST, MNIST), np.float32)
    picture[top : top + height, left : left + width] = small
    return picture, changes


def _is_dot(strength: np.ndarray) -> bool:
    """Whether ink (h, w) is a tap of the pen: its mean stroke is half as wide as a disc, and narrower than
    0.4 of the longest side in any digit of MNIST."""
    ink = _enlarge(strength) > 0.5
    return bool(measure_stroke(ink) > MIN_SOLID * max(ink.shape))


def _enlarge(strength: np.ndarray) -> np.ndarray:
    """Small ink (h, w) at several times its size, so that its widths can change by parts of a pixel."""
    finer = math.ceil(4 * SIDE / max(strength.shape))
    return pooled(strength, F.interpolate, None, finer, "bicubic")


def _widen(strength: np.ndarray) -> np.ndarray:
    """Ink as wide as MNIST's at least, unless it is a 1: condensed letters have strokes side by side."""
    height, width = strength.shape
    ink = strength > 0.5
    if width >= MIN_WIDTH * height or width < 2.5 * measure_stroke(ink) or _is_upright_line(ink):
        return strength
    return pooled(strength, F.interpolate, (height, round(MIN_WIDTH * height)), None, "bicubic").clip(0, 1)


def _is_upright_line(ink: np.ndarray) -> bool:
    """Whether a mask (h, w) is a 1: most rows have one short run, which lies near a straight line."""
    rows = np.flatnonzero(ink.any(1))
    first, last = ink[rows].argmax(1), ink.shape[1] - ink[rows, ::-1].argmax(1)
    narrow = last - first < 2 * measure_stroke(ink)
    if narrow.mean() < 0.6:
        return False
    left = ink[:, : max(1, ink.shape[1] // 5)]
    if left.any(1).argmax() < 0.08 * len(ink) and (last - first)[:2].max() > 0.7 * ink.shape[1]:
        return False  # the bar of a 7, which lies; the flag of a 1 climbs
    middle = (first + last)[narrow] / 2
    line = np.polyfit(rows[narrow], middle, 1)
    return bool(np.abs(np.polyval(line, rows[narrow]) - middle).mean() < 0.06 * len(ink))


def _set_stroke(strength: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Ink whose strokes are no thinner than MIN_STROKE and no wider than MAX_STROKE once the longest side
    is SIDE; the result is larger."""
    strength = _enlarge(strength)
    scale, width = max(strength.shape) / SIDE, measure_stroke(strength > 0.5)
    more = round(MIN_STROKE * scale - width)
    if more > 0:
        return dilate(np.pad(strength, more), more // 2 * 2 + 1), ["thin strokes thickened"]
    less = round(width - MAX_STROKE * scale)
    if less > 1:
        return -dilate(-np.pad(strength, 1), less // 2 * 2 + 1), ["thick strokes thinned"]
    return strength, []


def measure_stroke(ink: np.ndarray) -> float:
    """The mean width of the strokes of a mask (H, W), in pixels."""
    framed = np.pad(ink, 1)
    # Area over half the outline, which a pixel grid shows 4 / pi too long.
    outline = (framed[1:] != framed[:-1]).sum() + (framed[:, 1:] != framed[:, :-1]).sum()
    return float(2 * ink.sum() / max(math.pi / 4 * outline, 1))
