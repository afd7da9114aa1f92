"""Approximate search by Milvus (the extra "milvus"): Milvus Lite in a file beside the gallery, or a cluster
at an address, by the same client.

The token of a cluster is read from MILVUS_TOKEN and stored nowhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from pymilvus import DataType, MilvusClient, MilvusException
from torch import Tensor

from ganlab.search.exact import ExactIndex
from ganlab.search.points import EXTRA, rank

BLOCK = 5_000  # points sent at a time
LISTS, PROBES = 1024, 64  # of an index of lists, and how many are searched
MAX_WANTED = 16_384  # of a query, by Milvus's own limit
TIMEOUT = 30  # seconds for an answer


def _open(folder: Path, uri: str) -> MilvusClient:
    address = uri if "://" in uri else str(folder / uri)
    try:
        return MilvusClient(address, token=os.environ.get("MILVUS_TOKEN", ""), timeout=TIMEOUT)
    except (MilvusException, OSError) as error:
        raise ValueError(f"Milvus at {uri} cannot be reached: {error}.") from None


class MilvusIndex:
    """Points (N, F) that Milvus searches; their exact distances are computed here. See `Index`."""

    kind = "milvus"

    def __init__(self, client: MilvusClient, collection: str, rows: Tensor, probes: int = PROBES) -> None:
        self.client, self.collection, self.rows, self.probes = client, collection, rows, probes
        self._exact = ExactIndex(rows)

    def __len__(self) -> int:
        return len(self.rows)

    def search(self, points: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """See `Index.search`. ValueError where Milvus does not answer."""
        wanted = min(k + EXTRA, len(self), MAX_WANTED)
        if k > wanted:
            return self._exact.search(points, k)
        try:
            answers = self.client.search(
                self.collection,
                data=points.float().numpy().tolist(),
                limit=wanted,
                search_params={"metric_type": "L2", "params": {"nprobe": self.probes}},
                timeout=TIMEOUT,
            )
        except (MilvusException, OSError) as error:
            raise ValueError(f"Milvus does not answer: {error}.") from None
        candidates = torch.full((len(points), wanted), -1)
        for i, answer in enumerate(answers):
            ids = [int(hit["id"]) for hit in answer]
            candidates[i, : len(ids)] = torch.tensor(ids)
        candidates[candidates >= len(self)] = -1
        distances, rows = rank(points, self.rows, candidates, k)
        for i in (rows < 0).any(dim=1).nonzero().flatten().tolist():
            distances[i : i + 1], rows[i : i + 1] = self._exact.search(points[i : i + 1], k)
        return distances, rows

    @staticmethod
    def build(
        folder: Path,
        uri: str,
        collection: str,
        rows: Tensor,
        progress: Callable[[int, int], None] | None = None,
    ) -> dict[str, Any]:
        """Store points (N, F) as the collection's, in place of what it held, and return the description that
        `connect` reads. ValueError where Milvus refuses."""
        client, (count, dim) = _open(folder, uri), rows.shape
        try:
            if client.has_collection(collection):
                client.drop_collection(collection)
            schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
            schema.add_field("id", DataType.INT64, is_primary=True)
            schema.add_field("point", DataType.FLOAT_VECTOR, dim=dim)
            parameters = client.prepare_index_params()
            lists = max(1, min(LISTS, count // 40))
            parameters.add_index("point", index_type="IVF_FLAT", metric_type="L2", params={"nlist": lists})
            client.create_collection(collection, schema=schema, index_params=parameters)
            for start in range(0, count, BLOCK):
                block = rows[start : start + BLOCK].numpy()
                client.insert(
                    collection, [{"id": i, "point": row} for i, row in enumerate(block, start)], timeout=None
                )
                if progress is not None:
                    progress(start, count)
            client.flush(collection)
            client.load_collection(collection)
        except (MilvusException, OSError) as error:
            raise ValueError(f"Milvus at {uri} did not take the points: {error}.") from None
        finally:
            client.close()
        return {
            "kind": "milvus",
            "count": count,
            "dim": dim,
            "uri": uri,
            "collection": collection,
            "probes": min(lists, PROBES),
        }

    @staticmethod
    def connect(folder: Path, rows: Tensor, described: Mapping[str, Any]) -> MilvusIndex:
        """The collection that `build` described, of the gallery in `folder`. ValueError where it is not there
        or cannot be reached."""
        try:
            uri, collection, probes = (described[key] for key in ("uri", "collection", "probes"))
        except KeyError as error:
            raise ValueError(f"The description of the index lacks {error}.") from None
        client = _open(folder, str(uri))
        try:
            if not client.has_collection(collection):
                raise ValueError(f"Milvus at {uri} has no collection {collection}.")
            client.load_collection(collection)
        except (MilvusException, OSError) as error:
            raise ValueError(f"Milvus at {uri} cannot be used: {error}.") from None
        return MilvusIndex(client, str(collection), rows, int(probes))
