"""The release's split: which digits are tested of which, and what is said of the answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from ganlab.gallery import Pictures
from train.data import datasets
from train.studies import split


def part(pictures: Pictures, start: int, stop: int) -> Pictures:
    some = slice(start, stop)
    return Pictures(pictures.pixels[some], pictures.labels[some], pictures.indices[some])


def test_a_random_sixth_is_set_aside_and_nothing_is_lost(digits: Pictures) -> None:
    rest, aside = split.split_pictures(digits, seed=1)
    assert (len(rest), len(aside)) == (417, 83)
    assert sorted([*rest.indices.tolist(), *aside.indices.tolist()]) == digits.indices.tolist()
    for some in (rest, aside):
        assert torch.equal(some.pixels, digits.pixels[some.indices])
        assert torch.equal(some.labels, digits.labels[some.indices])
    again, other = split.split_pictures(digits, seed=1), split.split_pictures(digits, seed=2)
    assert torch.equal(again[1].indices, aside.indices)
    assert not torch.equal(other[1].indices, aside.indices)


def test_the_release_sets_10000_of_60000_aside() -> None:
    many = Pictures(
        torch.zeros(60_000, 1, 1, 1, dtype=torch.uint8), torch.zeros(60_000), torch.arange(60_000)
    )
    assert [len(some) for some in split.split_pictures(many)] == [50_000, 10_000]


def test_accuracies_are_those_of_plain_distances(digits: Pictures) -> None:
    rest, aside = split.split_pictures(part(digits, 0, 400))
    test = part(digits, 400, 500)

    def expected(tested: Pictures, *among: Pictures) -> float:
        references = torch.cat([some.flat.double() for some in among])
        labels = torch.cat([some.labels for some in among])
        study = torch.cdist(tested.flat.double(), references).argmin(1)
        return float((labels[study] == tested.labels).double().mean())

    study = split.measure_accuracies(lambda some: some.flatten(1), rest, aside, test)
    assert study == {
        "test_all": pytest.approx(expected(test, rest, aside)),
        "test_rest": pytest.approx(expected(test, rest)),
        "aside_rest": pytest.approx(expected(aside, rest)),
    }
    assert len(set(study.values())) == 3


def row(name: str, published: float | None, share: float) -> dict[str, Any]:
    return {"name": name, "published": published, "networks": 1} | {
        "test_all": 0.9, "test_rest": 0.8, "aside_rest": share,
    }  # fmt: skip


def test_the_page_says_which_rows_are_near_the_published_ones() -> None:
    counts = {"all": 60_000, "rest": 50_000, "aside": 10_000, "test": 10_000}
    rows = [row("A", 97.0, 0.966), row("B", 97.0, 0.9659), row("raw", None, 0.97)]
    page = split.render({"command": "python -m train.split", "counts": counts, "rows": rows})
    assert "| A | 97.00 | 90.00 | 80.00 | 96.60 |" in page
    assert "| raw | – | 90.00 | 80.00 | 97.00 |" in page
    assert "10,000 training digits, among the other 50,000" in page
    assert "one standard error is 0.18" in page
    assert page.endswith("in the last column: A; not: B.")
    page = split.render({"command": "python -m train.split", "counts": counts, "rows": rows[::2]})
    assert page.endswith("in the last column: A.")


def test_every_system_is_measured_in_its_own_layer(
    digits: Pictures, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = {"train": part(digits, 0, 120), "test": part(digits, 400, 440)}
    monkeypatch.setattr(datasets, "load", lambda dataset, root, name: parts[name])
    monkeypatch.setattr(split.results, "PAGES", tmp_path / "table")
    monkeypatch.setattr(split.results, "RESULTS", tmp_path / "docs" / "results.md")
    monkeypatch.setattr(split.results, "README", tmp_path / "README.md")
    assert split.main([]) == 0
    study = json.loads((tmp_path / "table" / "split.json").read_text())
    assert [one["name"].split(",")[0] for one in study["rows"]] == [
        "BiGAN", "LR", "JLR", "AE l2", "AE l1", "random encoder", "raw pixels",
    ]  # fmt: skip
    assert [one["networks"] for one in study["rows"]] == [1, 1, 1, 1, 1, 3, 1]
    assert study["counts"] == {"all": 120, "rest": 100, "aside": 20, "test": 40}
    page = (tmp_path / "table" / "split.md").read_text()
    assert page.strip() in (tmp_path / "docs" / "results.md").read_text()
    assert page in capsys.readouterr().out


def test_without_the_data_one_sentence_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert split.main(["--data-root", str(tmp_path / "a file, no folder")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert "Traceback" not in said
