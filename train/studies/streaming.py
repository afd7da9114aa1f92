"""python -m train.streaming: measure what it takes to read pictures while training: time and memory.

Synthetic pictures are packed into tar files in a folder that is removed at the end. At each size some are
read by the loader alone, and by training beside the same training from memory, in turns. With --pictures N so
many are trained on once, each tar file a copy of the first, and the memory of all processes is printed.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from ganlab.model import resolve_device
from train.command import create_parser, report_errors
from train.config import TrainConfig
from train.data.folder import load_index
from train.data.listing import TAR
from train.data.shards import PER_SHARD, ShardWriter, encode_png
from train.data.stream import Stream, choose_workers
from train.data.tars import read_index
from train.presets import FAMILY_DEFAULTS, PRESETS
from train.trainer import Trainer, Watcher

COUNT = 20_000  # pictures whose reading is timed
BATCH = 128
WINDOWS = 5  # of training from memory and from the disk, in turns; the median counts
SECONDS = 8.0  # of a window
SAMPLES = 10  # looks at the memory
CHUNK = 500  # pictures drawn at a time
# Runs beside whose steps reading is measured, the quickest of each size first: size and settings.
SYSTEMS: dict[str, tuple[int, dict[str, Any]]] = {
    "bigan 32, the paper's networks": (32, {"method": "bigan"}),
    "bigan 32, --family conv": (32, {"method": "bigan", "family": "conv"}),
    "bigan 64, --family conv": (64, {"method": "bigan", "family": "conv"}),
    "bigan 64, --preset imagenet64": (64, {"method": "bigan", "preset": "imagenet64"}),
}


def draw_pictures(count: int, size: int) -> Iterator[tuple[str, bytes, int]]:
    """Smooth colours with some noise as PNG files, no two the same, with a label each."""
    rng = torch.Generator().manual_seed(size)
    for start in range(0, count, CHUNK):
        coarse = torch.rand(CHUNK, 3, 5, 5, generator=rng)
        x = functional.interpolate(coarse, size=(size, size), mode="bilinear", align_corners=True)
        x = (x + 0.02 * torch.randn(x.shape, generator=rng)).clamp(0, 1)
        pixels = (255 * x).round().byte().numpy()
        for row in range(min(CHUNK, count - start)):
            yield ".png", encode_png(pixels[row]), row % 10


def configure(name: str, out: Path, device: str) -> tuple[int, TrainConfig]:
    """Size of the pictures and settings of a system."""
    size, settings = SYSTEMS[name]
    settings = dict(settings)
    preset = PRESETS[settings["method"]][settings.pop("preset")] if "preset" in settings else {}
    family = settings.get("family", preset.get("family", "paper"))
    chosen = FAMILY_DEFAULTS.get(family, {}) | preset | settings
    return size, TrainConfig(**chosen | {"batch_size": BATCH, "device": device, "out": str(out)})


# ---------------------------------------------------------------------- time


def measure_loader(source: Stream) -> float:
    """Pictures a second that the workers read, nothing else to do."""
    batches = source.shuffle(0, 0)[: len(source) // BATCH * BATCH].view(-1, BATCH)
    source.prepare(batches)
    began, warm = 0.0, len(batches) // 10
    for step, rows in enumerate(batches):
        if step == warm:
            began = time.perf_counter()
        source.fetch(rows)
    return BATCH * (len(batches) - warm) / (time.perf_counter() - began)


def measure_window(trainer: Trainer, seconds: float) -> tuple[float, float]:
    """Pictures a second of training, and the share of the time that steps waited for their pictures."""
    waited, fetch = 0.0, trainer.source.fetch

    def timed(rows: torch.Tensor) -> torch.Tensor:
        nonlocal waited
        began = time.perf_counter()
        pixels = fetch(rows)
        waited += time.perf_counter() - began
        return pixels

    order = trainer.shuffle(trainer.step)
    trainer.source.prepare(order)
    trainer.train_step(order[0])
    trainer.source.fetch = timed  # type: ignore[method-assign]
    began, steps = time.perf_counter(), 0
    while time.perf_counter() - began < seconds and steps < len(order) - 1:
        steps += 1
        trainer.train_step(order[steps])
    if trainer.on_gpu:
        torch.cuda.synchronize()
    passed = time.perf_counter() - began
    trainer.source.fetch = fetch  # type: ignore[method-assign]
    return BATCH * steps / passed, waited / passed


def measure_system(name: str, folder: Path, workers: int, device: str) -> None:
    """Print a system's speed from memory and from the disk."""
    size, config = configure(name, folder / "memory", device)
    index = read_index(folder / str(size))
    source = Stream(index, (3, size, size), resolve_device(device), workers)
    pictures = load_index(index, name, size, 3)
    trainers = {
        "memory": Trainer(config, pictures),
        "disk": Trainer(dataclasses.replace(config, out=str(folder / "disk")), source),
    }
    rates: dict[str, list[float]] = {kind: [] for kind in trainers}
    waits = []
    for window in range(WINDOWS + 1):
        for kind, trainer in trainers.items():
            rate, waited = measure_window(trainer, SECONDS if window else 2)
            if window:
                rates[kind].append(rate)
                waits += [waited] if kind == "disk" else []
    source.close()
    memory, disk = (statistics.median(values) for values in rates.values())
    print(
        f"{name}, {trainers['disk'].config.precision}: {memory:,.0f} images/s from memory, {disk:,.0f} from"
        f" the disk ({disk / memory:.1%}); a step waits {statistics.median(waits):.1%} of its time for them",
        flush=True,
    )
    for kind in trainers:
        shutil.rmtree(folder / kind)


# ---------------------------------------------------------------------- memory


def measure_memory() -> float:
    """MB that this process and those that read for it take together, what they share counted once; without
    files such as libraries, whose share grows as other processes on the machine end."""
    total = 0
    for pid in (os.getpid(), *(process.pid for process in multiprocessing.active_children())):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
        total += sum(int(line.split()[1]) for line in lines if line.startswith(("Pss_Anon:", "Pss_Shmem:")))
    return total / 1024


class MemoryWatcher(Watcher):
    """Prints the memory after each tenth of an epoch."""

    def __init__(self) -> None:
        self.sizes: list[float] = []
        self.began = 0.0

    def see_step(self, run: Trainer) -> None:
        if run.step == 1:
            self.began = time.perf_counter()
        if run.step % max(1, run.steps_per_epoch // SAMPLES) == 0 or run.step == 20:
            self.sizes.append(measure_memory())
            rate = (run.step - 1) * BATCH / (time.perf_counter() - self.began)
            print(
                f"{run.step * BATCH:>11,} pictures: {self.sizes[-1]:,.1f} MB, {rate:,.0f} images/s",
                flush=True,
            )


def measure_epoch(folder: Path, count: int, size: int, workers: int, device: str) -> None:
    """Train a small BiGAN on so many pictures once, and print the memory on the way."""
    many = folder / "many"
    ShardWriter(many).write(draw_pictures(min(count, PER_SHARD), size))
    for number in range(1, count // PER_SHARD):
        shutil.copy(many / f"{0:06d}{TAR}", many / f"{number:06d}{TAR}")
    began = time.perf_counter()
    index = read_index(many)
    print(f"the headers of {len(index):,} pictures read in {time.perf_counter() - began:,.0f} s", flush=True)
    config = TrainConfig(
        width=128, batch_size=BATCH, epochs=1, save_minutes=0, device=device, out=str(folder / "run")
    )
    source = Stream(index, (3, size, size), resolve_device(device), workers)
    trainer = Trainer(config, source)
    trainer.watcher = watcher = MemoryWatcher()
    trainer.train()
    first, highest = watcher.sizes[0], max(watcher.sizes)
    print(
        f"{len(source):,} pictures, {workers} worker{'s' * (workers != 1)}: {first:,.1f} MB after 20 steps,"
        f" at most {highest:,.1f} MB ({highest - first:+.1f})"
    )


@report_errors
def main(arguments: list[str] | None = None) -> int:
    parser = create_parser(__doc__)
    parser.add_argument(
        "--pictures", type=int, default=0, metavar="N", help="train on N pictures once (default: time only)"
    )
    parser.add_argument("--size", type=int, default=32, metavar="PIXELS", help="of these (default: 32)")
    parser.add_argument("--no-time", action="store_true", help="measure memory only")
    parser.add_argument(
        "--workers", type=int, default=choose_workers(), help="processes that read (default: %(default)s)"
    )
    parser.add_argument("--scratch", type=Path, help="where the pictures lie meanwhile (default: temporary)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)")
    options = parser.parse_args(arguments)
    device = resolve_device(options.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or "cpu"
    print(f"{name}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}")
    with tempfile.TemporaryDirectory(dir=options.scratch) as room:
        folder = Path(room)
        for size in () if options.no_time else (32, 64):
            ShardWriter(folder / str(size)).write(draw_pictures(COUNT, size))
            index = read_index(folder / str(size))
            rate = measure_loader(Stream(index, (3, size, size), "cpu", options.workers))
            length = float(np.mean(index.entries["length"]))
            print(
                f"reading {size} x {size} alone: {rate:,.0f} images/s with {options.workers} worker"
                f"{'s' * (options.workers != 1)}, PNG files of {length:,.0f} bytes",
                flush=True,
            )
            for system, (side, _) in SYSTEMS.items():
                if side == size:
                    measure_system(system, folder, options.workers, options.device)
        if options.pictures:
            measure_epoch(folder, options.pictures, options.size, options.workers, options.device)
    return 0


if __name__ == "__main__":
    sys.exit(main())
