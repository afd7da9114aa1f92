"""Connected parts of a mask, what lies inside what, and how a part is shaped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Part:
    """A connected piece of ink, or several that belong together; its box in pixels, ends exclusive."""

    labels: tuple[int, ...]  # in the array of labels
    left: int
    top: int
    right: int
    bottom: int
    area: int  # pixels
    stroke: float  # width of its strokes, in pixels

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def size(self) -> int:
        return max(self.width, self.height)

    def join(self, other: Part) -> Part:
        """Both as one; its strokes are as wide as theirs on average."""
        area = self.area + other.area
        stroke = (self.area * self.stroke + other.area * other.stroke) / area
        return Part(
            self.labels + other.labels,
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
            area,
            stroke,
        )

    def overlap(self, other: Part) -> tuple[int, int]:
        """By how many pixels the two overlap in x and in y; negative where there is a gap."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        return wide, min(self.bottom, other.bottom) - max(self.top, other.top)


def join_all(parts: Sequence[Part]) -> Part:
    """Parts as one; there is one at least."""
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.join(part)
    return whole


def label_parts(mask: np.ndarray, diagonal: bool = True) -> tuple[np.ndarray, int]:
    """Labels (H, W) of the connected parts of a mask (H, W), 1 and up, 0 outside; and how many there are.

    Pixels that touch by a corner are connected if `diagonal`. The runs of each row are joined with those
    that they touch in the next one, and each takes the smallest number that it is joined with.
    """
    height, width = mask.shape
    edges = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(edges == 1)
    ends = np.nonzero(edges == -1)[1]
    if not rows.size:
        return np.zeros(mask.shape, np.int32), 0
    reach, stride = int(diagonal), width + 2
    low = np.searchsorted(rows * stride + ends, (rows + 1) * stride + starts + 1 - reach)
    high = np.searchsorted(rows * stride + starts, (rows + 1) * stride + ends - 1 + reach, "right")
    counts = np.maximum(high - low, 0)
    upper = np.repeat(np.arange(rows.size), counts)
    lower = np.arange(upper.size) - np.repeat(np.cumsum(counts) - counts, counts) + low[upper]
    root = np.arange(rows.size)
    while True:
        smallest = np.minimum(root[upper], root[lower])
        following = root.copy()
        np.minimum.at(following, root[upper], smallest)
        np.minimum.at(following, root[lower], smallest)
        while not np.array_equal(deeper := following[following], following):
            following = deeper
        if np.array_equal(following, root):
            break
        root = following
    names, numbers = np.unique(root, return_inverse=True)
    steps = np.zeros(height * stride, np.int64)
    steps[rows * stride + starts] += numbers + 1
    steps[rows * stride + ends] -= numbers + 1
    labels = np.cumsum(steps).reshape(height, stride)[:, :width]
    return labels.astype(np.int32), names.size


def measure_parts(labels: np.ndarray, count: int) -> list[Part]:
    """The shape of each part, in the order of the labels."""
    flat = labels.ravel()
    area = np.bincount(flat, minlength=count + 1)
    outline = np.zeros(count + 1)
    framed = np.pad(labels, 1)
    for first, second in ((framed[1:], framed[:-1]), (framed[:, 1:], framed[:, :-1])):
        differs = first != second
        outline += np.bincount(first[differs], minlength=count + 1)
        outline += np.bincount(second[differs], minlength=count + 1)
    changes = framed[1:-1, 1:] != framed[1:-1, :-1]  # each row in runs of one label
    first_rows, first = np.nonzero(changes & (framed[1:-1, 1:] > 0))
    last_rows, last = np.nonzero(changes & (framed[1:-1, :-1] > 0))
    opening, closing = labels[first_rows, first], labels[last_rows, last - 1]
    ends = np.full((4, count + 1), -labels.size, np.int64)
    np.maximum.at(ends[0], opening, -first)
    np.maximum.at(ends[1], opening, -first_rows)
    np.maximum.at(ends[2], closing, last)
    np.maximum.at(ends[3], closing, last_rows + 1)
    # Area over half the outline, which a pixel grid shows 4 / pi too long.
    stroke = 2 * area / np.maximum(math.pi / 4 * outline, 1)
    return [
        Part((n,), int(-ends[0, n]), int(-ends[1, n]), int(ends[2, n]), int(ends[3, n]), int(area[n]),
             float(stroke[n]))
        for n in range(1, count + 1)
    ]  # fmt: skip


def split_parts(mask: np.ndarray, diagonal: bool = True) -> tuple[np.ndarray, list[Part]]:
    """The labels (H, W) of a mask's parts, and the parts."""
    labels, count = label_parts(mask, diagonal)
    return labels, measure_parts(labels, count)


def find_surroundings(labels: np.ndarray, parts: list[Part]) -> dict[int, tuple[int, int]]:
    """For each part that lies in a hole of another: that one's label, and the longest side of the hole.

    `labels` (H, W) are of the parts; the keys are the first labels of those that are inside.
    """
    if len(parts) < 2:
        return {}
    framed = np.pad(labels, 1)
    grounds, count = label_parts(framed == 0, diagonal=False)
    outer = grounds[0, 0]
    if count < 2:
        return {}
    holes = measure_parts(np.where(grounds == outer, 0, grounds), count)
    inside = {}
    for part in parts:
        name = part.labels[0]
        column = part.left + int((labels[part.top, part.left : part.right] == name).argmax())
        ground = grounds[part.top, column + 1]  # just above, since the frame moves all by a pixel
        if ground in (0, outer):
            continue
        hole = holes[ground - 1]
        column = hole.left + int((grounds[hole.top, hole.left : hole.right] == ground).argmax())
        around = int(framed[hole.top - 1, column])
        if around not in (0, name):
            inside[name] = around, hole.size
    return inside


def measure_line(labels: np.ndarray, part: Part) -> tuple[float, float, float]:
    """Length and thickness in pixels of a part, were it a straight line, and its angle to the horizontal in
    degrees, 0 to 90."""
    area = np.isin(labels[part.top : part.bottom, part.left : part.right], part.labels)
    points = np.stack(np.nonzero(area)).astype(float)
    if points.shape[1] < 2:
        return float(part.size), float(part.size), 0.0
    values, vectors = np.linalg.eigh(np.cov(points) + np.eye(2) / 12)  # of pixels that are squares
    angle = math.degrees(math.atan2(abs(vectors[0, 1]), abs(vectors[1, 1])))
    return math.sqrt(12 * values[1]), math.sqrt(12 * values[0]), angle
