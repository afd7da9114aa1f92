"""Files that take their names when all of them are complete, or never: no reader meets a torn one."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from types import TracebackType

from ganlab.files import FULL

PREFIX = ".ganlab-"  # of the hidden folders beside the targets, which only a killed process leaves behind


class OutputError(ValueError):
    """What is to be written cannot be; its text is a sentence."""


class Staging:
    """A context in which files and folders are written beside the names that they are to have.

    When it ends well, all take their names, and files of these names are replaced; when it ends by an
    exception, all are removed, and OSError becomes an OutputError.
    """

    def __init__(self) -> None:
        self._parts: list[tuple[Path, Path]] = []  # where a file or folder is written, and its name at last

    def __enter__(self) -> Staging:
        return self

    def reserve(self, target: Path) -> Path:
        """Where to write what is to become `target`, a file or a folder; beside it there is room for
        scratch files. OutputError for a target that cannot be."""
        if not target.parent.is_dir():
            raise OutputError(f"{target} cannot be written: there is no folder {target.parent}.")
        if any(target == other for _, other in self._parts):
            raise OutputError(f"Two outputs are called {target}: give each a name of its own.")
        try:
            room = Path(tempfile.mkdtemp(prefix=PREFIX, dir=target.parent))
        except OSError as error:
            raise OutputError(f"{target} cannot be written: {explain(error)}") from None
        self._parts.append((room / "whole", target))
        return room / "whole"

    def reserve_file(self, target: Path) -> Path:
        """`reserve` for a file; OutputError where a folder has its name."""
        if target.is_dir():
            raise OutputError(f"{target} is a folder: name a file in it.")
        return self.reserve(target)

    def reserve_folder(self, target: Path) -> Path:
        """`reserve` for a folder, which is created; OutputError where there is anything already."""
        if target.exists() and not (target.is_dir() and not any(target.iterdir())):
            raise OutputError(f"{target} exists already: name a new folder, or an empty one.")
        room = self.reserve(target)
        room.mkdir()
        return room

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                for part, target in self._parts:
                    if part.is_dir() and target.is_dir():
                        target.rmdir()  # an empty one
                    part.replace(target)
        except OSError as failure:
            error = failure
        finally:
            for part, _ in self._parts:
                shutil.rmtree(part.parent, ignore_errors=True)
        if isinstance(error, OSError):
            raise OutputError(explain(error)) from error


def write_whole(target: Path, content: bytes) -> None:
    """Write a file that has all of its content, or leave what was there. OutputError where it cannot be."""
    with Staging() as staging:
        staging.reserve_file(target).write_bytes(content)


def explain(error: OSError) -> str:
    """What an error of the file system says, as a sentence."""
    if error.errno in FULL:
        return "The disk is full, so nothing was written."
    name = f"{error.filename}: " if error.filename and PREFIX not in str(error.filename) else ""
    return f"{name}{error.strerror or error}."
