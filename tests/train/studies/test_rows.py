"""The runs behind the table: trained, measured, kept, and gone on with after an interruption."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ganlab import gallery, networks
from ganlab.gallery import Pictures
from ganlab.judge import Judge
from tests.train.runs import stop_after
from train.config import TrainConfig
from train.data import datasets
from train.measure import frechet, latent_error
from train.studies import rows, table
from train.trainer import Trainer

NOT_THE_RESULT = ("seconds", "date", "commit")


def part(pictures: Pictures, start: int, stop: int) -> Pictures:
    chosen = slice(start, stop)
    return Pictures(pictures.pixels[chosen], pictures.labels[chosen], pictures.indices[chosen])


@pytest.fixture(autouse=True)
def few(digits: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
    """256 training digits, 100 others to test, networks of 32 units."""

    def load(dataset: str, root: str, split: str) -> Pictures:
        assert (dataset, root) == ("mnist", "there")
        return part(digits, 0, 256) if split == "train" else part(digits, 300, 400)

    monkeypatch.setattr(datasets, "load", load)
    monkeypatch.setattr(frechet, "SAMPLES", 100)
    monkeypatch.setattr(latent_error, "SAMPLES", 100)
    monkeypatch.setattr(rows, "TrainConfig", functools.partial(TrainConfig, width=32))


def run(folder: Path, *flags: str) -> int:
    """`python -m train.rows` in a folder: one epoch of BiGAN with the seed 3, or what the flags say."""
    paths = ["--runs", str(folder / "runs"), "--folder", str(folder / "table"), "--data-root", "there"]
    return rows.main(
        [*paths, "--epochs", "1", "--device", "cpu", "--methods", "bigan", "--seeds", "3", *flags]
    )


def read(folder: Path, name: str = "bigan-s3") -> dict[str, Any]:
    row: dict[str, Any] = json.loads((folder / "table" / f"{name}.json").read_text())
    return row


def steps_of(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Every training step from here on, by its number."""
    steps: list[int] = []
    original = Trainer.train_step

    def step(self: Trainer, chosen: Tensor) -> None:
        original(self, chosen)
        steps.append(self.step)

    monkeypatch.setattr(Trainer, "train_step", step)
    return steps


@pytest.mark.slow
def test_rows_are_what_the_table_is_made_of(tmp_path: Path) -> None:
    assert run(tmp_path, "--methods", "bigan", "lr", "ae-l2") == 0
    summary = table.summarise(table.read_rows(tmp_path / "table"))
    assert list(summary["systems"]) == ["bigan", "d", "lr", "ae-l2"]
    assert (summary["epochs"], summary["test_count"], summary["precision"]) == (1, 100, ["fp32"])
    assert summary["gallery"] == "MNIST train, 256"
    lr = read(tmp_path, "lr-s3")
    assert summary["systems"]["d"]["hidden"]["value"] == lr["one_nn"]["discriminator"]["accuracy"]
    assert table.render(summary).count("\n|") == 2 + 4 + 1
    assert "mse_quantiles" not in lr["reconstruction"]
    assert not list((tmp_path / "table").glob("*.partial"))


@pytest.mark.slow
def test_all_rows_can_be_given_one_precision(tmp_path: Path) -> None:
    """Left to "auto", one seed of a table was trained in fp32, because the machine was busy when it began."""
    assert run(tmp_path, "--precision", "bf16") == 0
    assert read(tmp_path)["precision"] == "bf16"
    settings = json.loads((tmp_path / "runs" / "bigan-s3" / "config.json").read_text())
    assert settings["train"]["precision"] == "bf16"


@pytest.mark.slow
def test_a_row_holds_the_figures_of_the_run(tmp_path: Path, digits: Pictures) -> None:
    assert run(tmp_path) == 0
    row = read(tmp_path)
    assert (row["method"], row["seed"], row["epochs"]) == ("bigan", 3, 1)
    judge = Judge.load("mnist")
    assert judge is not None
    assert row["identity"]["judge"] == row["frechet"]["judge"] == judge.fingerprint
    known, test = part(digits, 0, 256), part(digits, 300, 400)

    def accuracy(points: Tensor, references: Tensor) -> float:
        apart = torch.cdist(points.double(), references.double(), compute_mode="donot_use_mm_for_euclid_dist")
        return float((known.labels[apart.argmin(1)] == test.labels).double().mean())

    X, x = known.inputs(slice(None)), test.inputs(slice(None))
    assert row["one_nn"]["pixels"]["accuracy"] == pytest.approx(accuracy(x.flatten(1), X.flatten(1)))
    # The networks as the resume file has them, rounded, their batch norm calibrated on the training set.
    state = torch.load(tmp_path / "runs" / "bigan-s3" / "resume.pt", weights_only=True)["nets"]
    settings = json.loads((tmp_path / "runs" / "bigan-s3" / "config.json").read_text())["model"]
    assert settings["width"] == 32
    config = gallery.ModelConfig(**settings | {"networks": tuple(settings["networks"])})
    E = networks.build(config)["encoder"]
    fresh = networks.build(config)
    networks.initialise(fresh, seed=3)  # the very encoder that the run began with
    E.load_state_dict(state["encoder"])
    E.half().float()
    for net, key in ((E, "accuracy"), (fresh["encoder"], "untrained")):
        networks.calibrate(net, [(X,)])
        net.eval()
        with torch.inference_mode():
            expected = accuracy(net.hidden(x), net.hidden(X))  # type: ignore[operator]
        assert row["one_nn"]["features"][key] == pytest.approx(expected), key


@pytest.mark.slow
def test_what_is_there_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path) == 0
    path = tmp_path / "table" / "bigan-s3.json"
    before, steps = path.read_bytes(), steps_of(monkeypatch)
    assert run(tmp_path) == 0
    assert steps == []
    assert path.read_bytes() == before
    assert f"{path} exists already" in capsys.readouterr().out
    # A row that is gone is measured again from the run, which is finished.
    path.unlink()
    assert run(tmp_path) == 0
    assert steps == []
    again = read(tmp_path)
    old = json.loads(before)
    assert {k: v for k, v in again.items() if k not in NOT_THE_RESULT} == {
        k: v for k, v in old.items() if k not in NOT_THE_RESULT
    }


@pytest.mark.slow
def test_an_interrupted_run_goes_on_and_ends_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path / "whole") == 0

    def interrupted(*arguments: Any, **options: Any) -> Trainer:
        return stop_after(Trainer(*arguments, **options), 1)

    with monkeypatch.context() as patch:
        patch.setattr(rows, "Trainer", interrupted)
        assert run(tmp_path / "parts") == 130
    assert "the same command continues" in capsys.readouterr().out
    assert not (tmp_path / "parts" / "table").exists()
    steps = steps_of(monkeypatch)
    assert run(tmp_path / "parts") == 0
    assert steps == [2]
    whole, parts = read(tmp_path / "whole"), read(tmp_path / "parts")
    for key in whole.keys() - set(NOT_THE_RESULT):
        assert parts[key] == whole[key], key


def test_errors_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Judge, "load", lambda dataset: None)
    assert run(tmp_path) == 2
    errors = capsys.readouterr().err.splitlines()
    assert errors == ["error: There is no judge of mnist: train one with python -m train.judge mnist."]
    assert list(tmp_path.iterdir()) == []
