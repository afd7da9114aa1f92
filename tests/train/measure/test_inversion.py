"""Each way of inverting, measured as it is used."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import ganlab
from ganlab import inversion as descent
from ganlab import metrics
from ganlab.gallery import Pictures
from ganlab.hub import CHECKPOINTS
from train.data import datasets
from train.measure import command, inversion


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, digits: Pictures) -> None:
    monkeypatch.setattr(descent, "STEPS", 8)
    monkeypatch.setattr(inversion, "TIMED", 1)
    monkeypatch.setattr(inversion, "BATCH", 7)
    monkeypatch.setattr(datasets, "load", lambda *_, **__: digits)


def part(digits: Pictures, count: int) -> Pictures:
    return Pictures(digits.pixels[:count], digits.labels[:count], digits.indices[:count])


@pytest.mark.slow
def test_error_identity_and_who_is_worse_are_what_one_counts_by_hand(digits: Pictures) -> None:
    explorer = ganlab.load("mnist-bigan")
    judge = explorer.judge
    assert judge is not None
    test = part(digits, 20)
    figures = inversion.measure_inversion(explorer, test)
    assert list(figures["ways"]) == ["encoder", "optimise", "hybrid"]
    x = test.inputs(slice(None))
    errors = {way: explorer.invert(x, way).error for way in figures["ways"]}
    for way, one in figures["ways"].items():
        assert one["mse"] == pytest.approx(float(errors[way].mean()), rel=1e-4)
        same = judge.labels(explorer.invert(x, way).image) == judge.labels(x)
        assert one["identity"]["share"] == pytest.approx(float(same.float().mean()))
        assert one["seconds"] > 0
    assert errors["encoder"].tolist() == pytest.approx(metrics.mse(x, explorer.reconstruct(x)).tolist())
    assert figures["ways"]["hybrid"]["worse_than_encoder"] == 0
    worse = (errors["optimise"] > errors["encoder"]).float().mean()
    assert figures["ways"]["optimise"]["worse_than_encoder"] == pytest.approx(float(worse))
    assert "worse_than_encoder" not in figures["ways"]["encoder"]


def test_without_an_encoder_only_optimisation_is_measured(gan_model: str, digits: Pictures) -> None:
    figures = inversion.measure_inversion(ganlab.load(gan_model), part(digits, 5))
    assert list(figures["ways"]) == ["optimise"]
    assert "worse_than_encoder" not in figures["ways"]["optimise"]


def test_the_command_prints_it_and_keeps_it(
    gan_model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(gan_model, tmp_path / "copy")
    assert command.main("inversions", [str(tmp_path / "copy"), "--count", "6"]) == 0
    kept = json.loads((tmp_path / "copy" / "metrics.json").read_text())["inversion"]
    assert kept["count"] == 6
    assert kept["command"] == "python -m train.inversions no-encoder"
    assert f"{kept['ways']['optimise']['mse']:.4f}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["nowhere"], "not found"), (["mnist-gan", "--count", "0"], "--count is at least 1")],
)
def test_what_cannot_be_measured_is_refused(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (CHECKPOINTS / "mnist-gan" / "metrics.json").read_bytes()
    assert command.main("inversions", arguments) == 2
    assert said in capsys.readouterr().err
    assert (CHECKPOINTS / "mnist-gan" / "metrics.json").read_bytes() == before
