"""python -m train.shards FOLDER OUT: pack a folder of pictures into tar files, which training streams.

The layout is that of webdataset: members that share a name up to its first point belong together, KEY.png is
a picture and KEY.cls its label; `classes.txt` names the labels, a line each. With --size the pictures are
stored as training sees them, so that reading them is cheap; else their files are copied as they are.
"""

from __future__ import annotations

import io
import itertools
import os
import sys
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from tqdm import tqdm  # type: ignore[import-untyped]

from ganlab.files import open_atomically, write_atomically
from train.command import create_parser, report_errors
from train.data import folder
from train.data.listing import TAR, make_printable
from train.data.tars import CLASSES_FILE, LABEL, read_index
from train.messages import STDERR, warn

PER_SHARD = 10_000  # pictures
CHUNK = 256  # pictures that are read at a time, in threads
COMPRESSION = 1  # of PNG: 4 % larger than the default, and read no slower
UNREADABLE_FILE = "unreadable.txt"


class Packed(NamedTuple):
    """What a folder of shards holds: pictures of the splits "train" and "test", and files left out."""

    counts: dict[str, int]
    unreadable: tuple[str, ...]


class ShardWriter:
    """Writes members to numbered tar files of `per_shard` pictures; each takes its name once it is whole."""

    def __init__(self, out: Path, per_shard: int = PER_SHARD) -> None:
        self.out, self.per_shard, self.count = out, per_shard, 0
        out.mkdir(parents=True, exist_ok=True)

    def write(self, pictures: Iterator[tuple[str, bytes, int | None]]) -> int:
        """All pictures: the ending of each file, its bytes, and its label or None. Returns their number."""
        while (first := next(pictures, None)) is not None:
            path = self.out / f"{self.count // self.per_shard:06d}{TAR}"
            with (
                open_atomically(path) as file,
                tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive,
            ):
                self._add(archive, *first)
                while self.count % self.per_shard and (following := next(pictures, None)) is not None:
                    self._add(archive, *following)
        return self.count

    def _add(self, archive: tarfile.TarFile, ending: str, content: bytes, label: int | None) -> None:
        members = {ending: content} | ({} if label is None else {LABEL: str(label).encode()})
        for suffix, data in members.items():
            info = tarfile.TarInfo(f"{self.count:09d}{suffix}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        self.count += 1


def pack(source: Path, out: Path, size: int | None, channels: int, per_shard: int, shuffle: bool) -> Packed:
    """Pack both splits of a folder of pictures into `out`/train and `out`/test. Files that cannot be read are
    left out, and named in `unreadable.txt`. ValueError where `out` holds anything."""
    if out.exists() and any(out.iterdir()):
        raise ValueError(f"{out} is not empty: name another folder, or remove what is there.")
    counts, unreadable = {}, []
    for split in ("train", "test"):
        names, labels, classes = folder.list_names(source, split)
        rows = np.random.default_rng(0).permutation(len(names)) if shuffle else np.arange(len(names))

        def note(row: int, names: list[str] = names) -> None:
            unreadable.append(names[row])

        files = ((int(row), source / names[row]) for row in rows)
        contents = read_all(files, size, channels, note)
        bar = tqdm(contents, f"packing {split}", len(names), file=STDERR, disable=None, leave=False)
        labelled = bool(classes)
        members = ((*content, int(labels[row]) if labelled else None) for row, content in bar)
        counts[split] = ShardWriter(out / split, per_shard).write(members)
        if not counts[split]:
            raise ValueError(
                f"None of the {len(names)} pictures of the {split} split of {source} can be read."
            )
        if classes and split == "train":
            called = folder.name_classes(classes)
            write_atomically(out / CLASSES_FILE, "".join(f"{name}\n" for name in called))
    if unreadable:
        lines = (make_printable(os.fsencode(name)) + "\n" for name in unreadable)
        write_atomically(out / UNREADABLE_FILE, "".join(lines))
    read_index(out)  # is kept beside the shards
    return Packed(counts, tuple(unreadable))


def read_all(
    files: Iterator[tuple[int, Path]], size: int | None, channels: int, note: Callable[[int], None]
) -> Iterator[tuple[int, tuple[str, bytes]]]:
    """The rows of files, and what to store of each, in their order; `note` hears of those that cannot be
    read."""
    with ThreadPoolExecutor(min(folder.MAX_THREADS, os.cpu_count() or 1)) as pool:
        while chunk := list(itertools.islice(files, CHUNK)):
            contents = pool.map(lambda file: encode(file[1], size, channels), chunk)
            for (row, _), content in zip(chunk, contents, strict=True):
                if content is None:
                    note(row)
                else:
                    yield row, content


def encode(path: Path, size: int | None, channels: int) -> tuple[str, bytes] | None:
    """The ending and bytes to store of a file; None for one that cannot be read."""
    try:
        pixels = folder.read_picture(path, size or 16, grey=channels == 1)
        if size is None:
            return path.suffix.lower(), path.read_bytes()
    except Exception:  # PIL's readers raise almost anything on a damaged file
        return None
    return ".png", encode_png(pixels)


def encode_png(pixels: np.ndarray) -> bytes:
    """uint8 (1 or 3, H, W) as the bytes of a PNG."""
    file = io.BytesIO()
    image = Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
    image.save(file, "PNG", compress_level=COMPRESSION)
    return file.getvalue()


@report_errors
def main(arguments: list[str] | None = None) -> int:
    parser = create_parser(__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a folder of pictures, see train")
    parser.add_argument("out", type=Path, metavar="OUT", help="a new folder for the tar files")
    parser.add_argument(
        "--size",
        type=int,
        metavar="N",
        help="store N x N pixels without loss (default: the files as they are)",
    )
    parser.add_argument("--channels", type=int, default=3, choices=[1, 3], help="with --size (default: 3)")
    parser.add_argument(
        "--per-shard",
        type=int,
        default=PER_SHARD,
        metavar="N",
        help=f"pictures a file (default: {PER_SHARD})",
    )
    parser.add_argument(
        "--shuffle",
        action="store_true",
        help="store them in a random order, so that --shuffle-window of train mixes classes",
    )
    options = parser.parse_args(arguments)
    if options.per_shard < 1 or (options.size is not None and options.size < 1):
        raise ValueError("--per-shard and --size are at least 1.")
    if not options.folder.is_dir():
        raise ValueError(f"There is no folder {options.folder}.")
    packed = pack(
        options.folder, options.out, options.size, options.channels, options.per_shard, options.shuffle
    )
    print(f"{options.out}: {packed.counts['train']:,} training and {packed.counts['test']:,} test pictures")
    if packed.unreadable:
        warn(
            f"{len(packed.unreadable):,} files cannot be read and are left out: see"
            f" {options.out / UNREADABLE_FILE}."
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
