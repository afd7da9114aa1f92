"""Pictures of a data set with their labels, and the files that hold them.

A file is an .npz: "labels", "indices", "classes" and "kind" (see `Pictures`), and either "pixels" uint8
(N, C, H, W), or JPEG files: their common beginning "header" (B,), the rest of each behind one another in
"files" (M,), and its length in "lengths" (N,); "shape" is (C, H, W).
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import lzma
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganlab import images
from ganlab.config import CheckpointError, check_classes
from ganlab.files import open_atomically

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
    files and for arrays of other types or shapes."""
    try:
        with np.load(path, allow_pickle=False) as file:
            pixels = _decode_files(file) if "files" in file else torch.from_numpy(file["pixels"])
            labels, indices = (torch.from_numpy(file[key]) for key in ("labels", "indices"))
            classes = tuple(str(name) for name in file["classes"]) if "classes" in file else ()
            kind = str(file["kind"]) if "kind" in file else "data"
    except (  # what numpy, zipfile and PIL raise for a file that is cut short, altered or something else
        OSError,
        EOFError,
        KeyError,
        TypeError,
        AttributeError,
        ValueError,
        SyntaxError,
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
    ) as error:
        raise CheckpointError(f"The gallery {path.name} cannot be read: {error}.") from None
    if (
        pixels.dtype != torch.uint8
        or pixels.dim() != 4
        or not labels.shape == indices.shape == pixels.shape[:1]
        or labels.is_floating_point()
        or indices.is_floating_point()
    ):
        raise CheckpointError(f"The gallery {path.name} must hold uint8 (N, C, H, W), N labels, N indices.")
    check_classes(classes, f"The gallery {path.name}")
    labels = labels.long()
    if classes and not (int(labels.min()) >= 0 and int(labels.max()) < len(classes)):
        raise CheckpointError(f"The gallery {path.name} has labels without a name.")
    if kind not in KINDS:
        raise CheckpointError(f"The gallery {path.name} holds one of {list(KINDS)}, not {kind[:40]!r}.")
    return Pictures(pixels, labels, indices.long(), classes, kind)


def _decode_files(file: Mapping[str, np.ndarray]) -> Tensor:
    """JPEG files as uint8 (N, C, H, W). ValueError for pictures of several shapes, or too many."""
    header, rest, lengths = (file[key] for key in ("header", "files", "lengths"))
    ends = np.cumsum(lengths, dtype=np.int64)
    shape = tuple(int(side) for side in file["shape"])
    if rest.dtype != np.uint8 or header.dtype != np.uint8 or ends[-1:] != [len(rest)] or len(shape) != 3:
        raise ValueError("its files, their lengths and their shape do not fit each other")
    start, content = header.tobytes(), rest.tobytes()
    files = (start + content[first:end] for first, end in itertools.pairwise([0, *ends.tolist()]))
    channels, height, width = shape
    pixels = torch.from_numpy(images.decode_jpegs(files, (len(ends), height, width, channels)))
    return pixels.permute(0, 3, 1, 2).contiguous()
