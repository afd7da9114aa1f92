"""Nearest neighbours among points on disk, behind one interface: exact, by an index of faiss, or by Milvus.

`open_index` opens what `python -m train.gallery` has built for the points of a space. All three answer with
exact Euclidean distances; the last two may miss a neighbour, and say how often.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from torch import Tensor

from ganlab.search.exact import ExactIndex
from ganlab.search.points import Index, map_rows

__all__ = [
    "KINDS",
    "MAX_EXACT",
    "ExactIndex",
    "Index",
    "describe_index",
    "map_rows",
    "name_description",
    "open_index",
]

KINDS = ("exact", "faiss", "milvus")
MAX_EXACT = 1_000_000  # points up to which all of them are compared; beyond, an index is quicker by far


def name_description(space: str, count: int) -> str:
    """The file that describes the index of a space of so many points."""
    return f"{space}.{count}.index.json"


def describe_index(folder: Path, space: str, count: int) -> dict[str, Any]:
    """What was built for `count` points of a space of the gallery in `folder`: its "kind", one of KINDS, and
    its settings. ValueError for a damaged description."""
    path = folder / name_description(space, count)
    if not path.is_file():
        return {"kind": "exact"}
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        described = None
    if not isinstance(described, dict) or described.get("kind") not in KINDS:
        raise ValueError(f"{path.name} does not describe an index: python -m train.gallery builds it anew.")
    return described


def open_index(folder: Path, space: str, rows: Tensor) -> Index:
    """The index of the points `rows` (N, F) of a space of the gallery in `folder`. Exact where none was
    built, where it is of other points, or where its package is missing, which is said on standard error.
    ValueError for one that is damaged or cannot be reached."""
    described = describe_index(folder, space, len(rows))
    kind = described["kind"]
    if kind == "exact" or described.get("count") != len(rows) or described.get("dim") != rows.shape[1]:
        return ExactIndex(rows)
    try:
        if kind == "faiss":
            from ganlab.search.faiss_index import FaissIndex

            return FaissIndex.load(folder, rows, described)
        from ganlab.search.milvus_index import MilvusIndex

        return MilvusIndex.connect(folder, rows, described)
    except ImportError:
        print(
            f"warning: the index of {folder} needs {kind} (pip install 'ganlab[{kind}]'); without it all"
            f" {len(rows):,} points are compared for each picture.",
            file=sys.stderr,
        )
        return ExactIndex(rows)
