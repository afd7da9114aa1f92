"""A checkpoint of untrained tiny networks with few digits, and the pages of studies in an empty folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from ganlab.gallery import Pictures
from ganlab.networks import paper
from tests.conftest import untrained_model
from train.data import datasets
from train.measure import frechet
from train.report import results


@pytest.fixture
def few(digits: Pictures, monkeypatch: pytest.MonkeyPatch) -> Pictures:
    """200 test digits, which every data set has, and figures of as few samples."""
    rows = slice(300, 500)
    test = Pictures(digits.pixels[rows], digits.labels[rows], digits.indices[rows])
    monkeypatch.setattr(datasets, "load", lambda *args, **kwargs: test)
    monkeypatch.setattr(frechet, "SAMPLES", 200)
    return test


@pytest.fixture
def checkpoint(tmp_path: Path, small_gallery: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Without a latent map, and with a prior that allows one."""
    monkeypatch.setattr(paper, "INIT_STD", 0.5)  # codes and samples that differ
    return untrained_model(tmp_path / "tiny", prior="normal", gallery="mnist")


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where pages of studies are written."""
    monkeypatch.setattr(results, "PAGES", tmp_path / "table")
    monkeypatch.setattr(results, "README", tmp_path / "README.md")
    monkeypatch.setattr(results, "RESULTS", tmp_path / "docs" / "results.md")
    return tmp_path / "table"
