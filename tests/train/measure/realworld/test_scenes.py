"""The pictures are many, labelled, the same each time, and hold the digit that they say."""

from __future__ import annotations

import importlib
from collections import Counter
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganlab import images
from train.measure.realworld import kinds, scenes, strokes
from train.measure.realworld.kinds import KINDS
from train.measure.realworld.scenes import Picture


@pytest.fixture(scope="module")
def few() -> list[Picture]:
    return kinds.draw_pictures(each=10)


@pytest.mark.slow
def test_every_kind_shows_every_digit_equally_often(few: list[Picture]) -> None:
    assert Counter((one.kind, one.label) for one in few) == Counter(
        (kind, digit) for kind in KINDS for digit in range(10)
    )
    assert len(KINDS) * kinds.EACH >= 300
    assert kinds.EACH % 10 == 0


@pytest.mark.slow
def test_a_seed_gives_the_same_pictures_and_another_others(few: list[Picture]) -> None:
    again, other = kinds.draw_pictures(each=10), kinds.draw_pictures(seed=1, each=10)
    assert again == few
    assert all(one.file != changed.file for one, changed in zip(few, other, strict=True))


def test_the_first_pictures_do_not_depend_on_how_many_are_made(few: list[Picture]) -> None:
    fewer = kinds.draw_pictures(each=2)
    assert [one for one in few if one.label < 2] == fewer


def test_all_are_files_that_uploads_may_be(few: list[Picture]) -> None:
    pixels = [images.decode(one.file) for one in few]
    assert {one.ndim for one in pixels} == {2, 3}  # scans are grey, photographs coloured
    assert len({one.shape for one in pixels}) > len(few) / 2
    dark = {one.kind for one, values in zip(few, pixels, strict=True) if float(np.median(values)) < 0.5}
    assert "light on dark" in dark
    assert not dark & {"printed", "thin pen", "photographed", "in a box", "crossed by a line", "hollow"}


def test_missing_fonts_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str, *given: Any) -> Any:
        raise ModuleNotFoundError(name) if name.startswith("font_") else AssertionError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(ValueError, match=r"fonts .* are not installed: pip install"):
        kinds.draw_pictures(each=1)


# ---------------------------------------------------------------------- strokes


@pytest.mark.parametrize("digit", range(10))
def test_writing_fills_its_height_with_strokes_of_its_width(digit: int) -> None:
    for seed in range(6):
        mask = strokes.draw_digit(digit, 200, 14.0, np.random.default_rng(seed))
        left, top, right, bottom = mask.getbbox() or (0, 0, 0, 0)
        assert 0 < left < right < mask.width
        assert 0 < top < bottom < mask.height
        assert 170 <= bottom - top <= 230
        assert right - left <= 230
        ink = np.asarray(mask) > 127
        # an even number of edges in each row, and the commonest run of ink about a stroke wide
        runs = [len(run) for row in ink for run in bytes(row).split(b"\0") if run]
        assert 8 <= np.median(runs) <= 40


def test_a_curve_goes_through_its_points() -> None:
    points = [(0.0, 0.0), (0.3, 0.8), (0.9, 0.4), (1.0, 1.0)]
    line = strokes.interpolate_curve(points)
    for point in points:
        assert np.abs(line - point).sum(1).min() < 1e-12
    assert np.linalg.norm(np.diff(line, axis=0), axis=1).max() < 0.1


# ---------------------------------------------------------------------- scenes


def test_ink_is_laid_inside_the_paper_and_paper_grows_for_it() -> None:
    random = np.random.default_rng(0)
    ink = Image.new("L", (300, 80), 255)
    page = scenes.lay_ink(np.ones((100, 100)), ink, random, dark=0.2)
    assert page.shape == (104, 324)
    assert (page == 0.2).sum() == 300 * 80
    assert page[0].min() == page[-1].min() == page[:, 0].min() == page[:, -1].min() == 1


def test_a_tilt_of_nothing_changes_nothing() -> None:
    random = np.random.default_rng(0)
    page = random.integers(0, 256, (40, 60)) / 255
    assert np.abs(scenes.tilt(page, random, by=0.0) - page).max() < 1 / 255
    assert np.abs(scenes.tilt(page, random, by=0.1) - page).max() > 0.1
