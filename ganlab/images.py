"""Pictures in and out: decode and prepare uploads, draw and encode tensors as files.

With `ganlab.ink`, the only module that handles file formats and pixel values.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, get_args

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageColor, ImageOps
from torch import Tensor

from ganlab import ink
from ganlab.config import ModelConfig
from ganlab.ink import PictureError as PictureError
from ganlab.ink import Polarity as Polarity

Source: TypeAlias = str | Path | bytes | Image.Image | np.ndarray | Tensor
Crop: TypeAlias = Sequence[float]  # (left, top, side) of a square, in pixels of the upright picture

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
MAX_BYTES = 10_000_000
MAX_PIXELS = 8_000_000
MIN_SIDE = 8  # pixels of a square that is chosen; all of a picture that is smaller
SLACK = 0.5  # pixels by which a square may stick out, since it was rounded; it is moved inside
MAX_NUMBERS = 2_000_000_000  # of many pictures decoded together: 2 GB
UNREADABLE = "This file is not a picture I can read (PNG, JPEG, WebP, GIF, BMP, TIFF up to 8 megapixels)."

DIVERGING = ("#2166ac", "#f7f7f7", "#b35806")  # darker, equal, brighter: safe for colour-blind eyes


@dataclass(frozen=True)
class PreparedPicture:
    """An upload as a model's input, and what preparation changed."""

    x: Tensor  # float32 (1, C, H, W) in [0, 1]
    notes: tuple[str, ...]  # what was changed, in short phrases for people
    inverted: bool  # whether the upload had dark ink


# ---- decoding ------------------------------------------------------------------------------------


def decode(source: Source) -> np.ndarray:
    """Any picture as float32 in [0, 1], (H, W) where the source is grey, else (H, W, 3).

    `source` is a path, a file's bytes, a PIL image, an array or a tensor. Files may be hostile: format, bytes
    and header size are checked before a pixel is decoded. Transparent pixels are laid on white, animations
    give their first frame. PictureError for anything else, or a picture that is too large.
    """
    return _unit(read_pixels(source))


def read_pixels(source: Source) -> np.ndarray:
    """`decode` without the change to floats: uint8, or float32 in [0, 1], (H, W) or (H, W, 3); a source for
    `prepare` that is read already."""
    if isinstance(source, Tensor):
        source = _channels_last(source)
    if isinstance(source, np.ndarray):
        return _from_array(source)
    # PIL's readers raise almost anything on hostile bytes; all of it means the same to a person.
    try:
        image = source if isinstance(source, Image.Image) else Image.open(_file(source), formats=FORMATS)
        _check_size(*image.size)
        return _from_image(ImageOps.exif_transpose(image))
    except PictureError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureError("This picture is too large: at most 8 megapixels.") from None
    except Exception:
        raise PictureError(UNREADABLE) from None


def _file(source: str | Path | bytes) -> io.BytesIO:
    """A file's content; its length is checked before it is read."""
    if not isinstance(source, bytes) and not Path(source).is_file():  # a folder, a device, nothing
        raise PictureError(UNREADABLE)
    size = len(source) if isinstance(source, bytes) else Path(source).stat().st_size
    if size > MAX_BYTES:
        raise PictureError(f"This file is too large ({size / 1e6:.1f} MB): at most 10 MB.")
    return io.BytesIO(source if isinstance(source, bytes) else Path(source).read_bytes())


def _check_size(width: int, height: int) -> None:
    if not 0 < width * height <= MAX_PIXELS:
        raise PictureError(f"This picture is {width} x {height} pixels: at most 8 megapixels can be read.")


def _from_image(image: Image.Image) -> np.ndarray:
    """Any PIL mode as uint8 (H, W) or (H, W, 3), or float32 (H, W) in [0, 1]."""
    if image.mode.startswith("I;16"):  # which convert() would clip at 255
        return np.asarray(np.asarray(image) / 65535, np.float32)
    if image.mode in ("I", "F"):
        return _stretched(np.asarray(image, np.float64))
    if image.has_transparency_data:
        image = _on_paper(image.convert("RGBA"))
    standard: np.ndarray = np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB"))
    return standard


def _stretched(values: np.ndarray) -> np.ndarray:
    """Values (H, W) of unknown range scaled to [0, 1]: from 0 to 1, 255 or 65535, else from their minimum to
    their maximum."""
    if not np.isfinite(values).all():
        raise PictureError("This picture holds values that are not numbers.")
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 65535:
        values = (values - low) / (high - low or 1.0)
    elif high > 1:
        values = values / (255 if high <= 255 else 65535)
    return np.asarray(values, np.float32)


def _on_paper(image: Image.Image) -> Image.Image:
    """RGBA laid on white, or on black where everything visible is white."""
    sheet, alpha = Image.new("RGB", image.size, "white"), image.getchannel("A")
    sheet.paste(image, mask=alpha)
    if np.asarray(sheet).min() > 240 and np.asarray(alpha).min() == 0:
        sheet.paste("black", (0, 0, *image.size))
        sheet.paste(image, mask=alpha)
    return sheet


def _channels_last(x: Tensor) -> np.ndarray:
    """(H, W), (C, H, W) or (1, C, H, W) as (H, W) or (H, W, C)."""
    x = x.detach().cpu()
    if x.dim() == 4 and len(x) == 1:
        x = x[0]
    if x.dim() == 4:
        raise PictureError(f"A tensor must hold one picture, not {len(x)}.")
    return (x.permute(1, 2, 0) if x.dim() == 3 else x).numpy()


def _from_array(array: np.ndarray) -> np.ndarray:
    """An array of a caller as uint8 or float32 in [0, 1], (H, W) or (H, W, 3), transparency laid on white."""
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise PictureError(
            f"An array of shape {array.shape} is no picture: (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)."
        )
    _check_size(array.shape[1], array.shape[0])
    if array.dtype == np.bool_:
        array = array.astype(np.float32)
    if array.dtype != np.uint8:
        if not np.issubdtype(array.dtype, np.floating):
            raise PictureError(f"An array of {array.dtype} is no picture: uint8 0..255 or float 0..1.")
        if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
            raise PictureError("A float array must hold numbers from 0 to 1 only.")
        array = array.astype(np.float32)
    if array.ndim == 3 and array.shape[2] == 4:
        unit = _unit(array)
        array = unit[:, :, :3] * unit[:, :, 3:] + 1 - unit[:, :, 3:]
    return array


def _unit(pixels: np.ndarray) -> np.ndarray:
    """uint8 or float32 pixels as float32 in [0, 1]."""
    return np.asarray(pixels / np.float32(255) if pixels.dtype == np.uint8 else pixels, np.float32)


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


# ---- preparation ---------------------------------------------------------------------------------


def prepare(
    source: Source, config: ModelConfig, polarity: Polarity = "auto", crop: Crop | None = None
) -> PreparedPicture:
    """Any upload as a model's input (1, config.channels, config.size, config.size) in [0, 1].

    `polarity` is the ink's in the upload: "dark" on light, "light" on dark, or "auto" to detect it. `crop` is
    the square to take in place of the largest in the middle, for the preparation "picture". PictureError for
    a picture or a square that cannot be used, ValueError for unknown settings.
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


def check_crop(crop: object, width: int, height: int) -> tuple[float, float, float]:
    """(left, top, side) of a square inside a picture; PictureError for anything else."""
    numbers = list(crop) if isinstance(crop, list | tuple) else []
    try:
        left, top, side = (float(number) for number in numbers if not isinstance(number, str | bool))
    except (TypeError, ValueError, OverflowError):
        left = top = side = math.nan
    if not all(map(math.isfinite, (left, top, side))):
        raise PictureError("A square is three numbers: left, top and side, in pixels of the upright picture.")
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
    unit = _unit(np.array(image)).clip(0, 1).reshape(config.size, config.size, config.channels)
    x = torch.from_numpy(unit.transpose(2, 0, 1).copy())
    return PreparedPicture(x[None], tuple(notes) or ("unchanged",), inverted=False)


def _digit(pixels: np.ndarray, config: ModelConfig, polarity: Polarity, crop: Crop | None) -> PreparedPicture:
    """The "digit" preparation: one bright digit on black, sized and centred as MNIST's digits are. It finds
    the digit itself and takes no `crop`."""
    if crop is not None:
        raise PictureError("This model finds the digit in a picture itself; it takes no square.")
    plain = np.asarray(_image(pixels, grey=True))
    inverse = 255 - plain if plain.dtype == np.uint8 else 1 - plain
    if polarity != "dark" and ink.is_mnist(_unit(plain)):
        picture, notes, inverted = _unit(plain), ["already 28x28 MNIST: unchanged"], False
    elif polarity != "light" and ink.is_mnist(_unit(inverse)):
        picture, notes, inverted = _unit(inverse), ["28x28 MNIST in dark ink: inverted"], True
    else:
        strokes = ink.find_ink(_unit(plain), polarity)
        strength, thickened = ink.thicken(strokes.strength)
        picture, inverted = ink.fit_to_canvas(strength), strokes.dark
        notes = ["dark ink on light: inverted" if strokes.dark else "light ink on dark: kept"]
        notes += ["uneven light removed"] * strokes.uneven + ["thin strokes thickened"] * thickened
        notes += ["scaled and centred as MNIST"]
    x = torch.tensor(picture)[None, None]
    if config.size != ink.MNIST:
        x = F.interpolate(x, (config.size, config.size), mode="bilinear", antialias=True).clamp(0, 1)
    return PreparedPicture(x.repeat(1, config.channels, 1, 1), tuple(notes), inverted)


Preparation: TypeAlias = Callable[[np.ndarray, ModelConfig, Polarity, Crop | None], PreparedPicture]
PREPARATIONS: dict[str, Preparation] = {
    "digit": _digit,
    "picture": _picture,
}


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
