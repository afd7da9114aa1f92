"""Sheets of paper in a larger picture: a note on a table, a canvas in a window."""

from __future__ import annotations

import numpy as np

from ganlab.ink.parts import Part, label_parts, measure_parts

MIN_SHEET = 0.12  # of the picture's shorter side
MIN_SOLID = 0.1  # stroke over size of what is solid, though a digit is cut out of it
MIN_HOLE = 0.2  # of a sheet's size, from which a hole in it may be a digit
MIN_SQUARE = 0.87  # area over that of the smallest rectangle around; of an ellipse it is 0.79
ANGLES = np.deg2rad(np.arange(0, 90, 3))


def find_sheet(labels: np.ndarray, parts: list[Part]) -> tuple[Part, np.ndarray] | None:
    """The part that is a sheet with the largest writing on it, and its area, holes and all, as a mask of its
    box; None where no part is one. `labels` (H, W) are of the parts."""
    best, largest = None, 0.0
    for part in parts:
        if part.size < MIN_SHEET * min(labels.shape) or part.stroke < MIN_SOLID * part.size:
            continue
        inner = labels[part.top : part.bottom, part.left : part.right]
        own = inner == part.labels[0]
        if own.sum() < 0.35 * own.size:
            continue
        grounds, count = label_parts(np.pad(~own, 1, constant_values=True), diagonal=False)
        area = grounds[1:-1, 1:-1] != grounds[0, 0]
        holes = measure_parts(np.where(area & ~own, grounds[1:-1, 1:-1], 0), count)
        empty = np.bincount(grounds[1:-1, 1:-1][inner == 0], minlength=count + 1)
        sizes = [hole.size for hole in holes if not _is_bowl(hole, empty[hole.labels[0]], part)]
        size = max(sizes, default=0)
        if size >= MIN_HOLE * part.size and size > largest and _is_rectangle(area):
            best, largest = (part, area), size
    return best


def _is_bowl(hole: Part, empty: int, part: Part) -> bool:
    """Whether a hole with `empty` pixels is rather the inside of a 0 in thick ink: full, and not as narrow as
    a 1."""
    return empty > 0.55 * hole.width * hole.height and hole.width > 0.2 * part.width


def _is_rectangle(area: np.ndarray) -> bool:
    """Whether a mask (h, w) without holes is a rectangle, perhaps turned."""
    rows = np.flatnonzero(area.any(1))
    first, last = area.argmax(1)[rows], area.shape[1] - area[:, ::-1].argmax(1)[rows]
    x, y = np.concatenate([first, last]), np.concatenate([rows + 0.5, rows + 0.5])
    along = np.outer(np.cos(ANGLES), x) + np.outer(np.sin(ANGLES), y)
    across = np.outer(np.cos(ANGLES), y) - np.outer(np.sin(ANGLES), x)
    return bool(area.sum() > MIN_SQUARE * (np.ptp(along, 1) * np.ptp(across, 1)).min())
