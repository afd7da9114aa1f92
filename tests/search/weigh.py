"""python -m tests.search.weigh milvus|lancedb|qdrant: a vector database that runs embedded, with codes in it.

Prints how long filling takes, and time and recall of queries one after the other. Each needs its package: pip
install "pymilvus[milvus_lite]", lancedb or qdrant-client.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganlab.search import ExactIndex, map_rows
from train.measure.search_codes import make_codes

K, BLOCK, LISTS, PROBES = 10, 5000, 512, 32
Search = Callable[[Any], list[int]]


def fill_milvus(points: Any, folder: Path) -> Search:
    from pymilvus import DataType, MilvusClient

    client = MilvusClient(str(folder / "milvus.db"))
    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("point", DataType.FLOAT_VECTOR, dim=points.shape[1])
    parameters = client.prepare_index_params()
    parameters.add_index("point", index_type="IVF_FLAT", metric_type="L2", params={"nlist": LISTS})
    client.create_collection("codes", schema=schema, index_params=parameters)
    for start in range(0, len(points), BLOCK):
        rows = enumerate(points[start : start + BLOCK], start)
        client.insert("codes", [{"id": i, "point": row} for i, row in rows])
    client.flush("codes")
    settings = {"metric_type": "L2", "params": {"nprobe": PROBES}}

    def search(point: Any) -> list[int]:
        return [hit["id"] for hit in client.search("codes", data=[point], limit=K, search_params=settings)[0]]

    return search


def fill_lancedb(points: Any, folder: Path) -> Search:
    import lancedb
    import pyarrow

    vectors = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(points.ravel()), points.shape[1])
    table = pyarrow.table({"id": pyarrow.array(np.arange(len(points))), "vector": vectors})
    stored = lancedb.connect(str(folder)).create_table("codes", table)
    stored.create_index(
        metric="l2", vector_column_name="vector", index_type="IVF_FLAT", num_partitions=LISTS // 2
    )

    def search(point: Any) -> list[int]:
        query = stored.search(point).limit(K).nprobes(PROBES).select(["id", "_distance"])
        rows: list[int] = query.to_arrow()["id"].to_pylist()
        return rows

    return search


def fill_qdrant(points: Any, folder: Path) -> Search:
    from qdrant_client import QdrantClient
    from qdrant_client.models import Distance, VectorParams

    client = QdrantClient(path=str(folder))
    client.create_collection(
        "codes", vectors_config=VectorParams(size=points.shape[1], distance=Distance.EUCLID)
    )
    client.upload_collection("codes", vectors=points, ids=range(len(points)), batch_size=1000)

    def search(point: Any) -> list[int]:
        return [int(hit.id) for hit in client.query_points("codes", query=point, limit=K).points]

    return search


FILL = {"milvus": fill_milvus, "lancedb": fill_lancedb, "qdrant": fill_qdrant}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.search.weigh", description=__doc__)
    parser.add_argument("database", choices=FILL)
    parser.add_argument("--codes", type=int, default=60_000)
    parser.add_argument("--folder", type=Path, default=Path("runs/search"), help="of the codes")
    options = parser.parse_args(arguments)
    path, queries = make_codes(options.folder, options.codes)
    rows, queries = map_rows(path, options.codes, queries.shape[1]), queries[:100]
    expected = ExactIndex(rows).search(queries, K)[1].tolist()
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        search = FILL[options.database](np.array(rows), Path(folder))
        filled = time.perf_counter() - start
        times, hits = [], 0
        for query, nearest in zip(queries.numpy(), expected, strict=True):
            start = time.perf_counter()
            hits += len({*search(query)} & {*nearest})
            times.append(time.perf_counter() - start)
    p50, p95 = (1000 * float(torch.tensor(times).quantile(share)) for share in (0.5, 0.95))
    recall = hits / (K * len(queries))
    print(
        f"{options.database}: {len(rows):,} codes filled in {filled:.1f} s, p50 {p50:.1f} ms,"
        f" p95 {p95:.1f} ms, recall@{K} {recall:.3f}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
