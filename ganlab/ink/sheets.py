"""Sheets of paper in a larger picture: a note on a table, a canvas in a window."""

from __future__ import annotations

import numpy as np

from ganlab.ink.basics import reduce
from ganlab.ink.parts import Part, label_parts, measure_parts, split_parts

MIN_HOLE = 0.2  # of a sheet's size, from which a hole in it may be a digit
MIN_SQUARE = 0.87  # area over that of the smallest rectangle around; of an ellipse it is 0.79
FLAT_SIDE = 128  # longest side at which flat rectangles are looked for
MAX_STEP = 0.05  # between neighbours there, above which a picture is not flat
MIN_FLAT = 0.02  # of the picture's area
MIN_CELL = 0.6  # of the largest thing on a sheet; two sheets with such things are cells of a table
MAX_FLAT = 8  # rectangles that are looked at
ANGLES = np.deg2rad(np.arange(0, 90, 3))


def find_sheet(view: np.ndarray) -> tuple[Part, np.ndarray] | None:
    """Of a picture (H, W) or (H, W, 3) in [0, 1] the flat rectangle with the largest thing on it, where that
    does not lie along the picture's edges, and its area, holes and all, as a mask of its box; None without
    one, or with several alike."""
    step = -(-max(view.shape[0], view.shape[1]) // FLAT_SIDE)
    colours = reduce(view, step).reshape(-(-view.shape[0] // step), -(-view.shape[1] // step), -1)
    height, width = colours.shape[:2]
    flat = np.ones((height, width), bool)
    for axis in (0, 1):
        rough = np.abs(np.diff(colours, axis=axis)).max(2) > MAX_STEP
        first, second = (flat[:-1], flat[1:]) if axis == 0 else (flat[:, :-1], flat[:, 1:])
        first &= ~rough
        second &= ~rough
    labels, parts = split_parts(flat, diagonal=False)
    sheets = []
    for part in sorted(parts, key=lambda part: part.area)[-MAX_FLAT:]:
        inner = part.left > 0 and part.top > 0 and part.right < width and part.bottom < height
        if not inner or part.area < MIN_FLAT * flat.size:
            continue
        own = labels[part.top : part.bottom, part.left : part.right] == part.labels[0]
        area, holes = _fill(own)
        hole = max(holes, key=lambda hole: hole.size, default=None)
        if hole and hole.size >= MIN_HOLE * part.size and _is_rectangle(area):
            sheets.append((hole.size, part, area))
    sheets.sort(key=lambda sheet: sheet[0])
    if not sheets or (len(sheets) > 1 and sheets[-2][0] > MIN_CELL * sheets[-1][0]):
        return None
    _, part, area = sheets[-1]
    area = np.repeat(np.repeat(area, step, 0), step, 1)
    left, top = step * part.left, step * part.top
    right, bottom = min(step * part.right, view.shape[1]), min(step * part.bottom, view.shape[0])
    area = area[: bottom - top, : right - left]
    return Part(part.labels, left, top, right, bottom, int(area.sum()), part.stroke), area


def _fill(own: np.ndarray) -> tuple[np.ndarray, list[Part]]:
    """A mask (h, w) with its holes filled, and the holes."""
    grounds, count = label_parts(np.pad(~own, 1, constant_values=True), diagonal=False)
    area = grounds[1:-1, 1:-1] != grounds[0, 0]
    return area, measure_parts(np.where(area & ~own, grounds[1:-1, 1:-1], 0), count)


def _is_rectangle(area: np.ndarray) -> bool:
    """Whether a mask (h, w) without holes is a rectangle, perhaps turned."""
    rows = np.flatnonzero(area.any(1))
    first, last = area.argmax(1)[rows], area.shape[1] - area[:, ::-1].argmax(1)[rows]
    x, y = np.concatenate([first, last]), np.concatenate([rows + 0.5, rows + 0.5])
    along = np.outer(np.cos(ANGLES), x) + np.outer(np.sin(ANGLES), y)
    across = np.outer(np.cos(ANGLES), y) - np.outer(np.sin(ANGLES), x)
    return bool(area.sum() > MIN_SQUARE * (np.ptp(along, 1) * np.ptp(across, 1)).min())
