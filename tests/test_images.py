"""Hostile files are refused, every kind of picture is read, and pictures go out exactly."""

from __future__ import annotations

import base64
import io
import struct
import sys
import time
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence
from torch import Tensor

from ganlab import images
from ganlab.gallery import Pictures
from ganlab.images import PictureError, decode, prepare
from tests.conftest import TINY
from tests.pictures import (
    FIVE,
    TWO,
    drawing,
    encoded,
    page,
    turned_jpeg,
)

# ---- decoding ------------------------------------------------------------------------------------


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_of_size(width: int, height: int) -> bytes:
    """A valid header; the pixels would be zeros."""
    rows = zlib.compress(b"\0" * min((width + 1) * height, 10**6))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [2829, 12_000, 60_000])
def test_a_bomb_is_refused_by_its_header(side: int) -> None:
    bomb = png_of_size(side, side)
    tracemalloc.start()
    with pytest.raises(PictureError, match="at most 8 megapixels"):
        decode(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10**6


@pytest.mark.filterwarnings("error::PIL.Image.DecompressionBombWarning")
def test_a_bomb_is_refused_where_warnings_are_errors() -> None:
    with pytest.raises(PictureError, match="at most 8 megapixels"):
        decode(png_of_size(10_000, 10_000))


def test_a_large_webp_is_refused_by_its_header() -> None:
    """VP8X: a canvas of 16,383 x 16,383, and no frame."""
    body = b"WEBP" + b"VP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + b"\xfe\x3f\0" * 2
    with pytest.raises(PictureError):
        decode(b"RIFF" + struct.pack("<I", len(body)) + body)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "content",
    [
        b"7",
        b"<!doctype html><title>digit.png</title>",
        b"%PDF-1.7\n1 0 obj\n",
        b"P5 2 2 255 abcd",  # a picture, but of a format that is not read
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"BM" + b"\0" * 60,
        b"II*\0\x08\0\0\0",
        b"RIFF\0\0\0\0WEBPVP8 ",
        b"\0\0\0\x1cftypavif\0\0\0\0avifmif1",
    ],
)
def test_what_is_no_picture_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "digit.png"
    path.write_bytes(content)
    for source in (content, path, str(path)):
        with pytest.raises(PictureError) as caught:
            decode(source)
        assert str(caught.value) == images.UNREADABLE


SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><rect width='9' height='9'/></svg>"
HEIC = b"\0\0\0\x1cftypheic\0\0\0\0mif1heicmiaf" + bytes(40)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty."),
        (SVG, "export it as a PNG"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a drawing -->\n" + SVG, "export it as a PNG"),
        (HEIC, "Send it as a JPEG"),
        (HEIC.replace(b"ftypheic", b"ftypmif1"), "Send it as a JPEG"),
    ],
)
def test_kinds_of_files_that_say_what_to_do(
    content: bytes, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # not installed
    path = tmp_path / "digit.png"
    path.write_bytes(content)
    for source in (content, path):
        with pytest.raises(PictureError, match=sentence):
            decode(source)


def test_avif_is_read() -> None:
    image = drawing(FIVE, 8, 90)
    file = encoded(image, "AVIF", quality=90)
    assert np.abs(decode(file) - np.asarray(image) / 255).mean() < 0.02
    assert torch.allclose(prepare(file, TINY).x, prepare(image, TINY).x, atol=0.25)
    large = encoded(Image.new("L", (4000, 2200), 255), "AVIF", speed=10)
    assert len(large) < 20_000
    with pytest.raises(PictureError, match="at most 8 megapixels"):
        decode(large)


def test_heic_is_read_where_its_library_is() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    image = drawing(FIVE, 8, 96).convert("RGB")
    content = io.BytesIO()
    pillow_heif.from_pillow(image).save(content, quality=90)
    file = content.getvalue()
    assert np.abs(decode(file) - np.asarray(image) / 255).mean() < 0.02
    with pytest.raises(PictureError, match="not a picture I can read"):
        decode(file[: len(file) // 2])


def test_absent_files_folders_and_devices_are_refused(tmp_path: Path) -> None:
    for source in (tmp_path / "absent.png", "a\0b"):
        with pytest.raises(PictureError, match=f"There is no file {source}"):
            decode(source)
    for source in (tmp_path, "/dev/zero", "", "x" * 5000):
        with pytest.raises(PictureError, match="not a picture I can read"):
            decode(source)


def test_a_file_of_too_many_bytes_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.truncate(12_000_000)
    for source in (path, bytes(12_000_000)):
        with pytest.raises(PictureError, match=r"12\.0 MB\): at most 10 MB"):
            decode(source)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF"])
def test_truncated_files_are_refused(kind: str) -> None:
    random = np.random.default_rng(0)
    whole = encoded(Image.fromarray(random.integers(0, 256, (90, 80, 3)).astype(np.uint8)), kind)
    assert decode(whole).shape == (90, 80, 3)
    for part in (0.02, 0.3, 0.6, 0.9):
        with pytest.raises(PictureError, match="not a picture I can read"):
            decode(whole[: int(len(whole) * part)])


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_damaged_files_raise_nothing_else(digits: Pictures) -> None:
    random = np.random.default_rng(0)
    image = page(digits.pixels[0, 0].numpy(), 0).resize((60, 60)).convert("P")
    for kind in ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF"):
        whole = encoded(image.convert("L") if kind == "JPEG" else image, kind)
        for _ in range(60):
            damaged = bytearray(whole)
            for position in random.integers(0, len(whole), 4):
                damaged[position] = random.integers(256)
            try:
                values = decode(bytes(damaged))
            except PictureError:
                continue
            assert values.min() >= 0
            assert values.max() <= 1


def test_an_animation_gives_its_first_frame() -> None:
    first, second = Image.new("L", (9, 7), 40), Image.new("L", (9, 7), 200)
    for kind, options in (("GIF", {}), ("WEBP", {"lossless": True}), ("PNG", {}), ("TIFF", {})):
        file = encoded(first, kind, save_all=True, append_images=[second], **options)
        assert np.allclose(decode(file), 40 / 255)


def test_grey_stays_grey_and_colour_stays_colour() -> None:
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(decode(encoded(Image.fromarray(values), "PNG")) * 255, values)
    colour = decode(Image.new("RGB", (4, 3), (255, 0, 51)))
    assert colour.shape == (3, 4, 3)
    assert colour.dtype == np.float32
    assert np.allclose(colour[0, 0], [1, 0, 0.2])


def test_modes_that_are_easily_read_wrongly() -> None:
    ramp = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    unit = ramp / 65535
    for source in (
        encoded(Image.fromarray(ramp), "PNG"),
        encoded(Image.fromarray(ramp), "TIFF"),
        Image.fromarray(ramp.astype(np.int32)),
        Image.fromarray(unit.astype(np.float32)),
        Image.fromarray((unit * 255).astype(np.float32)),
    ):
        assert np.allclose(decode(source), unit, atol=1e-4)
    bits = Image.fromarray(ramp > 30000)
    assert bits.mode == "1"
    assert np.array_equal(decode(encoded(bits, "PNG")), ramp > 30000)
    red = Image.new("RGB", (16, 16), (250, 5, 5))
    assert np.allclose(decode(encoded(red.convert("CMYK"), "JPEG"))[8, 8], [0.98, 0.02, 0.02], atol=0.03)
    with pytest.raises(PictureError, match="not numbers"):
        decode(Image.fromarray(np.full((3, 3), np.nan, np.float32)))


def test_what_is_transparent_is_white_paper() -> None:
    grey_alpha = Image.merge("LA", [Image.new("L", (4, 4), 0), Image.linear_gradient("L").resize((4, 4))])
    alpha = np.asarray(grey_alpha)[..., 1]
    for image in (grey_alpha, grey_alpha.convert("RGBA")):
        assert np.allclose(decode(encoded(image, "PNG"))[..., 0], 1 - alpha / 255, atol=0.005)
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([0, 0, 0, 9, 9, 9])
    palette.paste(1, (0, 0, 2, 4))
    for kind in ("PNG", "GIF"):  # colour 0, black, is see-through
        values = decode(encoded(palette, kind, transparency=0))
        assert np.allclose(values[:, 2:], 1)
        assert np.allclose(values[:, :2], 9 / 255)


def test_orientation_is_applied() -> None:
    image = Image.fromarray(np.repeat(np.uint8([[0, 255]]), 32, 0).repeat(24, 1))
    values = decode(turned_jpeg(image))
    assert values.shape == (32, 48)
    assert np.abs(values - np.asarray(image) / 255).max() < 0.1


def test_arrays_and_tensors() -> None:
    unit = np.random.default_rng(0).random((5, 6, 3)).astype(np.float32)
    assert np.array_equal(decode(unit), unit)
    assert np.array_equal(decode(unit[:, :, :1]), unit[:, :, 0])
    assert np.array_equal(decode(unit[:, :, 0]), unit[:, :, 0])
    assert np.array_equal(decode(torch.from_numpy(unit).permute(2, 0, 1)), unit)
    assert np.array_equal(decode(torch.from_numpy(unit).permute(2, 0, 1)[None]), unit)
    assert np.allclose(decode((unit * 255).round().astype(np.uint8)), unit, atol=0.003)
    clear = np.concatenate([unit, np.zeros((5, 6, 1), np.float32)], 2)
    assert np.array_equal(decode(clear), np.ones_like(unit))
    assert np.array_equal(decode(np.eye(4, dtype=bool)), np.eye(4))


@pytest.mark.parametrize(
    "array",
    [
        np.full((4, 4), np.nan),
        np.full((4, 4), 1.5),
        np.full((4, 4), -0.1),
        np.zeros((4, 4), np.int64),
        np.zeros((4, 4), complex),
        np.zeros(4),
        np.zeros((2, 4, 4, 3)),
        np.zeros((4, 4, 2)),
        np.zeros((0, 4)),
        np.zeros((3000, 3000), np.uint8),
        torch.zeros(2, 1, 28, 28),
    ],
)
def test_arrays_that_are_no_picture_are_refused(array: np.ndarray | Tensor) -> None:
    with pytest.raises(PictureError):
        decode(array)


# ---- pictures out --------------------------------------------------------------------------------


def test_png_and_data_uri_hold_the_exact_pixels(digits: Pictures) -> None:
    x = digits.inputs(0)
    head, body = images.encode_data_uri(x, scale=2).split(",")
    assert head == "data:image/png;base64"
    large = Image.open(io.BytesIO(base64.b64decode(body)))
    assert large.size == (56, 56)
    assert np.array_equal(np.asarray(large)[::2, ::2], digits.pixels[0, 0].numpy())
    assert np.array_equal(
        np.asarray(Image.open(io.BytesIO(images.encode_png(images.to_pil(x)))))[None], digits.pixels[0]
    )


def test_difference_shows_its_sign() -> None:
    a, b = torch.zeros(1, 1, 3), torch.tensor([[[0.0, 1.0, 0.5]]])
    ends = [torch.tensor(list(bytes.fromhex(colour[1:]))) / 255 for colour in images.DIVERGING]
    up, down = images.draw_difference(a, b), images.draw_difference(b, a)
    assert up.shape == (3, 1, 3)
    assert torch.allclose(up[:, 0, 0], ends[1])
    assert torch.allclose(up[:, 0, 1], ends[2])
    assert torch.allclose(down[:, 0, 1], ends[0])
    assert torch.allclose(up[:, 0, 2], (ends[1] + ends[2]) / 2)
    assert images.draw_difference(torch.rand(3, 4, 5), torch.rand(3, 4, 5)).shape == (3, 4, 5)


def test_strip_is_one_row(digits: Pictures) -> None:
    sheet = images.draw_strip(digits.inputs(slice(0, 5)), scale=2)
    assert sheet.size == (2 * (5 * 29 + 1), 2 * 30)
    assert np.array_equal(np.asarray(sheet)[2:58:2, 2:58:2], digits.pixels[0, 0].numpy())


@pytest.mark.parametrize("there_and_back", [True, False])
def test_gif_is_exact_and_loops(there_and_back: bool, digits: Pictures) -> None:
    animation = Image.open(
        io.BytesIO(images.encode_animation(digits.inputs(slice(0, 5)), 2, 0.05, there_and_back))
    )
    order = [0, 1, 2, 3, 4] + ([3, 2, 1] if there_and_back else [])
    frames = [np.asarray(frame.convert("L"))[::2, ::2] for frame in ImageSequence.Iterator(animation)]
    assert len(frames) == len(order)
    for frame, row in zip(frames, order, strict=True):
        assert np.array_equal(frame, digits.pixels[row, 0].numpy())
    assert animation.info["loop"] == 0
    assert animation.info["duration"] == 50


def test_gif_of_one_colour_picture() -> None:
    animation = Image.open(io.BytesIO(images.encode_animation(torch.rand(1, 3, 8, 8), scale=1)))
    assert animation.size == (8, 8)


@pytest.mark.bench
def test_speed(digits: Pictures) -> None:
    for side in (1000, 2828):
        file = encoded(drawing(TWO, 9, side).convert("RGB"), "JPEG")
        started = time.perf_counter()
        prepare(file, TINY)
        print(f"{side} x {side}: {1000 * (time.perf_counter() - started):.0f} ms")
