"""A look at a folder of pictures before a run: what is there, and the settings that fit it."""

from __future__ import annotations

import hashlib
import io
import os
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm  # type: ignore[import-untyped]

from ganlab import images
from train.data import datasets, folder, tars
from train.presets import PRESETS, find_preset

SIZES = (32, 64, 128)  # of a model's pictures, in pixels
LOOK = 16  # pixels a side to which each file is decoded, to see whether it can be and has colour
MAX_NAMED = 5  # classes that are named
MIN_STEPS = 8  # in an epoch: small sets get smaller batches
SEEN, SEEN_ON_GPU = 200_000, 1_500_000  # pictures, each as often as there are epochs
MIN_EPOCHS, MAX_EPOCHS = 10, 400
MAX_LOOKED = 100_000  # pictures of a folder, beyond which a sample stands for them, as for tar files
SAMPLE = 2_000
CPU_WIDTH = 16  # channels of residual networks without a GPU


class Look(NamedTuple):
    """What one file is; `size` is None for one that cannot be read."""

    size: tuple[int, int] | None  # width and height in pixels
    coloured: bool
    digest: str  # of its bytes


class Survey(NamedTuple):
    """What is in a folder of pictures or tar files."""

    folder: Path
    counts: dict[str, int]  # readable pictures of the splits "train" and "test"
    divided: bool  # whether the folder itself has both splits
    classes: dict[str, int]  # readable pictures by class; empty for unlabelled ones
    sizes: list[tuple[int, int]]  # width and height of each
    coloured: bool
    duplicates: int  # files that are the same as one before
    across: int  # pictures of the training split that are in the test split too
    broken: tuple[str, ...]  # files that cannot be read
    looked: int = 0  # pictures of a sample, where not all were looked at; all are counted then

    @property
    def side(self) -> int:
        """The median of the shorter sides, in pixels."""
        return sorted(min(size) for size in self.sizes)[len(self.sizes) // 2]

    def describe(self) -> list[str]:
        """What is there, in a few lines."""
        (low, high), total = (min(self.sizes), max(self.sizes)), sum(self.counts.values())
        extent = f"{low[0]} x {low[1]}" + (f" to {high[0]} x {high[1]}" if low != high else "")
        lines = [
            f"{self.folder}: {total:,} {'colour' if self.coloured else 'grey'} pictures of {extent} pixels"
        ]
        lines.append(self._describe_classes())
        way = "its own folder" if self.divided else "every tenth picture (folders train and test choose it)"
        lines.append(f"{self.counts['train']:,} to train on, {self.counts['test']:,} to test on: {way}")
        if self.duplicates:
            across = (
                f" (training pictures that are test pictures too: {self.across:,})" if self.across else ""
            )
            lines.append(f"exact copies of another file: {self.duplicates:,}{across}")
        if self.looked:
            lines.append(f"looked at {self.looked:,} of them, evenly spaced; all others when training does")
        if self.broken:
            way = "cannot be read" if self.looked else "left out since they cannot be read"
            lines.append(f"{way}: {len(self.broken):,}, first {self.broken[0]!r}")
        return lines

    def _describe_classes(self) -> str:
        if not self.classes:
            return "no class folders: neighbours have no votes and sliders no classes"
        names, counts = list(self.classes), self.classes.values()
        named = ", ".join(names[:MAX_NAMED]) + (", ..." if len(names) > MAX_NAMED else "")
        balance = f"{min(counts):,}" if min(counts) == max(counts) else f"{min(counts):,} to {max(counts):,}"
        return f"{len(names):,} class{'es' * (len(names) > 1)} of {balance} pictures: {named}"


def survey(path: Path) -> Survey:
    """Look at every file of a folder once, or at a sample where there are many, or tar files. ValueError
    where none can be read, or a split is empty."""
    indexes = {split: datasets.open_index(str(path), split) for split in ("train", "test")}
    rows = {split: np.arange(len(index)) for split, index in indexes.items()}
    total = sum(map(len, rows.values()))
    sampled = total > MAX_LOOKED or isinstance(indexes["train"], tars.TarIndex)
    if sampled:
        rows = {
            split: all_rows[np.unique(np.linspace(0, len(all_rows) - 1, SAMPLE).astype(int))]
            for split, all_rows in rows.items()
        }
    looks = {split: _look_at_all(index, rows[split], split) for split, index in indexes.items()}
    labelled = [
        (int(index.labels[row]), look)
        for split, index in indexes.items()
        for row, look in zip(rows[split], looks[split], strict=True)
    ]
    readable = [(label, look) for label, look in labelled if look.size is not None]
    if not readable:
        raise ValueError(f"None of the {len(labelled)} pictures of {path} can be read.")
    digests, labels = Counter(look.digest for _, look in readable), Counter(label for label, _ in readable)
    if sampled:
        labels = Counter(np.concatenate([index.labels for index in indexes.values()]).tolist())
    held = {look.digest for look in looks["test"] if look.size is not None}
    return Survey(
        path,
        {
            split: len(index) if sampled else sum(look.size is not None for look in looks[split])
            for split, index in indexes.items()
        },
        path.is_dir() and folder.find_splits(path) is not None,
        {name: labels[label] for label, name in enumerate(indexes["train"].classes)},
        [look.size for _, look in readable if look.size is not None],
        any(look.coloured for _, look in readable),
        0 if sampled else len(readable) - len(digests),
        0 if sampled else sum(look.digest in held for look in looks["train"] if look.size is not None),
        tuple(
            index.get_name(int(row))
            for split, index in indexes.items()
            for row, look in zip(rows[split], looks[split], strict=True)
            if look.size is None
        ),
        len(labelled) if sampled else 0,
    )


def _look_at_all(index: folder.PictureIndex, rows: np.ndarray, split: str) -> list[Look]:
    with warnings.catch_warnings(), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        warnings.simplefilter("ignore")  # of PIL, about what it can still read
        looks = pool.map(lambda row: _look_at(index, int(row)), rows)
        return list(tqdm(looks, f"looking at {split}", len(rows), leave=False, disable=None))


def _look_at(index: folder.PictureIndex, row: int) -> Look:
    try:
        content = index.read(row)
        pixels = folder.decode_picture(io.BytesIO(content), LOOK, grey=False)
        with Image.open(io.BytesIO(content), formats=images.FORMATS) as image:
            size = image.size
        digest = hashlib.sha256(content).hexdigest()
    except Exception:  # PIL's readers raise almost anything on a damaged file
        return Look(None, False, "")
    return Look(size, bool((pixels != pixels[:1]).any()), digest)


def choose_settings(
    overview: Survey, method: str, preset: str | None, device: str, family: str | None = None
) -> dict[str, Any]:
    """The settings of a run on the folder that its flags leave open: a preset where neither it nor a family
    is named, size and channels of the pictures, and a batch and a number of epochs that fit their number."""
    size = next((size for size in SIZES if overview.side < 1.5 * size), SIZES[-1])
    settings: dict[str, Any] = {"size": size, "channels": 3 if overview.coloured else 1}
    if preset is None and family is None and "colour" in PRESETS.get(method, {}):
        settings["preset"] = "colour"
    base = find_preset(method, preset or settings.get("preset"))
    count = overview.counts["train"]
    batch = base.get("batch_size", 128)
    if count < MIN_STEPS * batch:
        settings["batch_size"] = max(2, 2 ** ((count // MIN_STEPS or 1).bit_length() - 1))
    has_gpu = device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
    if "epochs" not in base:
        seen = SEEN_ON_GPU if has_gpu else SEEN
        settings["epochs"] = max(MIN_EPOCHS, min(MAX_EPOCHS, round(seen / count)))
    if base.get("family") == "residual" and "width" not in base and not has_gpu:
        settings["width"] = CPU_WIDTH
    return settings
