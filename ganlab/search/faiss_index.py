"""Approximate search by faiss (the extra "faiss"): an index whose kind and settings follow from the points'
number and dimension and from the memory there is.

Points are sorted into lists around centres, and only the lists nearest to a query are searched
(Jégou, Douze and Schmid 2011). What lies in the lists stays on disk and is mapped into memory. How many lists
are searched is measured when the index is built: as few as keep the recall.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import faiss
import numpy as np
import torch
from torch import Tensor

from ganlab.files import open_atomically
from ganlab.search.exact import ExactIndex
from ganlab.search.points import EXTRA, rank

LISTS = 4.0  # lists are so many times the square root of the points, a power of two
MAX_LISTS, MIN_FILL = 65_536, 40  # and hold at least so many points each, on average
MAX_FLAT_CENTRES = 16_384  # beyond, a graph finds the nearest centres
TRAINING = 48  # points a list from which the centres are computed
MAX_GRAPH, MIN_GRAPH_DIM = 2_000_000, 256  # points of many dimensions, which lists separate badly: a graph
LINKS = 32  # of a graph's point
BLOCK = 100_000  # points added at a time
CANDIDATES = {"Flat": 1, "SQ8": 4, "PQ": 32, "HNSW": 1}  # how many times k are ranked by exact distance
FEW = 4  # points searched by a single thread: more would wait for each other longer than they compute
THREADS = faiss.omp_get_max_threads()
TARGET, TESTED, K = 0.998, 200, 10  # the recall at which the settings stay, of TESTED points' K nearest


class Settings(NamedTuple):
    """`factory` is faiss's own name of the index; `parameter` is what `effort` sets when it is searched."""

    factory: str
    parameter: str  # "nprobe", the lists searched, or "efSearch", the points of a graph
    effort: int  # at first; the index's tuning raises it


def choose_settings(count: int, dim: int, memory: int) -> Settings:
    """The index for `count` points of `dim` dimensions where `memory` bytes may be used."""
    flat = count * dim * 4
    if dim >= MIN_GRAPH_DIM and count <= MAX_GRAPH and flat + count * LINKS * 8 <= memory:
        return Settings(f"HNSW{LINKS},Flat", "efSearch", 32)
    lists = 2 ** round(math.log2(max(1.0, LISTS * math.sqrt(count))))
    lists = min(lists, MAX_LISTS)
    while lists > 1 and lists * MIN_FILL > count:
        lists //= 2
    coarse = f"IVF{lists}" if lists <= MAX_FLAT_CENTRES else f"IVF{lists}_HNSW{LINKS}"
    return Settings(f"{coarse},{_choose_storage(count, dim, memory)}", "nprobe", 4)


def _choose_storage(count: int, dim: int, memory: int) -> str:
    """How points lie in the lists: as they are, a byte a number, or a byte for several (product
    quantisation); the exact ranking afterwards reads the points themselves."""
    if count * dim * 4 <= memory:
        return "Flat"
    if count * dim <= memory:
        return "SQ8"
    parts = [part for part in range(1, dim) if dim % part == 0 and count * part <= memory]
    return f"PQ{max(parts, default=1)}"


class FaissIndex:
    """Points (N, F) behind an index of faiss; see `Index`."""

    kind = "faiss"

    def __init__(self, index: Any, rows: Tensor, settings: Settings) -> None:
        self.index, self.rows, self.settings = index, rows, settings
        self._exact = ExactIndex(rows)
        storage = next((name for name in CANDIDATES if name in settings.factory.rpartition(",")[2]), "Flat")
        self._factor = CANDIDATES[storage]
        if isinstance(index, faiss.IndexIVF):
            stored: Any = index.invlists
            lists = faiss.downcast_InvertedLists(stored)
            if hasattr(
                lists, "prefetch_nthread"
            ):  # of mapped lists: threads that are started for each search
                lists.prefetch_nthread = 0
        self.set_effort(settings.effort)

    def __len__(self) -> int:
        return len(self.rows)

    def set_effort(self, effort: int) -> None:
        """Search more, or fewer, lists or points of the graph."""
        self.settings = self.settings._replace(effort=effort)
        faiss.ParameterSpace().set_index_parameter(self.index, self.settings.parameter, effort)

    def search(self, points: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """See `Index.search`. Where the lists searched hold fewer than k points, all are compared."""
        faiss.omp_set_num_threads(1 if len(points) <= FEW else THREADS)  # of this thread of Python's
        wanted = min(k * self._factor + EXTRA, len(self))
        _, candidates = self.index.search(np.ascontiguousarray(points.float().numpy()), wanted)
        distances, rows = rank(points, self.rows, torch.from_numpy(candidates), k)
        for i in (rows < 0).any(dim=1).nonzero().flatten().tolist():
            distances[i : i + 1], rows[i : i + 1] = self._exact.search(points[i : i + 1], k)
        return distances, rows

    @staticmethod
    def build(
        rows: Tensor, memory: int, seed: int = 0, progress: Callable[[int, int], None] | None = None
    ) -> FaissIndex:
        """The index of points (N, F), in memory; `tune` finds its effort."""
        count, dim = rows.shape
        settings = choose_settings(count, dim, memory)
        index = faiss.index_factory(dim, settings.factory)
        lists = index.nlist if isinstance(index, faiss.IndexIVF) else 256
        size = min(count, TRAINING * lists)
        chosen = np.sort(np.random.default_rng(seed).choice(count, size, replace=False))
        index.train(rows.numpy()[chosen])
        for start in range(0, count, BLOCK):
            index.add(rows.numpy()[start : start + BLOCK])
            if progress is not None:
                progress(min(start + BLOCK, count), count)
        return FaissIndex(index, rows, settings)

    def tune(self, target: float = TARGET) -> float:
        """Raise the effort until the recall reaches `target`, and return the recall: the share of the K
        points nearest to each of TESTED points, spread over all, that the index finds."""
        count = len(self)
        chosen = torch.arange(min(TESTED, count)) * count // min(TESTED, count)
        k, points = min(K + 1, count), self.rows[chosen]
        expected = self._exact.search(points, k)[1].tolist()
        limit = self.index.nlist if isinstance(self.index, faiss.IndexIVF) else count
        effort = min(self.settings.effort, limit)
        while True:
            self.set_effort(effort)
            rows = self.search(points, k)[1].tolist()
            # Each point is its own nearest, which any index finds: it does not count.
            pairs = zip(chosen.tolist(), rows, expected, strict=True)
            others = [({*near} - {i}, {*nearest} - {i}) for i, near, nearest in pairs]
            recall = sum(len(a & b) for a, b in others) / max(1, sum(len(b) for _, b in others))
            if recall >= target or effort >= limit:
                return recall
            effort = min(limit, math.ceil(effort * 1.4))

    def save(self, folder: Path, name: str, recall: float) -> dict[str, Any]:
        """Write the index to the file `name` in a folder, and return its description, which `load` reads."""
        with open_atomically(folder / name) as file:
            faiss.write_index(self.index, file.name)
        count, dim = self.rows.shape
        facts = {"kind": "faiss", "file": name, "count": count, "dim": dim, "recall": recall}
        return facts | self.settings._asdict()

    @staticmethod
    def load(folder: Path, rows: Tensor, described: Mapping[str, Any]) -> FaissIndex:
        """What `save` wrote to a folder of points `rows` (N, F), its lists mapped into memory. ValueError for
        a damaged file, or one of other points."""
        name = str(described.get("file"))
        try:
            if Path(name).name != name:
                raise ValueError("it names a file elsewhere")
            settings = Settings(*(described[key] for key in Settings._fields))
            index = faiss.read_index(str(folder / name), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY)
            if (index.ntotal, index.d) != tuple(rows.shape):
                raise ValueError("it is of other points")
            return FaissIndex(index, rows, settings)
        except (KeyError, TypeError, ValueError, RuntimeError):
            raise ValueError(
                f"{name} is damaged or of other points: python -m train.gallery builds it anew."
            ) from None
