"""A folder of pictures as one uint8 tensor: classes, splits, files of any size and colour mode."""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
import torch
from PIL import Image, ImageOps
from tqdm import tqdm  # type: ignore[import-untyped]

from ganlab import images
from ganlab.config import MAX_CLASS_NAME
from ganlab.folders import EXTENSIONS, walk
from ganlab.gallery import Pictures

SIZE = 32  # default height and width, in pixels
TOGETHER = 1_000  # files that count as neighbours on the disk
ORIENTATION = 0x0112  # the tag of EXIF that says how a picture is to be turned
TEST_EVERY = 10  # every tenth picture is a test picture where a folder has no train and test
TEST_FOLDERS = ("test", "val")  # names of the test split's folder; the first that is there
MAX_NAMED = 3  # unreadable files that the warning names
MAX_THREADS = 8  # each may hold a picture of 8 megapixels as floats


class PictureIndex(Protocol):
    """Where the pictures of a split lie: in a folder, or in tar files."""

    classes: tuple[str, ...]  # names of the labels; empty where a label is its own name

    def __len__(self) -> int: ...

    @property
    def labels(self) -> np.ndarray:
        """int32 (N,)."""

    @property
    def starts(self) -> np.ndarray:
        """The first rows of what lies together on the disk, int64."""

    def decode(self, row: int, size: int, grey: bool) -> np.ndarray:
        """A picture as uint8 (1 or 3, size, size). Any exception for one that cannot be read."""

    def read(self, row: int) -> bytes:
        """A picture's file. OSError where it cannot be read."""

    def get_name(self, row: int) -> str:
        """What to call a picture, in the folder."""

    def take(self, rows: np.ndarray) -> PictureIndex:
        """The pictures of these rows."""


class FolderIndex:
    """The pictures of a split of a folder, in the order of their paths. A million takes some 50 MB: `paths`
    holds the bytes of all paths, and `ends` int64 (N,) where each ends."""

    def __init__(
        self, folder: Path, paths: bytes, ends: np.ndarray, labels: np.ndarray, classes: tuple[str, ...]
    ) -> None:
        self.folder, self.paths, self.ends = folder, paths, ends
        self.labels, self.classes = labels, classes

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def starts(self) -> np.ndarray:
        """The first rows of neighbouring files."""
        return np.arange(0, len(self), TOGETHER)

    def get_name(self, row: int) -> str:
        """The path in the folder."""
        return os.fsdecode(self.paths[int(self.ends[row - 1]) if row else 0 : int(self.ends[row])])

    def decode(self, row: int, size: int, grey: bool) -> np.ndarray:
        """A picture as uint8 (1 or 3, size, size)."""
        return read_picture(self.folder / self.get_name(row), size, grey)

    def read(self, row: int) -> bytes:
        """A picture's file."""
        path = self.folder / self.get_name(row)
        if not path.is_file():  # a pipe would wait for ever
            raise FileNotFoundError(path)
        return path.read_bytes()

    def take(self, rows: np.ndarray) -> FolderIndex:
        """The pictures of these rows."""
        return pack_index(
            self.folder, [self.get_name(row) for row in rows.tolist()], self.labels[rows], self.classes
        )


def pack_index(folder: Path, names: list[str], labels: np.ndarray, classes: tuple[str, ...]) -> FolderIndex:
    """The index of the files `names` in the folder."""
    encoded = [os.fsencode(name) for name in names]
    lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
    return FolderIndex(folder, b"".join(encoded), np.cumsum(lengths), labels, classes)


def read_index(folder: Path, split: str) -> FolderIndex:
    """The pictures of the split "train" or "test".

    Subfolders are classes, labelled in the order of their names; without subfolders the label is 0. If there
    are subfolders train and test (or val), they are the splits, with classes inside; otherwise every tenth
    picture belongs to the test split. ValueError for an empty split or a folder that mixes pictures with
    class folders.
    """
    names, labels, classes = list_names(folder, split)
    return pack_index(folder, names, labels, name_classes(classes))


def load(folder: Path, split: str, size: int, channels: int | None) -> Pictures:
    """The centre squares of a split's pictures, (N, channels, size, size), in the order of their paths, see
    `read_index` and `load_index`."""
    return load_index(read_index(folder, split), f"the {split} split of {folder}", size, channels)


def load_index(
    index: PictureIndex, title: str, size: int, channels: int | None, rows: np.ndarray | None = None
) -> Pictures:
    """Read pictures, or those of `rows`, into memory as (N, channels, size, size). Unreadable files are left
    out, with a line on stderr, but count in the indices. Without `channels`: 1 where all pictures are grey,
    else 3. ValueError where none can be read; `title` is what it calls them."""
    rows = np.arange(len(index)) if rows is None else rows
    filled = np.empty((len(rows), channels or 3, size, size), np.uint8)  # by threads

    def read(position: int) -> bool:
        try:
            picture = index.decode(int(rows[position]), size, channels == 1)
        except Exception:  # PIL's readers raise almost anything on a damaged file
            return False
        filled[position] = picture
        return True

    threads = min(MAX_THREADS, os.cpu_count() or 1)
    with warnings.catch_warnings(), ThreadPoolExecutor(threads) as pool:
        warnings.simplefilter("ignore")  # of PIL, many a file, about what it can still read
        good = tqdm(pool.map(read, range(len(rows))), "reading", len(rows), leave=False, disable=None)
        readable = torch.tensor(list(good), dtype=torch.bool)
    broken = [index.get_name(row) for row in rows[~readable.numpy()][:MAX_NAMED].tolist()]
    count = int((~readable).sum())
    if count == len(rows):
        raise ValueError(f"None of the {len(rows)} pictures of {title} can be read.")
    pixels = torch.from_numpy(filled)
    if broken:
        _warn(title, len(rows), count, broken)
        pixels = pixels[readable]
    if channels is None and all(bool((pixels[:, c] == pixels[:, 0]).all()) for c in (1, 2)):
        pixels = pixels[:, :1].contiguous()
    labels, indices = torch.from_numpy(index.labels[rows].astype(np.int64)), torch.from_numpy(rows)
    return Pictures(pixels, labels[readable], indices[readable], index.classes)


def name_examples(names: list[str], count: int) -> str:
    """The first of `count` files, named: 'a.png', 'b.png' and 3 more."""
    more = f" and {count - len(names):,} more" if count > len(names) else ""
    return ", ".join(map(repr, names)) + more


def name_classes(folders: Iterable[str]) -> tuple[str, ...]:
    """What classes are called by the names of their folders, in their order: "king-penguin" is a king
    penguin."""
    names = (" ".join(re.sub(r"[-_]+", " ", folder).split()) for folder in folders)
    printable = ("".join(filter(str.isprintable, name))[:MAX_CLASS_NAME] for name in names)
    return tuple(name or "?" for name in printable)


def list_files(folder: Path, split: str) -> list[Path]:
    """The paths of a split's pictures, in the order of `Pictures.indices` of `load`."""
    return [path for _, path in list_labelled(folder, split)[0]]


def find_splits(folder: Path) -> dict[str, Path] | None:
    """The subfolders of the splits "train" and "test" (which may be called val), or None."""
    train, tests = folder / "train", [folder / name for name in TEST_FOLDERS if (folder / name).is_dir()]
    return {"train": train, "test": tests[0]} if train.is_dir() and tests else None


def has_files(folder: Path, extensions: tuple[str, ...]) -> bool:
    """Whether the folder, at any depth, has a picture with one of the extensions."""
    return any(walk(folder, extensions))


def list_labelled(folder: Path, split: str) -> tuple[list[tuple[int, Path]], list[str]]:
    """Label and path of each picture of the split, sorted by path, and the classes' folders; ValueError where
    there is no picture."""
    names, labels, classes = list_names(folder, split)
    return [(label, folder / name) for label, name in zip(labels.tolist(), names, strict=True)], classes


def list_names(folder: Path, split: str) -> tuple[list[str], np.ndarray, list[str]]:
    """The same with less memory, for a million files: paths in the folder, labels int32 (N,), classes."""
    parts = find_splits(folder)
    listed = {part: _list_part(part) for part in (parts.values() if parts else [folder])}
    groups = {_get_class(name) for names in listed.values() for name in names}
    if not groups:
        raise ValueError(f"{folder} holds no pictures ({', '.join(EXTENSIONS)}).")
    if "" in groups and len(groups) > 1:
        raise ValueError(
            f"{folder} has pictures beside class folders: move them into a folder of their class, or away."
        )
    numbers = {group: label for label, group in enumerate(sorted(groups))}
    part = parts[split] if parts else folder
    names = listed[part] if parts else [listed[part][row] for row in hold_out(len(listed[part]), split)]
    if not names:
        where, count = (part, "at least one") if parts else (folder, f"{TEST_EVERY} or more")
        raise ValueError(f"The {split} split of {folder} is empty: put pictures into {where}, {count}.")
    labels = np.fromiter((numbers[_get_class(name)] for name in names), np.int32, len(names))
    if parts:
        names = [f"{part.name}/{name}" for name in names]
    return names, labels, sorted(groups - {""})


def hold_out(count: int, split: str) -> np.ndarray:
    """The rows of a split of `count` pictures that come undivided: every tenth is a test picture."""
    rows: np.ndarray = np.arange(count)
    held: np.ndarray = rows[(rows % TEST_EVERY == TEST_EVERY - 1) == (split == "test")]
    return held


def _get_class(name: str) -> str:
    """The first folder of a path, "" for a file outside all."""
    return name.partition("/")[0] if "/" in name else ""


def _list_part(folder: Path) -> list[str]:
    """The path, in the folder, of each picture, sorted."""
    names: list[str] = []
    real = folder.resolve()
    ancestors = {str(path) for path in (real, *real.parents)}  # a link to them would never end
    for entry in folder.iterdir():
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            names += (path.relative_to(folder).as_posix() for path in walk(entry, seen=set(ancestors)))
        elif entry.suffix.lower() in EXTENSIONS:
            names.append(entry.name)
    return sorted(names)


def read_picture(path: Path, size: int, grey: bool) -> np.ndarray:
    """One file as uint8 (1 or 3, size, size), decoded as the app decodes an upload."""
    if not path.is_file():  # a pipe would wait for ever
        raise images.PictureError(images.UNREADABLE)
    return decode_picture(path, size, grey)


def decode_picture(source: Path | BinaryIO, size: int, grey: bool) -> np.ndarray:
    """`read_picture` of a file, or of its bytes."""
    mode = "L" if grey else "RGB"
    with Image.open(source, formats=images.FORMATS) as image:
        if image.mode == mode and image.size == (size, size) and not _needs_more(image):
            return _put_channels_first(
                np.asarray(image), size
            )  # the same pixels as below, three times as fast
        # JPEG can decode at 1/2, 1/4 or 1/8 of its size, which is fast and brings large photographs below
        # the limit of `decode`. The filter still gets twice the size.
        image.draft(None, (2 * size, 2 * size))
        pixels = images.decode(image)
    picture = Image.fromarray((pixels * 255).round().astype(np.uint8)).convert(mode)
    if picture.size != (size, size):
        picture = ImageOps.fit(picture, (size, size), Image.Resampling.LANCZOS)
    return _put_channels_first(np.array(picture), size)


def _needs_more(image: Image.Image) -> bool:
    """Whether `images.decode` would do more than read the pixels: turn them, or lay them on paper."""
    return image.has_transparency_data or image.getexif().get(ORIENTATION, 1) != 1


def _put_channels_first(pixels: np.ndarray, size: int) -> np.ndarray:
    return np.transpose(pixels.reshape(size, size, -1), (2, 0, 1))


def _warn(title: str, count: int, unreadable: int, names: list[str]) -> None:
    print(
        f"warning: {unreadable} of {count} pictures of {title} cannot be read (damaged or above"
        f" {images.MAX_PIXELS // 1_000_000} megapixels) and are left out:"
        f" {name_examples(names, unreadable)}.",
        file=sys.stderr,
    )
