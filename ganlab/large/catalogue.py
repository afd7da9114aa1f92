"""What a large gallery knows of its pictures: names, labels, and where their bytes lie. An SQLite file.

A picture's id is the row of its code. It never changes: pictures that come later get ids after the others.
Names are relative to the folder of pictures; one inside a tar file is named "shard.tar/member".
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from ganlab import images
from ganlab.decoding import MAX_BYTES

FILE = "pictures.sqlite"
SCHEMA = """
CREATE TABLE IF NOT EXISTS pictures (
    name BLOB PRIMARY KEY,  -- bytes, since a file's name may be no text
    id INTEGER,             -- of a picture that was encoded
    label INTEGER,
    start INTEGER,          -- where it begins in a tar file; none for a file of its own
    length INTEGER,
    checksum INTEGER,       -- of what `check` reads
    reason TEXT             -- why it was refused
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS by_id ON pictures (id) WHERE id IS NOT NULL;
CREATE INDEX IF NOT EXISTS waiting ON pictures (name) WHERE id IS NULL AND reason IS NULL;
CREATE INDEX IF NOT EXISTS by_reason ON pictures (name) WHERE reason IS NOT NULL;
CREATE TABLE IF NOT EXISTS classes (label INTEGER PRIMARY KEY, folder BLOB UNIQUE NOT NULL);
CREATE TABLE IF NOT EXISTS facts (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
CHECKED = 1_048_576  # bytes at the beginning of a picture that its checksum covers
BUSY = 10.0  # seconds that one waits for another who writes


class MissingPictureError(ValueError):
    """A picture that is no longer what was encoded; its text is a sentence."""


class Entry(NamedTuple):
    """Where a picture lies in the folder of pictures."""

    name: bytes
    start: int | None
    length: int


def read_content(folder: Path, entry: Entry) -> tuple[images.Source, int]:
    """A picture as `images.prepare` takes it, and the checksum of its bytes. PictureError, with a sentence,
    where it cannot be read."""
    path = folder / fs_name(entry.name)
    try:
        if entry.start is None:
            if not path.is_file():  # a pipe would wait for ever
                raise images.PictureError(f"There is no file {fs_name(entry.name)}.")
            with path.open("rb") as file:
                return images.open_large(path), check(file.read(CHECKED), path.stat().st_size)
        if entry.length > MAX_BYTES:
            raise images.PictureError(f"It takes {entry.length / 1e6:.1f} MB of its tar file: at most 10 MB.")
        with find_shard(path).open("rb") as file:
            file.seek(entry.start)
            content = file.read(entry.length)
    except OSError as error:
        raise images.PictureError(f"It cannot be read: {error.strerror or error}.") from None
    return content, check(content[:CHECKED], entry.length)


def check(beginning: bytes, length: int) -> int:
    """A checksum of a picture's beginning and its length in bytes."""
    return zlib.crc32(beginning, length & 0xFFFFFFFF)


def fs_name(name: bytes) -> str:
    """A name as the file system's functions take it."""
    return name.decode("utf-8", "surrogateescape")


def find_shard(path: Path) -> Path:
    """The tar file among the parents of a member's path; the path itself where there is none."""
    shards = (parent for parent in path.parents if parent.suffix.lower() == ".tar" and parent.is_file())
    return next(shards, path)


class Catalogue:
    """Read access, by several threads. ValueError for a file that is missing or damaged."""

    def __init__(self, path: Path, pictures: Path) -> None:
        self.path, self.pictures = path, pictures
        self._lock = threading.Lock()
        with self._explain():
            uri = f"file:{quote(str(path.resolve()))}?mode=ro"
            self._connection = sqlite3.connect(uri, uri=True, timeout=BUSY, check_same_thread=False)
            self._connection.execute("SELECT id FROM pictures LIMIT 1")

    @contextlib.contextmanager
    def _explain(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise ValueError(f"{self.path.name} of the gallery cannot be read: {error}.") from None

    def read(self, number: int) -> images.Source:
        """The picture with this id, as `images.prepare` takes it. MissingPictureError where it has changed,
        or is not there any more."""
        with self._explain(), self._lock:
            row = self._connection.execute(
                "SELECT name, start, length, checksum FROM pictures WHERE id = ?", (number,)
            ).fetchone()
        if row is None:
            raise MissingPictureError(f"There is no picture {number} in this gallery.")
        gone = f"Picture {number} of this gallery is not there any more, or has changed since it was encoded."
        name, start, length, checksum = row
        if ".." in fs_name(name).split("/") or name.startswith(b"/"):
            raise MissingPictureError(gone)
        try:
            source, present = read_content(self.pictures, Entry(name, start, length))
        except images.PictureError:
            raise MissingPictureError(gone) from None
        if present != checksum:
            raise MissingPictureError(gone)
        return source

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()
