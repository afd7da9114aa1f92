"""Pictures of a data set with their labels, and the files that hold them.

A file is an .npz: "labels", "indices", "classes" and "kind" (see `Pictures`), and either "pixels" uint8
(N, C, H, W), or JPEG files: their common beginning "header" (B,), the rest of each behind one another in
"files" (M,), and its length in "lengths" (N,); "shape" is (C, H, W).
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganlab import images, sums
from ganlab.arrays import read_arrays
from ganlab.config import MAX_CLASSES, CheckpointError, check_classes
from ganlab.files import open_atomically

MAX_UNPACKED = 2**29  # bytes of all arrays of a file, before JPEG files are decoded
MAX_INDEX = 2**31  # of a picture in its data set
KINDS = {  # what the pictures of a gallery are
    "data": "",
    "folder": "",  # of a large gallery, which need not be what the model was trained on
    "reconstructions": "the model's own reconstructions of training pictures",
    "samples": "the model's own samples",
}


@dataclass(frozen=True)
class Pictures:
    """pixels uint8 (N, C, H, W), labels int64 (N,), and indices int64 (N,) of the pictures in their data
    set. `classes` are the labels' names, empty where a label is its own name; `kind` is one of KINDS."""

    pixels: Tensor
    labels: Tensor
    indices: Tensor
    classes: tuple[str, ...] = ()
    kind: str = "data"

    def __len__(self) -> int:
        return len(self.labels)

    @functools.cached_property
    def flat(self) -> Tensor:
        """All pictures as float32 rows (N, C * H * W) in [0, 1]; computed once for all models that share
        them."""
        return self.inputs(slice(None)).flatten(1)

    @functools.cached_property
    def are_labelled(self) -> bool:
        """Whether the labels tell pictures apart: those of a folder without class folders do not."""
        return bool(self.classes) or bool((self.labels != self.labels[:1]).any())

    @functools.cached_property
    def digest(self) -> str:
        """Tells this selection of pictures from others of the same data set."""
        rows = torch.stack([self.labels, self.indices]).contiguous().numpy()
        return hashlib.sha256(self.kind.encode() + rows.astype("<i8").tobytes()).hexdigest()[:16]

    def inputs(self, rows: Tensor | slice) -> Tensor:
        """The pictures of these rows as float32 (n, C, H, W) in [0, 1]."""
        return self.pixels[rows].float() / 255.0

    def take(self, rows: Tensor | slice) -> Pictures:
        """The pictures of these rows."""
        return Pictures(self.pixels[rows], self.labels[rows], self.indices[rows], self.classes, self.kind)


def name_label(classes: Sequence[str], label: int) -> str:
    """What a class is called: its name, or its number where it has none."""
    return classes[label] if 0 <= label < len(classes) else str(label)


def save_pictures(path: Path, pictures: Pictures, files: Sequence[bytes] | None = None) -> None:
    """Write them as .npz, for `load_pictures`. LZMA makes MNIST a fifth smaller than deflate does, and takes
    0.3 s more to read. JPEG `files` are stored in place of pixels, and are not compressed once more."""
    arrays: dict[str, np.ndarray] = {} if files is not None else {"pixels": pictures.pixels.numpy()}
    large = int(pictures.labels.max()) > 255
    arrays["labels"] = pictures.labels.numpy().astype(np.uint16 if large else np.uint8)
    arrays["indices"] = pictures.indices.numpy().astype(np.uint32)
    if pictures.classes:
        arrays["classes"] = np.array(pictures.classes)
    if pictures.kind != "data":
        arrays["kind"] = np.array(pictures.kind)
    stored = {}
    if files is not None:
        header = _get_common_start(files)
        rest = [file[len(header) :] for file in files]
        arrays["header"] = np.frombuffer(header, np.uint8)
        arrays["shape"] = np.array(pictures.pixels.shape[1:])
        arrays["lengths"] = np.array([len(each) for each in rest], np.uint32)
        stored["files"] = np.frombuffer(b"".join(rest), np.uint8)
    with open_atomically(path) as whole, zipfile.ZipFile(whole, "w", zipfile.ZIP_LZMA) as archive:
        for name, array in (arrays | stored).items():
            info = zipfile.ZipInfo(f"{name}.npy")
            info.compress_type = zipfile.ZIP_STORED if name in stored else zipfile.ZIP_LZMA
            with archive.open(info, "w") as file:
                np.lib.format.write_array(file, array, allow_pickle=False)


def _get_common_start(files: Sequence[bytes]) -> bytes:
    """The bytes that all files begin with."""
    first, last = min(files), max(files)  # what these two share, all others share
    return bytes(
        a for a, _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    )


@functools.lru_cache(maxsize=8)
def load_pictures(path: Path) -> Pictures:
    """Read a .npz of pictures; one copy in memory for all models that share it. CheckpointError for damaged
    files, those without their sum, and arrays of other types or shapes."""
    content = sums.read_pictures(path)
    try:
        if content is None:
            raise ValueError("it is missing")
        return _read_pictures(read_arrays(content, MAX_UNPACKED))
    except (ValueError, TypeError, OverflowError, KeyError) as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else error
        raise CheckpointError(f"The gallery {path.name} cannot be read: {reason}.") from None


def _read_pictures(arrays: Mapping[str, np.ndarray]) -> Pictures:
    """KeyError for a missing array, ValueError, TypeError or OverflowError for one that does not fit."""
    pixels = _decode_files(arrays) if "files" in arrays else arrays["pixels"]
    labels, indices = (arrays[key] for key in ("labels", "indices"))
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or not pixels.size:
        raise ValueError(f"pixels are uint8 (N, C, H, W), not {pixels.dtype} {pixels.shape}")
    classes, kind = arrays.get("classes", np.array([], "U1")), arrays.get("kind", np.array("data"))
    if classes.dtype.kind != "U" or classes.ndim != 1 or kind.dtype.kind != "U" or kind.ndim:
        raise ValueError("classes are a list of names, and kind is a name")
    names = tuple(str(name) for name in classes)
    check_classes(names, "it")
    for name, values, end in (
        ("labels", labels, len(names) or MAX_CLASSES),
        ("indices", indices, MAX_INDEX),
    ):
        if values.shape != pixels.shape[:1] or values.dtype.kind not in "ui":
            raise ValueError(f"{name} are a whole number for each of {len(pixels)} pictures")
        if int(values.min()) < 0 or int(values.max()) >= end:
            raise ValueError(f"{name} are from 0 to {end - 1}")
    if str(kind) not in KINDS:
        raise ValueError(f"it holds one of {list(KINDS)}, not {str(kind)[:40]!r}")
    rows = (torch.from_numpy(values.astype(np.int64)) for values in (labels, indices))
    return Pictures(torch.from_numpy(pixels), next(rows), next(rows), names, str(kind))


def _decode_files(file: Mapping[str, np.ndarray]) -> np.ndarray:
    """JPEG files as uint8 (N, C, H, W). ValueError for pictures of several shapes, or too many."""
    header, rest, lengths, sides = (file[key] for key in ("header", "files", "lengths", "shape"))
    if any(array.dtype != np.uint8 or array.ndim != 1 for array in (rest, header)):
        raise ValueError("its files are not bytes")
    if any(array.dtype.kind not in "ui" for array in (lengths, sides)) or sides.shape != (3,):
        raise ValueError("its shape is not (C, H, W)")
    if lengths.ndim != 1 or not len(lengths):
        raise ValueError("its files have no lengths")
    ends = np.cumsum(lengths, dtype=np.int64)
    if int(lengths.min()) < 0 or int(ends[-1]) != len(rest):
        raise ValueError("its files and their lengths do not fit each other")
    start, content = header.tobytes(), rest.tobytes()
    files = (start + content[first:end] for first, end in itertools.pairwise([0, *ends.tolist()]))
    channels, height, width = (int(side) for side in sides)
    pixels = images.decode_jpegs(files, (len(ends), height, width, channels))
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
