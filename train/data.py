"""Data sets as one uint8 tensor in memory: no loader, no worker, no picture file touched in the loop."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
from pathlib import Path

import torch
from torch import Tensor

from ganlab.gallery import Pictures


def add_root_flag(parser: argparse.ArgumentParser) -> None:
    """--data-root, as every command of this package has it."""
    parser.add_argument(
        "--data-root",
        default=os.environ.get("GANLAB_DATA", "data"),
        help="folder of the data set (default: $GANLAB_DATA, or data)",
    )


def load(dataset: str, root: str | Path, split: str) -> Pictures:
    """`split` is "train" or "test". Fetches what `root` lacks; errors say where the files belong."""
    if split not in ("train", "test"):
        raise ValueError(f"A data set has the splits train and test, not {split!r}.")
    reader = DATASETS.get(dataset)
    if reader is None:
        raise ValueError(f"Data set {dataset!r} not found; available = {list(DATASETS)}.")
    return reader(Path(root), split)


def _mnist(root: Path, split: str) -> Pictures:
    from torchvision.datasets import MNIST

    try:
        with contextlib.redirect_stdout(io.StringIO()):
            try:
                data = MNIST(str(root), train=split == "train")
            except RuntimeError:
                data = MNIST(str(root), train=split == "train", download=True)
    except (OSError, RuntimeError, ValueError, KeyError, AssertionError) as error:
        absent = isinstance(error, OSError | RuntimeError) and str(error)
        reason = str(error).splitlines()[0] if absent else "a file is damaged"
        raise ValueError(
            f"MNIST is not whole in {root} and could not be fetched ({reason}). Put its"
            f" four idx files in {root / 'MNIST' / 'raw'}, or name their place with --data-root or"
            " GANLAB_DATA."
        ) from None
    if len(data.data) != len(data.targets):
        raise ValueError(
            f"MNIST in {root} has {len(data.data)} pictures but {len(data.targets)} labels: fetch it again."
        )
    return Pictures(data.data.unsqueeze(1).contiguous(), data.targets.long(), torch.arange(len(data)))


DATASETS = {"mnist": _mnist}


def to_input(pixels: Tensor) -> Tensor:
    """uint8 (N, C, H, W) -> float32 in [0, 1]."""
    return pixels.float().div_(255.0)
