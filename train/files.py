"""Folders that are replaced whole or not at all; for files see `ganlab.files`, whose names are here too.

What is to take its place lies in a hidden folder beside it until then (`scratch`). A killed process leaves
that behind, and the next one removes it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ganlab.files import WriteError, open_atomically, write_atomically, write_bytes, write_json

__all__ = [
    "open_atomically", "replace_folder", "restoring", "scratch", "write_atomically", "write_bytes",
    "write_json",
]  # fmt: skip

SCRATCH = re.compile(r"\.ganlab-(publish|map|judge|before)-[a-z0-9_]{8}")
BACKUP = "before"  # in a scratch folder: what `replace_folder` has put aside
LOCK = ".lock"  # in a scratch folder: held by whoever works there


@contextmanager
def scratch(root: Path, purpose: str) -> Iterator[Path]:
    """A hidden folder in `root`, so on the same disk; it is removed at the end. `purpose` is one of those in
    SCRATCH. Those that killed processes have left in `root` are removed first; a checkpoint that one of them
    had put aside, to rename another to its name, is replaced as it was going to be. OSError where there can
    be none."""
    alone = _lock(root, wait=True)  # nobody sweeps until the new folder has its own lock
    try:
        if alone is not None:
            _sweep(root)
        room = tempfile.TemporaryDirectory(dir=root, prefix=f".ganlab-{purpose}-")
        own = _lock(Path(room.name) / LOCK)
    finally:
        _release(alone)
    try:
        with room as name:
            yield Path(name)
    finally:
        _release(own)


def _sweep(root: Path) -> None:
    for room in list(root.iterdir()):
        if not SCRATCH.fullmatch(room.name) or not room.is_dir() or (lock := _lock(room / LOCK)) is None:
            continue
        if (room / BACKUP).is_dir():  # killed in the middle of `replace_folder`, or after it
            for folder in room.iterdir():
                if folder.is_dir() and folder.name != BACKUP and not (root / folder.name).exists():
                    folder.rename(root / folder.name)
        shutil.rmtree(room, ignore_errors=True)
        _release(lock)


def _lock(path: Path, wait: bool = False) -> int | None:
    """A lock on a folder or file, which ends with this process; None where another has it, or the system has
    none."""
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        os.close(handle)
        return None
    return handle


def _release(lock: int | None) -> None:
    if lock is not None:
        os.close(lock)


def replace_folder(target: Path, folder: Path, backup: Path) -> None:
    """Rename `folder` to `target`; a `target` that exists goes to `backup`, and returns if that fails.

    All three lie on one disk; `backup` must not exist. In a scratch folder it is called BACKUP.
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
    with contextlib.ExitStack() as stack:
        try:
            room = stack.enter_context(scratch(folder.parent, "before"))
        except OSError as error:
            raise WriteError(folder, error) from None
        before = {path: room / str(index) for index, path in enumerate(_list_files(folder))}
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
