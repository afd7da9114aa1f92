"""Folders that are replaced whole or not at all; for files see `ganlab.files`, whose names are here too."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ganlab.files import WriteError, open_atomically, write_atomically, write_bytes, write_json

__all__ = [
    "open_atomically", "replace_folder", "restoring", "write_atomically", "write_bytes", "write_json",
]  # fmt: skip


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


@contextmanager
def restoring(folder: Path) -> Iterator[None]:
    """Let all files of `folder` be written or none: after an error each is as it was, and new ones are gone.

    Files are only ever replaced by new ones here, so a second name keeps what an old one held, and takes no
    room on a disk that is full. WriteError where no second names can be had; then nothing has happened yet.
    """
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        room = tempfile.TemporaryDirectory(dir=folder.parent, prefix=".before-")
    except OSError as error:
        raise WriteError(folder, error) from None
    with room as temporary:
        before = {path: Path(temporary) / str(index) for index, path in enumerate(_list_files(folder))}
        try:
            for path, name in before.items():
                _link(path, name)
        except OSError as error:
            raise WriteError(folder, error) from None
        try:
            yield
        except BaseException:
            for path in _list_files(folder):
                if path not in before:
                    path.unlink()
            for path, name in before.items():
                name.replace(path)
            if is_new:
                shutil.rmtree(folder, ignore_errors=True)
            raise


def _list_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _link(path: Path, name: Path) -> None:
    """Give a file a second name; a copy of its own where the disk knows no such names."""
    try:
        os.link(path, name)
    except OSError:
        shutil.copy2(path, name)
