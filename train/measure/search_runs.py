"""An index over so many codes: built, opened anew as the app opens it, and searched; each in a process of its
own, so that its memory is its own."""

from __future__ import annotations

import contextlib
import multiprocessing
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

import numpy as np
from torch import Tensor

from ganlab.search import describe_index, map_rows, open_index
from ganlab.search.exact import ExactIndex
from train.data.indexes import LITE_FILE, build_index

P = ParamSpec("P")
R = TypeVar("R")

K = 10
WARM = 20  # searches before the clock runs
SECONDS = 20.0  # for which searches are timed, at most
SPACE = "code"


@dataclass(frozen=True)
class Run:
    """What was measured of an index of one of `ganlab.search.KINDS`."""

    kind: str
    codes: int
    dim: int
    words: str  # what it is
    build_seconds: float
    build_bytes: int  # memory that building took at its peak
    disk_bytes: int  # of the index; the codes are on disk besides
    memory_bytes: int  # of its own while it is searched
    mapped_bytes: int  # of files, mapped, which the system may drop
    p50: float  # milliseconds a search of one code
    p95: float
    recall: float  # of the K nearest
    queries: int  # timed


def run_apart(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """The result of a function of this module, called in a new process."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(function, args, kwargs)


def find_expected(path: Path, count: int, queries: Tensor) -> np.ndarray:
    """The rows (Q, K) that are truly nearest to queries (Q, D) among the first `count` codes of a file; kept
    beside it."""
    kept = path.with_name(f"{path.stem}.{count}.nearest.npy")
    if not kept.is_file():
        rows = ExactIndex(map_rows(path, count, queries.shape[1])).search(queries, K)[1]
        np.save(kept, rows.numpy())
    nearest: np.ndarray = np.load(kept, allow_pickle=False)
    return nearest


@dataclass(frozen=True)
class Built:
    """What building an index took."""

    words: str
    seconds: float
    memory: int  # bytes at the peak


def measure_build(path: Path, folder: Path, kind: str, count: int, dim: int, memory: int | None) -> Built:
    """Build the index of the first `count` codes of a file in `folder`."""
    rows = map_rows(path, count, dim)
    with watch_memory() as watched:
        start = time.perf_counter()
        words = build_index(folder, SPACE, rows, kind, memory, LITE_FILE, "bench")
        seconds = time.perf_counter() - start
    return Built(words, seconds, max(watched) - watched[0])


@dataclass(frozen=True)
class Searched:
    """What searching took; see `Run`."""

    memory: int
    mapped: int
    p50: float
    p95: float
    recall: float
    queries: int


def measure_search(path: Path, folder: Path, count: int, queries: Tensor, expected: np.ndarray) -> Searched:
    """Open the index in `folder` as the app does, and search it for one code at a time."""
    own, mapped = read_memory()
    index = open_index(folder, SPACE, map_rows(path, count, queries.shape[1]))
    for query in queries[:WARM]:
        index.search(query[None], K)
    times: list[float] = []
    hits, begin = 0, time.perf_counter()
    for query, nearest in zip(queries, expected.tolist(), strict=True):
        start = time.perf_counter()
        rows = index.search(query[None], K)[1]
        times.append(time.perf_counter() - start)
        hits += len({*rows[0].tolist()} & {*nearest})
        if time.perf_counter() - begin > SECONDS:
            break
    p50, p95 = (float(1000 * np.quantile(times, share)) for share in (0.5, 0.95))
    now, now_mapped = read_memory()
    return Searched(now - own, now_mapped - mapped, p50, p95, hits / (K * len(times)), len(times))


def measure(path: Path, kind: str, count: int, queries: Tensor, memory: int | None) -> Run:
    """Build and search an index of a kind over the first `count` codes of a file."""
    expected = run_apart(find_expected, path, count, queries)
    folder = path.with_name(f"{kind}-{count}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    built = run_apart(measure_build, path, folder, kind, count, queries.shape[1], memory)
    if describe_index(folder, SPACE, count)["kind"] != kind:
        raise ValueError(f"The index of {count:,} codes is not {kind}.")
    searched = run_apart(measure_search, path, folder, count, queries, expected)
    size = sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())
    return Run(
        kind,
        count,
        queries.shape[1],
        built.words,
        built.seconds,
        built.memory,
        size,
        searched.memory,
        searched.mapped,
        searched.p50,
        searched.p95,
        searched.recall,
        searched.queries,
    )


# ---------------------------------------------------------------------- memory


def read_memory() -> tuple[int, int]:
    """Bytes of this process's own memory, and of files that it has mapped; 0 and 0 where the system does not
    say."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0, 0
    fields = dict(line.split(":", 1) for line in lines)
    own, mapped = (1024 * int(fields[key].split()[0]) for key in ("RssAnon", "RssFile"))
    return own, mapped


@contextlib.contextmanager
def watch_memory(every: float = 0.05) -> Iterator[list[int]]:
    """The own memory of this process, in bytes, as it changes meanwhile; the first is what it was before."""
    watched, stop = [read_memory()[0]], threading.Event()

    def watch() -> None:
        while not stop.wait(every):
            watched.append(read_memory()[0])

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield watched
    finally:
        stop.set()
        thread.join()
