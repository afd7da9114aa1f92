"""The pictures in tar files, and what names say of pictures."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

from ganlab.folders import EXTENSIONS

TAR = ".tar"


def list_members(path: Path, extensions: tuple[str, ...] = EXTENSIONS) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and length of each picture in a tar file that is not compressed; what is hidden, no
    picture, or leads out of it is left out. tarfile.TarError for a damaged file, after what comes before the
    damage."""
    with tarfile.open(path, "r:", errorlevel=1) as archive:
        while (member := archive.next()) is not None:
            archive.members = []  # type: ignore[attr-defined]  # else it keeps all
            name = member.name.removeprefix("./")
            parts = name.split("/")
            usable = member.isreg() and not member.issparse() and parts[-1].lower().endswith(extensions)
            if usable and not any(part in ("", "..") or part.startswith(".") for part in parts):
                yield name.encode("utf-8", "surrogateescape"), member.offset_data, member.size
        end = archive.offset  # where tarfile stops without a word at a header that it cannot read
    with path.open("rb") as file:
        file.seek(end)
        if any(file.read(tarfile.BLOCKSIZE)):
            raise tarfile.ReadError(f"it cannot be read beyond byte {end:,}")


def find_class(name: bytes) -> bytes:
    """The class of a picture: its first folder, in the folder of pictures or in a tar file; b"" in none."""
    folders = [part for part in name.split(b"/")[:-1] if not part.lower().endswith(TAR.encode())]
    return folders[0] if folders else b""


def make_printable(name: bytes) -> str:
    """A file's name, whose bytes may be no text, as UTF-8 can hold it."""
    return name.decode("utf-8", "backslashreplace")
