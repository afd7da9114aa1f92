"""Data sets kept as a .tar.xz of JPEG files, or as the folder that it unpacks to."""

from __future__ import annotations

import io
import lzma
import os
import re
import tarfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from ganlab.gallery import Pictures
from train.data import folder

MEMBER = re.compile(r"(?:\./)?(train|test|val)/([\w-]+)/(\d+\.jpg)")
MAX_MEMBER = 100_000  # bytes of a picture in an archive; real ones have up to 3,000
MAX_ARCHIVE = 500_000_000  # bytes of an archive unpacked; real ones have up to 93 million


class PictureFiles(NamedTuple):
    """Square colour pictures of one size in train/CLASS/NUMBER.jpg and test/CLASS or val/CLASS."""

    archive: str  # file in the folder of data sets
    folder: str  # the same files, unpacked, in the folder of data sets
    size: int  # pixels a side

    def has_archive(self, root: Path) -> bool:
        """Whether the archive lies in `root`; it goes before the folder."""
        return (root / self.archive).is_file()

    def has_folder(self, root: Path) -> bool:
        """Whether the unpacked folder lies in `root`, with both splits."""
        return folder.find_splits(root / self.folder) is not None

    def read(self, root: Path, split: str) -> Pictures:
        """The pictures of a split, "train" or "test", in the order of class and file names, labels in the
        order of class names; FileNotFoundError where `root` has neither archive nor folder, ValueError
        where one is damaged."""
        if self.has_archive(root):
            return self._read_archive(root / self.archive, split)
        if self.has_folder(root):
            return folder.load(root / self.folder, split, self.size, channels=3)
        raise FileNotFoundError(f"{root} holds neither {self.archive} nor {self.folder}.")

    def read_files(self, root: Path, split: str, rows: Sequence[int]) -> list[bytes]:
        """Those JPEG files that `read` decodes to these rows."""
        if self.has_archive(root):
            files, _ = _read_members(root / self.archive, split)
            names = sorted(files)
            return [files[names[row]] for row in rows]
        paths = folder.list_files(root / self.folder, split)
        return [paths[row].read_bytes() for row in rows]

    def _read_archive(self, path: Path, split: str) -> Pictures:
        """One pass, without unpacking to disk. Members other than plain files of the expected names are
        ignored; grey pictures become colour."""
        files, classes = _read_members(path, split)
        labels = {name: label for label, name in enumerate(sorted(classes))}
        names = sorted(files)
        pixels = np.empty((len(names), 3, self.size, self.size), np.uint8)  # threads fill it

        def decode(row: int) -> bool:
            picture = _decode(files[names[row]], self.size)
            if picture is None:
                return False
            pixels[row] = picture.transpose(2, 0, 1)
            return True

        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            for name, good in zip(names, pool.map(decode, range(len(names))), strict=True):
                if not good:
                    raise ValueError(
                        f"{split}/{'/'.join(name)} in {path} is no colour picture of {self.size}x{self.size}:"
                        " download the archive again."
                    )
        numbers = torch.tensor([labels[name] for name, _ in names])
        called = folder.name_classes(labels)
        return Pictures(torch.from_numpy(pixels), numbers, torch.arange(len(names)), called)


class _Bounded(io.RawIOBase):
    """A stream that raises ReadError once more than `MAX_ARCHIVE` bytes were read."""

    def __init__(self, stream: lzma.LZMAFile) -> None:
        self.stream, self.left = stream, MAX_ARCHIVE

    def read(self, size: int = -1) -> bytes:
        block = self.stream.read(size)
        self.left -= len(block)
        if self.left < 0:
            raise tarfile.ReadError(f"it unpacks to more than {MAX_ARCHIVE / 1e6:.0f} MB")
        return block


def _read_members(path: Path, split: str) -> tuple[dict[tuple[str, str], bytes], set[str]]:
    """The split's files by class and file name, and the classes of all splits; ValueError for a damaged
    archive. A folder val is the test split."""
    files: dict[tuple[str, str], bytes] = {}
    classes = set()
    folders = ("train",) if split == "train" else ("test", "val")
    try:
        with lzma.open(path) as packed, tarfile.open(fileobj=_Bounded(packed), mode="r|") as archive:
            for member in archive:
                match = MEMBER.fullmatch(member.name)
                if not match or not member.isreg() or member.size > MAX_MEMBER:
                    continue
                classes.add(match[2])
                file = archive.extractfile(member) if match[1] in folders else None
                if file:
                    files[match[2], match[3]] = file.read()
    except (OSError, EOFError, ValueError, lzma.LZMAError, tarfile.TarError) as error:
        raise ValueError(f"{path} is damaged ({error}): download it again.") from None
    if not files:
        raise ValueError(
            f"{path} holds no pictures such as {folders[-1]}/{min(classes, default='CLASS')}/0000.jpg:"
            " download it again."
        )
    return files, classes


def _decode(content: bytes, size: int) -> np.ndarray | None:
    """A JPEG file as uint8 (size, size, 3), or None for anything else."""
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
            if image.size != (size, size) or image.mode not in ("RGB", "L"):  # before any pixel is decoded
                return None
            return np.array(image.convert("RGB"))
    except Exception:  # PIL's readers raise almost anything on damaged bytes
        return None
