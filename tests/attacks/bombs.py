"""Small files that claim, or unpack to, more than there is memory."""

from __future__ import annotations

import functools
import io
import json
import struct
import zipfile
from collections.abc import Iterator, Mapping

import numpy as np

SIZE = 2**25  # bytes to which an array unpacks whose file says that it is small
CLAIM = 2**31  # bytes of an array whose file is small
ARRAYS = ("pixels", "labels", "indices", "values", "names")


def list_bombs(suffix: str) -> Iterator[bytes]:
    """What stands in place of a file with this suffix."""
    if suffix == ".npz":
        yield from _list_npz()
    elif suffix == ".safetensors":
        yield _claim_tensors([2**40])
        yield _claim_tensors([2**20] * 4)
        yield (2**62).to_bytes(8, "little") + b"{}"
    elif suffix == ".json":
        yield b'{"one_nn": ' + b"[" * 200_000
        yield b'{"one_nn": ' + b"9" * 100_000 + b"}"
        yield b"[" + b"0," * 2_000_000 + b"0]"


def _claim_tensors(shape: list[int]) -> bytes:
    header = json.dumps({"weights": {"dtype": "F32", "shape": shape, "data_offsets": [0, 16]}}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(16)


@functools.cache
def _list_npz() -> tuple[bytes, ...]:
    packed = [
        _zip(dict.fromkeys(ARRAYS[:2], _write_header((SIZE,)) + bytes(SIZE)), method)
        for method in (zipfile.ZIP_LZMA, zipfile.ZIP_DEFLATED)
    ]
    return (
        *(_state_size(each, 1_000) for each in packed),
        *(_state_size(each, CLAIM) for each in packed),
        *(
            _zip(dict.fromkeys(ARRAYS, _write_header(shape)), zipfile.ZIP_STORED)
            for shape in ((2**40,), (2**40, 2**40, 0), (2**62, 2**62))
        ),
        _zip({str(number): b"" for number in range(5_000)}, zipfile.ZIP_STORED),
    )


def _write_header(shape: tuple[int, ...]) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return file.getvalue()


def _zip(members: Mapping[str, bytes], method: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def _state_size(content: bytes, size: int) -> bytes:
    """A zip file that says that each of its members unpacks to so many bytes."""
    altered = bytearray(content)
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = altered.find(mark)
        while start >= 0:
            struct.pack_into("<I", altered, start + offset, size)
            start = altered.find(mark, start + 4)
    return bytes(altered)
