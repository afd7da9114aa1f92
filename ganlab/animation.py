"""Files of films, written frame by frame: at no time are more than a few enlarged frames in memory.

PNG shows all frames in one row, GIF and WebP keep every pixel, MP4 is H.264 and needs the package av.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import IO, NamedTuple

import numpy as np
from PIL import GifImagePlugin, Image
from torch import Tensor

from ganlab import images, interruption

FORMATS = {"png": "image/png", "gif": "image/gif", "webp": "image/webp", "mp4": "video/mp4"}
MAX_SIDE = 1024  # pixels of an enlarged frame
GREY = bytes(value for level in range(256) for value in (level, level, level))


class Sheet(NamedTuple):
    """What the frames of a file are: how many, (C, H, W) each, every pixel `scale` pixels wide."""

    frames: int
    shape: tuple[int, int, int]
    scale: int
    seconds: float  # of a frame

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of an enlarged frame."""
        return self.shape[2] * self.scale, self.shape[1] * self.scale

    @property
    def pixels(self) -> int:
        """Of all frames together."""
        return self.frames * self.size[0] * self.size[1]


def plan(shape: tuple[int, int, int], frames: int, seconds: float, kind: object, scale: object) -> Sheet:
    """A file in one of FORMATS that shows frames of `shape` (C, H, W) in `seconds`. ValueError for another
    format, or a scale out of range."""
    if not isinstance(kind, str) or kind not in FORMATS:
        raise ValueError(f"Format {str(kind)[:40]!r} not found; available = {list(FORMATS)}.")
    side = max(shape[1:])
    if type(scale) is not int or not 1 <= scale <= MAX_SIDE // side:
        raise ValueError(
            f"Frames of {side} pixels are enlarged from 1 to {MAX_SIDE // side} times, not {str(scale)[:40]}."
        )
    return Sheet(frames, shape, scale, seconds / frames)


def write_file(file: IO[bytes], batches: Iterable[Tensor], sheet: Sheet, kind: str) -> None:
    """Write frames, batches of (B, C, H, W) in [0, 1], as they come. ValueError where av is missing."""
    frames = (images.to_uint8(frame) for batch in batches for frame in batch)
    writers: dict[str, Callable[[IO[bytes], Iterator[np.ndarray], Sheet], None]] = {
        "png": _write_png,
        "gif": _write_gif,
        "webp": _write_webp,
        "mp4": _write_mp4,
    }
    writers[kind](file, frames, sheet)


def _enlarge(image: Image.Image, sheet: Sheet) -> Image.Image:
    return image.resize(sheet.size, Image.Resampling.NEAREST)


# ---------------------------------------------------------------------- GIF


def _write_gif(file: IO[bytes], frames: Iterator[np.ndarray], sheet: Sheet) -> None:
    """Grey frames share one table of colours, each frame in colour has its own 256."""
    before: np.ndarray | None = None
    duration = round(sheet.seconds * 1000)
    for frame in frames:
        interruption.check()
        small = _index_colours(frame)
        large = _enlarge(small, sheet)
        if before is None:
            header, _ = GifImagePlugin.getheader(large.copy(), info={"loop": 0, "duration": duration})
            file.writelines(header)
        left, top, right, bottom = (sheet.scale * side for side in _find_change(before, frame))
        own_table = {"include_color_table": True} if frame.ndim == 3 else {}
        part = large.crop((left, top, right, bottom))
        file.writelines(GifImagePlugin.getdata(part, (left, top), duration=duration, **own_table))
        before = frame
    file.write(b";")


def _index_colours(frame: np.ndarray) -> Image.Image:
    """A frame with a table of colours: all greys, or the 256 that fit a frame in colour best."""
    if frame.ndim == 3:
        return Image.fromarray(frame).convert("P", palette=Image.Palette.ADAPTIVE)
    image = Image.fromarray(frame).copy()
    indexed = Image.frombytes("P", image.size, image.tobytes())
    indexed.putpalette(GREY)
    return indexed


def _find_change(before: np.ndarray | None, frame: np.ndarray) -> tuple[int, int, int, int]:
    """The smallest box (left, top, right, bottom) with all pixels that differ; of equal frames one pixel."""
    if before is None:
        return 0, 0, frame.shape[1], frame.shape[0]
    changed = (before != frame).reshape(*frame.shape[:2], -1).any(2)
    rows, columns = changed.any(1).nonzero()[0], changed.any(0).nonzero()[0]
    if not len(rows):
        return 0, 0, 1, 1
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


# ---------------------------------------------------------------------- WebP


class _Frames(Image.Image):
    """Frames that come one after the other, as a picture with many frames, which Pillow asks for each."""

    def __init__(self, frames: Iterator[np.ndarray], sheet: Sheet) -> None:
        super().__init__()
        self._sheet, self._frames, self._at, self.n_frames = sheet, frames, -1, sheet.frames
        self._show()

    def _show(self) -> None:
        interruption.check()
        image = _enlarge(Image.fromarray(next(self._frames)), self._sheet)
        self.im, self._mode, self._size = image.im, image.mode, image.size
        self._at += 1

    def seek(self, frame: int) -> None:
        if frame > self._at:
            self._show()

    def tell(self) -> int:
        return self._at


def _write_webp(file: IO[bytes], frames: Iterator[np.ndarray], sheet: Sheet) -> None:
    duration = round(sheet.seconds * 1000)
    _Frames(frames, sheet).save(file, "WEBP", save_all=True, duration=duration, loop=0, lossless=True)


# ---------------------------------------------------------------------- MP4


def _write_mp4(file: IO[bytes], frames: Iterator[np.ndarray], sheet: Sheet) -> None:
    try:
        import av
    except ModuleNotFoundError:
        raise ValueError('MP4 needs the package av: pip install -e ".[film]". GIF and WebP do not.') from None
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("h264", rate=Fraction(1 / sheet.seconds).limit_denominator(1000))
        # Few frames at once in memory, and one core of those that all visitors share.
        options = {"crf": "18", "preset": "fast", "threads": "1", "rc-lookahead": "10"}
        stream.pix_fmt, stream.options = "yuv420p", options
        # The codec wants even sides.
        stream.width, stream.height = (side + side % 2 for side in sheet.size)
        for frame in frames:
            interruption.check()
            rgb = frame if frame.ndim == 3 else np.repeat(frame[:, :, None], 3, 2)
            large = rgb.repeat(sheet.scale, 0).repeat(sheet.scale, 1)
            even = np.pad(large, [(0, side % 2) for side in large.shape[:2]] + [(0, 0)])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
        container.mux(stream.encode())


# ---------------------------------------------------------------------- PNG


def _write_png(file: IO[bytes], frames: Iterator[np.ndarray], sheet: Sheet) -> None:
    """All frames in one row, as `images.draw_strip` draws them, a line of pixels at a time: Pillow would want
    the whole picture at once."""
    gap = 128
    strip = np.stack([*frames])  # as small as the model draws them: (N, H, W) or (N, H, W, 3)
    strip = strip if strip.ndim == 4 else strip[..., None]
    count, height, width, channels = strip.shape
    columns, rows = (count * (width + 1) + 1) * sheet.scale, (height + 2) * sheet.scale
    file.write(b"\x89PNG\r\n\x1a\n")
    _write_chunk(file, b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 2 if channels == 3 else 0, 0, 0, 0))
    packer = zlib.compressobj(6)
    for row in range(-1, height + 1):
        interruption.check()
        line = np.full((count * (width + 1) + 1, channels), gap, np.uint8)
        if 0 <= row < height:
            tiles = np.pad(strip[:, row], ((0, 0), (1, 0), (0, 0)), constant_values=gap)
            line[:-1] = tiles.reshape(-1, channels)
        pixels = line.repeat(sheet.scale, 0).tobytes()
        # Filter 0 keeps a line as it is; filter 2, "up", writes one that equals the line above as zeros.
        repeated = bytes([2]) + bytes(len(pixels))
        for number in range(sheet.scale):
            if part := packer.compress(repeated if number else b"\x00" + pixels):
                _write_chunk(file, b"IDAT", part)
    _write_chunk(file, b"IDAT", packer.flush())
    _write_chunk(file, b"IEND", b"")


def _write_chunk(file: IO[bytes], kind: bytes, content: bytes) -> None:
    file.write(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    )
