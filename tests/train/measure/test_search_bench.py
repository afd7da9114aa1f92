"""The bench of searches: honest codes, figures of each index, a table and a plot."""

from __future__ import annotations

import argparse
import dataclasses
import mmap
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ganlab.search import map_rows
from train.measure import search_bench, search_codes, search_plot, search_runs
from train.measure.search_codes import make_codes
from train.measure.search_runs import Run

COUNT = 1500


def test_codes_are_of_real_pictures_and_go_on_where_they_were_stopped(tmp_path: Path) -> None:
    path, queries = make_codes(tmp_path / "whole", 1000)
    again, _ = make_codes(tmp_path / "cut", 500)
    with again.open("ab") as file:
        file.write(b"half a block")
    make_codes(tmp_path / "cut", 1000)
    assert again.read_bytes() == path.read_bytes()
    explorer = search_codes.ganlab.load(search_codes.MODEL)
    assert explorer.gallery is not None
    rows = map_rows(path, 1000, queries.shape[1])
    torch.testing.assert_close(
        rows[:3], explorer.gallery.embed(explorer.gallery.pictures.inputs(slice(0, 3)), "code")
    )
    assert len(queries) == 500


@pytest.fixture
def codes(tmp_path: Path) -> tuple[Path, Tensor]:
    """A file of codes, and queries."""
    draw = torch.Generator().manual_seed(0)
    rows = torch.randn(COUNT, 6, generator=draw)
    (tmp_path / "some.codes").write_bytes(rows.numpy().astype("<f4").tobytes())
    return tmp_path / "some.codes", torch.randn(40, 6, generator=draw)


@pytest.mark.parametrize("kind", ["exact", "faiss"])
def test_an_index_is_built_opened_anew_and_measured(
    codes: tuple[Path, Tensor], kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def call(function: object, *args: object) -> object:
        assert callable(function)
        return function(*args)

    monkeypatch.setattr(search_runs, "run_apart", call)  # a process takes seconds to start
    path, queries = codes
    run = search_runs.measure(path, kind, COUNT, queries, None)
    assert (run.kind, run.codes, run.dim, run.queries) == (kind, COUNT, 6, 40)
    assert run.recall == 1 if kind == "exact" else run.recall > 0.9
    assert 0 < run.p50 <= run.p95
    assert (run.disk_bytes > COUNT * 6 * 4) == (kind == "faiss")
    assert kind == "exact" or "IVF" in run.words


def make_run(kind: str, codes: int, p50: float) -> Run:
    return Run(kind, codes, 50, "IVF16,Flat", 3.0, 10**7, 10**7, 10**6, 10**7, p50, 2 * p50, 0.995, 500)


def test_results_are_kept_by_kind_and_size_and_written_to_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for run in (make_run("faiss", 10**6, 1.0), make_run("exact", 10**6, 9.0), make_run("faiss", 10**6, 0.5)):
        search_bench.add_run(tmp_path, run)
    search_bench.add_run(tmp_path, make_run("faiss", 10**5, 0.25))
    runs = search_bench.load_runs(tmp_path)
    assert [(run.kind, run.codes, run.p50) for run in runs] == [
        ("exact", 10**6, 9.0),
        ("faiss", 10**5, 0.25),
        ("faiss", 10**6, 0.5),
    ]
    page, plot = tmp_path / "page.md", tmp_path / "plot.svg"
    monkeypatch.setattr(search_bench, "PAGE", page)
    monkeypatch.setattr(search_bench, "PLOT", plot)
    page.write_text("before\n<!-- search -->\nold\n<!-- end -->\nafter\n")
    search_bench.write_page(runs)
    text = page.read_text()
    assert text.startswith("before\n<!-- search -->\nMeasured on ")
    assert text.endswith("<!-- end -->\nafter\n")
    assert "| faiss | 1,000,000 | 3 s | 10 MB | 10 MB | 1 MB | 10 MB | 0.50 ms | 1.00 ms | 0.9950 |" in text
    assert "old" not in text
    page.write_text("no marks")
    with pytest.raises(ValueError, match="lacks the lines <!-- search --> and <!-- end -->"):
        search_bench.write_page(runs)


def test_a_plot_puts_values_on_logarithmic_axes() -> None:
    scale = search_plot.Scale.fit([3.0, 700.0], 0, 300)
    assert (scale.low, scale.high) == (0, 3)
    assert [scale.locate(value) for value in (1, 10, 1000)] == pytest.approx([0, 100, 300])
    runs = [make_run("exact", 10**4, 1.0), make_run("exact", 10**6, 90.0), make_run("faiss", 10**6, 1.0)]
    svg = search_plot.draw(runs)
    assert svg.count("<polyline") == 2 * 2 * 2  # kinds, panels, lines
    assert ">1 M</text>" in svg
    assert "NaN" not in svg
    assert search_plot.draw([dataclasses.replace(runs[0], memory_bytes=0, mapped_bytes=0)]).count("<svg") == 1


def test_wrong_flags_are_named() -> None:
    assert search_bench.read_counts("1000,2000") == [1000, 2000]
    for text in ("", "x", "999", "1000,"):
        with pytest.raises(argparse.ArgumentTypeError, match="is no list of numbers"):
            search_bench.read_counts(text)
    with pytest.raises(argparse.ArgumentTypeError, match="is no list of exact, faiss, milvus"):
        search_bench.read_kinds("oracle")


def test_a_processes_own_memory_is_watched() -> None:
    own, mapped = search_runs.read_memory()
    assert own > 0
    assert mapped > 0
    with search_runs.watch_memory(every=0) as watched:
        # Pages of the system's own: an array might fill what earlier tests have freed.
        block = mmap.mmap(-1, 40_000_000, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        block.write(b"1" * len(block))
        while max(watched) - watched[0] < len(block) / 2:  # each look takes as long as it takes
            pass
    assert watched[0] > 0
