"""A run that ends early loses nothing: resume bit for bit, refusals, crashes, signals, divergence."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ganlab.gallery import Pictures
from tests.train.runs import STEPS, assert_same, log, settings, state, stop_after
from train import precision
from train.run_folder import RESUME_FILE, TrainingError
from train.trainer import Trainer


@pytest.mark.parametrize("stop_at", [2 * STEPS, STEPS + 3, 1])
@pytest.mark.parametrize("changes", [{}, {"ema": 0.9, "updates": "alternating", "prior": "normal"}])
def test_a_resumed_run_is_the_uninterrupted_one_bit_for_bit(
    stop_at: int, changes: dict[str, Any], tmp_path: Path, digits: Pictures
) -> None:
    straight = Trainer(settings(tmp_path / "straight", **changes), digits)
    assert straight.train()
    halted = stop_after(Trainer(settings(tmp_path / "halted", **changes), digits), stop_at)
    assert not halted.train()
    assert halted.step == stop_at
    torch.manual_seed(12345)  # whatever a new process would begin with
    resumed = Trainer(settings(tmp_path / "halted", **changes), digits, resume=True)
    assert_same(state(resumed), state(halted))
    assert resumed.train()
    assert resumed.step == 3 * STEPS
    assert_same(state(resumed), state(straight))
    assert log(resumed.run) == log(straight.run)
    assert [row["epoch"] for row in log(resumed.run)] == [1, 2, 3]
    assert len((resumed.run / "metrics.jsonl").read_text().splitlines()) == 3


def test_a_run_stopped_twice_is_still_the_same(tmp_path: Path, digits: Pictures) -> None:
    straight = Trainer(settings(tmp_path / "straight"), digits)
    straight.train()
    config = settings(tmp_path / "halted")
    stop_after(Trainer(config, digits), 2).train()
    stop_after(Trainer(config, digits, resume=True), STEPS + 1).train()
    last = Trainer(config, digits, resume=True)
    assert last.train()
    assert_same(state(last), state(straight))
    assert log(last.run) == log(straight.run)


def test_epochs_logged_after_the_last_save_are_logged_once(tmp_path: Path, digits: Pictures) -> None:
    straight = Trainer(settings(tmp_path / "straight"), digits)
    straight.train()
    config = settings(tmp_path / "crashed", save_every=2)
    crashed = Trainer(config, digits)
    original = crashed.train_step

    def step(chosen: Tensor) -> None:
        if crashed.step == 3 * STEPS - 1:
            raise KeyboardInterrupt  # as if the power went: nothing is saved
        original(chosen)

    crashed.train_step = step  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        crashed.train()
    with (crashed.run / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"epoch": 3, "step": 12, "loss": {}}) + "\n" + '{"epoch": 4, "st')
    resumed = Trainer(config, digits, resume=True)
    assert resumed.step == 2 * STEPS
    assert resumed.train()
    assert_same(state(resumed), state(straight))
    assert log(resumed.run) == log(straight.run)


def test_resuming_a_finished_run_changes_nothing(tmp_path: Path, digits: Pictures) -> None:
    config = settings(tmp_path / "run")
    done = Trainer(config, digits)
    done.train()
    again = Trainer(config, digits, resume=True)
    assert again.train()
    assert_same(state(again), state(done))
    assert len(log(again.run)) == 3


@pytest.fixture
def saved(tmp_path: Path, digits: Pictures) -> Path:
    """A run that was stopped after its first epoch."""
    run = stop_after(Trainer(settings(tmp_path / "run"), digits), STEPS)
    run.train()
    return run.run


def test_resume_refuses_changed_settings_and_names_each(saved: Path, digits: Pictures) -> None:
    before = (saved / RESUME_FILE).read_bytes()
    with pytest.raises(TrainingError) as caught:
        Trainer(settings(saved, lr=1e-3, prior="normal", epochs=9), digits, resume=True)
    message = str(caught.value)
    assert "A run continues only with its own settings" in message
    assert "--lr is 0.001, the run was started with 0.0002" in message
    assert "--prior is normal, the run was started with uniform" in message
    assert "--epochs is 9, the run was started with 3" in message
    assert message.count("was started with") == 3
    assert (saved / RESUME_FILE).read_bytes() == before


def test_resume_takes_other_free_settings(saved: Path, digits: Pictures) -> None:
    renamed = saved.rename(saved.parent / "elsewhere")
    config = settings(renamed, pictures_every=1, save_every=2, data_root="/else", device="auto")
    assert Trainer(dataclasses.replace(config, device="cpu"), digits, resume=True).train()
    assert (renamed / "samples" / "epoch_0002.png").exists()


def test_resume_keeps_the_precision_that_auto_found(
    saved: Path, digits: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = iter([1.0, 100.0])  # bf16 would seem fast today
    monkeypatch.setattr(precision, "_time_matmul", lambda dtype: next(measured))
    resumed = Trainer(settings(saved, precision="auto"), digits, resume=True)
    assert resumed.config.precision == "fp32"
    with pytest.raises(TrainingError, match="--precision is bf16, the run was started with fp32"):
        Trainer(settings(saved, precision="bf16"), digits, resume=True)


def test_an_existing_run_is_not_overwritten(saved: Path, digits: Pictures) -> None:
    before = {path: path.read_bytes() for path in saved.rglob("*") if path.is_file()}
    with pytest.raises(
        TrainingError, match=r"already holds a run\. Continue it with --resume, or choose another --out"
    ):
        Trainer(settings(saved), digits)
    assert {path: path.read_bytes() for path in saved.rglob("*") if path.is_file()} == before


def test_nothing_cannot_be_resumed(tmp_path: Path, digits: Pictures) -> None:
    with pytest.raises(TrainingError, match=r"holds no resume\.pt: start it without --resume"):
        Trainer(settings(tmp_path / "nothing"), digits, resume=True)
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_after_the_step_in_hand(number: int, tmp_path: Path, digits: Pictures) -> None:
    run = Trainer(settings(tmp_path / "run"), digits)
    before = signal.getsignal(number)
    original = run.train_step

    def step(chosen: Tensor) -> None:
        if run.step == 2:
            os.kill(os.getpid(), number)
        original(chosen)

    run.train_step = step  # type: ignore[method-assign]
    assert not run.train()
    assert run.step == 3
    assert signal.getsignal(number) is before
    assert torch.load(run.run / RESUME_FILE, weights_only=True)["step"] == 3


# ------------------------------------------------------------------ divergence


def test_a_loss_that_is_no_number_stops_the_run_and_saves_nothing(saved: Path, digits: Pictures) -> None:
    before = (saved / RESUME_FILE).read_bytes()
    run = Trainer(settings(saved), digits, resume=True)
    run.train_step(run.shuffle(1)[0])
    run.nets["encoder"].get_parameter("first.weight").data.fill_(float("inf"))
    with pytest.raises(TrainingError) as caught:
        run.train()
    message = str(caught.value)
    assert f"became nan at step {STEPS + 2} (epoch 2)" in message
    assert "Try a lower --lr or --precision fp32" in message
    assert RESUME_FILE in message
    assert (saved / RESUME_FILE).read_bytes() == before
    assert Trainer(settings(saved), digits, resume=True).train()


def test_a_learning_rate_beyond_reason_is_noticed(tmp_path: Path, digits: Pictures) -> None:
    with pytest.raises(TrainingError, match=r"The loss of \w+ became (nan|inf) at step \d+ \(epoch 1\)"):
        Trainer(settings(tmp_path / "run", lr=1e38), digits).train()
    assert not (tmp_path / "run" / RESUME_FILE).exists()
