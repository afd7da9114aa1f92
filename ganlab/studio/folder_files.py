"""The files that `ganlab.studio.folder` writes, a batch at a time, so that none has to fit into memory."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Protocol, TextIO

import numpy as np
import torch
from torch import Tensor

from ganlab import images
from ganlab.explorer import Explorer
from ganlab.studio.batch import Batch, Figures

PIECE = 1 << 20  # bytes copied at a time
TEXTS = 4096  # texts turned into an array at a time
MAX_SHEET = 400  # pictures of a contact sheet
COLUMNS = 20  # of a contact sheet
FIGURE_COLUMNS = (
    "file", "label", *(field.name for field in fields(Figures)), "digits", "doubt", "notes", "refused",
)  # fmt: skip
NEIGHBOUR_COLUMNS = ("file", "rank", "index", "label", "name", "distance")


@dataclass(frozen=True)
class Encoded:
    """A batch of files, encoded. `names` and `labels` (of classes, "" without) are those of all its files;
    `batch.positions` says which of them could be used, N of them, and what follows is of these."""

    names: Sequence[str]
    labels: Sequence[str]
    batch: Batch
    z: Tensor  # (N, latent_dim)
    features: Tensor  # (N, F)
    reconstructions: Tensor | None  # (N, C, H, W) in [0, 1]
    figures: Sequence[Figures]
    near: tuple[Tensor, Tensor] | None  # distances and gallery rows, (N, k)

    @property
    def usable(self) -> list[str]:
        """The names of the files that could be used."""
        return [self.names[position] for position in self.batch.positions]


class Writer(Protocol):
    """A file, or a folder of them, that takes one batch after the other."""

    def add(self, encoded: Encoded) -> None:
        """Take a batch."""

    def close(self) -> None:
        """Complete the file; after an error it is not called."""


class Archive:
    """An .npz of arrays that grow by rows: each lies in a scratch file until the number of rows is known."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._scratch: dict[str, Path] = {}
        self._shapes: dict[str, tuple[np.dtype[Any], list[int]]] = {}

    def append(self, name: str, rows: np.ndarray) -> None:
        """Append rows (n, ...) to an array; n may be 0."""
        if name not in self._scratch:
            self._scratch[name] = self.path.with_name(f"{name}.rows")
            self._shapes[name] = (rows.dtype, [0, *rows.shape[1:]])
        with self._scratch[name].open("ab") as file:
            file.write(np.ascontiguousarray(rows).tobytes())
        self._shapes[name][1][0] += len(rows)

    def write(self, arrays: dict[str, np.ndarray], texts: Mapping[str, Sequence[str]]) -> None:
        """Write what was appended, further `arrays`, and lists of `texts` as arrays of text."""
        with zipfile.ZipFile(self.path, "w", zipfile.ZIP_STORED) as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w") as file:
                    np.lib.format.write_array(file, array, allow_pickle=False)
            for name, (dtype, shape) in self._shapes.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                    _write_header(file, dtype, shape)
                    with self._scratch[name].open("rb") as rows:
                        while piece := rows.read(PIECE):
                            file.write(piece)
                self._scratch[name].unlink()
            for name, lines in texts.items():
                info = zipfile.ZipInfo(f"{name}.npy")
                info.compress_type = zipfile.ZIP_DEFLATED  # names are mostly padding
                dtype = np.dtype(f"<U{max(1, *map(len, lines))}" if lines else "<U1")
                with archive.open(info, "w", force_zip64=True) as file:
                    _write_header(file, dtype, [len(lines)])
                    for start in range(0, len(lines), TEXTS):
                        file.write(np.array(lines[start : start + TEXTS], dtype).tobytes())


def _write_header(file: Any, dtype: np.dtype[Any], shape: Sequence[int]) -> None:
    description = np.lib.format.dtype_to_descr(dtype)
    header = {"descr": description, "fortran_order": False, "shape": tuple(shape)}
    np.lib.format.write_array_header_1_0(file, header)


class CodesWriter:
    """codes.npz: latents and codes, features, names, labels and classes, what was refused, the model and its
    hash. Latents are what G takes; they are the codes but for a model with a latent map."""

    def __init__(self, path: Path, explorer: Explorer, classes: Sequence[str], features: bool) -> None:
        self.archive, self.explorer, self.classes, self.features = Archive(path), explorer, classes, features
        self.names: list[str] = []
        self.refused: list[str] = []
        self.reasons: list[str] = []

    def add(self, encoded: Encoded) -> None:
        self.archive.append("latents", encoded.z.numpy())
        self.archive.append("codes", self.explorer.to_codes(encoded.z).numpy())
        if self.features:
            self.archive.append("features", encoded.features.numpy())
        if self.classes:
            rows = {name: row for row, name in enumerate(self.classes)}
            labels = [rows.get(encoded.labels[position], -1) for position in encoded.batch.positions]
            self.archive.append("labels", np.array(labels, np.int64))
        self.names += encoded.usable
        for refusal in encoded.batch.refused:
            self.refused.append(encoded.names[refusal.position])
            self.reasons.append(refusal.reason)

    def close(self) -> None:
        single = {"model": self.explorer.config.name, "fingerprint": self.explorer.fingerprint}
        texts = {"names": self.names, "refused": self.refused, "reasons": self.reasons}
        if self.classes:
            texts["classes"] = list(self.classes)
        self.archive.write({key: np.array(value) for key, value in single.items()}, texts)


class ArrayWriter:
    """An .npz of the reconstructions, uint8 (N, C, H, W), and their names."""

    def __init__(self, path: Path, fingerprint: str) -> None:
        self.archive, self.fingerprint = Archive(path), fingerprint
        self.names: list[str] = []

    def add(self, encoded: Encoded) -> None:
        assert encoded.reconstructions is not None
        pixels = encoded.reconstructions.clamp(0, 1).mul(255).round().byte()
        self.archive.append("reconstructions", pixels.numpy())
        self.names += encoded.usable

    def close(self) -> None:
        self.archive.write({"fingerprint": np.array(self.fingerprint)}, {"names": self.names})


class PngWriter:
    """A folder of the reconstructions, under the names of the pictures: a.jpg becomes a.jpg.png."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, encoded: Encoded) -> None:
        assert encoded.reconstructions is not None
        for name, picture in zip(encoded.usable, encoded.reconstructions, strict=True):
            path = self.folder / (name if name.lower().endswith(".png") else f"{name}.png")
            while path.exists():  # a.jpg beside an a.jpg.png
                path = path.with_name(f"{path.name}.png")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(images.encode_png(images.to_pil(picture)))

    def close(self) -> None:
        pass


class SheetWriter:
    """A contact sheet of the first MAX_SHEET pictures: rows of inputs, each above their reconstructions."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pairs: list[Tensor] = []

    def add(self, encoded: Encoded) -> None:
        assert encoded.reconstructions is not None
        pairs = torch.stack([encoded.batch.x, encoded.reconstructions], 1)
        self.pairs += list(pairs[: MAX_SHEET - len(self.pairs)])

    def close(self) -> None:
        columns = min(COLUMNS, len(self.pairs))
        pairs = torch.stack(self.pairs)  # (N, 2, C, H, W)
        blank = pairs.new_full((-len(pairs) % columns, *pairs.shape[1:]), 128 / 255)
        rows = torch.cat([pairs, blank]).view(-1, columns, *pairs.shape[1:]).transpose(1, 2).flatten(0, 2)
        self.path.write_bytes(images.encode_png(images.draw_grid(rows, columns)))


class Table:
    """CSV, a line each row; numbers with six digits. Whoever opened the file closes it."""

    def __init__(self, file: TextIO, columns: Sequence[str]) -> None:
        self._writer = csv.writer(file, lineterminator="\n")
        self._writer.writerow(columns)

    def write(self, rows: Iterable[Sequence[object]]) -> None:
        """Append rows; None is left empty."""
        for row in rows:
            self._writer.writerow([f"{cell:.6g}" if isinstance(cell, float) else cell for cell in row])


class FiguresWriter:
    """FIGURE_COLUMNS of every file, also of those that were refused."""

    def __init__(self, file: TextIO) -> None:
        self.table = Table(file, FIGURE_COLUMNS)

    def add(self, encoded: Encoded) -> None:
        rows: dict[int, Sequence[object]] = {}
        for position, prepared, figures in zip(
            encoded.batch.positions, encoded.batch.prepared, encoded.figures, strict=True
        ):
            notes = "; ".join(prepared.notes)
            rows[position] = (*asdict(figures).values(), len(prepared.digits), prepared.doubt, notes, "")
        blank = [None] * (len(FIGURE_COLUMNS) - 3)
        rows |= {refusal.position: (*blank, refusal.reason) for refusal in encoded.batch.refused}
        names = zip(encoded.names, encoded.labels, strict=True)
        self.table.write((*each, *rows[position]) for position, each in enumerate(names))

    def close(self) -> None:
        pass


class NeighboursWriter:
    """NEIGHBOUR_COLUMNS of every picture, nearest first."""

    def __init__(self, file: TextIO, explorer: Explorer) -> None:
        assert explorer.gallery is not None
        self.table, self.gallery = Table(file, NEIGHBOUR_COLUMNS), explorer.gallery

    def add(self, encoded: Encoded) -> None:
        assert encoded.near is not None
        pictures = self.gallery.pictures
        for name, distances, rows in zip(encoded.usable, *encoded.near, strict=True):
            labels, indices = pictures.labels[rows].tolist(), pictures.indices[rows].tolist()
            near = zip(indices, labels, distances.tolist(), strict=True)
            self.table.write(
                (name, rank, index, label, self.gallery.name_label(label), distance)
                for rank, (index, label, distance) in enumerate(near, 1)
            )

    def close(self) -> None:
        pass
