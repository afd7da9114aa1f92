"""A look at a folder of pictures before a run: what is there, and the settings that fit it."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import torch
from PIL import Image
from tqdm import tqdm  # type: ignore[import-untyped]

from ganlab import images
from train.data import folder
from train.presets import PRESETS, find_preset

SIZES = (32, 64, 128)  # of a model's pictures, in pixels
LOOK = 16  # pixels a side to which each file is decoded, to see whether it can be and has colour
MAX_NAMED = 5  # classes that are named
MIN_STEPS = 8  # in an epoch: small sets get smaller batches
SEEN, SEEN_ON_GPU = 200_000, 1_500_000  # pictures, each as often as there are epochs
MIN_EPOCHS, MAX_EPOCHS = 10, 400
CPU_WIDTH = 16  # channels of residual networks without a GPU


class Look(NamedTuple):
    """What one file is; `size` is None for one that cannot be read."""

    size: tuple[int, int] | None  # width and height in pixels
    coloured: bool
    digest: str  # of its bytes


class Survey(NamedTuple):
    """What is in a folder of pictures."""

    folder: Path
    counts: dict[str, int]  # readable pictures of the splits "train" and "test"
    divided: bool  # whether the folder itself has both splits
    classes: dict[str, int]  # readable pictures by class; empty for unlabelled ones
    sizes: list[tuple[int, int]]  # width and height of each
    coloured: bool
    duplicates: int  # files that are the same as one before
    across: int  # pictures of the training split that are in the test split too
    broken: tuple[str, ...]  # files that cannot be read

    @property
    def side(self) -> int:
        """The median of the shorter sides, in pixels."""
        return sorted(min(size) for size in self.sizes)[len(self.sizes) // 2]

    def describe(self) -> list[str]:
        """What is there, in a few lines."""
        (low, high), total = (min(self.sizes), max(self.sizes)), len(self.sizes)
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
        if self.broken:
            lines.append(
                f"left out since they cannot be read: {len(self.broken):,}, first {self.broken[0]!r}"
            )
        return lines

    def _describe_classes(self) -> str:
        if not self.classes:
            return "no class folders: neighbours have no votes and sliders no classes"
        names, counts = list(self.classes), self.classes.values()
        named = ", ".join(names[:MAX_NAMED]) + (", ..." if len(names) > MAX_NAMED else "")
        balance = f"{min(counts):,}" if min(counts) == max(counts) else f"{min(counts):,} to {max(counts):,}"
        return f"{len(names):,} class{'es' * (len(names) > 1)} of {balance} pictures: {named}"


def survey(path: Path) -> Survey:
    """Look at every file of a folder once. ValueError where none can be read, or a split is empty."""
    files = {split: folder.list_labelled(path, split) for split in ("train", "test")}
    classes = files["train"][1]
    looks: dict[str, list[Look]] = {}
    with warnings.catch_warnings(), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        warnings.simplefilter("ignore")  # of PIL, about what it can still read
        for split, (listed, _) in files.items():
            paths = [file for _, file in listed]
            rows = pool.map(_look_at, paths)
            looks[split] = list(tqdm(rows, f"looking at {split}", len(paths), leave=False, disable=None))
    pairs = [
        (label, file, look)
        for split in files
        for (label, file), look in zip(files[split][0], looks[split], strict=True)
    ]
    readable = [(label, look) for label, _, look in pairs if look.size is not None]
    if not readable:
        raise ValueError(f"None of the {len(pairs)} pictures of {path} can be read.")
    labels, digests = Counter(label for label, _ in readable), Counter(look.digest for _, look in readable)
    names = folder.name_classes(classes)
    held = {look.digest for look in looks["test"] if look.size is not None}
    return Survey(
        path,
        {split: sum(look.size is not None for look in looks[split]) for split in looks},
        folder.find_splits(path) is not None,
        {name: labels[label] for label, name in enumerate(names)},
        [look.size for _, look in readable if look.size is not None],
        any(look.coloured for _, look in readable),
        len(readable) - len(digests),
        sum(look.digest in held for look in looks["train"] if look.size is not None),
        tuple(file.relative_to(path).as_posix() for _, file, look in pairs if look.size is None),
    )


def _look_at(path: Path) -> Look:
    try:
        pixels = folder.read_picture(path, LOOK, grey=False)
        with Image.open(path, formats=images.FORMATS) as image:
            size = image.size
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
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
