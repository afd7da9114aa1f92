"""A folder of pictures as one uint8 tensor: classes, splits, files of any size and colour mode."""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from tqdm import tqdm  # type: ignore[import-untyped]

from ganlab import images
from ganlab.config import MAX_CLASS_NAME
from ganlab.folders import EXTENSIONS, walk
from ganlab.gallery import Pictures

SIZE = 32  # default height and width, in pixels
TEST_EVERY = 10  # every tenth picture is a test picture where a folder has no train and test
TEST_FOLDERS = ("test", "val")  # names of the test split's folder; the first that is there
MAX_NAMED = 3  # unreadable files that the warning names
MAX_THREADS = 8  # each may hold a picture of 8 megapixels as floats


def load(folder: Path, split: str, size: int, channels: int | None) -> Pictures:
    """The centre squares of a split's pictures, (N, channels, size, size), in the order of their paths.

    Subfolders are classes, labelled in the order of their names; without subfolders the label is 0. If there
    are subfolders train and test (or val), they are the splits, with classes inside; otherwise every tenth
    picture belongs to the test split. Unreadable files are left out, with a line on stderr, but count in the
    indices.
    Without `channels`: 1 where all pictures are grey, else 3. ValueError for an empty split or a folder that
    mixes pictures with class folders.
    """
    files, classes = list_labelled(folder, split)
    filled = np.empty((len(files), channels or 3, size, size), np.uint8)  # by threads

    def read(row: int) -> bool:
        try:
            picture = read_picture(files[row][1], size, grey=channels == 1)
        except Exception:  # PIL's readers raise almost anything on a damaged file
            return False
        filled[row] = picture
        return True

    threads = min(MAX_THREADS, os.cpu_count() or 1)
    with warnings.catch_warnings(), ThreadPoolExecutor(threads) as pool:
        warnings.simplefilter("ignore")  # of PIL, many a file, about what it can still read
        rows = tqdm(pool.map(read, range(len(files))), "reading", len(files), leave=False, disable=None)
        readable = torch.tensor(list(rows))
    broken = [path.relative_to(folder) for (_, path), good in zip(files, readable, strict=True) if not good]
    if len(broken) == len(files):
        raise ValueError(f"None of the {len(files)} pictures of the {split} split of {folder} can be read.")
    pixels = torch.from_numpy(filled)
    if broken:
        _warn(folder, split, len(files), broken)
        pixels = pixels[readable]
    if channels is None and all(bool((pixels[:, c] == pixels[:, 0]).all()) for c in (1, 2)):
        pixels = pixels[:, :1].contiguous()
    labels = torch.tensor([label for label, _ in files])
    return Pictures(pixels, labels[readable], torch.arange(len(files))[readable], name_classes(classes))


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
    parts = find_splits(folder)
    listed = {part: _list_classes(part) for part in (parts.values() if parts else [folder])}
    names = {name for part in listed.values() for name, _ in part}
    if not names:
        raise ValueError(f"{folder} holds no pictures ({', '.join(EXTENSIONS)}).")
    if None in names and len(names) > 1:
        raise ValueError(
            f"{folder} has pictures beside class folders: move them into a folder of their class, or away."
        )
    labels = {name: label for label, name in enumerate(sorted(names, key=str))}
    files = [(labels[name], path) for name, path in listed[parts[split] if parts else folder]]
    if not parts:
        held_out = split == "test"
        files = [file for row, file in enumerate(files) if (row % TEST_EVERY == TEST_EVERY - 1) == held_out]
    if not files:
        where, count = (parts[split], "at least one") if parts else (folder, f"{TEST_EVERY} or more")
        raise ValueError(f"The {split} split of {folder} is empty: put pictures into {where}, {count}.")
    return files, sorted(name for name in names if name is not None)


def _list_classes(folder: Path) -> list[tuple[str | None, Path]]:
    """Class (the subfolder, or None) and path of each picture in the folder, sorted by path."""
    pictures: list[tuple[str | None, Path]] = []
    real = folder.resolve()
    ancestors = {str(path) for path in (real, *real.parents)}  # a link to them would never end
    for entry in folder.iterdir():
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            pictures += [(entry.name, path) for path in walk(entry, seen=set(ancestors))]
        elif entry.suffix.lower() in EXTENSIONS:
            pictures.append((None, entry))
    return sorted(pictures, key=lambda file: file[1].relative_to(folder).as_posix())


def read_picture(path: Path, size: int, grey: bool) -> np.ndarray:
    """One file as uint8 (1 or 3, size, size), decoded as the app decodes an upload."""
    if not path.is_file():  # a pipe would wait for ever
        raise images.PictureError(images.UNREADABLE)
    with Image.open(path, formats=images.FORMATS) as image:
        # JPEG can decode at 1/2, 1/4 or 1/8 of its size, which is fast and brings large photographs below
        # the limit of `decode`. The filter still gets twice the size.
        image.draft(None, (2 * size, 2 * size))
        pixels = images.decode(image)
    picture = Image.fromarray((pixels * 255).round().astype(np.uint8)).convert("L" if grey else "RGB")
    if picture.size != (size, size):
        picture = ImageOps.fit(picture, (size, size), Image.Resampling.LANCZOS)
    channels_first: np.ndarray = np.array(picture).reshape(size, size, -1).transpose(2, 0, 1)
    return channels_first


def _warn(folder: Path, split: str, count: int, broken: list[Path]) -> None:
    names = ", ".join(repr(path.as_posix()) for path in broken[:MAX_NAMED])
    more = f" and {len(broken) - MAX_NAMED} more" if len(broken) > MAX_NAMED else ""
    print(
        f"warning: {len(broken)} of {count} pictures of the {split} split of {folder} cannot be read (damaged"
        f" or above {images.MAX_PIXELS // 1_000_000} megapixels) and are left out: {names}{more}.",
        file=sys.stderr,
    )
