"""Pictures in and out: prepare uploads, draw and encode tensors as files.

With `ganlab.decoding` and `ganlab.ink`, the only modules that handle file formats and pixel values.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, get_args

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageColor
from torch import Tensor

from ganlab import ink
from ganlab.config import ModelConfig
from ganlab.decoding import FORMATS as FORMATS
from ganlab.decoding import MAX_BYTES as MAX_BYTES
from ganlab.decoding import MAX_PIXELS as MAX_PIXELS
from ganlab.decoding import UNREADABLE as UNREADABLE
from ganlab.decoding import Source as Source
from ganlab.decoding import decode as decode
from ganlab.decoding import open_large as open_large
from ganlab.decoding import read_pixels as read_pixels
from ganlab.decoding import to_unit
from ganlab.files import write_bytes
from ganlab.ink import Box as Box
from ganlab.ink import PictureError as PictureError
from ganlab.ink import Polarity as Polarity

# In pixels of the upright picture: (left, top, side) of a square, or (left, top, width, height).
Crop: TypeAlias = Sequence[float]

MIN_SIDE = 8  # pixels of a square that is chosen; all of a picture that is smaller
SLACK = 0.5  # pixels by which a square may stick out, since it was rounded; it is moved inside
MAX_NUMBERS = 2_000_000_000  # of many pictures decoded together: 2 GB

DIVERGING = ("#2166ac", "#f7f7f7", "#b35806")  # darker, equal, brighter: safe for colour-blind eyes


@dataclass(frozen=True)
class PreparedPicture:
    """An upload as a model's input, and what preparation changed."""

    x: Tensor  # float32 (1, C, H, W) in [0, 1]
    notes: tuple[str, ...]  # what was changed, in short phrases for people
    inverted: bool  # whether the upload had dark ink
    digits: tuple[Box, ...] = ()  # of all digits that were seen; the first is the one that was taken
    doubt: str = ""  # a sentence why preparation is unsure; empty where it is sure


# ---- preparation ---------------------------------------------------------------------------------


def prepare(
    source: Source, config: ModelConfig, polarity: Polarity = "auto", crop: Crop | None = None
) -> PreparedPicture:
    """Any upload as a model's input (1, config.channels, config.size, config.size) in [0, 1].

    `polarity` is the ink's in the upload: "dark" on light, "light" on dark, or "auto" to detect it. `crop` is
    the part to look at. The preparation "picture" takes a square of it in place of the largest in the middle;
    "digit" takes a square or a rectangle, sees nothing outside, and of several digits takes the one that lies
    most inside. PictureError for a picture or a part that cannot be used, ValueError for unknown settings.
    """
    if config.preparation not in PREPARATIONS:
        raise ValueError(f"Unknown preparation {config.preparation!r}; available = {list(PREPARATIONS)}.")
    if polarity not in get_args(Polarity):
        raise ValueError(f"Unknown polarity {polarity!r}; available = {list(get_args(Polarity))}.")
    if config.channels not in (1, 3):
        raise ValueError(f"Uploads become pictures of 1 or 3 channels, not {config.channels}.")
    return PREPARATIONS[config.preparation](read_pixels(source), config, polarity, crop)


def find_middle(width: int, height: int) -> tuple[float, float, float]:
    """The largest square in the middle of a picture: (left, top, side)."""
    side = min(width, height)
    return (width - side) / 2, (height - side) / 2, float(side)


def _read_numbers(crop: object) -> list[float]:
    """The numbers of a crop that anybody may have sent; empty where they are none."""
    numbers = list(crop) if isinstance(crop, list | tuple) else []
    try:
        if any(isinstance(number, str | bool) for number in numbers):
            return []
        finite = [float(number) for number in numbers]
    except (TypeError, ValueError, OverflowError):
        return []
    return finite if all(map(math.isfinite, finite)) else []


def check_crop(crop: object, width: int, height: int) -> tuple[float, float, float]:
    """(left, top, side) of a square inside a picture; PictureError for anything else."""
    numbers = _read_numbers(crop)
    if len(numbers) != 3:
        raise PictureError("A square is three numbers: left, top and side, in pixels of the upright picture.")
    left, top, side = numbers
    least = min(MIN_SIDE, width, height)
    if side < least:
        raise PictureError(f"A square is at least {least} pixels wide, not {side:g}.")
    if min(left, top) < -SLACK or left + side > width + SLACK or top + side > height + SLACK:
        raise PictureError(
            f"The square from ({left:g}, {top:g}), {side:g} pixels wide, is not inside the picture, which is"
            f" {width} x {height} pixels."
        )
    side = min(side, width, height)
    return min(max(left, 0.0), width - side), min(max(top, 0.0), height - side), side


def check_part(crop: object, width: int, height: int) -> tuple[int, int, int, int]:
    """The whole pixels (left, top, right, bottom; ends exclusive) of a part of a picture, a square or a
    rectangle; PictureError for anything else."""
    numbers = _read_numbers(crop)
    if len(numbers) not in (3, 4):
        raise PictureError(
            "A part of a picture is three numbers (left, top, side) or four (left, top, width, height), in"
            " pixels of the upright picture."
        )
    left, top, wide, high = [*numbers, numbers[2]][:4]
    least = min(MIN_SIDE, width, height)
    if min(wide, high) < least:
        raise PictureError(
            f"A part of a picture is at least {least} pixels wide and high, not {wide:g} x {high:g}."
        )
    if min(left, top) < -SLACK or left + wide > width + SLACK or top + high > height + SLACK:
        raise PictureError(
            f"The part from ({left:g}, {top:g}), {wide:g} x {high:g} pixels, is not inside the picture, which"
            f" is {width} x {height} pixels."
        )
    right, bottom = min(math.ceil(left + wide), width), min(math.ceil(top + high), height)
    return max(math.floor(left), 0), max(math.floor(top), 0), right, bottom


def _picture(
    pixels: np.ndarray, config: ModelConfig, polarity: Polarity, crop: Crop | None
) -> PreparedPicture:
    """The "picture" preparation: a square, resized; the middle one unless another is chosen. It ignores
    `polarity`."""
    height, width = pixels.shape[:2]
    middle, size = find_middle(width, height), (config.size, config.size)
    left, top, side = middle if crop is None else check_crop(crop, width, height)
    notes = [] if width == height else ["middle square kept"]
    if (left, top, side) != middle:
        notes = [f"square of {side:.0f} pixels"]
    image = _image(pixels, grey=config.channels == 1)
    if (width, height, side) != (*size, config.size):
        box = (left, top, left + side, top + side)
        image = image.resize(size, Image.Resampling.LANCZOS, box=box)
        notes.append(f"resized to {config.size}x{config.size}")
    unit = to_unit(np.array(image)).clip(0, 1).reshape(config.size, config.size, config.channels)
    x = torch.from_numpy(unit.transpose(2, 0, 1).copy())
    return PreparedPicture(x[None], tuple(notes) or ("unchanged",), inverted=False)


def _digit(pixels: np.ndarray, config: ModelConfig, polarity: Polarity, crop: Crop | None) -> PreparedPicture:
    """The "digit" preparation: one bright digit on black, sized and centred as MNIST's digits are."""
    left = top = 0
    if crop is not None:
        left, top, right, bottom = check_part(crop, pixels.shape[1], pixels.shape[0])
        pixels = pixels[top:bottom, left:right]
    digits: tuple[Box, ...] = ()
    doubt = ""
    if (same := _read_mnist(pixels, polarity)) is not None:
        picture, inverted = same
        notes = ["28x28 MNIST in dark ink: inverted" if inverted else "already 28x28 MNIST: unchanged"]
    else:
        strokes = ink.find_ink(pixels, polarity, is_cut=crop is not None)
        picture, changes = ink.fit_to_canvas(strokes.strength)
        inverted, doubt = strokes.dark, strokes.doubt
        notes = ["dark ink on light: inverted" if strokes.dark else "light ink on dark: kept"]
        notes += ["uneven light removed"] * strokes.uneven
        notes += [*strokes.notes, *changes, "scaled and centred as MNIST"]
        digits = tuple((left + x, top + y, width, height) for x, y, width, height in strokes.boxes)
    x = torch.tensor(picture)[None, None]
    if config.size != ink.MNIST:
        x = F.interpolate(x, (config.size, config.size), mode="bilinear", antialias=True).clamp(0, 1)
    x = x.repeat(1, config.channels, 1, 1)
    return PreparedPicture(x, tuple(notes), inverted, digits, doubt)


def _read_mnist(pixels: np.ndarray, polarity: Polarity) -> tuple[np.ndarray, bool] | None:
    """A digit (28, 28) in [0, 1] as MNIST has it, and whether it was inverted; None for other pictures."""
    if pixels.shape[:2] != (ink.MNIST, ink.MNIST):
        return None
    plain = np.asarray(_image(pixels, grey=True))
    inverse = 255 - plain if plain.dtype == np.uint8 else 1 - plain
    if polarity != "dark" and ink.is_mnist(to_unit(plain)):
        return to_unit(plain), False
    if polarity != "light" and ink.is_mnist(to_unit(inverse)):
        return to_unit(inverse), True
    return None


Preparation: TypeAlias = Callable[[np.ndarray, ModelConfig, Polarity, Crop | None], PreparedPicture]
PREPARATIONS: dict[str, Preparation] = {
    "digit": _digit,
    "picture": _picture,
}


def _image(pixels: np.ndarray, grey: bool) -> Image.Image:
    """Pixels as a PIL image: "L" or "RGB"; "F" for grey floats, which have no eight bits."""
    if pixels.dtype == np.uint8:
        image = Image.fromarray(pixels)
        return image.convert("L") if grey else image.convert("RGB")
    if grey:
        return Image.fromarray(
            pixels @ np.array([0.299, 0.587, 0.114], np.float32) if pixels.ndim == 3 else pixels
        )
    return Image.fromarray((pixels * 255).round().astype(np.uint8)).convert("RGB")


# ---- pictures out --------------------------------------------------------------------------------


def to_uint8(x: Tensor) -> np.ndarray:
    """A picture (C, H, W) in [0, 1] as uint8 (H, W) for grey or (H, W, 3); values outside are clamped."""
    pixels = x.detach().float().clamp(0, 1).mul(255).round().byte().cpu().numpy()
    return np.asarray(pixels[0] if pixels.shape[0] == 1 else pixels.transpose(1, 2, 0))


def to_pil(x: Tensor, scale: int = 1) -> Image.Image:
    """A picture (C, H, W) in [0, 1] as a PIL image, each pixel `scale` x `scale` large."""
    image = Image.fromarray(to_uint8(x))
    return image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)


def draw_grid(x: Tensor, columns: int, scale: int = 1, gap: int = 2) -> Image.Image:
    """Pictures (N, C, H, W) in [0, 1] in rows of `columns`, `gap` grey pixels around each; then `scale` times
    as large."""
    count, channels, height, width = x.shape
    rows = -(-count // columns)
    sheet = Image.new(
        "L" if channels == 1 else "RGB",
        (columns * (width + gap) + gap, rows * (height + gap) + gap),
        128 if channels == 1 else (128, 128, 128),
    )
    for index, picture in enumerate(x):
        row, column = divmod(index, columns)
        sheet.paste(to_pil(picture), (gap + column * (width + gap), gap + row * (height + gap)))
    return sheet.resize((sheet.width * scale, sheet.height * scale), Image.Resampling.NEAREST)


def draw_strip(path: Tensor, scale: int = 4) -> Image.Image:
    """Pictures (N, C, H, W) in [0, 1] in one row, one pixel (times `scale`) between them."""
    return draw_grid(path, columns=len(path), scale=scale, gap=1)


def encode_png(image: Image.Image) -> bytes:
    """The content of a PNG file."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def save(image: Image.Image, path: Path, **options: Any) -> None:
    """Write a file whose format its ending says, whole or not at all; WriteError where it cannot be."""
    content = io.BytesIO()  # PIL takes no notice where a file takes only a part of what it writes
    image.save(content, Image.registered_extensions()[path.suffix.lower()], optimize=True, **options)
    write_bytes(path, content.getvalue())


def encode_data_uri(x: Tensor, scale: int = 1) -> str:
    """A picture (C, H, W) in [0, 1] as a data: URI of a PNG, which a page shows without another request."""
    return "data:image/png;base64," + base64.b64encode(encode_png(to_pil(x, scale))).decode("ascii")


def encode_jpegs(pixels: Tensor, quality: int) -> Iterator[bytes]:
    """uint8 (N, C, H, W) as JPEG files, colours at half resolution; their first bytes are all the same."""
    for row in pixels.permute(0, 2, 3, 1).numpy():
        file = io.BytesIO()
        Image.fromarray(row.squeeze(-1) if row.shape[-1] == 1 else row).save(file, "JPEG", quality=quality)
        yield file.getvalue()


def decode_jpegs(files: Iterable[bytes], shape: tuple[int, int, int, int]) -> np.ndarray:
    """N grey or colour JPEG files as uint8 of `shape` (N, H, W, C). ValueError for pictures of another size,
    before they are decoded, and for more than MAX_NUMBERS."""
    count, height, width, channels = shape
    mode = {1: "L", 3: "RGB"}.get(channels)
    if mode is None or math.prod(shape) > MAX_NUMBERS:
        raise ValueError(f"{count} pictures of {height} x {width} with {channels} channels are too many")
    pixels = np.empty(shape, np.uint8)
    for row, content in enumerate(files):
        try:
            with Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
                if image.size != (width, height) or image.mode not in ("L", "RGB"):
                    raise ValueError(f"picture {row} is {image.size} in {image.mode}")
                same = image if image.mode == mode else image.convert(mode)
                pixels[row] = np.asarray(same).reshape(shape[1:])
        except (OSError, SyntaxError, Image.DecompressionBombError) as error:
            raise ValueError(f"picture {row} is damaged: {error}") from None
    return pixels


def draw_difference(a: Tensor, b: Tensor) -> Tensor:
    """b - a of two pictures (C, H, W) in [0, 1], its mean over the channels, in the colours of DIVERGING:
    (3, H, W) in [0, 1]."""
    signed = (b.detach().float() - a.detach().float()).mean(0).cpu().clamp(-1, 1)
    darker, equal, brighter = (
        torch.tensor(ImageColor.getrgb(colour)[:3]).view(3, 1, 1) / 255 for colour in DIVERGING
    )
    end = torch.where(signed > 0, brighter, darker)
    return torch.lerp(equal.expand_as(end), end, signed.abs().expand_as(end))


def encode_animation(
    path: Tensor,
    scale: int = 8,
    seconds_per_frame: float = 0.08,
    there_and_back: bool = True,
    kind: str = "gif",
) -> bytes:
    """The content of a file of `kind` "gif" or "webp" that plays pictures (N, C, H, W) in [0, 1] in a loop.

    Grey pixels are exact in both, colours in WebP only. `there_and_back` appends the way back.
    """
    frames = [to_pil(picture, scale) for picture in path]
    if there_and_back:
        frames += frames[-2:0:-1]
    file = io.BytesIO()
    frames[0].save(
        file,
        kind.upper(),
        save_all=True,
        append_images=frames[1:],
        duration=round(seconds_per_frame * 1000),
        loop=0,
        **({"lossless": True} if kind == "webp" else {"optimize": False}),
    )
    return file.getvalue()
