"""A digit is taken out of what is around it: other digits, frames, lines, labels, tables, windows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFilter
from torch import Tensor

from ganlab.images import PreparedPicture, prepare
from tests.conftest import TINY
from tests.pictures import FIVE, TWO, drawing

Points = list[tuple[int, int]]
BOX = (250, 150, 560, 600)  # of TWO and FIVE, nearly


@pytest.fixture(autouse=True, scope="module")
def single_thread() -> None:
    torch.set_num_threads(1)


def differ(prepared: PreparedPicture, points: Points, width: int = 24) -> float:
    """How far a picture is from the same digit alone: the mean over pixels, shifted by a pixel at most."""
    alone = prepare(drawing(points, width), TINY).x
    shifts = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    return min(float((prepared.x - alone.roll(shift, (2, 3))).abs().mean()) for shift in shifts)


def around(*things: Callable[[ImageDraw.ImageDraw], object]) -> Image.Image:
    """A five with other things drawn around it."""
    image = drawing(FIVE, 24)
    for thing in things:
        thing(ImageDraw.Draw(image))
    return image


AROUND = {
    "box": around(lambda pen: pen.rectangle((180, 60, 640, 700), outline=0, width=9)),
    "two boxes": around(
        lambda pen: pen.rectangle((180, 60, 640, 700), outline=0, width=6),
        lambda pen: pen.rectangle((150, 30, 670, 730), outline=0, width=6),
    ),
    "open box": around(lambda pen: pen.line([(210, 70), (210, 690), (620, 690), (620, 70), (300, 70)], 0, 9)),
    "circle": around(lambda pen: pen.ellipse((110, 60, 700, 700), outline=0, width=12)),
    "underline": around(lambda pen: pen.line((230, 660, 590, 650), fill=0, width=18)),
    "two underlines": around(
        lambda pen: pen.line((230, 660, 590, 660), fill=0, width=8),
        lambda pen: pen.line((230, 690, 590, 690), fill=0, width=8),
    ),
    "line through it": around(lambda pen: pen.line((80, 300, 760, 280), fill=0, width=6)),
    "label": around(lambda pen: pen.text((40, 300), "No. 7", fill=0, font_size=60)),
    "word above": around(lambda pen: pen.text((320, 50), "digit", fill=0, font_size=50)),
    "margin": around(lambda pen: pen.line((60, 0, 60, 800), fill=0, width=8)),
}


@pytest.mark.parametrize("name", AROUND)
def test_what_is_around_a_digit_is_left_out(name: str) -> None:
    prepared = prepare(AROUND[name], TINY)
    assert differ(prepared, FIVE) < 0.012
    (left, top, width, height) = prepared.digits[0]
    assert np.abs(np.subtract((left, top, left + width, top + height), (270, 146, 542, 612))).max() < 30
    assert len(prepared.digits) == 1
    assert name in ("label", "word above") or any("left out" in note for note in prepared.notes)
    assert prepared.doubt == ""


def test_several_digits_are_seen_and_the_largest_is_taken() -> None:
    sheet = Image.new("L", (1700, 900), 255)
    sheet.paste(drawing(TWO, 20, 650), (0, 200))
    sheet.paste(drawing(FIVE, 24), (800, 50))
    prepared = prepare(sheet, TINY)
    assert differ(prepared, FIVE) < 0.012
    assert "2 digits seen, one taken" in prepared.notes
    (five, two) = prepared.digits
    assert five[0] > 1000 > two[0] + two[2]
    assert differ(prepare(sheet, TINY, crop=two), TWO) < 0.02  # one click chooses the other
    assert differ(prepare(sheet, TINY, crop=(0, 150, 1150, 650)), TWO) < 0.02  # which lies most inside


def test_of_digits_of_one_size_the_first_is_taken() -> None:
    sheet = Image.new("L", (2400, 1600), 255)
    for index, points in enumerate((TWO, FIVE, FIVE, FIVE, TWO, TWO)):
        sheet.paste(drawing(points, 24), (800 * (index % 3), 800 * (index // 3)))
    prepared = prepare(sheet, TINY)
    assert differ(prepared, TWO) < 0.012
    corners = [(int(left // 800), int(top // 800)) for left, top, _, _ in prepared.digits]
    assert corners == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)]


def test_parts_of_one_digit_stay_together() -> None:
    image = Image.new("L", (800, 800), 255)
    pen = ImageDraw.Draw(image)
    pen.line([(300, 150), (260, 420), (560, 420)], fill=0, width=26)  # a four whose strokes do not touch
    pen.line([(470, 200), (470, 390)], fill=0, width=26)
    pen.line([(470, 450), (470, 650)], fill=0, width=26)
    prepared = prepare(image, TINY)
    assert len(prepared.digits) == 1
    rows, columns = np.nonzero(prepared.x[0, 0].numpy() > 0.5)
    assert np.ptp(rows) == 19
    assert np.ptp(columns) > 10


@pytest.mark.parametrize(
    "points",
    [
        [(430, 150), (400, 380), (300, 600), (220, 620), (430, 590), (580, 640)],  # a 2 with a wide base
        [(250, 160), (560, 160), (460, 400), (330, 400), (560, 400), (460, 400), (390, 640)],  # a crossed 7
        [(300, 250), (400, 150), (400, 620), (290, 620), (520, 620)],  # a 1 with a foot
    ],
)
def test_the_lines_of_a_digit_stay(points: Points) -> None:
    prepared = prepare(drawing(points, 30), TINY)
    assert not any("left out" in note for note in prepared.notes)
    left, top, width, height = prepared.digits[0]
    ends = np.array(points)
    assert np.abs(np.array([left, top]) - ends.min(0)).max() < 24
    assert np.abs(np.array([left + width, top + height]) - ends.max(0)).max() < 24


def test_an_outline_is_filled() -> None:
    thick = drawing(FIVE, 90)
    outline = np.asarray(thick) ^ np.asarray(thick.filter(ImageFilter.MinFilter(9)))
    prepared = prepare(Image.fromarray(255 - outline), TINY)
    assert "outline filled" in prepared.notes
    assert differ(prepared, FIVE, 90) < 0.07


@pytest.mark.parametrize(
    ("ink", "paper"),
    [((255, 20, 20), (0, 140, 0)), ((255, 105, 180), (0, 195, 195)), ((0, 0, 255), (62, 0, 0))],
)
@pytest.mark.parametrize("light", [1.0, 0.6])
def test_ink_as_light_as_its_paper_is_seen(
    ink: tuple[int, int, int], paper: tuple[int, int, int], light: float
) -> None:
    mask = 1 - np.asarray(drawing(FIVE, 24))[..., None] / 255
    colours = np.array(paper) * (1 - mask) + np.array(ink) * mask
    grain = np.random.default_rng(0).normal(0, 3, colours.shape)
    picture = (light * colours + grain).clip(0, 255).astype(np.uint8)
    assert differ(prepare(picture, TINY), FIVE) < 0.02


def wood(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    grain = 1 + 0.2 * np.sin(y / 7 + 2 * np.sin(x / 90)) + np.random.default_rng(0).normal(0, 0.03, y.shape)
    return np.asarray((np.array([120, 80, 50]) * grain[..., None]).clip(0, 255).astype(np.uint8))


def test_a_note_on_a_table() -> None:
    table = Image.fromarray(wood(1000, 1400))
    note = Image.new("RGB", (800, 800), (255, 235, 110))
    note.paste((20, 30, 120), mask=drawing(FIVE, 24).point(lambda value: 255 - value))
    note = note.resize((420, 420))
    turned, mask = note.rotate(7, expand=True), Image.new("L", note.size, 255).rotate(7, expand=True)
    table.paste(turned, (500, 300), mask)
    prepared = prepare(table, TINY)
    assert prepared.inverted
    assert differ(prepared, [(int(x), int(y)) for x, y in turn(FIVE, 7)]) < 0.03
    assert "crop it" in prepared.doubt
    left, top, width, height = prepared.digits[0]
    assert 500 < left < left + width < 970
    assert 300 < top < top + height < 770


def turn(points: Points, degrees: float) -> Tensor:
    angle = torch.tensor(-degrees).deg2rad()
    matrix = torch.stack([torch.stack([angle.cos(), -angle.sin()]), torch.stack([angle.sin(), angle.cos()])])
    return (torch.tensor(points).float() - 400) @ matrix.T + 400


@pytest.mark.parametrize("dark", [False, True])
def test_a_screenshot_of_a_window(dark: bool) -> None:
    ground, text = ((40, 42, 48), (220, 220, 220)) if dark else ((240, 240, 244), (40, 40, 40))
    window = Image.new("RGB", (1280, 800), ground)
    pen = ImageDraw.Draw(window)
    pen.rectangle((0, 0, 1280, 50), fill=(60, 90, 150))
    pen.text((20, 14), "Drawing   File   Edit   View", fill="white", font_size=20)
    for row, word in enumerate(("Brush", "Eraser", "Undo", "Clear", "Save")):
        pen.text((30, 90 + 60 * row), word, fill=text, font_size=20)
    window.paste(drawing(FIVE, 24).resize((640, 640)), (300, 100))
    pen.text((980, 200), "Prediction: 5", fill=text, font_size=20)
    prepared = prepare(window, TINY)
    assert differ(prepared, FIVE) < 0.015
    assert len(prepared.digits) == 1


def test_what_is_no_single_digit_is_doubted() -> None:
    page = Image.new("L", (900, 700), 255)
    ImageDraw.Draw(page).text((40, 40), "Many words\non a page\nof print", fill=0, font_size=110)
    assert "crop it" in prepare(page, TINY).doubt
    wide = Image.new("L", (900, 400), 255)
    ImageDraw.Draw(wide).line([(60, 300), (200, 80), (330, 300), (480, 80), (640, 300), (820, 90)], 0, 20)
    assert "wider than a digit" in prepare(wide, TINY).doubt
    assert prepare(drawing(TWO, 24), TINY).doubt == ""
