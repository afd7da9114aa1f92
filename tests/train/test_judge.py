"""Training a judge: it learns, records what it stores, and augments pictures within its ranges."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import safetensors.torch
import torch
from torch import Tensor

from ganlab.gallery import Pictures
from ganlab.judge import Judge
from train import judge as training

CPU = torch.device("cpu")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "WIDTHS", (4, 8, 8))
    monkeypatch.setattr(training, "FEATURES", 16)


def run(mnist_root: Path, root: Path, *flags: str) -> int:
    settings = ["--data-root", str(mnist_root), "--root", str(root), "--device", "cpu"]
    return training.main([*settings, "--epochs", "1", *flags])


@pytest.mark.usefixtures("small")
def test_one_epoch_leaves_a_judge_whose_accuracy_is_the_one_recorded(
    mnist_root: Path,
    digits: Pictures,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    # A clock of its own: one so small trains in less than the 0.05 s that are rounded to 0.
    seconds = itertools.count()
    monkeypatch.setattr(training, "time", SimpleNamespace(perf_counter=lambda: float(next(seconds))))
    assert run(mnist_root, tmp_path / "judges", "mnist", "--seed", "3") == 0
    folder = tmp_path / "judges" / "mnist"
    assert [path.name for path in folder.parent.iterdir()] == ["mnist"]
    assert sorted(path.name for path in folder.iterdir()) == ["judge.json", "judge.safetensors"]
    assert all(path.stat().st_mode & 0o444 == 0o444 for path in folder.iterdir())
    judge, said = Judge.read(folder), capsys.readouterr().out
    recorded = json.loads((folder / "judge.json").read_text())
    labels = judge.probabilities(digits.inputs(slice(None))).numpy().argmax(1)
    share = float((labels == digits.labels.numpy()).mean())
    assert recorded["accuracy"] == judge.accuracy == share
    assert recorded["standard_error"] == pytest.approx(math.sqrt(share * (1 - share) / 500))
    assert recorded["count"] == 500
    settings = recorded["training"]
    assert (settings["epochs"], settings["seed"], settings["pictures"]) == (1, 3, 500)
    assert settings["seconds"] == 3.0  # the clock is read at start and end, and twice in an epoch
    assert "commit" in settings
    assert "epoch 1/1: loss " in said
    assert f"{share:.2%}" in said
    assert judge.fingerprint in said


@pytest.mark.usefixtures("small")
@pytest.mark.slow
def test_it_learns(digits: Pictures, capsys: pytest.CaptureFixture[str]):
    network = training.fit(digits, 12, 0, CPU).eval()
    with torch.inference_mode():
        result = network(digits.inputs(slice(None))).argmax(1)
    assert (result == digits.labels).double().mean() > 0.8
    losses = [float(line.split("loss ")[1].split(",")[0]) for line in capsys.readouterr().out.splitlines()]
    assert len(losses) == 12
    assert losses[-1] < losses[0] / 2
    for value in network.state_dict().values():  # as stored, but for the statistics made after rounding
        assert value.isfinite().all()
    assert all(torch.equal(p, p.half().float()) for p in network.parameters())


@pytest.mark.usefixtures("small")
def test_a_seed_gives_the_same_weights_and_another_one_others(mnist_root: Path, tmp_path: Path):
    stored = {}
    for name, seed in (("a", "0"), ("b", "0"), ("c", "1")):
        assert run(mnist_root, tmp_path / name, "--seed", seed) == 0
        stored[name] = safetensors.torch.load_file(tmp_path / name / "mnist" / "judge.safetensors")
    assert all(torch.equal(stored["a"][key], stored["b"][key]) for key in stored["a"])
    assert not torch.equal(stored["a"]["output.weight"], stored["c"]["output.weight"])


@pytest.mark.usefixtures("small")
def test_training_again_replaces(mnist_root: Path, tmp_path: Path):
    fingerprints = set()
    for seed in ("0", "1"):
        assert run(mnist_root, tmp_path / "judges", "--seed", seed) == 0
        fingerprints.add(Judge.read(tmp_path / "judges" / "mnist").fingerprint)
    assert len(fingerprints) == 2
    assert [path.name for path in (tmp_path / "judges").iterdir()] == ["mnist"]


# ------------------------------------------------------------------ augmentation


def only(monkeypatch: pytest.MonkeyPatch, **ranges: float) -> None:
    for name in ("MAX_SHIFT", "MAX_ROTATION", "MAX_ZOOM"):
        monkeypatch.setattr(training, name, ranges.get(name, 0.0))


def spot(row: float, column: float) -> Tensor:
    """200 pictures of one soft spot, whose centre lies at (row, column) from the picture's centre."""
    y, x = torch.meshgrid(torch.arange(28) - 13.5, torch.arange(28) - 13.5, indexing="ij")
    return torch.exp(-((y - row) ** 2 + (x - column) ** 2) / 8).expand(200, 1, 28, 28)


def centre(x: Tensor) -> Tensor:
    """Centre of mass of each picture, (N, 2): row and column from the picture's centre."""
    weights, at = x[:, 0] / x.sum((1, 2, 3))[:, None, None], torch.arange(28) - 13.5
    return torch.stack([(weights.sum(2) * at).sum(1), (weights.sum(1) * at).sum(1)], dim=1)


def augment(x: Tensor) -> Tensor:
    return training.augment(x, torch.Generator().manual_seed(0))


def test_nothing_moves_where_the_ranges_are_zero(digits: Pictures, monkeypatch: pytest.MonkeyPatch):
    only(monkeypatch)
    x = digits.inputs(slice(0, 20))
    torch.testing.assert_close(augment(x), x, rtol=0, atol=1e-4)


def test_shifts_go_up_to_two_pixels_either_way(monkeypatch: pytest.MonkeyPatch):
    only(monkeypatch, MAX_SHIFT=2.0)
    shift = centre(augment(spot(0, 0)))
    assert shift.abs().max() < 2.05
    assert (shift.amax(0) > 1.8).all()
    assert (shift.amin(0) < -1.8).all()
    assert len(shift.round(decimals=2).unique(dim=0)) > 150  # each picture has its own


def test_rotations_keep_the_distance_from_the_centre(monkeypatch: pytest.MonkeyPatch):
    only(monkeypatch, MAX_ROTATION=10.0)
    row, column = centre(augment(spot(0, 6))).unbind(1)
    torch.testing.assert_close(torch.hypot(row, column), torch.full((200,), 6.0), rtol=0, atol=0.1)
    degrees = torch.rad2deg(torch.atan2(row, column))
    assert 9 < degrees.max() < 10.5
    assert -10.5 < degrees.min() < -9


def test_zooms_keep_the_direction(monkeypatch: pytest.MonkeyPatch):
    only(monkeypatch, MAX_ZOOM=0.1)
    row, column = centre(augment(spot(4, -4))).unbind(1)
    torch.testing.assert_close(row, -column, rtol=0, atol=0.05)
    assert 4 / 1.1 - 0.1 < row.min() < 4 / 1.08
    assert 4 / 0.92 < row.max() < 4 / 0.9 + 0.1


# ------------------------------------------------------------------ the command


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "0"], "--epochs is at least 1, not 0."),
        (["--epochs", "many"], "argument --epochs: invalid int value: 'many'"),
        (["--seed", "-1"], "--seed is at least 0 and below 2^63, not -1."),
        (["--device", "mps"], "The device is auto, cpu, cuda or cuda:N, not 'mps'."),
        (["--colour=red"], "unrecognized arguments: --colour=red"),
        (["imagenet"], "argument dataset: invalid choice: 'imagenet' (choose from"),
        (["--data-root", "/nowhere"], "MNIST is incomplete in /nowhere and could not be downloaded"),
    ],
)
def test_an_error_of_use_is_one_line_and_code_2(
    arguments: list[str],
    message: str,
    mnist_root: Path,
    tmp_path: Path,
    no_download: list[str],
    capsys: pytest.CaptureFixture[str],
):
    try:
        code = run(mnist_root, tmp_path / "judges", *arguments)
    except SystemExit as stopped:
        code = stopped.code  # type: ignore[assignment]
    said = capsys.readouterr()
    assert code == 2
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    assert message in said.err
    assert not (tmp_path / "judges").exists()
