"""Builds the indexes of a large gallery, for `ganlab.search.open_index`."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Collection
from pathlib import Path

from torch import Tensor

from ganlab.files import write_json
from ganlab.large.gallery import name_points
from ganlab.search import KINDS, MAX_EXACT, describe_index, map_rows, name_description
from ganlab.terminal import Progress

CHOICES = ("auto", *KINDS)
LITE_FILE = "milvus.db"  # of Milvus Lite, in the gallery's folder
PACKAGES = {"faiss": "faiss", "milvus": "pymilvus"}
MEMORY_SHARE = 0.5  # of this machine's, for an index that is being built


def measure_memory() -> int:
    """The bytes that an index may take here, where nobody says: half of the machine's memory."""
    try:
        return int(MEMORY_SHARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (ValueError, OSError, AttributeError):  # not on Windows
        return 4 * 10**9


def choose_kind(count: int) -> str:
    """What suits so many points: comparing all of them, or faiss."""
    return "exact" if count <= MAX_EXACT else "faiss"


def check_kind(kind: str) -> None:
    """ValueError where the package of one of CHOICES is not installed."""
    package = PACKAGES.get(kind)
    if package is not None and importlib.util.find_spec(package) is None:
        raise ValueError(f"--index {kind} needs a package that is not here: pip install 'ganlab[{kind}]'.")


def build_index(
    folder: Path,
    space: str,
    rows: Tensor,
    kind: str = "auto",
    memory: int | None = None,
    uri: str = LITE_FILE,
    key: str = "",
    progress: Progress | None = None,
) -> str:
    """Build the index of the points `rows` (N, F) of a space of the gallery in `folder`, in place of the one
    before; what it is, in words. `uri` is Milvus's, and `key` tells collections of several galleries apart.
    ValueError where the package is not here, or Milvus does not answer."""
    kind = choose_kind(len(rows)) if kind == "auto" else kind
    description, count = folder / name_description(space, len(rows)), len(rows)
    if kind == "exact":
        description.unlink(missing_ok=True)
        return f"all {count:,} compared"
    check_kind(kind)
    if kind == "faiss":
        from ganlab.search.faiss_index import FaissIndex

        index = FaissIndex.build(rows, memory or measure_memory(), progress=progress)
        recall, name = index.tune(), f"{space}.{count}.faiss"
        write_json(description, index.save(folder, name, recall))
        settings = index.settings
        return f"{settings.factory}, {settings.parameter} {settings.effort}, recall@10 {recall:.1%}"
    from ganlab.search.milvus_index import MilvusIndex

    collection = re.sub(r"\W", "_", f"ganlab_{key}_{space}")
    write_json(description, MilvusIndex.build(folder, uri, collection, rows, progress))
    return f"the collection {collection} of Milvus at {uri}"


def build_indexes(
    folder: Path, count: int, dims: dict[str, int], kind: str, memory: int | None, uri: str, key: str
) -> dict[str, str]:
    """`build_index` for each space of a gallery of `count` pictures: by space, what was built."""
    built = {}
    for space, dim in dims.items():
        progress = Progress(f"index of {space}")
        rows = map_rows(folder / name_points(space), count, dim)
        built[space] = build_index(folder, space, rows, kind, memory, uri, key, progress)
        progress.close()
    return built


def list_files(folder: Path, space: str, count: int) -> list[str]:
    """The files of the index of `count` points of a space, as its description names them."""
    described, name = describe_index(folder, space, count), name_description(space, count)
    if described["kind"] == "exact":
        return []
    return [name, described["file"]] if "file" in described else [name]


def remove_others(folder: Path, kept: Collection[str]) -> None:
    """Remove files of indexes that are named no more; who has mapped one keeps it until the end."""
    for path in (*folder.glob("*.faiss"), *folder.glob("*.index.json")):
        if path.name not in kept:
            path.unlink()
