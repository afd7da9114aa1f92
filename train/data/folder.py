"""Any folder of pictures as one uint8 tensor: classes, splits, and files of every size and mode."""

from __future__ import annotations

import os
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from tqdm import tqdm  # type: ignore[import-untyped]

from ganlab import images
from ganlab.gallery import Pictures

SIZE = 32  # pixels a side where none is asked for
EVERY = 10  # one picture of so many is held out where a folder has no train and test
EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")
NAMED = 3  # unreadable files that the warning names
THREADS = 8  # at most: each may hold a picture of 8 megapixels as floats


def load(folder: Path, split: str, size: int, channels: int | None) -> Pictures:
    """The middle squares of all pictures, (N, channels, size, size), in the order of their paths.

    Subfolders are classes, their labels in the order of their names; without any the label is 0. The
    subfolders train and test, where both are there, are the splits, with classes inside; else every
    tenth picture is the test split. Indices count the split's files, unreadable ones too: those are
    left out, with one line on stderr. Without `channels`: 1 where all pictures are grey, else 3.
    """
    files = _split(folder, split)
    pixels = torch.empty(len(files), channels or 3, size, size, dtype=torch.uint8)

    def read(row: int) -> bool:
        try:
            picture = _read(files[row][1], size, grey=channels == 1)
        except Exception:  # PIL's readers raise almost anything on a damaged file
            return False
        pixels[row] = torch.from_numpy(picture)
        return True

    threads = min(THREADS, os.cpu_count() or 1)
    with warnings.catch_warnings(), ThreadPoolExecutor(threads) as pool:
        warnings.simplefilter("ignore")  # of PIL, many a file, about what it can still read
        rows = tqdm(pool.map(read, range(len(files))), "reading", len(files), leave=False, disable=None)
        readable = torch.tensor(list(rows))
    broken = [path.relative_to(folder) for (_, path), good in zip(files, readable, strict=True) if not good]
    if len(broken) == len(files):
        raise ValueError(f"None of the {len(files)} pictures of the {split} split of {folder} can be read.")
    if broken:
        _warn(folder, split, len(files), broken)
        pixels = pixels[readable]
    if channels is None and all(bool((pixels[:, c] == pixels[:, 0]).all()) for c in (1, 2)):
        pixels = pixels[:, :1].contiguous()
    labels = torch.tensor([label for label, _ in files])
    return Pictures(pixels, labels[readable], torch.arange(len(files))[readable])


def holds(folder: Path, extensions: tuple[str, ...]) -> bool:
    """Whether a file with one of the extensions lies anywhere in the folder."""
    return any(path.suffix.lower() in extensions for path in _walk(folder, set()))


def _split(folder: Path, split: str) -> list[tuple[int, Path]]:
    """Label and path of each picture of the split, sorted by path."""
    parts = [folder / "train", folder / "test"]
    divided = all(part.is_dir() for part in parts)
    found = {part: _classified(part) for part in (parts if divided else [folder])}
    names = {name for part in found.values() for name, _ in part}
    if not names:
        raise ValueError(f"{folder} holds no pictures ({', '.join(EXTENSIONS)}).")
    if None in names and len(names) > 1:
        raise ValueError(
            f"{folder} has pictures beside class folders: move them into a folder of their class, or away."
        )
    labels = {name: label for label, name in enumerate(sorted(names, key=str))}
    files = [(labels[name], path) for name, path in found[folder / split if divided else folder]]
    if not divided:
        held_out = split == "test"
        files = [file for row, file in enumerate(files) if (row % EVERY == EVERY - 1) == held_out]
    if not files:
        raise ValueError(
            f"The {split} split of {folder} is empty: put pictures into"
            f" {folder / split if divided else folder}, {'at least one' if divided else f'{EVERY} or more'}."
        )
    return files


def _classified(folder: Path) -> list[tuple[str | None, Path]]:
    """Class, or None, and path of each picture in the folder, sorted by path."""
    found: list[tuple[str | None, Path]] = []
    real = folder.resolve()
    above = {str(place) for place in (real, *real.parents)}
    for entry in folder.iterdir():
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            found += [(entry.name, path) for path in _walk(entry, set(above))]
        elif entry.suffix.lower() in EXTENSIONS:
            found.append((None, entry))
    return sorted(found, key=lambda file: file[1].relative_to(folder).as_posix())


def _walk(folder: Path, seen: set[str]) -> list[Path]:
    """Pictures at any depth. Links are followed, but no folder of `seen` is entered, and none twice."""
    found = []
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(place, name) for name in names if not name.startswith(".")]
    return [path for path in found if path.suffix.lower() in EXTENSIONS]


def _read(path: Path, size: int, grey: bool) -> np.ndarray:
    """One file as uint8 (1 or 3, size, size), prepared as the app prepares an upload."""
    if not path.is_file():  # a pipe would wait for ever
        raise images.PictureError(images.UNREADABLE)
    with Image.open(path, formats=images.FORMATS) as image:
        # Photographs: JPEG decodes at 1/2, 1/4 or 1/8 of its size in a fraction of the time, and then is
        # below the limit of `decode`. Twice the size wanted is left for the filter.
        image.draft(None, (2 * size, 2 * size))
        pixels = images.decode(image)
    picture = Image.fromarray((pixels * 255).round().astype(np.uint8)).convert("L" if grey else "RGB")
    if picture.size != (size, size):
        picture = ImageOps.fit(picture, (size, size), Image.Resampling.LANCZOS)
    read: np.ndarray = np.array(picture).reshape(size, size, -1).transpose(2, 0, 1)
    return read


def _warn(folder: Path, split: str, count: int, broken: list[Path]) -> None:
    names = ", ".join(repr(path.as_posix()) for path in broken[:NAMED])
    more = f" and {len(broken) - NAMED} more" if len(broken) > NAMED else ""
    print(
        f"warning: {len(broken)} of {count} pictures of the {split} split of {folder} cannot be read (damaged"
        f" or above {images.MAX_PIXELS // 1_000_000} megapixels) and are left out: {names}{more}.",
        file=sys.stderr,
    )
