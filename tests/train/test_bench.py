"""The benchmark prints speeds, with MNIST or without."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from train import bench, tutorial_loop


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"WARM_UP": 1, "WINDOWS": 2, "STEPS": 1, "LOADS": 2}.items():
        monkeypatch.setattr(bench, name, value)


@pytest.mark.slow
def test_training_is_measured_beside_the_products_of_the_same_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "DRAWN", 256)
    for name, value in {"PICTURES": 256, "WINDOWS": 1}.items():
        monkeypatch.setattr(tutorial_loop, name, value)
    monkeypatch.setattr(bench, "SIDES", {"cpu": 256})
    assert bench.main(["--system", "bigan", "--precision", "fp32", "--device", "cpu", "--tutorial"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("ceiling: products of 256 x 256 matrices, fp32 ")
    measured = re.match(r"bigan: ([\d,]+) images/s .*, fp32; 0\.05 GFLOP an image, ([\d.]+)% of", lines[2])
    assert measured
    assert float(measured[1].replace(",", "")) > 0
    assert "of a step's time products" in lines[2]
    assert lines[3].startswith("tutorial's loop, bigan: ")


def test_loading_is_measured(tiny_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--load", str(tiny_folder)]) == 0
    said = capsys.readouterr().out
    assert re.search(r"checkpoint \(it has no gallery\) loaded in \d+\.\d{3} s \(median of 2\)", said)


def test_an_unknown_system_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        bench.main(["--system", "vae"])
    assert "invalid choice: 'vae'" in capsys.readouterr().err
