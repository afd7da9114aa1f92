"""The benchmark prints speeds, with MNIST or without."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from train import bench


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"WARM_UP": 1, "WINDOWS": 2, "STEPS": 1, "LOADS": 2}.items():
        monkeypatch.setattr(bench, name, value)


@pytest.mark.slow
def test_training_is_measured_on_random_pixels_where_there_is_no_mnist(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--method", "ae-l2", "--precision", "fp32", "--device", "cpu", "--data-root", str(tmp_path)]
    assert bench.main(flags) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"No MNIST in {tmp_path}: random pixels instead"
    assert re.match(
        r"ae-l2, width 1024, batch 128: [\d,]+ images/s \(median of 2 windows of 1 steps; ", lines[1]
    )
    assert lines[2].startswith("fp32 on ")


def test_loading_is_measured(tiny_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--load", str(tiny_folder)]) == 0
    said = capsys.readouterr().out
    assert re.search(r"checkpoint \(it has no gallery\) loaded in \d+\.\d{3} s \(median of 2\)", said)


def test_an_unknown_method_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--method", "vae", "--data-root", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("error: Method 'vae' not found; available = ['bigan'")
