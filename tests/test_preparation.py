"""Uploads of every kind become digits as MNIST has them, or inputs of a picture model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageOps
from torch import Tensor

from ganlab import images
from ganlab.gallery import GALLERIES, Pictures, load_pictures
from ganlab.images import PictureError, prepare
from tests.conftest import TINY
from tests.pictures import (
    FIVE,
    ORIENTATION,
    TWO,
    Digit,
    drawing,
    encoded,
    inverted,
    page,
    photo,
    transparent,
    turned_jpeg,
)

UPLOADS: dict[str, Callable[[Digit, int], bytes]] = {
    "png": lambda digit, seed: encoded(page(digit, seed), "PNG", compress_level=1),
    "jpeg": lambda digit, seed: encoded(page(digit, seed), "JPEG", quality=80),
    "webp": lambda digit, seed: encoded(page(digit, seed), "WEBP", method=0),
    "16-bit png": lambda digit, seed: encoded(
        Image.fromarray(np.asarray(page(digit, seed)).astype(np.uint16) * 257), "PNG", compress_level=1
    ),
    "transparent png": lambda digit, seed: encoded(transparent(page(digit, seed)), "PNG", compress_level=1),
    "dark on white": lambda digit, seed: encoded(inverted(page(digit, seed)), "PNG", compress_level=1),
    "turned jpeg": lambda digit, seed: turned_jpeg(page(digit, seed)),
    "photo": photo,
}


@pytest.fixture(autouse=True, scope="module")
def single_thread() -> Iterator[None]:
    """Small pictures gain nothing from more, and on a busy machine lose much."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def nearest() -> Callable[[Tensor], Tensor]:
    """The label of the nearest of the 60,000 training digits, by pixels."""
    gallery = load_pictures(GALLERIES / "mnist" / "train.npz")
    points = gallery.inputs(slice(None)).flatten(1)
    squares = (points * points).sum(1)

    def labels(x: Tensor) -> Tensor:
        return gallery.labels[(squares - 2 * x.flatten(1) @ points.T).argmin(1)]

    return labels


# ---- preparation ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", UPLOADS)
@pytest.mark.slow
def test_an_upload_keeps_its_label(kind: str, digits: Pictures, nearest: Callable[[Tensor], Tensor]) -> None:
    """80 test digits, each saved as a person might; measured: 99 % or more of each kind."""
    rows = range(0, 400, 5)
    prepared = [prepare(UPLOADS[kind](digits.pixels[row, 0].numpy(), row), TINY) for row in rows]
    kept = nearest(torch.cat([picture.x for picture in prepared])) == nearest(digits.inputs(slice(0, 400, 5)))
    assert kept.float().mean() >= 0.95
    assert all(
        picture.inverted == (kind in ("transparent png", "dark on white", "photo")) for picture in prepared
    )
    if kind == "photo":
        assert all("uneven light removed" in picture.notes for picture in prepared)


@pytest.mark.slow
def test_mnist_digits_pass_unchanged_to_the_bit(digits: Pictures) -> None:
    """All 500 test digits and every 20th training digit (of the 60,000, all 60,000 pass)."""
    train = load_pictures(GALLERIES / "mnist" / "train.npz")
    for picture in torch.cat([digits.pixels, train.pixels[::20]])[:, 0].numpy():
        light, dark = prepare(picture, TINY), prepare(255 - picture, TINY)
        assert np.array_equal((light.x * 255)[0, 0].numpy(), picture)
        assert torch.equal(light.x, dark.x)
        assert (light.inverted, dark.inverted) == (False, True)
        assert light.notes == ("already 28x28 MNIST: unchanged",)


def test_every_file_of_a_28x28_digit_passes_unchanged(digits: Pictures) -> None:
    pixels = digits.pixels[3, 0].numpy()
    image = Image.fromarray(pixels)
    for upload in (
        encoded(image, "PNG"),
        encoded(image, "BMP"),
        encoded(image, "TIFF"),
        encoded(image, "GIF"),
        encoded(image.convert("RGB"), "PNG"),
        encoded(image.convert("RGB"), "WEBP", lossless=True),
        encoded(transparent(image), "PNG"),
        encoded(Image.fromarray(pixels.astype(np.uint16) * 257), "PNG"),
        Image.fromarray(pixels.astype(np.float32) / 255),
        digits.inputs(slice(3, 4)),
    ):
        assert torch.equal(prepare(upload, TINY).x, digits.inputs(slice(3, 4)))


def test_preparing_twice_changes_nothing(digits: Pictures) -> None:
    for row in range(20):
        once = prepare(page(digits.pixels[row, 0].numpy(), row), TINY).x
        assert torch.equal(prepare(images.to_pil(once[0]), TINY).x, once)


@pytest.mark.parametrize("width", [1, 2, 3])
@pytest.mark.parametrize("side", [800, 1000, 2800])
def test_a_thin_pen_gives_bright_strokes(width: int, side: int, digits: Pictures) -> None:
    usual = digits.inputs(slice(None)).flatten(1).mean(1)
    for points in (TWO, FIVE):
        prepared = prepare(drawing(points, width, side), TINY)
        assert "thin strokes thickened" in prepared.notes
        assert prepared.x.max() >= 0.8
        assert usual.quantile(0.1) < prepared.x.mean() < usual.quantile(0.9)


def test_a_pen_of_any_width_gives_the_same_digit() -> None:
    thin, thick = (prepare(drawing(FIVE, width), TINY).x for width in (1, 40))
    assert (thin - thick).abs().mean() < 0.05


def test_a_tap_is_a_dot() -> None:
    for width, side in ((6, 280), (22, 280), (44, 280), (30, 64)):
        image = Image.new("L", (side, side), 255)
        ImageDraw.Draw(image).ellipse((8, 20, 8 + width, 20 + width), fill=0)
        prepared = prepare(image, TINY, "dark")
        assert "a dot" in prepared.notes
        rows, columns = np.nonzero(prepared.x[0, 0].numpy() > 0.5)
        assert 8 <= len(rows) <= 16
        assert 12 <= min(rows.min(), columns.min()) <= max(rows.max(), columns.max()) <= 16


@pytest.mark.parametrize("corner", [(700, 40), (60, 20), (5, 700)])
def test_dust_does_not_move_the_digit(corner: tuple[int, int]) -> None:
    image = drawing(TWO, 24)
    clean = prepare(image, TINY).x
    ImageDraw.Draw(image).ellipse((*corner, corner[0] + 12, corner[1] + 12), fill=0)
    assert (prepare(image, TINY).x - clean).abs().max() < 0.02


def test_a_frame_around_the_digit_is_left_out() -> None:
    image = drawing(TWO, 24)
    clean = prepare(image, TINY).x
    ImageDraw.Draw(image).rectangle((3, 3, 796, 796), outline=0, width=4)
    assert (prepare(image, TINY).x - clean).abs().max() < 0.05


def test_the_separate_bar_of_a_five_stays() -> None:
    image = drawing(FIVE[1:], 30)
    ImageDraw.Draw(image).line([(330, 80), (530, 60)], fill=0, width=30)
    prepared = prepare(image, TINY).x[0, 0]
    assert prepared[4:7].amax() > 0.9
    rows = (prepared > 0.5).any(1).nonzero()
    assert int(rows[-1] - rows[0]) == 19
    assert not (prepared[int(rows[0]) : int(rows[-1])] > 0.5).any(1).all()  # the gap is there


@pytest.mark.slow
def test_a_small_digit_on_a_large_page(digits: Pictures, nearest: Callable[[Tensor], Tensor]) -> None:
    xs = []
    for row in range(40):
        sheet = Image.new("L", (2000, 1500), 255)
        sheet.paste(inverted(Image.fromarray(digits.pixels[row, 0].numpy()).resize((70, 70))), (1700, 90))
        xs.append(prepare(sheet, TINY).x)
    kept = nearest(torch.cat(xs)) == nearest(digits.inputs(slice(0, 40)))
    assert kept.float().mean() >= 0.95


def test_polarity_can_be_said(digits: Pictures) -> None:
    """A sheet on a dark table: the ink on it, unless light ink is asked for, which is the sheet."""
    image = Image.new("L", (900, 900), 50)
    image.paste(drawing(TWO, 24, 700), (100, 100))
    assert prepare(image, TINY, "auto").inverted
    assert not prepare(image, TINY, "light").inverted
    dark = prepare(image, TINY, "dark")
    assert dark.inverted
    assert (dark.x - prepare(drawing(TWO, 24), TINY).x).abs().mean() < 0.02
    digit = digits.pixels[0, 0].numpy()
    assert prepare(digit, TINY, "dark").inverted  # what is said is done, even to MNIST's own
    assert not prepare(255 - digit, TINY, "light").inverted
    image = drawing(TWO, 24)
    with pytest.raises(ValueError, match=r"available = \['auto', 'light', 'dark'\]"):
        prepare(image, TINY, "grey")  # type: ignore[arg-type]


def test_light_ink_on_nothing_is_seen() -> None:
    sheet = Image.new("RGBA", (800, 800), (0, 0, 0, 0))
    ImageDraw.Draw(sheet).line(FIVE, fill="white", width=24)
    prepared = prepare(encoded(sheet, "PNG"), TINY)
    assert not prepared.inverted
    assert prepared.x.max() == 1


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "CMYK", "F", "I;16"])
def test_blank_paper_is_said_to_be_blank(mode: str) -> None:
    for side in (1, 28, 500):
        with pytest.raises(PictureError, match="no ink"):
            prepare(Image.new(mode, (side, side)), TINY)


def test_noise_on_blank_paper_is_no_ink() -> None:
    noise = np.random.default_rng(0).normal(0.8, 0.03, (400, 400)).clip(0, 1)
    shaded = noise * np.linspace(0.6, 1, 400)
    for paper in (noise, shaded, 1 - noise):
        with pytest.raises(PictureError, match="no ink"):
            prepare(paper, TINY)


@pytest.mark.slow
def test_no_picture_crashes_preparation() -> None:
    shapes = [(1, 1), (1, 2), (2, 2), (3, 4000), (4000, 3), (1, 4000), (300, 300)]
    random = np.random.default_rng(0)
    shapes += [tuple(random.integers(1, 60, 2)) for _ in range(120)]
    for index, shape in enumerate(shapes):
        values = random.integers(0, 256, shape).astype(np.uint8)
        for picture in (values, (values > 250) * np.uint8(255), values // 9):
            try:
                x = prepare(picture, TINY, ("auto", "light", "dark")[index % 3]).x
            except PictureError:
                continue
            assert x.shape == (1, 1, 28, 28)
            assert x.min() >= 0
            assert x.max() <= 1


def test_other_sizes_and_channels_of_digit_models(digits: Pictures) -> None:
    config = dataclasses.replace(TINY, size=32, channels=3)
    x = prepare(digits.pixels[0, 0].numpy(), config).x
    assert x.shape == (1, 3, 32, 32)
    assert x.dtype == torch.float32


def test_picture_preparation() -> None:
    config = dataclasses.replace(TINY, preparation="picture", channels=3, size=32)
    colours = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    same = prepare(encoded(Image.fromarray(colours), "PNG"), config)
    assert np.array_equal(images.to_uint8(same.x[0]), colours)
    assert same.notes == ("unchanged",)
    wide = Image.new("RGB", (300, 100), "red")
    wide.paste("blue", (100, 0, 200, 100))
    middle = prepare(wide, config)
    assert middle.x.shape == (1, 3, 32, 32)
    assert middle.x[0, 2].min() > 0.9
    assert middle.x[0, 0].max() < 0.1
    grey = prepare(wide, dataclasses.replace(config, channels=1))
    assert grey.x.shape == (1, 1, 32, 32)
    assert prepare(torch.rand(3, 40, 50), config).x.shape == (1, 3, 32, 32)
    assert prepare(torch.rand(1, 40, 50), config).x.shape == (1, 3, 32, 32)


# ---- a square that is chosen ----------------------------------------------------------------------


PICTURES = dataclasses.replace(TINY, preparation="picture", channels=3, size=32)


@pytest.mark.parametrize("size", [(32, 32), (33, 32), (300, 201), (1000, 9), (9, 1000), (8, 8), (1, 1)])
@pytest.mark.parametrize("channels", [1, 3])
def test_without_a_square_the_largest_in_the_middle_is_taken(size: tuple[int, int], channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3)).astype(np.uint8)
    config = dataclasses.replace(PICTURES, channels=channels)
    image = Image.fromarray(pixels).convert("RGB" if channels == 3 else "L")
    expected = np.asarray(ImageOps.fit(image, (32, 32), Image.Resampling.LANCZOS))
    middle = prepare(pixels, config)
    assert np.array_equal(images.to_uint8(middle.x[0]), expected)
    chosen = prepare(pixels, config, crop=images.find_middle(*size))
    assert torch.equal(chosen.x, middle.x)
    assert chosen.notes == middle.notes


def test_a_square_is_what_the_model_sees() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (200, 300, 3)).astype(np.uint8)
    part = prepare(pixels, PICTURES, crop=(260, 140, 32))
    assert np.array_equal(images.to_uint8(part.x[0]), pixels[140:172, 260:292])
    assert part.notes == ("square of 32 pixels", "resized to 32x32")
    pixels[50:130, 200:280] = (255, 0, 0)
    red = prepare(encoded(Image.fromarray(pixels), "PNG"), PICTURES, crop=[210.5, 60.25, 60])
    torch.testing.assert_close(red.x[0], torch.tensor([1.0, 0, 0]).view(3, 1, 1).expand(3, 32, 32))
    # A square that was rounded may stick out by less than a pixel.
    edge = prepare(pixels, PICTURES, crop=(100.4, -0.3, 200))
    assert torch.equal(edge.x, prepare(pixels, PICTURES, crop=(100, 0, 200)).x)


def test_a_square_lies_in_the_upright_picture() -> None:
    upright = np.zeros((200, 120, 3), np.uint8)
    upright[150:190, 70:110] = (0, 0, 255)
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    turned = Image.fromarray(upright).transpose(Image.Transpose.ROTATE_90)
    file = encoded(turned, "PNG", exif=exif)
    blue = prepare(file, PICTURES, crop=(75, 155, 30))
    torch.testing.assert_close(blue.x[0], torch.tensor([0, 0, 1.0]).view(3, 1, 1).expand(3, 32, 32))
    with pytest.raises(PictureError, match="not inside the picture, which is 120 x 200"):
        prepare(file, PICTURES, crop=(155, 75, 30))


@pytest.mark.parametrize(
    ("crop", "message"),
    [
        ((0, 0, 201), "not inside the picture, which is 300 x 200 pixels"),
        ((-1, 0, 20), "not inside"),
        ((290, 0, 20), "not inside"),
        ((0, 0, 7.9), "at least 8 pixels wide, not 7.9"),
        ((0, 0, -20), "at least 8"),
        ((0, 0, float("nan")), "three numbers"),
        ((float("inf"), 0, 20), "three numbers"),
        ((0, 10**400, 20), "three numbers"),
        ((0, 0), "three numbers"),
        ((0, 0, 20, 20), "three numbers"),
        ((0, "0", 20), "three numbers"),
        ((True, 0, 20), "three numbers"),
        ("123", "three numbers"),
        ({"left": 0}, "three numbers"),
        (20, "three numbers"),
    ],
)
def test_squares_that_make_no_sense_are_refused_in_a_sentence(crop: Any, message: str) -> None:
    with pytest.raises(PictureError, match=message):
        prepare(np.zeros((200, 300, 3), np.uint8), PICTURES, crop=crop)


def test_pictures_smaller_than_the_least_square_are_taken_whole() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 5, 3)).astype(np.uint8)
    assert torch.equal(prepare(pixels, PICTURES, crop=(1, 0, 3)).x, prepare(pixels, PICTURES).x)
    with pytest.raises(PictureError, match="at least 3 pixels"):
        prepare(pixels, PICTURES, crop=(1, 0, 2))


def two_digits() -> Image.Image:
    """A two at the left and a larger five at the right of a white page."""
    sheet = Image.new("L", (1500, 900), 255)
    sheet.paste(drawing(TWO, 24, 700), (0, 100))
    sheet.paste(drawing(FIVE, 28), (690, 50))
    return sheet


def test_a_model_of_digits_looks_at_a_part_of_the_picture() -> None:
    sheet = two_digits()
    part = prepare(sheet, TINY, crop=(0, 60, 700, 740))
    assert (part.x - prepare(drawing(TWO, 24, 700), TINY).x).abs().max() < 0.02
    square = prepare(sheet, TINY, crop=(700, 50, 800))
    assert (square.x - prepare(drawing(FIVE, 28), TINY).x).abs().max() < 0.02
    for prepared, strokes in ((part, (206, 219, 502, 637)), (square, (956, 196, 1236, 666))):
        ((left, top, width, height),) = prepared.digits
        assert np.abs(np.subtract((left, top, left + width, top + height), strokes)).max() < 16
        assert prepared.doubt == ""


@pytest.mark.parametrize(
    ("crop", "message"),
    [
        ((0, 0), r"three numbers \(left, top, side\) or four \(left, top, width, height\)"),
        ((0, 0, 20, 20, 20), "three numbers"),
        ((0, 0, "20"), "three numbers"),
        ((0, 0, 20, float("nan")), "three numbers"),
        ((0, 0, 20, 7), "at least 8 pixels wide and high, not 20 x 7"),
        ((0, 0, 301, 20), "not inside the picture, which is 300 x 200 pixels"),
        ((0, -2, 20), "not inside"),
    ],
)
def test_parts_that_make_no_sense_are_refused_in_a_sentence(crop: Any, message: str) -> None:
    with pytest.raises(PictureError, match=message):
        prepare(np.zeros((200, 300, 3), np.uint8), TINY, crop=crop)


def test_an_unknown_preparation_names_the_choices() -> None:
    with pytest.raises(ValueError, match=r"'cat'; available = \['digit', 'picture'\]"):
        prepare(np.zeros((28, 28)), dataclasses.replace(TINY, preparation="cat"))
