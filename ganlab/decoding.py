"""Files in: any picture that people have, read safely into pixels."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageOps
from torch import Tensor

from ganlab.ink import PictureError

Source: TypeAlias = str | Path | bytes | Image.Image | np.ndarray | Tensor

FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF")
MAX_BYTES = 10_000_000
MAX_PIXELS = 8_000_000
UNREADABLE = (
    "This file is not a picture I can read (PNG, JPEG, WebP, AVIF, GIF, BMP, TIFF up to 8 megapixels)."
)
EMPTY = "The file is empty."
SVG = "This is an SVG, a drawing in text, which cannot be read here: export it as a PNG."
HEIC = (
    "This is a HEIC photograph, which cannot be read here. Send it as a JPEG: open it in Photos or Preview"
    " and export it; an iPhone takes JPEGs with Settings, Camera, Formats, Most Compatible."
)
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}  # in the first box of a file


def decode(source: Source) -> np.ndarray:
    """Any picture as float32 in [0, 1], (H, W) where the source is grey, else (H, W, 3).

    `source` is a path, a file's bytes, a PIL image, an array or a tensor. Files may be hostile: format, bytes
    and header size are checked before a pixel is decoded. Transparent pixels are laid on white, animations
    give their first frame. PictureError for anything else, or a picture that is too large.
    """
    return to_unit(read_pixels(source))


def read_pixels(source: Source) -> np.ndarray:
    """`decode` without the change to floats: uint8, or float32 in [0, 1], (H, W) or (H, W, 3); a source for
    `prepare` that is read already."""
    if isinstance(source, Tensor):
        source = _channels_last(source)
    if isinstance(source, np.ndarray):
        return _from_array(source)
    # PIL's readers raise almost anything on hostile bytes; all of it means the same to a person.
    try:
        image = source if isinstance(source, Image.Image) else _open(_file(source))
        _check_size(*image.size)
        return _from_image(ImageOps.exif_transpose(image))
    except PictureError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureError("This picture is too large: at most 8 megapixels.") from None
    except Exception:
        raise PictureError(UNREADABLE) from None


def open_large(path: Path) -> Path | Image.Image:
    """A file of one's own for `read_pixels`: a JPEG above the limits of an upload, such as a phone's
    photograph, as an image that decodes at 1/2, 1/4 or 1/8 of its size; any other is the path itself."""
    try:
        image = Image.open(path, formats=("JPEG",)) if path.is_file() else None
    except Exception:  # no JPEG, or a damaged one, of which reading it will tell
        return path
    if image is None:
        return path
    width, height = image.size
    if width * height <= MAX_PIXELS and path.stat().st_size <= MAX_BYTES:
        return path
    divisor = next((d for d in (1, 2, 4) if width * height <= MAX_PIXELS * d * d), 8)
    image.draft(None, (width // divisor, height // divisor))
    return image


def _file(source: str | Path | bytes) -> io.BytesIO:
    """A file's content; its length is checked before it is read."""
    if not isinstance(source, bytes) and not Path(source).is_file():  # a folder, a device, nothing
        raise PictureError(UNREADABLE if Path(source).exists() else f"There is no file {source}.")
    size = len(source) if isinstance(source, bytes) else Path(source).stat().st_size
    if size > MAX_BYTES:
        raise PictureError(f"This file is too large ({size / 1e6:.1f} MB): at most 10 MB.")
    return io.BytesIO(source if isinstance(source, bytes) else Path(source).read_bytes())


def _open(file: io.BytesIO) -> Image.Image:
    """The picture in a file, its header read; PictureError for kinds that have a sentence of their own."""
    start = file.getvalue()[:1024]
    if not start:
        raise PictureError(EMPTY)
    if b"<svg" in start and start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<svg", b"<?xml", b"<!--")):
        raise PictureError(SVG)
    if not _is_heic(start):
        return Image.open(file, formats=FORMATS)
    try:
        import pillow_heif  # of the extra "heic"
    except ImportError:
        raise PictureError(HEIC) from None
    pillow_heif.register_heif_opener(thumbnails=False)
    return Image.open(file, formats=("HEIF",))


def _is_heic(start: bytes) -> bool:
    """Whether a file that begins like this is a photograph in HEIC: its first box names its brands."""
    if start[4:8] != b"ftyp":
        return False
    box = start[8 : min(int.from_bytes(start[:4], "big"), len(start))]
    brands = {box[at : at + 4] for at in (0, *range(8, len(box), 4))}
    return bool(brands & HEIC_BRANDS)


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
        unit = to_unit(array)
        array = unit[:, :, :3] * unit[:, :, 3:] + 1 - unit[:, :, 3:]
    return array


def to_unit(pixels: np.ndarray) -> np.ndarray:
    """uint8 or float32 pixels as float32 in [0, 1]."""
    return np.asarray(pixels / np.float32(255) if pixels.dtype == np.uint8 else pixels, np.float32)
