"""Files that are replaced whole or not at all: who reads meanwhile sees the old or the new.

A disk that is full, read-only or forbidden becomes one sentence, and leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # what systems answer when nothing more fits
PARTIAL = ".partial"  # ending of a file that is being written; only a killed process leaves it behind
REASONS = {
    **dict.fromkeys(FULL, "the disk is full"),
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "there is no permission",
    errno.EPERM: "there is no permission",
    errno.EIO: "the disk failed",
}


class WriteError(OSError):
    """A file that could not be written; it is as it was before. Its text is a sentence."""

    def __init__(self, path: Path, error: OSError) -> None:
        self.path, self.reason = path, explain(error)
        super().__init__(f"{path} could not be written: {self.reason}.")
        self.errno, self.full = error.errno, error.errno in FULL


def explain(error: OSError) -> str:
    """Why the file system refused, as the end of a sentence: "the disk is full"."""
    return REASONS.get(error.errno or 0) or (error.strerror or str(error) or "no reason was given").lower()


def describe(error: OSError) -> str:
    """An error of the file system as a sentence, without its number."""
    if not error.strerror:
        return str(error)
    text = f"{error.filename}: {explain(error)}." if error.filename else f"{explain(error)}."
    return text[0].upper() + text[1:]


def find_os_error(error: BaseException) -> OSError | None:
    """The error of the file system that `error` is, or that it was raised from: writers such as torch's
    raise one of their own once a file takes no more."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__ or cause.__context__
    return cause


@contextmanager
def open_atomically(path: Path) -> Iterator[BinaryIO]:
    """A new file, for writing and reading, that takes the place of `path` once it is complete.

    After an error `path` is as before, and what was written is removed, so that it takes no room. Until then
    it lies beside `path`, on the same disk, so that renaming is atomic. WriteError where the disk is full,
    read-only or forbidden.
    """
    partial = path.with_name(path.name + PARTIAL)
    try:
        with partial.open("w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # else a power failure could leave the new name with no content
        partial.replace(path)
        sync_folder(path.parent)
    except Exception as error:
        if (cause := find_os_error(error)) is None or isinstance(cause, WriteError):
            raise
        raise WriteError(path, cause) from error
    finally:
        with contextlib.suppress(OSError):  # of a folder that became read-only; the reason is told above
            partial.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Let a power failure not undo a renaming, where the system can promise that for folders."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content`, whole or not at all."""
    with open_atomically(path) as file:
        file.write(content)


def write_atomically(path: Path, text: str) -> None:
    """Write `text` as UTF-8."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON, one item a line; what JSON cannot hold raises TypeError before any writing."""
    write_atomically(path, json.dumps(value, indent=1) + "\n")
