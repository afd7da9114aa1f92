"""Pictures in and out: the only file that knows pixels, polarity and PIL."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageColor, ImageOps
from torch import Tensor

from ganlab.model import ModelConfig

Source: TypeAlias = str | Path | bytes | Image.Image | np.ndarray | Tensor
Polarity: TypeAlias = Literal["auto", "light", "dark"]  # what the ink is in the upload

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
MAX_BYTES = 10_000_000
MAX_PIXELS = 8_000_000
UNREADABLE = "This file is not a picture I can read (PNG, JPEG, WebP, GIF, BMP, TIFF up to 8 megapixels)."
BLANK = "There is no ink in this picture: draw or upload a digit."

MNIST, SIDE = 28, 20  # MNIST's pictures are 28x28, its digits 20 on their longest side
WORK = 400  # longest side, in pixels, at which ink is looked for
COARSE = 48  # longest side at which light and the parts of a digit are looked for
FAINTEST = 0.04  # contrast, of 1, below which a picture is blank
SPECK = 0.08  # of the largest part's ink: a separate part with less is dirt
THINNEST = 1.8  # stroke width in pixels of a 28x28 picture below which strokes are thickened
DIVERGING = ("#2166ac", "#f7f7f7", "#b35806")  # darker, equal, brighter: safe for colour-blind eyes


class PictureError(ValueError):
    """A picture that cannot be used; the message says what was wrong and what would be right."""


@dataclass(frozen=True)
class Prepared:
    """A model's input and what was done to get it."""

    x: Tensor  # float32 (1, C, H, W) in [0, 1]
    notes: tuple[str, ...]  # short plain phrases for a person
    inverted: bool  # the upload had dark ink


# ---- decoding ------------------------------------------------------------------------------------


def decode(source: Source) -> np.ndarray:
    """Any picture -> float32 in [0, 1], (H, W) where the source is grey, else (H, W, 3).

    Files may be hostile: format, bytes and header size are checked before a pixel is decoded.
    Transparent pictures lie on white, animations give their first frame. Raises PictureError.
    """
    return _unit(_pixels(source))


def _pixels(source: Source) -> np.ndarray:
    """Any picture as uint8, or float32 in [0, 1], of shape (H, W) or (H, W, 3)."""
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
    """A file in memory, its length checked before it is read."""
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
    """Numbers of unknown range into [0, 1], by the range that they seem to have."""
    if not np.isfinite(values).all():
        raise PictureError("This picture holds values that are not numbers.")
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 65535:
        values = (values - low) / (high - low or 1.0)
    elif high > 1:
        values = values / (255 if high <= 255 else 65535)
    return np.asarray(values, np.float32)


def _on_paper(image: Image.Image) -> Image.Image:
    """RGBA laid on white paper, or on black where all that can be seen is white."""
    sheet, alpha = Image.new("RGB", image.size, "white"), image.getchannel("A")
    sheet.paste(image, mask=alpha)
    if np.asarray(sheet).min() > 240 and np.asarray(alpha).min() == 0:
        sheet.paste("black", (0, 0, *image.size))
        sheet.paste(image, mask=alpha)
    return sheet


def _channels_last(x: Tensor) -> np.ndarray:
    x = x.detach().cpu()
    if x.dim() == 4 and len(x) == 1:
        x = x[0]
    if x.dim() == 4:
        raise PictureError(f"One picture is wanted, not {len(x)}.")
    return (x.permute(1, 2, 0) if x.dim() == 3 else x).numpy()


def _from_array(array: np.ndarray) -> np.ndarray:
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


def prepare(source: Source, config: ModelConfig, polarity: Polarity = "auto") -> Prepared:
    """Any upload as a model's input (1, config.channels, config.size, config.size) in [0, 1].

    `polarity` says what the ink is in the upload: "dark" on light, "light" on dark, or "auto".
    Raises PictureError for a picture that cannot be used, ValueError for settings that do not exist.
    """
    if config.preparation not in PREPARATIONS:
        raise ValueError(f"Unknown preparation {config.preparation!r}; available = {list(PREPARATIONS)}.")
    if polarity not in get_args(Polarity):
        raise ValueError(f"Unknown polarity {polarity!r}; available = {list(get_args(Polarity))}.")
    if config.channels not in (1, 3):
        raise ValueError(f"Uploads become pictures of 1 or 3 channels, not {config.channels}.")
    return PREPARATIONS[config.preparation](_pixels(source), config, polarity)


def _picture(pixels: np.ndarray, config: ModelConfig, polarity: Polarity) -> Prepared:
    """The middle square, resized; `polarity` means nothing here."""
    notes = [] if pixels.shape[0] == pixels.shape[1] else ["middle square kept"]
    image = _image(pixels, grey=config.channels == 1)
    if pixels.shape[:2] != (config.size, config.size):
        image = ImageOps.fit(image, (config.size, config.size), Image.Resampling.LANCZOS)
        notes.append(f"resized to {config.size}x{config.size}")
    unit = _unit(np.array(image)).clip(0, 1).reshape(config.size, config.size, config.channels)
    x = torch.from_numpy(unit.transpose(2, 0, 1).copy())
    return Prepared(x[None], tuple(notes) or ("unchanged",), inverted=False)


def _digit(pixels: np.ndarray, config: ModelConfig, polarity: Polarity) -> Prepared:
    """One bright digit on black, of the size and at the place that MNIST's digits have."""
    grey = _image(pixels, grey=True)
    plain = np.array(grey)
    inverse = 255 - plain if plain.dtype == np.uint8 else 1 - plain
    if polarity != "dark" and _is_mnist(_unit(plain)):
        picture, notes, inverted = _unit(plain), ["already 28x28 MNIST: unchanged"], False
    elif polarity != "light" and _is_mnist(_unit(inverse)):
        picture, notes, inverted = _unit(inverse), ["28x28 MNIST in dark ink: inverted"], True
    else:
        ink = _find_ink(grey, polarity)
        strokes, thickened = _thickened(ink.strength)
        picture, inverted = _placed(strokes), ink.dark
        notes = ["dark ink on light: inverted" if ink.dark else "light ink on dark: kept"]
        notes += ["uneven light removed"] * ink.uneven + ["thin strokes thickened"] * thickened
        notes += ["scaled and centred as MNIST"]
    x = torch.from_numpy(picture)[None, None]
    if config.size != MNIST:
        x = F.interpolate(x, (config.size, config.size), mode="bilinear", antialias=True).clamp(0, 1)
    return Prepared(x.repeat(1, config.channels, 1, 1), tuple(notes), inverted)


PREPARATIONS: dict[str, Callable[[np.ndarray, ModelConfig, Polarity], Prepared]] = {
    "digit": _digit,
    "picture": _picture,
}


def _is_mnist(picture: np.ndarray) -> bool:
    """Whether a picture in [0, 1] keeps MNIST's convention, as all of its 70,000 digits do.

    28x28, mostly exact zeros, the ink's longest side 20 (13 digits: 19), centre of mass at (14, 14) rounded.
    """
    if picture.shape != (MNIST, MNIST) or picture.max() < 0.98 or (picture == 0).mean() < 0.5:
        return False
    top, bottom, left, right = _bounds(picture > 0)
    centred = max(abs(centre - MNIST / 2) for centre in _centre(picture)) < 0.53
    return centred and max(bottom - top, right - left) in (SIDE - 1, SIDE)


def _bounds(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Top, bottom, left, right (ends exclusive) of what is True; the mask is not empty."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _centre(picture: np.ndarray) -> tuple[float, float]:
    """Centre of mass (row, column); the picture is not empty."""
    total = picture.sum()
    rows, columns = (np.arange(length) for length in picture.shape)
    return float(picture.sum(1) @ rows / total), float(picture.sum(0) @ columns / total)


# ---- ink -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Ink:
    strength: np.ndarray  # float32 (h, w), 0 paper to 1 ink, cropped to the ink
    dark: bool
    uneven: bool


def _find_ink(grey: Image.Image, polarity: Polarity) -> _Ink:
    """The ink of one digit, whatever the paper, the light and the dust. Raises PictureError if none."""
    factor = math.ceil(max(grey.size) / WORK)
    values = _unit(np.asarray(grey.reduce(factor)))
    height, width = values.shape
    coarse, dark, uneven = _paper(_coarse(values, F.adaptive_avg_pool2d), polarity)
    paper = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BILINEAR))
    # Shade dims the paper and the contrast of dark ink alike; light ink adds to a dark ground.
    strength = _without_noise((paper - values) / np.maximum(paper, 0.1) if dark else values - paper)
    strength = strength * _main_parts(strength)
    if strength.max() <= 0.5:
        raise PictureError(BLANK)
    top, bottom, left, right = _bounds(strength > 0.15)
    margin = max(bottom - top, right - left) // 4 + 2
    box = (
        max(left - margin, 0),
        max(top - margin, 0),
        min(right + margin, width),
        min(bottom + margin, height),
    )
    if max(box[2] - box[0], box[3] - box[1]) < 0.6 * max(height, width):
        # A digit that is small on its page is looked at again, closer.
        left, top, right, bottom = (corner * factor for corner in box)
        close = grey.crop((left, top, min(right, grey.width), min(bottom, grey.height)))
        closer = _find_ink(close, "dark" if dark else "light")
        return _Ink(closer.strength, dark, uneven or closer.uneven)
    return _Ink(strength[top:bottom, left:right], dark, uneven)


def _pooled(values: np.ndarray, pool: Callable[..., Tensor], *sizes: Any) -> np.ndarray:
    pooled: np.ndarray = pool(torch.from_numpy(np.array(values, np.float32))[None, None], *sizes)[
        0, 0
    ].numpy()
    return pooled


def _coarse(values: np.ndarray, pool: Callable[..., Tensor]) -> np.ndarray:
    return _pooled(values, pool, tuple(min(length, COARSE) for length in values.shape))


def _widest(values: np.ndarray, side: int) -> np.ndarray:
    """The largest value of each square of an odd `side`."""
    rows = _pooled(values, F.max_pool2d, (side, 1), 1, (side // 2, 0))
    return _pooled(rows, F.max_pool2d, (1, side), 1, (0, side // 2))


def _paper(values: np.ndarray, polarity: Polarity) -> tuple[np.ndarray, bool, bool]:
    """The picture as if without ink; whether the ink is dark; whether the light is uneven."""
    dark = _is_dark(values, polarity)
    clear = _clear(values, dark)
    low, level, high = np.quantile(clear, (0.25, 0.5, 0.75))
    if high - low < 0.16 * abs(level - _middle(values)) or high == low:
        return np.full_like(values, level), dark, False
    trend = _trend(values)
    rest = values - trend
    dark = _is_dark(rest, polarity)
    # What is wider than any stroke is a shadow.
    side = max(values.shape) // 3 | 1
    shadow = -_widest(-_widest(rest, side), side) if dark else _widest(-_widest(-rest, side), side)
    shadow = _pooled(shadow, F.avg_pool2d, 3, 1, 1, False, False)
    return trend + shadow + np.median(_clear(rest - shadow, dark)), dark, True


def _middle(values: np.ndarray) -> float:
    return float(values.min() + values.max()) / 2


def _is_dark(values: np.ndarray, polarity: Polarity) -> bool:
    """Whether the ink is the darker part: the paper has most of the border and of the area."""
    light = values > _middle(values)
    border = np.concatenate([light[0], light[-1], light[:, 0], light[:, -1]])
    return polarity == "dark" or (polarity == "auto" and bool(2 * border.mean() + light.mean() > 1.5))


def _clear(values: np.ndarray, dark: bool) -> np.ndarray:
    """Values of the paper away from ink, or all of the paper's where the ink leaves no room."""
    ink = values < _middle(values) if dark else values > _middle(values)
    clear = values[_widest(ink, 5) == 0]
    return clear if clear.size else values[~ink]


def _trend(values: np.ndarray) -> np.ndarray:
    """The quadratic surface through most of the picture: strokes count little."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, length) for length in values.shape), indexing="ij")
    basis = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], -1).reshape(-1, 6)
    weights = np.ones(values.size)
    for _ in range(10):  # least absolute deviations, by reweighting; the ridge is for pictures a pixel wide
        weighted = basis.T * weights
        surface = basis @ np.linalg.solve(weighted @ basis + 1e-6 * np.eye(6), weighted @ values.ravel())
        weights = 1 / (np.abs(values.ravel() - surface) + 0.01)
    return np.asarray(surface.reshape(values.shape), np.float32)


def _without_noise(ink: np.ndarray) -> np.ndarray:
    """Contrast with the paper -> strength, 0 to 1. Raises PictureError where only noise is left."""
    smooth = _pooled(ink, F.avg_pool2d, 3, 1, 1, False, False)
    strongest = np.sort(_coarse(smooth, F.adaptive_max_pool2d).ravel())[-3:]
    peak = float(max(strongest[0], strongest[-1] / 2))  # the very strongest may be dirt
    if peak < max(FAINTEST, min(6 * _noise(smooth), 0.3)):  # strong contrast is ink, however full the frame
        raise PictureError(BLANK)
    full = max(float(np.quantile(ink[smooth >= peak / 2], 0.75)), peak / 2)
    floor = min(max(0.05, 3 * _noise(ink) / full), 0.5)
    return np.asarray(((ink / full - floor) / (1 - floor)).clip(0, 1), np.float32)


def _noise(ink: np.ndarray) -> float:
    """Standard deviation of the paper's noise: a quarter of the pixels at least are clear paper."""
    return float(np.quantile(np.abs(ink.ravel()[::5]), 0.25)) / 0.319


def _main_parts(strength: np.ndarray) -> np.ndarray:
    """1 around the parts that belong to the digit, 0 around specks; (h, w) float32.

    Parts that nearly touch count as one; a part far from the rest belongs if it is no speck.
    """
    dots = torch.from_numpy(_widest(_coarse(strength, F.adaptive_max_pool2d) > 0.5, 3))[None, None]
    labels = dots * torch.arange(1, dots.numel() + 1).view_as(dots)
    while True:  # each part takes the largest number in it
        spread = F.max_pool2d(labels, 3, 1, 1) * dots
        if torch.equal(spread, labels):
            break
        labels = spread
    parts = labels[0, 0].long().numpy()
    mass = np.bincount(parts.ravel(), weights=_coarse(strength, F.adaptive_avg_pool2d).ravel())
    mass[0] = 0
    edges = ({*edge} for edge in (parts[0], parts[-1], parts[:, 0], parts[:, -1]))
    for frame in set.intersection(*edges) - {0}:
        if np.delete(mass, frame).max() > SPECK / 2 * mass[frame]:
            mass[frame] = 0  # a frame or a table around the paper: more than a speck lies inside
    kept = (mass >= SPECK * mass.max())[parts] & (parts > 0)
    return _pooled(_widest(kept, 3), F.interpolate, strength.shape)


def _thickened(strength: np.ndarray) -> tuple[np.ndarray, bool]:
    """Strokes that would be thinner than THINNEST once the longest side is SIDE, made that thick."""
    finer = math.ceil(4 * SIDE / max(strength.shape))  # small pictures are enlarged to thicken finely
    size = (strength.shape[1] * finer, strength.shape[0] * finer)
    strength = np.asarray(Image.fromarray(strength).resize(size, Image.Resampling.BICUBIC))
    ink = np.pad(strength > 0.5, 1)
    # Area over half the outline, which a pixel grid shows 4 / pi too long.
    outline = math.pi / 4 * ((ink[1:] != ink[:-1]).sum() + (ink[:, 1:] != ink[:, :-1]).sum())
    width = 2 * ink.sum() / max(outline, 1)
    more = round(THINNEST * max(strength.shape) / SIDE - width)
    if more <= 0:
        return strength, False
    return _widest(np.pad(strength, more), more // 2 * 2 + 1), True


def _placed(strength: np.ndarray) -> np.ndarray:
    """Ink scaled to a longest side of 20, its centre of mass in the middle of 28x28, in 256 levels."""
    top, bottom, left, right = _bounds(strength > 0.05)
    strength = strength[top:bottom, left:right]
    scale = SIDE / max(strength.shape)
    height, width = (max(1, round(length * scale)) for length in strength.shape)
    method = Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC
    small = np.asarray(Image.fromarray(strength).resize((width, height), method)).clip(0, 1)
    small = (small / small.max() * 255).round() / 255
    centres = zip(_centre(small), small.shape, strict=True)
    top, left = (min(max(round(MNIST / 2 - centre), 0), MNIST - length) for centre, length in centres)
    picture = np.zeros((MNIST, MNIST), np.float32)
    picture[top : top + height, left : left + width] = small
    return picture


# ---- pictures out --------------------------------------------------------------------------------


def to_uint8(x: Tensor) -> np.ndarray:
    """(C, H, W) in [0, 1] -> uint8 (H, W) for grey or (H, W, 3)."""
    pixels = x.detach().float().clamp(0, 1).mul(255).round().byte().cpu().numpy()
    return np.asarray(pixels[0] if pixels.shape[0] == 1 else pixels.transpose(1, 2, 0))


def to_pil(x: Tensor, scale: int = 1) -> Image.Image:
    """One picture (C, H, W) in [0, 1]; `scale` repeats pixels, never blurs."""
    image = Image.fromarray(to_uint8(x))
    return image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)


def grid(x: Tensor, columns: int, scale: int = 1, gap: int = 2) -> Image.Image:
    """Pictures (N, C, H, W) in [0, 1] in rows of `columns`, `gap` grey pixels between them."""
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


def strip(path: Tensor, scale: int = 4) -> Image.Image:
    """Pictures (N, C, H, W) in [0, 1] in one row, one pixel (times `scale`) between them."""
    return grid(path, columns=len(path), scale=scale, gap=1)


def png(image: Image.Image) -> bytes:
    """A PNG file."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def data_uri(x: Tensor, scale: int = 1) -> str:
    """One picture (C, H, W) in [0, 1] as the text that a page shows without another request."""
    return "data:image/png;base64," + base64.b64encode(png(to_pil(x, scale))).decode("ascii")


def difference(a: Tensor, b: Tensor) -> Tensor:
    """b - a of two pictures (C, H, W) in [0, 1] in the colours of DIVERGING, (3, H, W) in [0, 1]."""
    signed = (b.detach().float() - a.detach().float()).mean(0).cpu().clamp(-1, 1)
    darker, equal, brighter = (
        torch.tensor(ImageColor.getrgb(colour)[:3]).view(3, 1, 1) / 255 for colour in DIVERGING
    )
    end = torch.where(signed > 0, brighter, darker)
    return torch.lerp(equal.expand_as(end), end, signed.abs().expand_as(end))


def gif(path: Tensor, scale: int = 8, seconds_per_frame: float = 0.08, there_and_back: bool = True) -> bytes:
    """Pictures (N, C, H, W) in [0, 1] as an animation without end; grey ones keep their exact pixels."""
    frames = [to_pil(picture, scale) for picture in path]
    if there_and_back:
        frames += frames[-2:0:-1]
    file = io.BytesIO()
    frames[0].save(
        file,
        "GIF",
        save_all=True,
        append_images=frames[1:],
        duration=round(seconds_per_frame * 1000),
        loop=0,
        optimize=False,
    )
    return file.getvalue()
