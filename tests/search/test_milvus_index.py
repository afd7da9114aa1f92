"""Search by Milvus: against a stand-in for its client and, where it is installed, against Milvus Lite."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from ganlab import search
from ganlab.search import ExactIndex, open_index
from train.data import indexes
from train.data.indexes import build_index

COUNT, DIM = 300, 4
COLLECTION = "ganlab_key_code"


class RefusalError(Exception):
    """What the client raises."""


class Client:
    """What of MilvusClient is called here: collections by name, shared by all clients of an address."""

    stored: dict[str, dict[str, dict[int, Tensor]]] = {}
    reachable = True

    def __init__(self, uri: str, token: str = "", timeout: float = 0) -> None:
        if not self.reachable:
            raise RefusalError("no route to host")
        self.collections = self.stored.setdefault(uri, {})

    def has_collection(self, name: str) -> bool:
        return name in self.collections

    def drop_collection(self, name: str) -> None:
        del self.collections[name]

    @staticmethod
    def create_schema(**settings: Any) -> Any:
        class Schema:
            def add_field(self, *args: Any, **kwargs: Any) -> None: ...

        return Schema()

    def prepare_index_params(self) -> Any:
        class Parameters:
            def add_index(self, *args: Any, **kwargs: Any) -> None: ...

        return Parameters()

    def create_collection(self, name: str, **settings: Any) -> None:
        self.collections[name] = {}

    def insert(self, name: str, data: list[dict[str, Any]], timeout: float | None) -> None:
        self.collections[name] |= {row["id"]: torch.from_numpy(row["point"].copy()) for row in data}

    def flush(self, name: str) -> None: ...

    def load_collection(self, name: str) -> None: ...

    def close(self) -> None: ...

    def search(self, name: str, data: list[list[float]], limit: int, **settings: Any) -> list[Any]:
        if not self.reachable:
            raise RefusalError("no route to host")
        ids = list(self.collections[name])
        points = torch.stack([self.collections[name][i] for i in ids])
        order = torch.cdist(torch.tensor(data), points).topk(min(limit, len(ids)), largest=False).indices
        return [[{"id": ids[i], "distance": 0.0} for i in row] for row in order.tolist()]


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Client]]:
    """The stand-in, in place of the package."""
    package = ModuleType("pymilvus")
    package.MilvusClient = Client  # type: ignore[attr-defined]
    package.MilvusException = RefusalError  # type: ignore[attr-defined]
    package.DataType = type("DataType", (), {"INT64": 5, "FLOAT_VECTOR": 101})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pymilvus", package)
    monkeypatch.delitem(sys.modules, "ganlab.search.milvus_index", raising=False)
    monkeypatch.delattr(search, "milvus_index", raising=False)
    monkeypatch.setattr(indexes, "check_kind", lambda kind: None)
    monkeypatch.setattr(Client, "stored", {})
    yield Client
    sys.modules.pop("ganlab.search.milvus_index", None)


@pytest.fixture
def rows() -> Tensor:
    return torch.randn(COUNT, DIM, generator=torch.Generator().manual_seed(0))


def test_points_go_there_once_and_their_distances_are_exact(
    client: type[Client], rows: Tensor, tmp_path: Path
) -> None:
    for _ in range(2):  # the second takes the place of the first
        words = build_index(tmp_path, "code", rows, "milvus", uri="http://milvus:19530", key="key")
    assert words == f"the collection {COLLECTION} of Milvus at http://milvus:19530"
    assert len(client.stored["http://milvus:19530"][COLLECTION]) == COUNT
    index = open_index(tmp_path, "code", rows)
    assert not isinstance(index, ExactIndex)
    for mine, exact in zip(index.search(rows[:9], 5), ExactIndex(rows).search(rows[:9], 5), strict=True):
        assert torch.equal(mine, exact)


def test_a_file_of_milvus_lite_lies_in_the_gallery(
    client: type[Client], rows: Tensor, tmp_path: Path
) -> None:
    build_index(tmp_path, "code", rows, "milvus", key="key")
    assert list(client.stored) == [str(tmp_path / "milvus.db")]


def test_points_that_it_lacks_are_compared_here(client: type[Client], rows: Tensor, tmp_path: Path) -> None:
    build_index(tmp_path, "code", rows, "milvus", key="key")
    stored = client.stored[str(tmp_path / "milvus.db")][COLLECTION]
    for i in range(10, COUNT):
        del stored[i]
    stored[COUNT + 5] = rows[0]  # of a gallery that has grown since
    index = open_index(tmp_path, "code", rows)
    assert torch.equal(index.search(rows[:3], 20)[1], ExactIndex(rows).search(rows[:3], 20)[1])


def test_where_it_does_not_answer_there_is_a_sentence(
    client: type[Client], rows: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_index(tmp_path, "code", rows, "milvus", uri="http://milvus:19530", key="key")
    index = open_index(tmp_path, "code", rows)
    monkeypatch.setattr(client, "reachable", False)
    with pytest.raises(ValueError, match="Milvus does not answer: no route to host"):
        index.search(rows[:1], 5)
    with pytest.raises(ValueError, match="Milvus at http://milvus:19530 cannot be reached: no route to host"):
        open_index(tmp_path, "code", rows)
    monkeypatch.setattr(client, "reachable", True)
    client.stored["http://milvus:19530"].clear()
    with pytest.raises(ValueError, match=f"has no collection {COLLECTION}"):
        open_index(tmp_path, "code", rows)
    (tmp_path / f"code.{COUNT}.index.json").write_text(
        json.dumps({"kind": "milvus", "count": COUNT, "dim": DIM})
    )
    with pytest.raises(ValueError, match="The description of the index lacks 'uri'"):
        open_index(tmp_path, "code", rows)


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("milvus_lite") is None, reason="Milvus Lite is not installed")
def test_milvus_lite_finds_the_nearest(rows: Tensor, tmp_path: Path) -> None:
    build_index(tmp_path, "code", rows, "milvus", key="key")
    index = open_index(tmp_path, "code", rows)
    assert not isinstance(index, ExactIndex)
    near, exact = index.search(rows[:9], 5), ExactIndex(rows).search(rows[:9], 5)
    assert (near[1] == exact[1]).float().mean() > 0.9
