"""Pictures that are read from the disk while training uses them, in memory that does not grow.

Rows are numbered, and any row can be read at any time: which pictures a step sees follows from the seed and
the epoch alone, so that a resumed run goes on with the next batch, and several processes divide each batch by
its rows. Worker processes (torch's DataLoader) read ahead; a file that cannot be read gives its turn to the
one after it, and is counted and named.
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import signal
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ganlab.pictures import Pictures
from train.config import TrainConfig
from train.data import datasets, folder
from train.data.folder import PictureIndex
from train.messages import warn
from train.planning import derive_seed

MAX_WORKERS = 8
AHEAD = 8  # batches that are read ahead, at least two a worker
MAX_SKIPPED = 1_000  # unreadable pictures one after another, after which something else is wrong


class Batch(NamedTuple):
    """Pixels uint8 (n, C, H, W), the rows that could not be read, and why none could at all, or ""."""

    pixels: np.ndarray
    unreadable: tuple[int, ...]
    failure: str = ""


class RowReader(Dataset[Batch]):
    """Reads batches of rows, in a worker process or in this one."""

    def __init__(self, index: PictureIndex, shape: tuple[int, int, int]) -> None:
        self.index, self.shape = index, shape

    def __getitems__(self, rows: list[int]) -> Batch:
        pixels = np.empty((len(rows), *self.shape), np.uint8)
        unreadable: list[int] = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of PIL, about what it can still read
            for position, row in enumerate(rows):
                if not self._read(row, pixels[position], unreadable):
                    return Batch(pixels, tuple(unreadable), self._explain(row))
        return Batch(pixels, tuple(unreadable))

    def _read(self, row: int, target: np.ndarray, unreadable: list[int]) -> bool:
        """Read a picture, or else the next that can be read."""
        channels, size, _ = self.shape
        for skipped in range(min(MAX_SKIPPED, len(self.index))):
            candidate = (row + skipped) % len(self.index)
            try:
                target[:] = self.index.decode(candidate, size, channels == 1)
            except Exception:  # PIL's readers raise almost anything on a damaged file
                unreadable.append(candidate)
            else:
                return True
        return False

    def _explain(self, row: int) -> str:
        count = min(MAX_SKIPPED, len(self.index))
        return (
            f"None of {count:,} pictures from {self.index.get_name(row)!r} on can be read: is the disk there?"
        )


class RowSampler:
    """What a DataLoader draws batches of rows from, anew in every epoch."""

    def __init__(self, draw: Callable[[], Iterator[list[int]]]) -> None:
        self.draw = draw

    def __iter__(self) -> Iterator[list[int]]:
        return self.draw()


class Stream:
    """The pictures of an index, (C, H, W) each: a Source. `workers` processes read ahead, 0: this one reads.
    With a `window` the order is random within so many pictures, so that what lies together on the disk is
    read together."""

    def __init__(
        self,
        index: PictureIndex,
        shape: tuple[int, int, int],
        device: torch.device | str = "cpu",
        workers: int = 0,
        window: int = 0,
    ) -> None:
        self.index, self.shape, self.device = index, shape, torch.device(device)
        self.window = window
        self.labels, self.classes = torch.from_numpy(index.labels.astype(np.int64)), index.classes
        self.unreadable: set[int] = set()  # rows
        self.reader = RowReader(index, shape)
        self._announced = torch.empty(0, 0, dtype=torch.int64)
        self._expected: deque[Tensor] = deque()  # rows of the batches that workers have in hand
        self._batches: Iterator[Batch] | None = None
        self._processes: set[Any] = set()  # that read
        self._loader: DataLoader[Batch] | None = None
        if workers:
            self._loader = DataLoader(
                self.reader,
                batch_sampler=RowSampler(self._draw),
                num_workers=workers,
                collate_fn=_pass_on,
                prefetch_factor=max(2, AHEAD // workers),
                worker_init_fn=_begin_worker,
                generator=torch.Generator(),  # else it draws a number of the run's noise
                persistent_workers=True,
            )

    def __len__(self) -> int:
        return len(self.index)

    def shuffle(self, seed: int, epoch: int) -> Tensor:
        """All rows, int64, in the order of an epoch; without a window that of pictures in memory."""
        rng = torch.Generator().manual_seed(derive_seed(seed, "order", epoch))
        if not self.window:
            return torch.randperm(len(self), generator=rng)
        starts = torch.from_numpy(self.index.starts)
        ends = torch.cat([starts[1:], torch.tensor([len(self)])])
        parts: list[Tensor] = []
        gathered: list[Tensor] = []
        for block in torch.randperm(len(starts), generator=rng).tolist():
            gathered.append(torch.arange(int(starts[block]), int(ends[block])))
            if sum(map(len, gathered)) >= self.window:
                parts.append(_mix(gathered, rng))
                gathered = []
        return torch.cat([*parts, _mix(gathered, rng)])

    def prepare(self, batches: Tensor) -> None:
        """Begin to read the rows (steps, batch) that `fetch` will be asked for next."""
        if self._loader is not None:
            self._announced = batches.cpu()
            self._expected.clear()
            handler = signal.getsignal(signal.SIGCHLD)
            before = set(multiprocessing.active_children())
            self._batches = iter(self._loader)
            self._processes |= set(multiprocessing.active_children()) - before
            with contextlib.suppress(ValueError, TypeError):  # of a thread; a handler that is not Python's
                # torch's handler would raise in the middle of a step; `_receive` looks instead.
                signal.signal(signal.SIGCHLD, handler)

    def _draw(self) -> Iterator[list[int]]:
        for rows in self._announced:
            self._expected.append(rows)
            yield rows.tolist()

    def fetch(self, rows: Tensor) -> Tensor:
        """The pictures of rows, uint8 (n, C, H, W) on the device; from the workers where they were announced
        next. ValueError where the disk gives none."""
        rows = rows.cpu()
        if self._batches is not None and self._expected and torch.equal(self._expected[0], rows):
            self._expected.popleft()
            batch = self._receive(self._batches)
        else:
            batch = self.reader.__getitems__(rows.tolist())
        self._note(batch.unreadable)
        if batch.failure:
            raise ValueError(batch.failure)
        pixels = torch.from_numpy(batch.pixels)
        if self.device.type == "cuda":  # pinned, the copy need not wait for the steps before
            return pixels.pin_memory().to(self.device, non_blocking=True)
        return pixels

    def _receive(self, batches: Iterator[Batch]) -> Batch:
        try:
            if not all(process.is_alive() for process in self._processes):
                raise RuntimeError("a worker has ended")
            return next(batches)
        except RuntimeError as error:
            if "worker" not in str(error):
                raise
            raise ValueError(
                "A process that reads pictures was ended from outside, as systems do when memory runs out:"
                " the same command with --resume goes on, with fewer --workers if need be."
            ) from None

    def _note(self, rows: tuple[int, ...]) -> None:
        """Say which files are unreadable that were not before."""
        new = [row for row in dict.fromkeys(rows) if row not in self.unreadable]
        if new:
            self.unreadable.update(new)
            names = folder.name_examples(
                [self.index.get_name(row) for row in new[: folder.MAX_NAMED]], len(new)
            )
            warn(
                f"{names} cannot be read, and what comes next stands for it ({len(self.unreadable):,} of"
                f" {len(self):,} so far)."
            )

    def close(self) -> None:
        """End the worker processes."""
        self._batches = self._loader = None  # their finalisers do
        self._expected.clear()
        self._processes.clear()


def _mix(blocks: list[Tensor], rng: torch.Generator) -> Tensor:
    rows = torch.cat(blocks) if blocks else torch.empty(0, dtype=torch.int64)
    return rows[torch.randperm(len(rows), generator=rng)]


def _pass_on(batch: Any) -> Any:
    """A batch as the worker read it."""
    return batch


def _begin_worker(number: int) -> None:
    """Leave Ctrl-C to the process that trains, and end when it says so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def choose_workers() -> int:
    """Processes that read: half of this machine's cores, divided by the training processes on it."""
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # set by torchrun
    return max(1, min(MAX_WORKERS, (os.cpu_count() or 1) // (2 * local)))


def open_pictures(config: TrainConfig, device: torch.device | str) -> Pictures | Stream:
    """The training pictures of a run: in memory, or as a stream where a flag or their size says so."""
    if not datasets.is_path(config.dataset):
        if config.stream or config.shuffle_window:
            raise ValueError(
                "--stream and --shuffle-window are for a folder of pictures or of tar files:"
                f" {config.dataset} fits into memory."
            )
        return datasets.load(
            config.dataset, config.data_root, "train", size=config.size, channels=config.channels
        )
    side, index = config.size or folder.SIZE, datasets.open_index(config.dataset, "train")
    shape = (config.channels or 3, side, side)
    streamed = config.stream
    if streamed is None:
        streamed = bool(config.shuffle_window) or len(index) * math.prod(shape) > datasets.MAX_IN_MEMORY
    if not streamed:
        if config.shuffle_window:
            raise ValueError("--shuffle-window belongs to --stream.")
        return folder.load_index(index, f"the train split of {config.dataset}", side, config.channels)
    if config.limit:
        index = index.take(np.arange(min(config.limit, len(index))))
    workers = choose_workers() if config.workers is None else config.workers
    return Stream(index, shape, device, workers, config.shuffle_window)
