"""Measures of a digit's picture against shapes drawn by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from ganlab.gallery import Pictures
from train.measure import attributes


def blank() -> Tensor:
    return torch.zeros(1, 1, 28, 28)


def bar(thick: int, long: int = 20, row: int = 4, column: int = 10) -> Tensor:
    x = blank()
    x[..., row : row + long, column : column + thick] = 1
    return x


def ring(x: Tensor, row: int, column: int, side: int = 6) -> Tensor:
    x[..., row : row + side, column : column + side] = 1
    x[..., row + 1 : row + side - 1, column + 1 : column + side - 1] = 0
    return x


@pytest.mark.parametrize("thick", [1, 2, 3])
def test_a_bar(thick: int) -> None:
    x = bar(thick)
    assert float(attributes.ink(x)) == 20 * thick
    assert float(attributes.height(x)) == 20
    assert float(attributes.width(x)) == thick
    assert float(attributes.slant(x)) == pytest.approx(0, abs=1e-4)
    assert float(attributes.stroke_width(x)) == pytest.approx(thick, rel=0.15)
    assert float(attributes.loops(x)) == 0


@pytest.mark.parametrize("degrees", [-30, 10, 45])
def test_a_leaning_bar(degrees: int) -> None:
    """To the right at its top, drawn with soft edges."""
    x = blank()
    for row in range(4, 24):
        place = 14 - (row - 13.5) * math.tan(math.radians(degrees))
        at = math.floor(place)
        if 0 <= at < 27:
            x[..., row, at], x[..., row, at + 1] = at + 1 - place, place - at
    assert float(attributes.slant(x)) == pytest.approx(degrees, abs=1)


def test_holes_are_counted() -> None:
    one = ring(blank(), 3, 3)
    two = ring(one.clone(), 8, 3)  # an 8: one ring below the other
    three = ring(two.clone(), 15, 15)
    broken = one.clone()
    broken[..., 3, 5] = 0  # open to the outside
    corner = one.clone()
    corner[..., 3, 3] = 0  # the outline still meets at its corner
    pictures = torch.cat([blank(), one, two, three, broken, corner])
    assert attributes.loops(pictures).tolist() == [0, 1, 2, 3, 0, 1]


def test_a_picture_without_ink_has_none_of_anything() -> None:
    for name, measure in attributes.ATTRIBUTES.items():
        assert measure(blank()).tolist() == [0], name


def test_pictures_are_measured_each_by_itself(digits: Pictures) -> None:
    x = digits.inputs(slice(0, 20))
    for name, measure in attributes.ATTRIBUTES.items():
        values = measure(x)
        assert values.shape == (20,), name
        torch.testing.assert_close(values[7:8], measure(x[7:8]), msg=name)
    assert attributes.loops(digits.inputs(digits.labels == 0)).median() == 1
    assert attributes.loops(digits.inputs(digits.labels == 7)).median() == 0
