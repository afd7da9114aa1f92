"""Files and folders that are replaced whole or not at all: who reads meanwhile sees the old or the new."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO


@contextmanager
def open_atomically(path: Path) -> Iterator[BinaryIO]:
    """A new file that takes the place of `path` once it is complete; after an error `path` is as before.

    Until then it lies beside `path`, on the same disk, so that renaming is atomic.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # else a power failure could leave the new name with no content
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_atomically(path: Path, text: str) -> None:
    """Write `text` as UTF-8."""
    with open_atomically(path) as file:
        file.write(text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON, one item a line; what JSON cannot hold raises TypeError before any writing."""
    write_atomically(path, json.dumps(value, indent=1) + "\n")


def replace_folder(target: Path, folder: Path, backup: Path) -> None:
    """Rename `folder` to `target`; a `target` that exists goes to `backup`, and returns if that fails.

    All three lie on one disk; `backup` must not exist.
    """
    if target.exists():
        target.rename(backup)
    try:
        folder.rename(target)
    except OSError:
        if backup.exists():
            backup.rename(target)
        raise
