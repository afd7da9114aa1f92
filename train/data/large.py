"""Makes a large gallery (`ganlab.large`): any folder of pictures and tar files of them, a batch at a time.

Each batch of points is on disk before the catalogue says so, in one transaction; what was killed goes on from
there. Memory does not grow with the folder: the catalogue sorts the names, and points are appended to files.
"""

from __future__ import annotations

import contextlib
import csv
import os
import secrets
import sqlite3
import tarfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ganlab.config import MAX_CLASSES
from ganlab.explorer import Explorer
from ganlab.files import open_atomically, write_json
from ganlab.folders import EXTENSIONS, walk
from ganlab.images import PictureError, Source
from ganlab.large.catalogue import BUSY, SCHEMA, Entry, read_content
from ganlab.large.catalogue import FILE as CATALOGUE_FILE
from ganlab.large.gallery import (
    FORMAT,
    GALLERY_FILE,
    LABELS_FILE,
    choose_shown,
    compute_sum,
    name_latents,
    name_points,
)
from ganlab.search import map_rows
from ganlab.studio.batch import Batch, prepare_all
from ganlab.terminal import Progress
from train.data.folder import name_classes
from train.data.indexes import LITE_FILE, build_indexes, check_kind, list_files, remove_others
from train.data.listing import TAR, find_class, list_members, make_printable

BATCH = 256  # pictures encoded at a time
CHUNK = 256  # codes whose latents are computed at a time
MAX_FEATURES = 256  # numbers of a picture's features, beyond which they are not stored
LISTED = 10_000  # names between two commits of the listing
REFUSED_FILE = "refused.csv"
LOCK_FILE = "lock"
WAITING = "id IS NULL AND reason IS NULL"


class Outcome(NamedTuple):
    """What a gallery holds now: pictures in all, those of them that are new, those that were refused, and the
    index of each space, in words."""

    total: int
    added: int
    refused: int
    indexes: dict[str, str]


class Builder:
    """Writes the gallery of a checkpoint and a folder of pictures to the folder `out`; the same call again
    goes on with what is there, and adds pictures that are new. ValueError for a model without an encoder, or
    where `out` holds another gallery; a context, which closes the catalogue."""

    def __init__(self, explorer: Explorer, pictures: Path, out: Path) -> None:
        if not pictures.is_dir():
            raise ValueError(f"There is no folder {pictures}.")
        if "encoder" not in explorer.model.networks:
            raise ValueError(
                f"{explorer.config.name} has no encoder to make codes; choose a model that has one."
            )
        out.mkdir(parents=True, exist_ok=True)
        self.explorer, self.pictures, self.out = explorer, pictures, out
        self._lock = _lock(out)
        self._database = sqlite3.connect(out / CATALOGUE_FILE, timeout=BUSY, isolation_level=None)
        with self._explain():
            self._database.executescript(SCHEMA)
        self.dims = self._measure_points()
        self._check_facts()
        self.count = self._number("SELECT coalesce(max(id) + 1, 0) FROM pictures")
        self._sizes = {name_points(space): 4 * dim for space, dim in self.dims.items()} | {LABELS_FILE: 4}
        self._cut_to_count()

    def __enter__(self) -> Builder:
        return self

    def __exit__(self, *error: object) -> None:
        self._database.close()
        self._lock.close()

    def run(
        self,
        progress: Progress | None = None,
        index: str = "auto",
        memory: int | None = None,
        milvus: str = LITE_FILE,
    ) -> Outcome:
        """List, encode, index and describe what is there; see `indexes.build_index`. ValueError where no
        picture can be used."""
        if index != "auto":
            check_kind(index)
        before = self.count
        with self._explain():
            if self._get_fact("state") != "encoding":
                self._list()
            self._encode(progress)
            if not self.count:
                raise ValueError(f"No picture of {self.pictures} can be used{self._name_refused()}.")
            refused = self._write_refused()
        self._write_latents(progress)
        described = {
            "format": FORMAT,
            "model": self.explorer.config.name,
            "fingerprint": self.explorer.fingerprint,
            "count": self.count,
            "dims": self.dims,
            "pictures": self._get_fact("pictures"),
            "classes": self._list_classes(),
            "refused": refused,
        }
        key = self._get_fact("key") or ""
        built = build_indexes(self.out, self.count, self.dims, index, memory, milvus, key)
        files = self._sum_files()
        write_json(self.out / GALLERY_FILE, described | {"files": files})
        remove_others(self.out, files)
        self._set_fact("state", "done")
        return Outcome(self.count, self.count - before, refused, built)

    # ------------------------------------------------------------------ what the gallery is of

    def _measure_points(self) -> dict[str, int]:
        """The dimensions of the spaces that are stored: the code, and features where they are few."""
        x = torch.zeros(1, *self.explorer.config.image_shape)
        codes, features = self._embed(x)
        dims = {"code": codes.shape[1]}
        return dims | ({"features": features.shape[1]} if features.shape[1] <= MAX_FEATURES else {})

    def _check_facts(self) -> None:
        """Note of which model and folder this is; ValueError where it is of others."""
        facts = {
            "fingerprint": self.explorer.fingerprint,
            "pictures": os.path.relpath(self.pictures.resolve(), self.out.resolve()),
        }
        if self._get_fact("key") is None:
            self._set_fact("key", secrets.token_hex(4))
        for key, value in facts.items():
            stored = self._get_fact(key)
            if stored is None:
                self._set_fact(key, value)
            elif stored != value:
                what = "model" if key == "fingerprint" else "folder"
                raise ValueError(
                    f"{self.out} holds the gallery of another {what} ({stored}): name another folder with"
                    " --out."
                )

    def _get_fact(self, key: str) -> str | None:
        row = self._database.execute("SELECT value FROM facts WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def _set_fact(self, key: str, value: str) -> None:
        self._database.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (key, value))

    def _number(self, query: str) -> int:
        return int(self._database.execute(query).fetchone()[0])

    def _cut_to_count(self) -> None:
        """Points of a batch that the catalogue does not know, because the command was killed, are cut off."""
        for file, size in self._sizes.items():
            path = self.out / file
            path.touch()
            if path.stat().st_size < self.count * size:
                raise ValueError(
                    f"{path} lacks points of pictures that were encoded: delete {self.out}, and make it anew."
                )
            os.truncate(path, self.count * size)

    @contextlib.contextmanager
    def _explain(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise ValueError(f"{self.out / CATALOGUE_FILE} cannot be written: {error}.") from None

    # ------------------------------------------------------------------ the listing

    def _list(self) -> None:
        """Put the names of all pictures into the catalogue; those refused before get another chance."""
        self._database.execute("BEGIN")
        self._database.execute("UPDATE pictures SET reason = NULL WHERE reason IS NOT NULL")
        for number, (name, start, length, reason) in enumerate(self._find_pictures(), 1):
            self._database.execute(
                "INSERT OR IGNORE INTO pictures (name, start, length, reason) VALUES (?, ?, ?, ?)",
                (name, start, length, reason),
            )
            if number % LISTED == 0:
                self._database.execute("COMMIT")
                self._database.execute("BEGIN")
        self._set_fact("state", "encoding")
        self._database.execute("COMMIT")

    def _find_pictures(self) -> Iterator[tuple[bytes, int | None, int, str | None]]:
        """Name, place in a tar file, length, and why it is refused, of each picture; in any order."""
        refused: list[tuple[bytes, str]] = []

        def note(error: OSError) -> None:
            name = os.fsencode(os.path.relpath(error.filename, self.pictures))
            refused.append((name, f"This folder cannot be listed: {error.strerror}."))

        for path in walk(self.pictures, (*EXTENSIONS, TAR), on_error=note):
            name = os.fsencode(path.relative_to(self.pictures).as_posix())
            if path.suffix.lower() != TAR:
                yield name, None, 0, None
                continue
            try:
                for member, start, length in list_members(path):
                    yield name + b"/" + member, start, length, None
            except (tarfile.TarError, OSError, ValueError, EOFError) as error:
                yield name, None, 0, f"This tar file is damaged: {error}."
        yield from ((name, None, 0, reason) for name, reason in refused)

    # ------------------------------------------------------------------ encoding

    def _encode(self, progress: Progress | None) -> None:
        labels = {bytes(folder): label for label, folder in self._database.execute("SELECT * FROM classes")}
        done, waiting = 0, self._number(f"SELECT count(*) FROM pictures WHERE {WAITING}")
        with contextlib.ExitStack() as closing:
            files = {name: closing.enter_context((self.out / name).open("ab")) for name in self._sizes}
            query = f"SELECT name, start, length FROM pictures WHERE {WAITING} ORDER BY name LIMIT {BATCH}"
            while listed := [Entry(*row) for row in self._database.execute(query)]:
                if progress is not None:
                    progress(done, waiting)
                checksums: list[int] = []
                batch = prepare_all(self.explorer, self._read(listed, checksums))
                codes, features = self._embed(batch.x)
                numbered = len(labels)
                batch_labels = [
                    labels.setdefault(find_class(listed[i].name), len(labels)) for i in batch.positions
                ]
                contents = {
                    name_points("code"): codes.numpy().astype("<f4"),
                    name_points("features"): features.numpy().astype("<f4"),
                    LABELS_FILE: np.array(batch_labels, "<i4"),
                }
                for name, file in files.items():
                    file.write(contents[name].tobytes())
                    file.flush()
                    os.fsync(file.fileno())
                self._note(listed, batch, batch_labels, checksums, list(labels.items())[numbered:])
                done += len(listed)

    def _read(self, listed: Sequence[Entry], checksums: list[int]) -> Iterator[Source | PictureError]:
        """The pictures, one after the other, or why one cannot be read; `checksums` gets one of each."""
        for entry in listed:
            source: Source | PictureError
            try:
                source, checksum = read_content(self.pictures, entry)
            except PictureError as error:
                source, checksum = error, 0
            checksums.append(checksum)
            yield source

    @torch.inference_mode()
    def _embed(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The encoder's codes and features of x; with a latent map not the latents, which take long."""
        encoder = self.explorer.model.networks["encoder"]
        codes, features = encoder.encode_with_features(x.to(self.explorer.device))  # type: ignore[operator]
        return codes.float().cpu(), features.float().cpu()

    def _note(
        self,
        listed: Sequence[Entry],
        batch: Batch,
        labels: Sequence[int],
        checksums: Sequence[int],
        new_classes: Sequence[tuple[bytes, int]],
    ) -> None:
        """Write into the catalogue, all at once, what became of a batch whose points are on disk."""
        encoded = [
            (self.count + row, label, checksums[position], listed[position].name)
            for row, (position, label) in enumerate(zip(batch.positions, labels, strict=True))
        ]
        self._database.execute("BEGIN")
        self._database.executemany("INSERT INTO classes (folder, label) VALUES (?, ?)", new_classes)
        self._database.executemany(
            "UPDATE pictures SET id = ?, label = ?, checksum = ? WHERE name = ?", encoded
        )
        self._database.executemany(
            "UPDATE pictures SET reason = ? WHERE name = ?",
            [(each.reason, listed[each.position].name) for each in batch.refused],
        )
        self._database.execute("COMMIT")
        self.count += len(encoded)

    # ------------------------------------------------------------------ what stands beside the points

    def _name_refused(self) -> str:
        row = self._database.execute("SELECT name, reason FROM pictures WHERE reason IS NOT NULL").fetchone()
        return "" if row is None else f"; {make_printable(bytes(row[0]))}, for one: {row[1]}".rstrip(".")

    def _write_refused(self) -> int:
        """Name the refused pictures in a table, or remove it where there are none; how many."""
        path, count = self.out / REFUSED_FILE, 0
        rows = self._database.execute(
            "SELECT name, reason FROM pictures WHERE reason IS NOT NULL ORDER BY name"
        )
        with open_atomically(path) as file:
            lines = csv.writer(_Encoded(file.write))
            lines.writerow(("name", "reason"))
            for name, reason in rows:
                lines.writerow((make_printable(bytes(name)), reason))
                count += 1
        if not count:
            path.unlink()
        return count

    def _list_classes(self) -> list[str]:
        """The names of the classes by label; none where no picture lies in a subfolder, or they are too
        many."""
        folders = [
            bytes(row[0]) for row in self._database.execute("SELECT folder FROM classes ORDER BY label")
        ]
        if folders == [b""] or len(folders) > MAX_CLASSES:
            return []
        return list(name_classes(make_printable(folder) for folder in folders))

    def _write_latents(self, progress: Progress | None) -> None:
        """Store the latents of what the map shows, where a latent map has to be inverted for them. It takes
        long, so it too goes on where it was stopped."""
        latent_map, name = self.explorer.model.latent_map, name_latents(self.count)
        for path in self.out.glob(name_latents("*")):
            if path.name != name:
                path.unlink()
        if latent_map is None:
            return
        codes = map_rows(self.out / name_points("code"), self.count, self.dims["code"])[
            choose_shown(self.count)
        ]
        path, size = self.out / name, CHUNK * codes.shape[1] * 4
        path.touch()
        whole = len(codes) * codes.shape[1] * 4
        done = path.stat().st_size if path.stat().st_size == whole else path.stat().st_size // size * size
        os.truncate(path, done)
        with path.open("ab") as file, torch.inference_mode():
            for start in range(done // size * CHUNK, len(codes) if done < whole else 0, CHUNK):
                if progress is not None:
                    progress(start, len(codes))
                latents = latent_map.invert(codes[start : start + CHUNK].to(self.explorer.device)).cpu()
                file.write(latents.numpy().astype("<f4").tobytes())
                file.flush()
                os.fsync(file.fileno())

    def _sum_files(self) -> dict[str, tuple[int, str]]:
        """Bytes and SHA-256 of all files that a gallery of these pictures needs, by name."""
        sizes = {file: self.count * size for file, size in self._sizes.items()}
        names = [name for space in self.dims for name in list_files(self.out, space, self.count)]
        if (self.out / name_latents(self.count)).is_file():
            names.append(name_latents(self.count))
        sizes |= {name: (self.out / name).stat().st_size for name in names}
        return {name: (size, compute_sum(self.out / name, size)) for name, size in sizes.items()}


class _Encoded:
    """A text file, as the csv module wants it, over a function that takes bytes."""

    def __init__(self, write: Callable[[bytes], int]) -> None:
        self._write = write

    def write(self, text: str) -> int:
        return self._write(text.encode())


def _lock(out: Path) -> BinaryIO:
    """A file that only one command at a time holds. ValueError where another does."""
    file = (out / LOCK_FILE).open("ab")
    with contextlib.suppress(ImportError):  # Windows has no fcntl
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            raise ValueError(f"Another command is writing {out}: wait until it is done.") from None
    return file
