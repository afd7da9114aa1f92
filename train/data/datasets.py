"""Data sets as one uint8 tensor in memory, so that the training loop needs no loader and reads no file."""

from __future__ import annotations

import argparse
import contextlib
import functools
import io
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ganlab.folders import EXTENSIONS
from ganlab.gallery import Pictures
from train.data import folder, tars
from train.data.archive import PictureFiles
from train.messages import warn

DEFAULT_ROOT = os.environ.get("GANLAB_DATA", "data")
ROOT_HELP = "folder of data sets; what it lacks is downloaded (default: $GANLAB_DATA, or data)"
MAX_IN_MEMORY = 2**31  # bytes of pixels; larger sets are streamed where no flag says otherwise
CIFAR10_BATCHES = "cifar-10-batches-py"  # the original pixels, where torchvision puts them
CIFAR10_FILES = PictureFiles("cifar10-jpeg.tar.xz", "cifar10", 32)  # the same pictures as JPEG files
IMAGENET64_FILES = PictureFiles("imagenet64-50.tar.xz", "imagenet64", 64)
IMAGENET64 = "Tiny ImageNet (50 classes)"

Reader = Callable[[Path, str], Pictures]  # root and split


class DataSet(NamedTuple):
    """A named data set."""

    title: str  # for people
    shape: tuple[int, int, int]  # (C, H, W)
    preparation: str  # of uploads: a key of ganlab.images.PREPARATIONS
    read: Reader
    gallery: int = 0  # training pictures in the gallery that its models share; 0: they share none
    bundled: bool = False  # whether that gallery may be passed on


def add_root_flag(parser: argparse.ArgumentParser) -> None:
    """Add --data-root, the same in every command."""
    parser.add_argument(
        "--data-root",
        default=DEFAULT_ROOT,
        help=ROOT_HELP,
    )


def load(
    dataset: str,
    root: str | Path,
    split: str,
    *,
    size: int | None = None,
    channels: int | None = None,
    most: int | None = None,
) -> Pictures:
    """Read a split, "train" or "test", of a data set: a key of DATASETS, or the path of a folder of pictures
    or of tar shards.

    Named data sets keep their size; files that `root` lacks are downloaded. Pictures of a path become
    `size` x `size` (default 32) with `channels` 1 or 3 (default 3, or 1 where the whole split is grey); where
    they would fill more than `most` bytes, evenly spaced ones stand for them. ValueError for a data set that
    cannot be read; it says where the files belong.
    """
    if split not in ("train", "test"):
        raise ValueError(f"A data set has the splits train and test, not {split!r}.")
    if size is not None and size < 1:
        raise ValueError(f"Pictures are at least 1 pixel wide, not {size}.")
    if channels not in (None, 1, 3):
        raise ValueError(f"Pictures have 1 or 3 channels, not {channels}.")
    named = DATASETS.get(dataset)
    if named is None:
        index = open_index(dataset, split)
        side = size or folder.SIZE
        fitting = len(index) if most is None else max(1, most // ((channels or 3) * side * side))
        rows = None if fitting >= len(index) else np.arange(fitting) * len(index) // fitting
        if rows is not None:
            warn(f"{fitting:,} evenly spaced pictures stand for the {len(index):,} of {dataset}.")
        return folder.load_index(index, f"the {split} split of {dataset}", side, channels, rows)
    depth, height, width = named.shape
    if (channels or depth, size or height, size or width) != named.shape:
        raise ValueError(
            f"Pictures of {named.title} are {height}x{width} with {depth} channel{'s' * (depth > 1)}: only"
            " those of a folder can be given another size or number of channels."
        )
    pictures = named.read(Path(root), split)
    if pictures.pixels.shape[1:] != named.shape:
        raise ValueError(
            f"{named.title} in {root} has pictures of shape {tuple(pictures.pixels.shape[1:])}, not"
            f" {named.shape}: download it again."
        )
    return pictures


def is_path(dataset: str) -> bool:
    """Whether a data set is a path that is there, and no name."""
    return dataset not in DATASETS and Path(dataset).expanduser().exists()


def open_index(dataset: str, split: str) -> folder.PictureIndex:
    """Where the pictures of a split lie: in a folder, or where that holds tar files and no pictures, in
    these. ValueError where there are none."""
    path = Path(dataset).expanduser()
    if path.is_dir():
        if folder.has_files(path, EXTENSIONS) or not tars.has_shards(path):
            return folder.read_index(path, split)
    elif not (path.is_file() and tars.has_shards(path)):
        raise ValueError(
            f"Data set {dataset!r} not found; available = {list(DATASETS)}, or the path of a folder of"
            " pictures or of tar files."
        )
    return tars.read_split(path, split)


def get_title(dataset: str, root: str | Path) -> str:
    """The data set's name for people; of a folder, the folder's name.

    It depends on the files that `load` would read: JPEG copies of CIFAR-10 have other pixels than the
    original, so figures must say which was used.
    """
    if dataset == "cifar10":
        return _find_cifar10(Path(root))[0]
    named = DATASETS.get(dataset)
    return named.title if named else Path(dataset).expanduser().resolve().name


def get_preparation(dataset: str) -> str:
    """How uploads become inputs of a model of this data set: a key of ganlab.images.PREPARATIONS."""
    named = DATASETS.get(dataset)
    return named.preparation if named else "picture"


def read_files(dataset: str, root: str | Path, split: str, rows: Sequence[int]) -> list[bytes] | None:
    """The JPEG files that these rows of a named data set were decoded from; None where it was not read from
    JPEG files of the pictures' own size."""
    files = {"cifar10": CIFAR10_FILES, "imagenet64": IMAGENET64_FILES}.get(dataset)
    if files is None or (dataset == "cifar10" and _find_cifar10(Path(root))[0] == "CIFAR-10"):
        return None
    return files.read_files(Path(root), split, rows)


def to_input(pixels: Tensor) -> Tensor:
    """uint8 (N, C, H, W) -> float32 in [0, 1]."""
    return pixels.float().div_(255.0)


# ---- read by torchvision ---------------------------------------------------------------------------


def _load_or_download(create: Callable[..., Any], title: str, root: Path, files: str) -> Any:
    """A data set of torchvision from the files in `root`, downloaded where absent; `files` names them."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            try:
                data = create()
            except RuntimeError:
                data = create(download=True)
    except (OSError, RuntimeError, ValueError, TypeError, KeyError, AssertionError) as error:
        absent = isinstance(error, OSError | RuntimeError) and str(error)
        reason = str(error).splitlines()[0] if absent else "a file is damaged"
        raise ValueError(
            f"{title} is incomplete in {root} and could not be downloaded ({reason}). Put {files}, or name"
            " the folder that has them with --data-root or GANLAB_DATA."
        ) from None
    if len(data.data) != len(data.targets):
        raise ValueError(
            f"{title} in {root} has {len(data.data)} pictures but {len(data.targets)} labels: download it"
            " again."
        )
    return data


def _create_reader(title: str, kind: str, part: str | None = None, first_label: int = 0) -> Reader:
    """A reader of the class `kind` of torchvision.datasets; `part` is the part of EMNIST."""
    digits = kind == "MNIST" or part == "digits"  # a label is its own name

    def read(root: Path, split: str) -> Pictures:
        from torchvision import datasets

        arguments = {"train": split == "train"} | ({"split": part} if part else {})
        create = functools.partial(getattr(datasets, kind), str(root), **arguments)
        data = _load_or_download(create, title, root, f"its four idx files in {root / kind / 'raw'}")
        # EMNIST's files hold columns where the others hold rows.
        pixels = data.data.transpose(1, 2) if kind == "EMNIST" else data.data
        labels = data.targets.long() - first_label
        classes = () if digits else tuple(data.classes[first_label:])
        return Pictures(pixels.unsqueeze(1).contiguous(), labels, torch.arange(len(labels)), classes)

    return read


def _read_cifar10_batches(root: Path, split: str) -> Pictures:
    from torchvision.datasets import CIFAR10

    create = functools.partial(CIFAR10, str(root), train=split == "train")
    files = (
        f"{CIFAR10_BATCHES}, {CIFAR10_FILES.archive} or a folder {CIFAR10_FILES.folder} with train and test"
        f" in {root}"
    )
    data = _load_or_download(create, "CIFAR-10", root, files)
    pixels = torch.from_numpy(data.data).permute(0, 3, 1, 2).contiguous()
    return Pictures(pixels, torch.tensor(data.targets), torch.arange(len(pixels)), tuple(data.classes))


# ---- picture files ---------------------------------------------------------------------------------


def _find_cifar10(root: Path) -> tuple[str, Reader]:
    """Title and reader of the CIFAR-10 in `root`; the original goes before its JPEG copies."""
    if not (root / CIFAR10_BATCHES).is_dir():
        if CIFAR10_FILES.has_archive(root):
            return "CIFAR-10 (JPEG)", CIFAR10_FILES.read
        if CIFAR10_FILES.has_folder(root):
            jpeg = folder.has_files(root / CIFAR10_FILES.folder, (".jpg", ".jpeg"))
            return "CIFAR-10 (JPEG)" if jpeg else "CIFAR-10", CIFAR10_FILES.read
    return "CIFAR-10", _read_cifar10_batches


def _read_cifar10(root: Path, split: str) -> Pictures:
    return _find_cifar10(root)[1](root, split)


def _read_imagenet64(root: Path, split: str) -> Pictures:
    try:
        return IMAGENET64_FILES.read(root, split)
    except FileNotFoundError:
        raise ValueError(
            f"{IMAGENET64} is not in {root}, and its terms allow no download from here: put"
            f" {IMAGENET64_FILES.archive}, or a folder {IMAGENET64_FILES.folder} with train/CLASS and"
            " val/CLASS, there, or name the folder that has it with --data-root or GANLAB_DATA."
        ) from None


def _describe_grey(
    title: str, preparation: str, kind: str, part: str | None = None, first_label: int = 0
) -> DataSet:
    return DataSet(title, (1, 28, 28), preparation, _create_reader(title, kind, part, first_label))


DATASETS = {
    "mnist": _describe_grey("MNIST", "digit", "MNIST")._replace(gallery=60_000, bundled=True),
    "fashion-mnist": _describe_grey("Fashion-MNIST", "picture", "FashionMNIST"),
    "kmnist": _describe_grey("KMNIST", "digit", "KMNIST"),
    # EMNIST's balanced part: digits and letters, 47 classes, of which letters that look alike share one.
    "emnist": _describe_grey("EMNIST", "digit", "EMNIST", "balanced"),
    "emnist-letters": _describe_grey("EMNIST Letters", "digit", "EMNIST", "letters", first_label=1),
    "emnist-digits": _describe_grey("EMNIST Digits", "digit", "EMNIST", "digits"),
    "cifar10": DataSet("CIFAR-10", (3, 32, 32), "picture", _read_cifar10, gallery=10_000, bundled=True),
    # Its pictures may be used, not passed on.
    "imagenet64": DataSet(IMAGENET64, (3, 64, 64), "picture", _read_imagenet64, gallery=10_000),
}
