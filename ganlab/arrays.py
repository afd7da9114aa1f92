"""Arrays of an .npz file, which may be anybody's: nothing is unpacked beyond what the file may take.

numpy reads such files too, but allocates what a header claims, and unpacks LZMA without a bound: a file of a
few kilobytes can take all memory. Here sizes are added up first, and each member unpacks to exactly the size
that its header states.
"""

from __future__ import annotations

import io
import lzma
import math
import struct
import zipfile
import zlib

import numpy as np

MAX_MEMBERS = 16
LOCAL_HEADER = 30  # bytes before the name of a member, where its content begins
KINDS = "buifU"  # truth values, whole numbers, floats, text: nothing that holds objects


def read_arrays(content: bytes, limit: int) -> dict[str, np.ndarray]:
    """The arrays of an .npz by name, of at most `limit` bytes in all. ValueError, whose message continues a
    sentence, for other files, larger ones, and arrays of objects."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
    except Exception as error:  # zipfile raises what its parts do: struct.error, NotImplementedError ...
        raise ValueError(f"it is no .npz file ({_describe(error)})") from None
    if len(members) > MAX_MEMBERS:
        raise ValueError(f"it holds {len(members)} arrays, and at most {MAX_MEMBERS} are read")
    if (size := sum(member.file_size for member in members)) > limit:
        raise ValueError(f"it unpacks to {size:,} bytes, over the limit of {limit:,}")
    arrays: dict[str, np.ndarray] = {}
    for member in members:
        name = member.filename.removesuffix(".npy")
        if name == member.filename or name in arrays:
            raise ValueError(f"{member.filename[:40]!r} is no array, or there twice")
        try:
            arrays[name] = _read_array(_unpack(content, member))
        except ValueError as error:
            raise ValueError(f"its array {name[:40]!r} is damaged ({error})") from None
    return arrays


def _unpack(content: bytes, member: zipfile.ZipInfo) -> bytes:
    """The content of a member, of the size and check sum that the archive states."""
    try:
        start = member.header_offset
        lengths = struct.unpack_from("<HH", content, start + LOCAL_HEADER - 4)  # of name and extra field
        start += LOCAL_HEADER + sum(lengths)
        packed = memoryview(content)[start : start + member.compress_size]
        if member.flag_bits & 1:
            raise ValueError("it is encrypted")
        if member.compress_type == zipfile.ZIP_STORED:
            unpacked = bytes(packed)
        elif member.compress_type == zipfile.ZIP_DEFLATED:
            unpacked = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, member.file_size + 1)
        elif member.compress_type == zipfile.ZIP_LZMA:
            unpacked = _unpack_lzma(packed, member.file_size)
        else:
            raise ValueError(f"its compression {member.compress_type} is not used here")
    except (struct.error, zlib.error, lzma.LZMAError, EOFError, IndexError, OverflowError) as error:
        raise ValueError(_describe(error)) from None
    if len(unpacked) != member.file_size or zlib.crc32(unpacked) != member.CRC:
        raise ValueError("its size or check sum is another")
    return unpacked


def _unpack_lzma(packed: memoryview, size: int) -> bytes:
    """LZMA as zip files hold it (APPNOTE.TXT 5.8.8): version, length of the properties, properties, data."""
    (length,) = struct.unpack_from("<H", packed, 2)
    settings, dictionary = struct.unpack_from("<BI", packed, 4)
    if length != 5 or settings >= 9 * 5 * 5:
        raise ValueError("its LZMA header is damaged")
    chain = {
        "id": lzma.FILTER_LZMA1,
        # The decoder allocates it at once; nothing refers further back than the content is long.
        "dict_size": min(dictionary, max(size, 4096)),
        "lc": settings % 9,
        "lp": settings // 9 % 5,
        "pb": settings // 45,
    }
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[chain]).decompress(packed[9:], size + 1)


def _read_array(content: bytes) -> np.ndarray:
    """The array of the content of an .npy file: its header, and exactly the bytes that it announces."""
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, by_columns, kind = read_header(file)
    except Exception as error:  # numpy evaluates the header as a literal, which raises what it likes
        raise ValueError(_describe(error)) from None
    if kind.kind not in KINDS or any(type(side) is not int or side < 0 for side in shape):
        raise ValueError("it holds neither numbers nor text")
    data = memoryview(content)[file.tell() :]
    if math.prod(shape) * kind.itemsize != len(data):
        raise ValueError("its size is not that of its header")
    if not len(data):  # also text without a character, of which numpy would make any number
        return np.empty(shape if math.prod(shape) == 0 else (0,), kind)
    array = np.frombuffer(data, kind).reshape(shape, order="F" if by_columns else "C")
    return np.array(array)  # a copy: torch wants it writable


def _describe(error: Exception) -> str:
    """What an error says, in a line."""
    return next(iter(str(error).strip().splitlines()), "")[:100] or type(error).__name__
