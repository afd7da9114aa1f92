"""Folders that are replaced whole or not at all; for files see `ganlab.files`, whose names are here too."""

from __future__ import annotations

from pathlib import Path

from ganlab.files import open_atomically, write_atomically, write_bytes, write_json

__all__ = ["open_atomically", "replace_folder", "write_atomically", "write_bytes", "write_json"]


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
