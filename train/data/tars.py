"""Where the pictures of tar shards lie: read once from the headers, and kept in a file beside the shards."""

from __future__ import annotations

import contextlib
import io
import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
from tqdm import tqdm  # type: ignore[import-untyped]

from ganlab.config import MAX_CLASSES
from ganlab.files import WriteError, open_atomically
from ganlab.folders import EXTENSIONS, walk
from train.data import folder
from train.data.listing import TAR, find_class, list_members, make_printable
from train.messages import STDERR, warn

INDEX_FILE = ".ganlab-index.npz"  # in the folder of shards
CLASSES_FILE = "classes.txt"  # names of the labels, a line each
LABEL = ".cls"  # ending of a label's member, as in webdataset
MAX_LABEL = 200  # bytes of such a member
MAX_PICTURE = 2**26  # bytes of a picture's file
ENTRY = np.dtype([("file", "<u4"), ("start", "<u8"), ("length", "<u4"), ("label", "<i4")])  # 20 bytes
VERSION = 1


class TarIndex:
    """The pictures of tar files `names` in `root`: `entries` (N,) of ENTRY, in the order of files and
    members, and the names of the classes."""

    def __init__(
        self, root: Path, names: tuple[str, ...], entries: np.ndarray, classes: tuple[str, ...]
    ) -> None:
        self.root, self.names, self.entries, self.classes = root, names, entries, classes
        self._handles: dict[int, int] = {}  # of open files; each process opens its own

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def labels(self) -> np.ndarray:
        """int32 (N,)."""
        labels: np.ndarray = self.entries["label"]
        return labels

    @property
    def starts(self) -> np.ndarray:
        """The first row of each file, int64."""
        return np.flatnonzero(np.diff(self.entries["file"].astype(np.int64), prepend=-1))

    def take(self, rows: np.ndarray) -> TarIndex:
        """The pictures of these rows."""
        return TarIndex(self.root, self.names, self.entries[rows], self.classes)

    def decode(self, row: int, size: int, grey: bool) -> np.ndarray:
        """A picture as uint8 (1 or 3, size, size)."""
        return folder.decode_picture(io.BytesIO(self.read(row)), size, grey)

    def read(self, row: int) -> bytes:
        """A picture's file. OSError where it cannot be read, or is cut off."""
        file, start, length, _ = self.entries[row].tolist()
        if file not in self._handles:
            self._handles[file] = os.open(self.root / self.names[file], os.O_RDONLY)
        content = os.pread(self._handles[file], length, start)
        if len(content) != length or length > MAX_PICTURE:
            raise OSError(f"{self.names[file]} is cut off, or a picture in it is larger than 64 MB")
        return content

    def get_name(self, row: int) -> str:
        """What to call a picture: its tar file, and its name in it."""
        file, start, _, _ = self.entries[row].tolist()
        with contextlib.suppress(OSError, tarfile.TarError):
            with (self.root / self.names[file]).open("rb") as opened:
                opened.seek(start - tarfile.BLOCKSIZE)
                header = opened.read(tarfile.BLOCKSIZE)
            return f"{self.names[file]}/{tarfile.TarInfo.frombuf(header, 'utf-8', 'backslashreplace').name}"
        return f"{self.names[file]}, byte {start:,}"

    def close(self) -> None:
        """Close the files."""
        while self._handles:
            os.close(self._handles.popitem()[1])

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_handles": {}}


def has_shards(path: Path) -> bool:
    """Whether a folder holds tar files, at any depth, or the path is a tar file."""
    return path.suffix.lower() == TAR if path.is_file() else any(walk(path, (TAR,)))


def read_split(path: Path, split: str) -> TarIndex:
    """The split "train" or "test" of the shards: those in folders train and test (or val) where the path has
    both, else all but every tenth picture, or every tenth. ValueError for an empty split."""
    index = read_index(path)
    parts = folder.find_splits(path) if path.is_dir() else None
    if parts is None:
        rows = folder.hold_out(len(index), split)
    else:
        start = f"{parts[split].name}/"
        files = [number for number, name in enumerate(index.names) if name.startswith(start)]
        rows = np.flatnonzero(np.isin(index.entries["file"], files))
    if not len(rows):
        raise ValueError(f"The {split} split of {path} is empty.")
    return index.take(rows)


def read_index(path: Path) -> TarIndex:
    """The index of a tar file, or of all in a folder: the one that is kept there, where it is of the same
    files; else a new one, kept where the folder can be written. ValueError where there is no picture."""
    root = path if path.is_dir() else path.parent
    names = (
        sorted(file.relative_to(root).as_posix() for file in walk(path, (TAR,)))
        if root == path
        else [path.name]
    )
    state = _describe(root, names)
    if (kept := _read_kept(root / INDEX_FILE, state)) is not None:
        return TarIndex(root, tuple(names), *kept)
    parts: list[np.ndarray] = []
    texts: dict[bytes, int] = {}
    for number, name in enumerate(tqdm(names, "listing shards", file=STDERR, leave=False, disable=None)):
        parts.append(_scan(root / name, number, texts))
    entries = np.concatenate(parts) if parts else np.empty(0, ENTRY)
    if not len(entries):
        raise ValueError(f"The tar files of {path} hold no pictures ({', '.join(EXTENSIONS)}).")
    entries["label"], classes = _name_labels(root / CLASSES_FILE, entries["label"], texts)
    if root == path:
        _keep(root / INDEX_FILE, state, entries, classes)
    return TarIndex(root, tuple(names), entries, classes)


def _describe(root: Path, names: list[str]) -> np.ndarray:
    """What the index of these shards depends on, as lines: their names, sizes and times, and the classes."""
    files = [*names, *([CLASSES_FILE] if (root / CLASSES_FILE).is_file() else [])]
    stats = ((name, (root / name).stat()) for name in files)
    return np.array([f"{VERSION} {name!a} {each.st_size} {each.st_mtime_ns}" for name, each in stats])


def _scan(path: Path, number: int, texts: dict[bytes, int]) -> np.ndarray:
    """The entries of a tar file, labelled by the numbers of their classes' texts in `texts`, which grows:
    what their label's member says, else their folder. What lies behind damage is left out, with a warning."""
    rows: list[tuple[int, int, int]] = []
    keys: list[bytes] = []
    labels: dict[bytes, bytes] = {}
    try:
        with path.open("rb") as file:
            for name, start, length in list_members(path, (*EXTENSIONS, LABEL)):
                head, slash, base = name.rpartition(b"/")
                key = head + slash + base.partition(b".")[0]
                if not name.lower().endswith(LABEL.encode()):
                    rows.append((start, length, 0))
                    keys.append(key)
                elif length <= MAX_LABEL:
                    labels[key] = os.pread(file.fileno(), length, start).strip()
    except (tarfile.TarError, OSError, ValueError, EOFError) as error:
        warn(f"{path} is damaged ({error}): the {len(rows):,} pictures before the damage are used.")
    entries = np.empty(len(rows), ENTRY)
    if rows:
        entries["start"], entries["length"], _ = np.array(rows, np.int64).T
    entries["file"] = number
    named = (labels.get(key) or find_class(key) for key in keys)
    entries["label"] = [texts.setdefault(text, len(texts)) for text in named]
    return entries


def _name_labels(
    names: Path, numbers: np.ndarray, texts: dict[bytes, int]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels and the names of classes: whole numbers are labels already, which classes.txt may name; other
    texts are names, in whose order they are numbered. Without any, or with too many, all labels are 0."""
    order = sorted(texts, key=lambda text: texts[text])
    if all(text.isdigit() for text in order) and (highest := max(map(int, order))) < MAX_CLASSES:
        called = names.read_text(encoding="utf-8").splitlines() if names.is_file() else []
        classes = folder.name_classes(called) if len(called) > highest else ()
        return np.array([int(text) for text in order], np.int32)[numbers], classes
    if len(order) == 1 or len(order) > MAX_CLASSES:
        return np.zeros_like(numbers), ()
    ranked = sorted(order)
    lookup = np.array([ranked.index(text) for text in order], np.int32)
    return lookup[numbers], folder.name_classes(map(make_printable, ranked))


def _read_kept(path: Path, state: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]] | None:
    """Entries and classes of a kept index, None where there is none of these shards."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            if np.array_equal(kept["state"], state) and kept["entries"].dtype == ENTRY:
                return kept["entries"], tuple(kept["classes"].tolist())
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass
    return None


def _keep(path: Path, state: np.ndarray, entries: np.ndarray, classes: tuple[str, ...]) -> None:
    with contextlib.suppress(WriteError, OSError), open_atomically(path) as file:
        np.savez(file, state=state, entries=entries, classes=np.array(classes, "U"))
