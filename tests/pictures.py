"""Uploads made of MNIST digits and of pen strokes, as people's files bring them."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Digit = np.ndarray  # uint8 (28, 28), light on dark
FIVE = [(520, 160), (300, 160), (290, 350), (450, 340), (530, 450), (470, 600), (280, 600)]
TWO = [(250, 250), (350, 150), (480, 180), (500, 300), (250, 600), (560, 600)]
ORIENTATION = 0x112


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def drawing(points: list[tuple[int, int]], width: int, side: int = 800) -> Image.Image:
    """A black line on white."""
    image = Image.new("L", (side, side), 255)
    ImageDraw.Draw(image).line([(x * side / 800, y * side / 800) for x, y in points], fill=0, width=width)
    return image


def page(digit: Digit, seed: int) -> Image.Image:
    """The digit enlarged to 280x280, somewhere on a larger black page."""
    random = np.random.default_rng(seed)
    width, height = (int(side) for side in random.integers(300, 520, 2))
    sheet = Image.new("L", (width, height), 0)
    large = Image.fromarray(digit).resize((280, 280), Image.Resampling.BICUBIC)
    sheet.paste(large, (int(random.integers(0, width - 279)), int(random.integers(0, height - 279))))
    return sheet


def inverted(image: Image.Image) -> Image.Image:
    return image.point(lambda value: 255 - value)


def transparent(image: Image.Image) -> Image.Image:
    """Black ink where the image is light, nothing elsewhere."""
    sheet = Image.new("RGBA", image.size, (0, 0, 0, 0))
    sheet.putalpha(image)
    return sheet


def turned_jpeg(image: Image.Image) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    return encoded(image.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=90, exif=exif)


def photo(digit: Digit, seed: int) -> bytes:
    """Dark ink on yellowish paper: blurred, lit from one side, noisy, JPEG."""
    random = np.random.default_rng(seed)
    ink = np.asarray(page(digit, seed).filter(ImageFilter.GaussianBlur(2))) / 255
    y, x = np.meshgrid(*(np.linspace(-0.5, 0.5, length) for length in ink.shape), indexing="ij")
    angle = random.uniform(0, 2 * np.pi)
    light = 0.7 + 0.4 * (np.cos(angle) * x + np.sin(angle) * y) - 0.25 * (x * x + y * y)
    grey = light * (1 - 0.75 * ink) + random.normal(0, 0.03, ink.shape)
    colour = grey[..., None] * np.array([1, 0.97, 0.9])
    return encoded(Image.fromarray((colour.clip(0, 1) * 255).astype(np.uint8)), "JPEG", quality=75)
