"""Files that somebody may send in place of a picture: damaged, false, or larger than they look."""

from __future__ import annotations

import io
import pickle
import random
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, features

KINDS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF") + (("AVIF",) if features.check("avif") else ())
SIDE = 48  # pixels of what is damaged
HUGE = 60_000  # pixels a side, in headers
FLIPS, CUTS, SWAPS = 340, 32, 16  # of a file of each kind


class HostileFile(NamedTuple):
    """A file, and what is wrong with it."""

    name: str
    content: bytes


def list_files(every: int = 1) -> Iterator[HostileFile]:
    """All of them, or every n-th; the same each time."""
    for row, file in enumerate(_list_all()):
        if row % every == 0:
            yield file


def _list_all() -> Iterator[HostileFile]:
    yield from list_bombs()
    yield from list_foreign()
    valid = {kind: draw_file(kind) for kind in KINDS}
    for kind, content in valid.items():
        yield from damage(kind, content)
    for kind, content in valid.items():  # says that it is one, and is another
        for other, foreign in valid.items():
            if kind != other:
                yield HostileFile(f"{kind} that goes on as {other}", content[:16] + foreign[16:])
                yield HostileFile(f"{kind} with a {other} behind it", content + foreign)


def draw_file(kind: str) -> bytes:
    """A small picture that is right."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    ink = np.where((rows - 24) ** 2 + (columns - 24) ** 2 < 260, 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(ink).convert("P" if kind == "GIF" else "RGB").save(file, kind)
    return file.getvalue()


def damage(kind: str, content: bytes) -> Iterator[HostileFile]:
    """Bytes flipped (half of them in the header), files cut off, parts repeated and swapped."""
    chance = random.Random(kind)
    for row in range(FLIPS):
        place = chance.randrange(min(96, len(content)) if row % 2 else len(content))
        changed = bytearray(content)
        changed[place] ^= chance.choice((0x01, 0x80, 0xFF))
        if row % 4 == 3:  # a whole number in the header becomes as large as it gets
            changed[place : place + 4] = b"\xff" * len(changed[place : place + 4])
        yield HostileFile(f"{kind} with byte {place} changed", bytes(changed))
    for row in range(CUTS):
        yield HostileFile(f"{kind} cut off", content[: row * len(content) // CUTS])
    for _ in range(SWAPS):
        a, b = sorted(chance.sample(range(len(content)), 2))
        yield HostileFile(f"{kind} with a part twice", content[:b] + content[a:])
        yield HostileFile(f"{kind} with a part of zeros", content[:a] + bytes(b - a) + content[b:])


# ---------------------------------------------------------------------- larger than they look


def list_bombs() -> Iterator[HostileFile]:
    dot = zlib.compress(bytes(8 * 9))  # the pixels of 8 x 8
    for side, megapixels in ((HUGE, "3,600"), (12_000, "144")):
        pixels = zlib.compress(bytes(min(side * (side + 1), 144_000_000)), 9)
        yield HostileFile(f"PNG of {megapixels} megapixels", write_png(side, side, pixels))
    yield HostileFile("PNG of no pixels", write_png(0, 0, dot))
    yield HostileFile("PNG with less than it says", write_png(2_000, 2_000, dot))
    for name, chunk in (("text", b"zTXt"), ("colour profile", b"iCCP")):
        body = b"a\0\0" + zlib.compress(bytes(200_000_000), 9)
        yield HostileFile(f"PNG with a {name} of 200 MB", write_png(8, 8, dot, [(chunk, body)]))
    many = [(b"tEXt", b"a\0b")] * 100_000
    yield HostileFile("PNG with 100,000 chunks", write_png(8, 8, dot, many))
    yield HostileFile("BMP of 3,600 megapixels", write_bmp(HUGE, HUGE))
    yield HostileFile("BMP of negative size", write_bmp(-5, -(2**31)))
    yield HostileFile("GIF of 4,300 megapixels", write_gif(0xFFFF, 1))
    yield HostileFile("GIF with 100,000 frames", write_gif(2, 100_000))
    yield from _list_tiffs()
    jpeg = bytearray(draw_file("JPEG"))
    place = jpeg.index(b"\xff\xc0")
    jpeg[place + 5 : place + 9] = b"\xff\xff\xff\xff"
    yield HostileFile("JPEG of 4,300 megapixels", bytes(jpeg))
    yield HostileFile("10 MB of zeros", bytes(10_000_000))
    yield HostileFile("10 MB of a PNG's first bytes", b"\x89PNG\r\n\x1a\n" * 1_250_000)


def write_bmp(width: int, height: int) -> bytes:
    """A header without pixels."""
    return b"BM" + struct.pack("<IHHIIiiHHIIiiII", 100, 0, 0, 54, 40, width, height, 1, 24, 0, 0, 1, 1, 0, 0)


def write_gif(side: int, frames: int) -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0) + bytes(6)
    frame = b"," + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\x02\x02\x44\x01\x00"
    return head + frame * frames + b";"


def write_png(width: int, height: int, pixels: bytes, chunks: Sequence[tuple[bytes, bytes]] = ()) -> bytes:
    """A grey PNG, whatever its pixels are."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), *chunks, (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts
    )


def _list_tiffs() -> Iterator[HostileFile]:
    def write(following: int = 0, **entries: int | tuple[int, int]) -> bytes:
        """A little-endian TIFF: its tags, each with a value or with (count, value)."""
        given = {"t256": 16, "t257": 16, "t258": 8, "t259": 1, "t262": 1, "t273": 8, "t279": 256, **entries}
        rows = sorted((int(tag[1:]), value) for tag, value in given.items())
        body = b"".join(
            struct.pack("<HHII", tag, 4, *(value if isinstance(value, tuple) else (1, value)))
            for tag, value in rows
        )
        return b"II*\0" + struct.pack("<IH", 8, len(rows)) + body + struct.pack("<I", following) + bytes(64)

    many = 2**32 - 1
    yield HostileFile("TIFF of 3,600 megapixels", write(t256=HUGE, t257=HUGE))
    yield HostileFile("TIFF that is its own next page", write(8))
    yield HostileFile("TIFF with strips outside", write(t273=2**31, t279=2**31))
    yield HostileFile("TIFF with 4 billion strips", write(t273=(many, 8), t279=(many, 8)))
    yield HostileFile("TIFF with 4 billion samples", write(t277=(many, 8)))
    for way in (2, 5, 6, 7, 8, 50000, 34712, 65535):
        yield HostileFile(f"TIFF compressed by {way}", write(t259=way))


# ---------------------------------------------------------------------- what is no picture


def list_foreign() -> Iterator[HostileFile]:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("../../../../tmp/ganlab-was-here", bytes(10_000_000))
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    svg = b'<svg xmlns="http://www.w3.org/2000/svg">'
    texts = {
        "nothing": b"",
        "an SVG of entities": f'<?xml version="1.0"?><!DOCTYPE l [{laughs}]><svg>&l9;</svg>'.encode(),
        "an SVG that names a file": svg + b'<image href="file:///etc/passwd"/></svg>',
        "HTML with a script": b"<!doctype html><script>alert(document.cookie)</script>",
        "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file 100 string\n",
        "a PDF": b"%PDF-1.7\n1 0 obj<</Type/Catalog/OpenAction<</S/Launch/F(sh)>>>>endobj\n",
        "ImageMagick's language": b"push graphic-context\nimage over 0,0 0,0 'url(https://127.0.0.1/)'\n",
        "names of files": b"/etc/passwd\n/proc/self/environ\n",
        "PPM of 3,600 megapixels": b"P6 60000 60000 255\n" + bytes(30),
        "a HEIC of nothing": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100),
        "a HEIC that ends nowhere": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\xff\xff\xff\xffmeta" * 40,
        "a zip with a path upwards": archive.getvalue(),
        "a pickle": pickle.dumps(print),
        "a NumPy file of objects": b"\x93NUMPY\x01\x00\x76\x00{'descr': '|O', 'shape': (1,), }".ljust(128)
        + b"\x80\x04.",
        "an icon": b"\0\0\1\0\1\0\0\0\0\0\1\0\x20\0\xff\xff\xff\xff\x16\0\0\0",
        "a PSD": b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 4, HUGE, HUGE, 8, 3) + bytes(12),
    }
    yield from (HostileFile(name, content) for name, content in texts.items())
    chance = random.Random(0)
    for _ in range(20):
        yield HostileFile("random bytes", chance.randbytes(chance.randrange(1, 5000)))
