"""Pictures that are no digits, as somebody might upload them: letters, clothes, noise, photographs."""

from __future__ import annotations

import string
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from train.data import datasets
from train.measure.realworld.scenes import Fonts, Random, print_sign

EACH = 300  # pictures of each kind
# Letters that some hand or font writes like a digit: nothing can distinguish them.
LIKE_DIGITS = "BDGIJLOQSTUYZbgijlogqstuyz"
LETTERS = "".join(letter for letter in string.ascii_letters if letter not in LIKE_DIGITS)
SIDE = 112  # of drawn and noisy pictures

# Outlines of garments in a unit square, y downwards; the left half, mirrored to the right.
GARMENTS: dict[str, list[tuple[float, float]]] = {
    "t-shirt": [(0.5, 0.12), (0.4, 0.1), (0.28, 0.14), (0.06, 0.36), (0.18, 0.46), (0.28, 0.38), (0.27, 0.92),
                (0.5, 0.92)],
    "pullover": [(0.5, 0.1), (0.38, 0.1), (0.24, 0.16), (0.1, 0.86), (0.22, 0.88), (0.3, 0.45), (0.3, 0.92),
                 (0.5, 0.92)],
    "trousers": [(0.5, 0.05), (0.3, 0.05), (0.24, 0.95), (0.42, 0.95), (0.5, 0.36)],
    "dress": [(0.5, 0.16), (0.42, 0.05), (0.36, 0.06), (0.34, 0.22), (0.4, 0.42), (0.2, 0.95), (0.5, 0.96)],
    "bag": [(0.5, 0.34), (0.34, 0.34), (0.32, 0.2), (0.4, 0.1), (0.5, 0.09), (0.5, 0.13), (0.42, 0.15),
            (0.38, 0.34), (0.1, 0.34), (0.06, 0.9), (0.5, 0.92)],
}  # fmt: skip
SHOES: list[list[tuple[float, float]]] = [  # seen from the side, so not mirrored
    [(0.06, 0.74), (0.1, 0.55), (0.34, 0.5), (0.6, 0.3), (0.7, 0.42), (0.94, 0.44), (0.95, 0.74)],
    [(0.05, 0.82), (0.1, 0.66), (0.4, 0.56), (0.46, 0.1), (0.86, 0.1), (0.84, 0.55), (0.92, 0.82)],
]

Kind = Callable[[Random], Image.Image]


def draw_letter(fonts: Fonts, random: Random) -> Image.Image:
    """One letter in a printed or hand-drawn font, dark on white."""
    files = fonts.drawn if random.random() < 0.5 else fonts.printed
    ink = print_sign(LETTERS[random.integers(len(LETTERS))], files, int(random.integers(60, 110)), random)
    page = Image.new("L", (ink.width + 40, ink.height + 40), 255)
    page.paste(20, (20, 20), ink)
    return page


def draw_garment(random: Random) -> Image.Image:
    """A piece of clothing in greys on black, as in a shop's catalogue."""
    number = int(random.integers(len(GARMENTS) + len(SHOES)))
    if number < len(GARMENTS):
        half = list(GARMENTS.values())[number]
        outline = [*half, *((1 - x, y) for x, y in reversed(half))]
    else:
        outline = SHOES[number - len(GARMENTS)]
    stretch, bend = random.uniform(0.8, 1.0, 2), random.normal(0, 0.015, (len(outline), 2))
    points = [tuple((np.array(point) * stretch + shift) * (SIDE - 8) + 4)
              for point, shift in zip(outline, bend, strict=True)]  # fmt: skip
    mask = Image.new("L", (SIDE, SIDE), 0)
    ImageDraw.Draw(mask).polygon(points, fill=255)
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    cloth = random.uniform(0.45, 0.9) + random.uniform(-0.25, 0.25) * x + random.uniform(-0.25, 0.25) * y
    if random.random() < 0.5:  # stripes or checks
        cloth = cloth * (1 - 0.35 * (np.sin(random.uniform(20, 60) * y + random.uniform(-20, 20) * x) > 0))
    shades = cloth + random.normal(0, 0.04, cloth.shape)
    cloth = np.asarray(mask, float) / 255 * shades.clip(0.1, 1)
    return Image.fromarray((cloth * 255).astype(np.uint8))


def draw_noise(random: Random) -> Image.Image:
    """White noise, coarse or fine, or blobs: blurred noise with all its range."""
    side = int(random.choice([14, 28, 56]))
    grains = Image.fromarray((random.random((side, side)) * 255).astype(np.uint8))
    if random.random() < 0.5:
        soft = np.asarray(grains.filter(ImageFilter.GaussianBlur(side / random.uniform(8, 16))), float)
        grains = Image.fromarray(((soft - soft.min()) / max(float(np.ptp(soft)), 1) * 255).astype(np.uint8))
    return grains.resize((SIDE, SIDE), Image.Resampling.BILINEAR)


def load_photographs(count: int, data_root: str | Path, seed: int) -> list[Image.Image]:
    """Test pictures of CIFAR-10."""
    test = datasets.load("cifar10", data_root, "test")
    rows = np.random.default_rng(seed).choice(len(test), count, replace=False)
    return [Image.fromarray(test.pixels[row].permute(1, 2, 0).numpy()) for row in rows.tolist()]


def load_pictures(data_root: str | Path, each: int = EACH, seed: int = 0) -> dict[str, list[Image.Image]]:
    """`each` pictures of every kind; the same seed gives the same pictures."""
    fonts = Fonts.find()
    kinds: dict[str, Kind] = {
        "letters": lambda random: draw_letter(fonts, random),
        "clothes": draw_garment,
        "noise": draw_noise,
    }
    images = {
        kind: [draw(np.random.default_rng([seed, number, index])) for index in range(each)]
        for number, (kind, draw) in enumerate(kinds.items())
    }
    return images | {"photographs": load_photographs(each, data_root, seed)}
