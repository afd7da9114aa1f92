"""Parts are labelled and measured as one would by hand; strokes get the width that MNIST has."""

from __future__ import annotations

import itertools
from collections import deque

import numpy as np
import pytest

from ganlab.ink.basics import grow, reduce
from ganlab.ink.canvas import MAX_STROKE, SIDE, fit_to_canvas, measure_stroke
from ganlab.ink.parts import find_surroundings, label_parts, measure_line, split_parts


def flood(mask: np.ndarray, diagonal: bool) -> np.ndarray:
    """Labels by a flood from each pixel that has none yet."""
    labels, count = np.zeros(mask.shape, int), 0
    steps = [(0, 1), (1, 0), (0, -1), (-1, 0)] + [(1, 1), (1, -1), (-1, 1), (-1, -1)] * diagonal
    for start in zip(*np.nonzero(mask), strict=True):
        if labels[start]:
            continue
        count += 1
        labels[start] = count
        queue = deque([start])
        while queue:
            y, x = queue.popleft()
            for down, right in steps:
                near = (y + down, x + right)
                inside = 0 <= near[0] < mask.shape[0] and 0 <= near[1] < mask.shape[1]
                if inside and mask[near] and not labels[near]:
                    labels[near] = count
                    queue.append(near)
    return labels


@pytest.mark.parametrize("diagonal", [True, False])
def test_labels_are_those_of_a_flood(diagonal: bool) -> None:
    random = np.random.default_rng(0)
    for _ in range(30):
        mask = random.random(random.integers(1, 25, 2)) < random.random()
        labels, count = label_parts(mask, diagonal)
        expected = flood(mask, diagonal)
        pairs = set(zip(labels.ravel(), expected.ravel(), strict=True))
        assert count == expected.max(initial=0)
        assert len(pairs) == len(set(labels.ravel()))
        assert np.array_equal(labels > 0, mask)


def test_parts_have_their_box_area_and_stroke() -> None:
    mask = np.zeros((60, 80), bool)
    mask[10:50, 5:9] = True
    mask[20:24, 30:70] = True
    labels, parts = split_parts(mask)
    first, second = sorted(parts, key=lambda part: part.left)
    assert (first.left, first.top, first.right, first.bottom, first.area) == (5, 10, 9, 50, 160)
    assert (second.left, second.top, second.right, second.bottom) == (30, 20, 70, 24)
    assert first.stroke == pytest.approx(4.6, abs=0.5)
    length, thickness, angle = measure_line(labels, second)
    assert (length, thickness, angle) == pytest.approx((40, 4, 0), abs=0.2)
    assert measure_line(labels, first)[2] == pytest.approx(90)
    assert first.overlap(second) == (-21, 4)
    both = first.join(second)
    assert (both.left, both.top, both.right, both.bottom, both.area) == (5, 10, 70, 50, 320)


def test_what_lies_in_a_hole_is_inside() -> None:
    mask = np.zeros((40, 40), bool)
    mask[2:38, 2:38] = True
    mask[4:36, 4:36] = False
    mask[10:30, 18:22] = True
    labels, parts = split_parts(mask)
    frame, inner = sorted(parts, key=lambda part: part.left)
    assert find_surroundings(labels, parts) == {inner.labels[0]: (frame.labels[0], 32)}


def test_a_mask_grows_by_what_touches_it() -> None:
    mask = np.zeros((5, 5), bool)
    mask[2, 2] = True
    assert np.array_equal(grow(mask), np.pad(np.ones((3, 3), bool), 1))


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
@pytest.mark.parametrize("shape", [(7, 10), (7, 10, 3), (1, 9)])
def test_a_picture_is_reduced_to_means(kind: type, shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).integers(0, 256, shape)
    pixels = values.astype(kind) if kind is np.uint8 else (values / 255).astype(kind)
    small = reduce(pixels, 3)
    assert small.shape[:2] == (-(-shape[0] // 3), -(-shape[1] // 3))
    np.testing.assert_allclose(reduce(pixels, 1), values / 255, atol=1e-6)
    if shape[0] > 3:
        np.testing.assert_allclose(small[0, 0], values[:3, :3].mean((0, 1)) / 255, atol=1e-5)


def test_thick_strokes_are_thinned_and_keep_their_holes() -> None:
    y, x = np.mgrid[:200, :160]
    ring = np.abs(np.hypot((x - 80) / 0.8, y - 100) - 65) < 34
    picture, changes = fit_to_canvas(ring.astype(np.float32))
    assert changes == ["thick strokes thinned"]
    assert measure_stroke(picture > 0.5) < MAX_STROKE + 0.6
    assert picture[12:16, 12:16].max() == 0


def test_condensed_digits_are_widened_but_a_one_is_not() -> None:
    two = np.zeros((200, 44), np.float32)
    points = [(2, 40), (2, 4), (41, 4), (41, 90), (2, 195), (42, 195)]
    for first, second in itertools.pairwise(points):
        for part in np.linspace(0, 1, 300):
            column, row = (round(a + (b - a) * part) for a, b in zip(first, second, strict=True))
            two[max(row - 4, 0) : row + 4, max(column - 4, 0) : column + 4] = 1
    columns = np.flatnonzero(fit_to_canvas(two)[0].any(0))
    assert np.ptp(columns) >= 0.4 * SIDE
    one = np.zeros((200, 44), np.float32)
    one[:, 30:38] = 1
    for row in range(40):
        one[row + 5 : row + 14, max(30 - row // 2, 0) : 30] = 1
    assert np.ptp(np.flatnonzero(fit_to_canvas(one)[0].any(0))) <= 0.3 * SIDE
