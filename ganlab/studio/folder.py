"""A folder of pictures through a model: their codes, and on request reconstructions, neighbours and figures.

result = encode_folder(ganlab.load("mnist-bigan-plus"), Path("digits"), Outputs(Path("codes.npz")))

Pictures are read a batch at a time and results are written as they come, so memory does not grow with the
folder but for the files' names, some 300 bytes each.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO, TypeAlias

import torch

from ganlab import folders, images
from ganlab.explorer import Explorer
from ganlab.images import Polarity
from ganlab.studio.batch import measure_all, prepare_all
from ganlab.studio.folder_files import (
    ArrayWriter,
    CodesWriter,
    Encoded,
    FiguresWriter,
    NeighboursWriter,
    PngWriter,
    SheetWriter,
    Writer,
)
from ganlab.studio.staging import OutputError, Staging

# Names of pictures; some of these formats are refused with a sentence, which is better than silence.
EXTENSIONS = (
    *folders.EXTENSIONS,
    *(".jfif", ".jpe", ".dib", ".apng", ".heic", ".heif", ".svg", ".jp2", ".jxl", ".ico", ".psd"),
)
BATCH = 256  # pictures at a time
MAX_BATCH = 4096
MAX_NEIGHBOURS = 1000
Progress: TypeAlias = Callable[[int, int], None]


@dataclass(frozen=True)
class Outputs:
    """What to write, and where. `codes` and `reconstructions` are described in `docs/api.md`."""

    codes: Path  # .npz
    reconstructions: Path | None = None  # .npz; .png for a contact sheet; else a new folder of PNG files
    neighbours: Path | None = None  # .csv
    figures: Path | None = None  # .csv
    features: bool = True  # whether `codes` holds the features too
    k: int = 5  # neighbours of each picture
    space: str = "features"  # in which they are searched, one of `Explorer.spaces`


@dataclass
class FolderResult:
    """What became of a folder: how many pictures were encoded, how many of them leave preparation in doubt,
    and the name and the sentence of each that was refused."""

    count: int = 0
    doubtful: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Listing:
    """The pictures of a folder, by names relative to it, ascending; `classes` are the names of its subfolders
    with pictures, `locked` those of subfolders that cannot be listed, with the reason."""

    folder: Path
    names: tuple[str, ...]
    classes: tuple[str, ...]
    locked: tuple[tuple[str, str], ...] = ()


def list_pictures(folder: Path) -> Listing:
    """The pictures of a folder at any depth, by the endings of their names. ValueError for a folder that is
    not there, cannot be listed, or has none."""
    if not folder.is_dir():
        hint = f"{folder} is a file; name the folder that it lies in." if folder.exists() else ""
        raise ValueError(hint or f"There is no folder {folder}.")
    locked: list[tuple[str, str]] = []

    def note(error: OSError) -> None:
        name = os.path.relpath(error.filename, folder)
        if name == ".":
            raise ValueError(f"The folder {folder} cannot be listed: {error.strerror}.")
        locked.append((name, f"This folder cannot be listed: {error.strerror}."))

    paths = folders.walk(folder, EXTENSIONS, on_error=note)
    names = sorted(path.relative_to(folder).as_posix() for path in paths)
    if not names:
        raise ValueError(f"{folder} holds no pictures ({', '.join(folders.EXTENSIONS)}).")
    classes = sorted({find_class(name) for name in names} - {""})
    return Listing(folder, tuple(names), tuple(classes), tuple(sorted(locked)))


def find_class(name: str) -> str:
    """The class of a picture by its name in a folder: the first subfolder, or "" in none."""
    before, slash, _ = name.partition("/")
    return before if slash else ""


def encode_folder(
    explorer: Explorer,
    folder: Path | Listing,
    outputs: Outputs,
    polarity: Polarity = "auto",
    batch_size: int = BATCH,
    progress: Progress | None = None,
) -> FolderResult:
    """Encode every picture of a folder, in the order of their names, and write what `outputs` asks for.

    A picture that cannot be used is refused by itself. `progress` hears how many of how many files are done.
    The files take their names together at the end: whatever goes wrong before, nothing is written, and what
    was there stays. ValueError for a folder without pictures that can be used, outputs that cannot be
    written, a model without an encoder, or settings out of range.
    """
    listing = folder if isinstance(folder, Listing) else list_pictures(folder)
    check_outputs(outputs, listing.folder)
    if not 1 <= batch_size <= MAX_BATCH:
        raise ValueError(f"A batch holds from 1 to {MAX_BATCH} pictures, not {batch_size}.")
    if "encoder" not in explorer.model.networks:
        raise ValueError(f"{explorer.config.name} has no encoder to make codes; choose a model that has one.")
    if outputs.neighbours is not None:
        if not 1 <= outputs.k <= MAX_NEIGHBOURS:
            raise ValueError(f"k is a whole number from 1 to {MAX_NEIGHBOURS}, not {outputs.k}.")
        explorer.neighbours_of_each(torch.empty(0, *explorer.config.image_shape), outputs.k, outputs.space)
    result = FolderResult(refused=list(listing.locked))
    with Staging() as staging, ExitStack() as closing:
        writers = _open_writers(staging, closing, explorer, listing, outputs)
        for encoded in encode_batches(explorer, listing, outputs, polarity, batch_size, progress):
            for writer in writers:
                writer.add(encoded)
            batch = encoded.batch
            result.count += len(batch.positions)
            result.doubtful += sum(bool(prepared.doubt) for prepared in batch.prepared)
            result.refused += [(encoded.names[each.position], each.reason) for each in batch.refused]
        if not result.count:
            name, reason = result.refused[-1]
            raise ValueError(f"No picture of {listing.folder} can be used; {name}, for one: {reason}")
        for writer in writers:
            writer.close()
    return result


def encode_batches(
    explorer: Explorer,
    listing: Listing,
    outputs: Outputs,
    polarity: Polarity = "auto",
    batch_size: int = BATCH,
    progress: Progress | None = None,
) -> Iterator[Encoded]:
    """The pictures of a listing, batch after batch, with what `outputs` needs of each."""
    sources = _open_files(listing, progress)
    for start in range(0, len(listing.names), batch_size):
        names = listing.names[start : start + batch_size]
        batch = prepare_all(explorer, itertools.islice(sources, len(names)), polarity)
        x, y, near = batch.x, None, None
        z, features = explorer.encode_with_features(x)
        if outputs.reconstructions is not None or outputs.figures is not None:
            y = explorer.reconstruct(x)
        if outputs.neighbours is not None and explorer.gallery is not None:
            points = features if outputs.space == "features" else explorer.gallery.embed(x, outputs.space)
            near = explorer.gallery.search(points, outputs.space, outputs.k)
        figures = measure_all(explorer, x, y) if outputs.figures is not None and y is not None else []
        labels = [make_printable(find_class(name)) for name in names]
        yield Encoded([make_printable(name) for name in names], labels, batch, z, features, y, figures, near)
    if progress is not None:
        progress(len(listing.names), len(listing.names))


def _open_files(listing: Listing, progress: Progress | None) -> Iterator[images.Source]:
    """The pictures, one after the other, as they are read."""
    count = len(listing.names)
    for row, name in enumerate(listing.names):
        if progress is not None:
            progress(row, count)
        yield images.open_large(listing.folder / name)


def make_printable(name: str) -> str:
    """The name of a file, whose bytes may be no text, as UTF-8 can hold it."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def check_outputs(outputs: Outputs, folder: Path) -> None:
    """OutputError for names that do not end as what they hold, and for pictures inside the folder, which
    would be read with it the next time."""
    for path, ending, content in (
        (outputs.codes, ".npz", "The codes"),
        (outputs.neighbours, ".csv", "The neighbours"),
        (outputs.figures, ".csv", "The figures"),
    ):
        if path is not None and path.suffix.lower() != ending:
            raise OutputError(f"{content} go into a file whose name ends in {ending}, not {path.name!r}.")
    pictures = outputs.reconstructions
    if pictures is None or pictures.suffix.lower() == ".npz":
        return
    if folder.resolve() in pictures.resolve().parents:
        raise OutputError(f"{pictures} lies in {folder}, whose pictures are read: put it elsewhere.")


def _open_writers(
    staging: Staging, closing: ExitStack, explorer: Explorer, listing: Listing, outputs: Outputs
) -> list[Writer]:
    def open_table(path: Path) -> TextIO:
        return closing.enter_context(staging.reserve_file(path).open("w", encoding="utf-8", newline=""))

    classes = [make_printable(name) for name in listing.classes]
    codes = staging.reserve_file(outputs.codes)
    writers: list[Writer] = [CodesWriter(codes, explorer, classes, outputs.features)]
    if (path := outputs.reconstructions) is not None:
        ending = path.suffix.lower()
        if ending == ".npz":
            writers.append(ArrayWriter(staging.reserve_file(path), explorer.fingerprint))
        elif ending == ".png":
            writers.append(SheetWriter(staging.reserve_file(path)))
        else:
            writers.append(PngWriter(staging.reserve_folder(path)))
    if outputs.figures is not None:
        writers.append(FiguresWriter(open_table(outputs.figures)))
    if outputs.neighbours is not None:
        writers.append(NeighboursWriter(open_table(outputs.neighbours), explorer))
    return writers
