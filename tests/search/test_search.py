"""Search by an index: exact distances, hardly a neighbour missed, settings that follow from the size."""

from __future__ import annotations

import builtins
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ganlab import search
from ganlab.search import ExactIndex, map_rows, open_index
from ganlab.search.faiss_index import FaissIndex, choose_settings

COUNT, DIM, QUERIES, K = 4000, 8, 40, 10
AMPLE = 10**9  # bytes


@pytest.fixture(scope="module")
def clustered() -> tuple[Tensor, Tensor]:
    """Points (COUNT, DIM) in clusters, as codes are, and queries among them."""
    draw = torch.Generator().manual_seed(0)
    centres = 4 * torch.randn(20, DIM, generator=draw)
    points = centres[torch.randint(20, (COUNT + QUERIES,), generator=draw)]
    points = points + torch.randn(points.shape, generator=draw)
    return points[:COUNT].clone(), points[COUNT:].clone()


def measure_recall(rows: Tensor, expected: Tensor) -> float:
    pairs = zip(rows.tolist(), expected.tolist(), strict=True)
    return sum(len({*a} & {*b}) for a, b in pairs) / expected.numel()


def brute_force(points: Tensor, rows: Tensor) -> Tensor:
    return torch.cdist(points.double(), rows.double(), compute_mode="donot_use_mm_for_euclid_dist")


@pytest.mark.parametrize("memory", [AMPLE, COUNT * DIM])  # as they are, or a byte a number
def test_faiss_misses_hardly_a_neighbour_and_its_distances_are_exact(
    clustered: tuple[Tensor, Tensor], memory: int, tmp_path: Path
) -> None:
    rows, queries = clustered
    built = FaissIndex.build(rows, memory)
    recall = built.tune()
    assert recall >= 0.99
    described = built.save(tmp_path, "code.faiss", recall)
    (tmp_path / f"code.{COUNT}.index.json").write_text(json.dumps(described))
    index = open_index(tmp_path, "code", rows)
    assert isinstance(index, FaissIndex)
    assert index.settings == built.settings
    distances, near = index.search(queries, K)
    everything = brute_force(queries, rows)
    assert measure_recall(near, everything.topk(K, largest=False).indices) >= 0.97
    torch.testing.assert_close(distances.double(), everything.gather(1, near), rtol=1e-5, atol=1e-6)
    assert (distances.diff(dim=1) >= 0).all()


def test_where_lists_hold_too_few_all_points_are_compared(clustered: tuple[Tensor, Tensor]) -> None:
    rows, queries = clustered
    index = FaissIndex.build(rows, AMPLE)
    index.set_effort(1)
    distances, near = index.search(queries[:3], COUNT // 2)
    expected = ExactIndex(rows).search(queries[:3], COUNT // 2)
    assert torch.equal(near, expected[1])
    assert torch.equal(distances, expected[0])


@pytest.mark.parametrize(
    ("count", "dim", "memory", "factory"),
    [
        (60_000, 50, 4 * 10**9, "IVF1024,Flat"),
        (10**6, 50, 4 * 10**9, "IVF4096,Flat"),
        (10**7, 50, 4 * 10**9, "IVF16384,Flat"),
        (10**7, 50, 10**9, "IVF16384,SQ8"),
        (10**7, 50, 3 * 10**8, "IVF16384,PQ25"),
        (10**8, 50, 10**11, "IVF32768_HNSW32,Flat"),
        (10**6, 1024, 6 * 10**9, "HNSW32,Flat"),  # lists separate many dimensions badly
        (10**6, 1024, 10**9, "IVF4096,PQ512"),
        (10, 50, 10**9, "IVF1,Flat"),
    ],
)
def test_the_index_follows_from_size_and_memory(count: int, dim: int, memory: int, factory: str) -> None:
    assert choose_settings(count, dim, memory).factory == factory


def test_a_graph_serves_points_of_many_dimensions(tmp_path: Path) -> None:
    rows = torch.randn(500, 256, generator=torch.Generator().manual_seed(0))
    index = FaissIndex.build(rows, AMPLE)
    assert index.settings.factory == "HNSW32,Flat"
    assert index.tune() >= 0.99
    described = index.save(tmp_path, "features.faiss", 1.0)
    loaded = FaissIndex.load(tmp_path, rows, described)
    assert torch.equal(loaded.search(rows[:5], 3)[1], ExactIndex(rows).search(rows[:5], 3)[1])


def test_an_index_of_other_points_is_left_alone(clustered: tuple[Tensor, Tensor], tmp_path: Path) -> None:
    described = {"kind": "faiss", "count": COUNT - 1, "dim": DIM}
    (tmp_path / f"code.{COUNT}.index.json").write_text(json.dumps(described))
    assert isinstance(open_index(tmp_path, "code", clustered[0]), ExactIndex)


@pytest.mark.parametrize("damage", ["cut", "other", "absent"])
def test_a_damaged_index_is_a_sentence(clustered: tuple[Tensor, Tensor], damage: str, tmp_path: Path) -> None:
    rows, path = clustered[0], tmp_path / "code.faiss"
    described = FaissIndex.build(rows, AMPLE).save(tmp_path, path.name, 1.0)
    (tmp_path / f"code.{COUNT}.index.json").write_text(json.dumps(described))
    if damage == "absent":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:1000] if damage == "cut" else b"no index at all")
    with pytest.raises(
        ValueError, match=r"code\.faiss is damaged .*: python -m train\.gallery builds it anew"
    ):
        open_index(tmp_path, "code", rows)


@pytest.mark.parametrize("text", ["{", "[]", '{"kind": "oracle"}'])
def test_a_damaged_description_is_a_sentence(
    clustered: tuple[Tensor, Tensor], text: str, tmp_path: Path
) -> None:
    (tmp_path / f"code.{COUNT}.index.json").write_text(text)
    with pytest.raises(ValueError, match=r"code\.4000\.index\.json does not describe an index"):
        open_index(tmp_path, "code", clustered[0])


def test_without_the_package_all_points_are_compared_and_it_is_said(
    clustered: tuple[Tensor, Tensor],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / f"code.{COUNT}.index.json").write_text(
        json.dumps({"kind": "faiss", "count": COUNT, "dim": DIM})
    )
    monkeypatch.delitem(sys.modules, "ganlab.search.faiss_index", raising=False)
    monkeypatch.delattr(search, "faiss_index", raising=False)
    true_import = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "faiss":
            raise ImportError(name)
        return true_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    assert isinstance(open_index(tmp_path, "code", clustered[0]), ExactIndex)
    assert "needs faiss (pip install 'ganlab[faiss]')" in capsys.readouterr().err


def test_points_are_mapped_from_disk(tmp_path: Path) -> None:
    rows = np.arange(12, dtype="<f4").reshape(4, 3)
    (tmp_path / "code.f32").write_bytes(rows.tobytes() + b"more that is being written")
    assert torch.equal(map_rows(tmp_path / "code.f32", 4, 3), torch.from_numpy(rows))
    assert map_rows(tmp_path / "code.f32", 0, 3).shape == (0, 3)
    with pytest.raises(ValueError, match=r"code\.f32 holds 74 bytes where 7 x 3 numbers take more"):
        map_rows(tmp_path / "code.f32", 7, 3)
