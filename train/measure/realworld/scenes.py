"""Digits alone on paper and in front of a camera."""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from train.measure.realworld.strokes import draw_digit

FONT_PACKAGES = ("font_caladea", "font_lato", "font_manrope")  # upright, italic, thin to black
HAND_PACKAGES = ("font_amatic_sc", "font_fredoka_one", "font_intuitive")  # as if drawn by hand
MISSING = 'The fonts of the real-world digits are not installed: pip install -e ".[train]".'

Random = np.random.Generator


@dataclass(frozen=True)
class Picture:
    """An upload whose digit is known."""

    kind: str
    label: int
    file: bytes  # as it would be uploaded


@dataclass(frozen=True)
class Fonts:
    """Paths of font files: printed ones, and ones that look hand-drawn."""

    printed: tuple[str, ...]
    drawn: tuple[str, ...]

    @staticmethod
    def find() -> Fonts:
        """All fonts of the packages, in a fixed order. Raises ValueError where one is missing."""
        try:
            return Fonts(*(tuple(_files(packages)) for packages in (FONT_PACKAGES, HAND_PACKAGES)))
        except ImportError:
            raise ValueError(MISSING) from None


def _files(packages: tuple[str, ...]) -> list[str]:
    files = []
    for package in packages:
        folder = Path(str(importlib.import_module(package).__file__)).parent
        files += sorted(str(path) for path in folder.rglob("*.ttf") if "Variable" not in path.name)
    return files


# ---------------------------------------------------------------------- ink: masks "L", 255 where ink is


def print_sign(sign: int | str, files: tuple[str, ...], height: int, random: Random) -> Image.Image:
    """One character as a mask, `height` pixels high, in one of the font files."""
    font = ImageFont.truetype(files[random.integers(len(files))], height)
    left, top, right, bottom = font.getbbox(str(sign))
    sheet = Image.new("L", (round(right - left) + 4, round(bottom - top) + 4), 0)
    ImageDraw.Draw(sheet).text((2 - left, 2 - top), str(sign), fill=255, font=font)
    return sheet


def draw_ink(digit: int, fonts: Fonts, height: int, random: Random) -> Image.Image:
    """A digit as a mask: mostly handwriting, some print."""
    if random.random() < 0.7:
        return draw_digit(digit, height, height * random.uniform(0.07, 0.15), random)
    return print_sign(digit, fonts.drawn if random.random() < 0.5 else fonts.printed, height, random)


# ---------------------------------------------------------------------- paper


def draw_paper(random: Random, low: int = 240, high: int = 420) -> np.ndarray:
    """White paper (H, W) of 1."""
    height, width = random.integers(low, high, 2)
    return np.ones((height, width))


def lay_ink(paper: np.ndarray, ink: Image.Image, random: Random, dark: float = 0.12) -> np.ndarray:
    """The paper (H, W) in [0, 1] with ink of brightness `dark` at a random position; it grows where the ink
    needs more room."""
    ink = ink.crop(ink.getbbox())
    mask = np.asarray(ink, float) / 255
    height, width = (max(have, need + 24) for have, need in zip(paper.shape, mask.shape, strict=True))
    grown = np.pad(paper, ((0, height - paper.shape[0]), (0, width - paper.shape[1])), mode="edge")
    top = int(random.integers(12, height - mask.shape[0] - 11))
    left = int(random.integers(12, width - mask.shape[1] - 11))
    area = (slice(top, top + mask.shape[0]), slice(left, left + mask.shape[1]))
    grown[area] = grown[area] * (1 - mask) + dark * mask
    return grown


def rule_lines(paper: np.ndarray, random: Random) -> np.ndarray:
    """The paper (H, W) with the lines or squares of an exercise book."""
    distance, level = int(random.integers(28, 70)), random.uniform(0.62, 0.85)
    lined: np.ndarray = paper.copy()
    start, squares = int(random.integers(distance)), random.random() < 0.3
    for offset in range(int(random.integers(1, 4))):
        lined[start + offset :: distance] = level
        if squares:
            lined[:, start + offset :: distance] = level
    return lined


def shade(picture: np.ndarray, random: Random, depth: float = 0.5) -> np.ndarray:
    """The picture (H, W) lit from one side, with the soft shadow of a hand."""
    y, x = np.meshgrid(*(np.linspace(-0.5, 0.5, length) for length in picture.shape), indexing="ij")
    angle, at = random.uniform(0, 2 * np.pi), random.uniform(-0.5, 0.5, 2)
    light = 0.85 + depth * 0.5 * (np.cos(angle) * x + np.sin(angle) * y)
    shadow = 1 / (1 + np.exp(-((x - at[0]) * np.cos(angle) + (y - at[1]) * np.sin(angle)) / 0.06))
    return np.asarray(picture * light * (1 - depth * 0.35 * shadow))


def rotate(ink: Image.Image, degrees: float) -> Image.Image:
    """The mask, rotated and as large as it needs to be."""
    return ink.rotate(degrees, Image.Resampling.BICUBIC, expand=True)


# ---------------------------------------------------------------------- the camera


def tilt(picture: np.ndarray, random: Random, by: float = 0.08) -> np.ndarray:
    """The picture (H, W) seen at an angle: corners move inwards by up to the share `by` of the sides."""
    height, width = picture.shape
    corners = np.array([[0, 0], [0, height], [width, height], [width, 0]], float)
    inwards = np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]]) * random.uniform(0, by, (4, 2))
    source = corners + inwards * [width, height]
    rows, goal = [], []
    for (x, y), (u, v) in zip(corners, source, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        goal += [u, v]
    coefficients = np.linalg.solve(np.array(rows), np.array(goal))
    image = Image.fromarray((picture * 255).clip(0, 255).astype(np.uint8))
    seen = image.transform(
        (width, height), Image.Transform.PERSPECTIVE, tuple(coefficients), Image.Resampling.BICUBIC
    )
    return np.asarray(np.asarray(seen, float) / 255)


def photograph(picture: np.ndarray, random: Random) -> bytes:
    """The picture (H, W) as a JPEG file, with blur, noise and a tint."""
    sharp = Image.fromarray((picture * 255).clip(0, 255).astype(np.uint8))
    blurred = np.asarray(sharp.filter(ImageFilter.GaussianBlur(random.uniform(0.8, 2.2))), float) / 255
    noisy = blurred + random.normal(0, random.uniform(0.01, 0.035), blurred.shape)
    tint = np.array([1, random.uniform(0.94, 1), random.uniform(0.82, 1)])
    colour = (noisy[..., None] * tint * 255).clip(0, 255).astype(np.uint8)
    return _file(Image.fromarray(colour), "JPEG", quality=int(random.integers(55, 90)))


def _file(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def scan(picture: np.ndarray) -> bytes:
    """The picture (H, W) in [0, 1] as a PNG file."""
    return _file(Image.fromarray((picture * 255).clip(0, 255).round().astype(np.uint8)), "PNG")


# ---------------------------------------------------------------------- the kinds


# The order in which each kind draws its random numbers is part of its pictures.


def _printed(digit: int, fonts: Fonts, random: Random) -> bytes:
    paper, height = draw_paper(random), int(random.integers(90, 200))
    return scan(lay_ink(paper, print_sign(digit, fonts.printed, height, random), random))


def _drawn_font(digit: int, fonts: Fonts, random: Random) -> bytes:
    paper, height = draw_paper(random), int(random.integers(90, 200))
    return scan(lay_ink(paper, print_sign(digit, fonts.drawn, height, random), random))


def _thin(digit: int, fonts: Fonts, random: Random) -> bytes:
    height, paper = int(random.integers(120, 240)), draw_paper(random)
    return scan(
        lay_ink(paper, draw_digit(digit, height, height * random.uniform(0.02, 0.05), random), random)
    )


def _thick(digit: int, fonts: Fonts, random: Random) -> bytes:
    height, paper = int(random.integers(120, 240)), draw_paper(random)
    return scan(
        lay_ink(paper, draw_digit(digit, height, height * random.uniform(0.15, 0.24), random), random)
    )


def _small(digit: int, fonts: Fonts, random: Random) -> bytes:
    """Small, in a corner of a large page."""
    paper, height = draw_paper(random, 600, 1000), int(random.integers(50, 90))
    return scan(lay_ink(paper, draw_ink(digit, fonts, height, random), random))


def _turned(digit: int, fonts: Fonts, random: Random) -> bytes:
    ink = draw_ink(digit, fonts, int(random.integers(120, 220)), random)
    return scan(lay_ink(draw_paper(random), rotate(ink, random.uniform(-15, 15)), random))


def _ruled(digit: int, fonts: Fonts, random: Random) -> bytes:
    ink = draw_ink(digit, fonts, int(random.integers(90, 180)), random)
    return scan(lay_ink(rule_lines(draw_paper(random), random), ink, random))


def _shaded(digit: int, fonts: Fonts, random: Random) -> bytes:
    ink = draw_ink(digit, fonts, int(random.integers(120, 220)), random)
    return scan(shade(lay_ink(draw_paper(random), ink, random), random))


def _photo(digit: int, fonts: Fonts, random: Random) -> bytes:
    ink = draw_ink(digit, fonts, int(random.integers(120, 220)), random)
    paper = draw_paper(random) if random.random() < 0.6 else rule_lines(draw_paper(random), random)
    page = lay_ink(paper, rotate(ink, random.uniform(-8, 8)), random, dark=random.uniform(0.1, 0.35))
    return photograph(tilt(shade(page, random), random), random)


def _chalk(digit: int, fonts: Fonts, random: Random) -> bytes:
    """Light on a dark board."""
    height = int(random.integers(120, 220))
    ink = draw_digit(digit, height, height * random.uniform(0.05, 0.12), random)
    board = 1 - shade(lay_ink(draw_paper(random), ink, random), random, depth=0.2)
    grain = random.normal(0, 0.03, board.shape)
    return _file(
        Image.fromarray((((board * 0.8 + 0.1) + grain) * 255).clip(0, 255).astype(np.uint8)),
        "JPEG",
        quality=80,
    )


PLAIN: dict[str, Callable[[int, Fonts, Random], bytes]] = {
    "printed": _printed,
    "hand-drawn fonts": _drawn_font,
    "thin pen": _thin,
    "thick marker": _thick,
    "small on a large page": _small,
    "turned up to 15°": _turned,
    "lined paper": _ruled,
    "shaded paper": _shaded,
    "photographed": _photo,
    "light on dark": _chalk,
}
