"""Which parts of the ink are digits: what belongs together, and what is frame, line or label.

Parts are measured on a grid of pixels whose scale does not matter: limits are shares of other sizes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ganlab.ink.parts import Part, find_surroundings, join_all, measure_line

MIN_PART = 0.12  # of the largest part's size; what is smaller is dirt
MIN_INSIDE = (
    0.3  # of a hole's longest side, from which what lies in it is no dirt, and what is around a frame
)
MIN_ALIKE = 0.55  # of the largest digit's size, from which another is a digit too
MIN_TIE = 0.88  # of the largest digit's size, from which the order of reading decides
MIN_LINE = 6.0  # length over thickness of a line
MIN_RULE = 30.0  # the same of a standing line that is no 1
MAX_FLAT, MIN_STEEP = 35.0, 55.0  # degrees to the horizontal of lines that lie and that stand
MAX_WIDE = 1.6  # width over height of what is joined to one digit
MAX_CONTACT = 0.25  # of its size that a digit may lie along the picture's edges
MIN_INNER = 0.25  # of the largest part's size, from which one that does not lie along an edge is taken first
MAX_PARTS = 300  # the largest ones are looked at


@dataclass(frozen=True)
class Scene:
    """The digits of a picture, the one to take first, and what was left out."""

    labels: np.ndarray  # int32 (H, W), 0 paper
    digits: tuple[Part, ...]
    notes: tuple[str, ...] = ()
    total: int = 1  # signs, labels too


def find_digits(labels: np.ndarray, parts: list[Part], is_cut: bool = False) -> Scene:
    """The digits among the parts of a mask, with their labels (H, W). `is_cut`: the mask is a part of a
    picture, so that what touches its edges may go on outside. Without any digit, all ink is one."""
    every = sorted(parts, key=lambda part: part.area, reverse=True)[:MAX_PARTS]
    every = [
        part for part in every if part.size >= MIN_PART * every[0].size or part.area > every[0].area / 20
    ]
    inner = _drop_frames(labels, every, labels.shape)
    bodies, lines = _split_lines(labels, inner, labels.shape)
    digits, loose = _attach_lines(_join_parts(bodies), lines)
    if not digits:
        return Scene(labels, (join_all(every),))
    alike = _choose(labels, digits, is_cut)
    notes = ["frame left out"] * (len(inner) < len(every)) + ["line left out"] * bool(loose)
    notes += ["smaller signs left out"] * (len(alike) < len(digits))
    if len(alike) > 1:
        notes.append(f"{len(alike)} digits seen, one taken")
    return Scene(labels, alike, tuple(notes), len(digits))


# ---------------------------------------------------------------------- frames


def _drop_frames(labels: np.ndarray, parts: list[Part], shape: tuple[int, ...]) -> list[Part]:
    """The parts without boxes and circles around others, tables and borders."""
    largest = {part.labels[0]: part for part in parts}
    frames = set()
    for name, (around, side) in find_surroundings(labels, parts).items():
        if largest[name].size >= MIN_INSIDE * side:
            frames.add(around)
    for part in parts:
        if (name := part.labels[0]) in frames:
            continue
        others = [other for other in parts if other is not part and other.labels[0] not in frames]
        edges = _touch(part, shape)
        least = 0.04 * part.area if all(edges) else 0.1 * part.area
        if (edges[0] and edges[2]) or (edges[1] and edges[3]):
            if any(
                other.area > least and other.size > 0.15 * min(shape) and sum(_touch(other, shape)) < 2
                for other in others
            ):
                frames.add(name)
        elif any(_is_within(other, part) and _goes_around(labels, part, other) for other in others):
            frames.add(name)
    return [part for part in parts if part.labels[0] not in frames]


def _touch(part: Part, shape: tuple[int, ...]) -> tuple[bool, bool, bool, bool]:
    """Whether a part touches the left, upper, right and lower edge of the grid."""
    return part.left <= 1, part.top <= 1, part.right >= shape[1] - 1, part.bottom >= shape[0] - 1


def _is_within(inner: Part, outer: Part) -> bool:
    wide, high = inner.overlap(outer)
    return inner.size >= MIN_INSIDE * outer.size and wide == inner.width and high == inner.height


def _goes_around(labels: np.ndarray, outer: Part, inner: Part) -> bool:
    """Whether `outer`, perhaps with gaps, is seen from the middle of `inner` in nearly all directions."""
    rows, columns = np.nonzero(labels[outer.top : outer.bottom, outer.left : outer.right] == outer.labels[0])
    y, x = rows + outer.top, columns + outer.left
    outside = (x < inner.left) | (x >= inner.right) | (y < inner.top) | (y >= inner.bottom)
    middle = (inner.top + inner.bottom - 1) / 2, (inner.left + inner.right - 1) / 2
    angles = np.arctan2((y - middle[0])[outside] / inner.height, (x - middle[1])[outside] / inner.width)
    return bool(np.unique((angles / np.pi * 18).astype(int) + 18).size >= 30)  # of 36 or 37


# ---------------------------------------------------------------------- lines


def _split_lines(
    labels: np.ndarray, parts: list[Part], shape: tuple[int, ...]
) -> tuple[list[Part], list[Part]]:
    """Parts that may be digits, and straight lines that cannot be one by themselves."""
    bodies: list[Part] = []
    lines: list[Part] = []
    standing: list[Part] = []
    for part in parts:
        narrow = max(part.width, part.height) > 2.5 * min(part.width, part.height)
        if not narrow and part.area > 0.25 * part.width * part.height:
            bodies.append(part)
            continue
        length, thickness, angle = measure_line(labels, part)
        if length < MIN_LINE * thickness or MAX_FLAT < angle < MIN_STEEP:
            bodies.append(part)
        else:
            (lines if angle <= MAX_FLAT else standing).append(part)
    tallest = max((part.height for part in bodies), default=0)
    for part in standing:  # a 1, unless it is much larger than the rest or goes through the picture
        edges = _touch(part, shape)
        through = edges[1] and edges[3] and len(parts) > 1
        rule = tallest and part.height > max(2.2 * tallest, MIN_RULE * part.stroke)
        (lines if through or rule else bodies).append(part)
    return bodies, lines


def _attach_lines(digits: list[Part], lines: list[Part]) -> tuple[list[Part], list[Part]]:
    """Digits with the bars that belong to them (of a 5, a 7, a 4), and lines that belong to none."""
    loose = []
    for line in sorted(lines, key=lambda part: part.size, reverse=True):
        nearest = max(digits, key=lambda part: min(part.overlap(line)), default=None)
        if nearest is None or not _is_bar(line, nearest):
            loose.append(line)
            continue
        digits[digits.index(nearest)] = nearest.join(line)
    return digits, loose


def _is_bar(line: Part, digit: Part) -> bool:
    """Whether a line is a bar of a digit: above it, across it, or so near below that it is its foot."""
    wide, high = digit.overlap(line)
    if line.width > 1.3 * max(digit.width, digit.height / 2) or line.height > digit.height:
        return False
    middle = (line.top + line.bottom) / 2
    if high > 0:
        return wide > -0.15 * digit.size
    if wide < 0.4 * line.width and wide < 0.4 * digit.width:
        return False
    return -high <= (0.25 * digit.size if middle < digit.top else 0.6 * digit.stroke)


# ---------------------------------------------------------------------- what belongs together


def _join_parts(parts: list[Part]) -> list[Part]:
    """Digits whose strokes do not all touch, as one part each."""
    digits: list[Part] = []
    for part in sorted(parts, key=lambda part: part.size, reverse=True):
        fitting = [digit for digit in digits if _belong(digit, part)]
        if not fitting:
            digits.append(part)
            continue
        nearest = max(fitting, key=lambda digit: min(digit.overlap(part)))
        digits[digits.index(nearest)] = nearest.join(part)
    return digits


def _belong(large: Part, small: Part) -> bool:
    """Whether the smaller part is a stroke of the same digit."""
    wide, high = large.overlap(small)
    both = large.join(small)
    if both.width > MAX_WIDE * both.height and both.width > large.width:
        return False
    share = max(wide, 0) * max(high, 0) / (small.width * small.height)
    if share > 0.35:  # it lies between the other's strokes
        return True
    near = 0.12 * large.size
    if wide > 0.4 * small.width and -high < near:  # above or below
        return small.height < 0.6 * large.height or both.height < 1.6 * both.width
    if high > 0.4 * small.height and small.height < 0.75 * large.height:  # beside
        return -wide < min(near, 0.6 * max(large.stroke, small.stroke))
    return False


def _choose(labels: np.ndarray, digits: list[Part], is_cut: bool) -> tuple[Part, ...]:
    """Those that are about as large as the largest, it or the first of its size leading; others are labels
    and dirt. What lies along an edge comes after what does not, in a cut part all that touches one."""
    limit = 0 if is_cut else MAX_CONTACT
    inner = [part for part in digits if _measure_contact(labels, part) <= limit * part.size]
    largest = max(_measure_size(part) for part in digits)
    inner = [part for part in inner if _measure_size(part) > MIN_INNER * largest] or digits
    largest = max(map(_measure_size, inner))
    alike = [part for part in inner if _measure_size(part) >= MIN_ALIKE * largest]
    first = _order([part for part in alike if _measure_size(part) >= MIN_TIE * largest])[0]
    return first, *(part for part in _order(alike) if part is not first)


def _measure_size(part: Part) -> float:
    """How large a digit is: its height, or less where it is as wide as a word or a patch."""
    return float(part.height if part.width < MAX_WIDE * part.height else part.height / 2)


def _measure_contact(labels: np.ndarray, part: Part) -> int:
    """How many pixels of a part lie on the edges of the grid."""
    edges = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    return int(np.isin(edges, part.labels).sum())


def _order(digits: list[Part]) -> list[Part]:
    """Digits line by line, from left to right."""
    rest, ordered = sorted(digits, key=lambda part: part.top + part.bottom), []
    while rest:
        row = [part for part in rest if part.overlap(rest[0])[1] > 0.4 * min(part.height, rest[0].height)]
        ordered += sorted(row, key=lambda part: part.left)
        rest = [part for part in rest if part not in row]
    return ordered
