"""Straight lines through a digit, and a ring around it that it touches: taken out of a mask of ink."""

from __future__ import annotations

import numpy as np

from ganlab.ink.basics import bounds, grow, reduce
from ganlab.ink.parts import join_all, label_parts, measure_parts

MAX_SLOPE = 0.2  # of a line that lies, in pixels a pixel
MAX_SIDE = 100  # of a mask in which lines are looked for
MIN_COVER = 0.8  # of a line's columns that have ink on it
MIN_OVER = 0.2  # of what is left, by which a line goes beyond it at both ends
MIN_REST = 0.3  # of the mask's height that is left without the line
MIN_PIECE = 0.1  # of the largest piece of what is left, from which another counts
MAX_LINES = 4  # as of a box


def drop_lines(mask: np.ndarray) -> tuple[np.ndarray, bool]:
    """A digit's mask (h, w) without straight lines that go beyond it, and whether there were any."""
    step = -(-max(mask.shape) // MAX_SIDE)
    small = reduce(mask.astype(np.float32), step) > 0.3
    clean: np.ndarray = small
    for _ in range(MAX_LINES):
        lying = _drop_line(clean)
        standing = None if lying is not None else _drop_line(clean.T)
        if lying is None and standing is None:
            break
        clean = lying if lying is not None else standing.T  # type: ignore[union-attr]
    if clean is small:
        return mask, False
    lost = grow(small & ~clean) & ~clean
    lost = np.repeat(np.repeat(lost, step, 0), step, 1)[: mask.shape[0], : mask.shape[1]]
    return mask & ~lost, True


def _drop_line(mask: np.ndarray) -> np.ndarray | None:
    """The mask without the longest line that lies in it; None where none goes beyond the rest."""
    if not mask.any():
        return None
    top, bottom, left, right = bounds(mask)
    height, width = bottom - top, right - left
    if width < 0.6 * height or height < 8:
        return None
    margin = max(2, width // 12)
    for side in (mask[:, left : left + margin], mask[:, right - margin : right]):  # a line ends alone
        if np.ptp(np.flatnonzero(side.any(1))) > 0.3 * height:
            return None
    columns = np.arange(left, right)
    rise = np.arange(-MAX_SLOPE * width, MAX_SLOPE * width + 1, 2) / width
    shift = np.rint(np.outer(rise, columns - (left + right) / 2)).astype(int)  # (slopes, w)
    rows = np.arange(top, bottom)
    lines = shift[:, None, :] + rows[None, :, None]  # (slopes, h, w)
    inside = (lines >= 0) & (lines < len(mask))
    ink = mask[lines.clip(0, len(mask) - 1), columns] & inside
    counts = ink.sum(2)
    slope, row = np.unravel_index(counts.argmax(), counts.shape)
    profile = counts[slope]
    half = profile[row] / 2
    first, last = row, row
    while first > 0 and profile[first - 1] > half:
        first -= 1
    while last < height - 1 and profile[last + 1] > half:
        last += 1
    thickness = last - first + 1
    if thickness > 0.2 * height:
        return None
    return _cut_out(mask, shift[slope], columns, top + int(first), int(thickness))


def _cut_out(
    mask: np.ndarray, shift: np.ndarray, columns: np.ndarray, first: int, thickness: int
) -> np.ndarray | None:
    """The mask without a line whose upper edge is at row `first` plus `shift` in each of `columns`; ink that
    goes on above or below it stays. None where what is left reaches as far as the line."""
    clean: np.ndarray = mask.copy()
    covered = np.zeros(len(columns), bool)
    reach = max(2, thickness // 2 + 1)
    for index, (column, start) in enumerate(zip(columns, first + shift, strict=True)):
        upper, lower = max(start - 1, 0), start + thickness + 1
        covered[index] = mask[max(start, 0) : max(start + thickness, 0), column].any()
        above = mask[max(upper - reach, 0) : upper, column].all() and upper > 0
        below = mask[lower : lower + reach, column].all() and lower < len(mask)
        if not (above or below):
            clean[upper:lower, column] = False
    labels, count = label_parts(clean)
    if not count:
        return None
    parts = measure_parts(labels, count)
    most = max(part.area for part in parts)
    rest = join_all([part for part in parts if part.area > MIN_PIECE * most])
    spans = np.flatnonzero(covered)
    if covered[spans[0] : spans[-1] + 1].mean() < MIN_COVER or rest.height < MIN_REST * len(mask):
        return None
    over = MIN_OVER * rest.size
    if rest.left - columns[spans[0]] < over or columns[spans[-1]] - rest.right < over:
        return None
    return clean
