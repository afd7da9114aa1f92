"""Hollow digits: outlines that are filled, so that they are strokes again."""

from __future__ import annotations

import numpy as np

from ganlab.ink.parts import Part, label_parts, measure_parts

MAX_SIDE = 120  # of a mask in which the width of what an outline encloses is measured
MIN_LONG = 5.5  # length over width of the strokes between outlines
MAX_UNEVEN = 2.0  # widest over mean width of these strokes
MAX_UNEVEN_RINGS = 1.8  # the same where there is ink inside, which may be a digit in a box
MIN_INNER = 0.1  # of the outline's size, from which ink inside is no dirt
MAX_THIN = 0.07  # of a digit's size, above which its strokes are no outlines
MAX_OUTLINE = 0.9  # of these strokes' width, above which ink is no outline
MIN_HUG = 0.85  # of the ink that lies along what it encloses


def fill_outline(mask: np.ndarray, labels: np.ndarray, parts: list[Part]) -> np.ndarray | None:
    """A mask (H, W) of ink with the largest of its parts, which have `labels` (H, W), filled between its
    outlines; None where it is no outline."""
    outer = max(parts, key=lambda part: part.width * part.height)
    if outer.stroke > MAX_THIN * outer.size:
        return None
    area = slice(outer.top, outer.bottom), slice(outer.left, outer.right)
    ink = mask[area]
    grounds, count = label_parts(np.pad(~ink, 1, constant_values=True), diagonal=False)
    grounds = np.where(grounds == grounds[0, 0], 0, grounds)[1:-1, 1:-1]
    holes = [hole for hole in measure_parts(grounds, count) if hole.area]
    if not holes:
        return None
    largest = max(holes, key=lambda hole: hole.area)
    between = grounds == largest.labels[0]
    inner = ink & (labels[area] != outer.labels[0])
    within = [part for part in parts if part is not outer and inner[_box(part, outer)].any()]
    within = [part for part in within if part.size > MIN_INNER * outer.size]
    if not all(_is_ring(part, holes, outer) for part in within):
        return None
    if not _is_stroke(between, outer, ink, MAX_UNEVEN_RINGS if within else MAX_UNEVEN):
        return None
    filled: np.ndarray = mask.copy()
    filled[area] |= between
    return filled


def _box(part: Part, outer: Part) -> tuple[slice, slice]:
    """The rows and columns of a part in the box of another."""
    top, left = max(part.top - outer.top, 0), max(part.left - outer.left, 0)
    return slice(top, max(part.bottom - outer.top, 0)), slice(left, max(part.right - outer.left, 0))


def _is_ring(part: Part, holes: list[Part], outer: Part) -> bool:
    """Whether a part is a closed line around one hole (their boxes are in that of `outer`), as in an 8."""
    x, y = outer.left, outer.top
    own = [
        hole
        for hole in holes
        if part.left <= hole.left + x
        and hole.right + x <= part.right
        and part.top <= hole.top + y
        and hole.bottom + y <= part.bottom
    ]
    return len(own) == 1 and own[0].size > 0.5 * part.size


def _is_stroke(between: np.ndarray, outer: Part, ink: np.ndarray, uneven: float) -> bool:
    """Whether an area (h, w) is long, of nearly one width, and has nearly all of the ink along it."""
    step = -(-max(between.shape) // MAX_SIDE)
    small = np.pad(between[::step, ::step], 1)
    (part,) = measure_parts(small.astype(np.int32), 1)
    if part.stroke < 1:
        return False
    length = part.area / part.stroke
    if length < MIN_LONG * part.stroke or outer.stroke > MAX_OUTLINE * step * part.stroke:
        return False
    rest = small
    for _ in range(round(uneven * part.stroke / 2) + 1):
        rest = rest & ~_edge(rest)
    if rest.any():
        return False
    near, reach = between, round(2 * outer.stroke) + 2
    for _ in range(reach):
        near = near | _touching(near)
    return bool((ink & near).sum() > MIN_HUG * ink.sum())


def _touching(mask: np.ndarray) -> np.ndarray:
    """What touches a mask by a side."""
    near = np.zeros_like(mask)
    near[1:] |= mask[:-1]
    near[:-1] |= mask[1:]
    near[:, 1:] |= mask[:, :-1]
    near[:, :-1] |= mask[:, 1:]
    return near


def _edge(mask: np.ndarray) -> np.ndarray:
    """The pixels of a mask (its frame is empty) that touch what is outside it by a side."""
    edge: np.ndarray = mask & _touching(~mask)
    return edge
