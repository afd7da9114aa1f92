"""When a run is saved, and that a disk which takes nothing more costs nothing that was saved."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from ganlab.gallery import Pictures
from tests.disks import full_disk
from tests.train.runs import STEPS, assert_same, log, settings, state
from train import run_folder, saving
from train.run_folder import RESUME_FILE, TrainingError
from train.trainer import Trainer


def interrupt(run: Trainer, steps: int) -> Trainer:
    """Let a run end after `steps` steps as if the power went: nothing more is saved."""
    original = run.train_step

    def step(rows: Tensor) -> None:
        if run.step == steps:
            raise KeyboardInterrupt
        original(rows)

    run.train_step = step  # type: ignore[method-assign]
    return run


def fill_disk(run: Trainer, first: int, last: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let the disk be full from step `first` to step `last`; the steps at which a state was written."""
    written: list[int] = []
    original = run_folder.write_state

    def write(folder: Path, value: dict[str, Any]) -> None:
        original(folder, value)
        written.append(value["step"])

    monkeypatch.setattr(run_folder, "write_state", write)
    for name in ("_end_epoch", "save"):
        method = getattr(run, name)

        def limited(*args: Any, method: Any = method, **kwargs: Any) -> None:
            if first <= run.step <= last:
                with full_disk():
                    method(*args, **kwargs)
            else:
                method(*args, **kwargs)

        monkeypatch.setattr(run, name, limited)
    return written


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory, digits: Pictures) -> Trainer:
    """A run of which everything could be saved."""
    run = Trainer(settings(tmp_path_factory.mktemp("runs") / "straight", pictures_every=1), digits)
    assert run.train()
    return run


@pytest.mark.parametrize("steps", [3, STEPS, STEPS + 1])
def test_a_long_epoch_is_saved_by_the_clock_and_goes_on_bit_for_bit(
    steps: int, straight: Trainer, tmp_path: Path, digits: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 10**9, 60))  # each look at it is a minute later
    monkeypatch.setattr(saving.time, "monotonic", lambda: next(clock))
    run = Trainer(settings(tmp_path / "run", save_minutes=1, save_every=9), digits)
    with pytest.raises(KeyboardInterrupt):
        interrupt(run, steps).train()
    resumed = Trainer(settings(tmp_path / "run", save_minutes=0), digits, resume=True)
    assert resumed.step == steps
    assert resumed.train()
    assert_same(state(resumed), state(straight))
    assert log(resumed.run) == log(straight.run)


@pytest.mark.parametrize("minutes", [0.0, 10.0])
def test_a_short_epoch_is_saved_at_its_end_alone(
    minutes: float, tmp_path: Path, digits: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Trainer(settings(tmp_path / "run", save_minutes=minutes), digits)
    assert run.config.save_minutes == minutes
    written = fill_disk(run, -1, -1, monkeypatch)
    assert run.train()
    assert written == [STEPS, 2 * STEPS, 3 * STEPS, 3 * STEPS]


def test_the_time_of_saving_is_no_time_of_training(
    tmp_path: Path, digits: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Trainer(settings(tmp_path / "run", epochs=1), digits)
    began, original = time.perf_counter(), run.saver.save
    monkeypatch.setattr(run.saver, "save", lambda *args: (time.sleep(0.05), original(*args)))
    monkeypatch.setattr(run.saver, "is_due", lambda: True)
    assert run.train()
    assert 0 < run.seconds < time.perf_counter() - began - 0.05 * STEPS


def test_a_disk_that_is_full_for_a_while_costs_nothing(
    straight: Trainer,
    tmp_path: Path,
    digits: Pictures,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = Trainer(settings(tmp_path / "run", pictures_every=1), digits)
    with monkeypatch.context() as patch:
        written = fill_disk(run, STEPS + 1, 2 * STEPS, patch)
        capsys.readouterr()
        assert run.train()
    warnings = [line for line in capsys.readouterr().err.splitlines() if "warning: " in line]
    assert len(warnings) == 3
    for file, line in zip(("metrics.jsonl", "epoch_0002.png", "resume.pt"), warnings, strict=True):
        assert f"{file} could not be written: the disk is full. Training goes on, and tries" in line
    assert written == [STEPS, 3 * STEPS, 3 * STEPS]
    assert_same(state(run), state(straight))
    assert log(run.run) == log(straight.run)
    assert not list(run.run.rglob("*.partial"))


def test_a_disk_that_stays_full_ends_the_run_with_one_sentence(
    straight: Trainer, tmp_path: Path, digits: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Trainer(settings(tmp_path / "run"), digits)
    with monkeypatch.context() as patch:
        fill_disk(run, 2 * STEPS, 99, patch)
        with pytest.raises(TrainingError) as caught:
            run.train()
    assert str(caught.value).endswith(
        f"could not be written: the disk is full. The state of step {STEPS} is as it was: the same command"
        " with --resume goes on from there."
    )
    assert "\n" not in str(caught.value)
    assert not list(run.run.rglob("*.partial"))
    resumed = Trainer(settings(tmp_path / "run"), digits, resume=True)
    assert resumed.step == STEPS
    assert resumed.train()
    assert_same(state(resumed), state(straight))
    assert log(resumed.run) == log(straight.run)


def test_a_run_that_cannot_be_saved_at_all_ends_with_its_first_epoch(
    tmp_path: Path, digits: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Trainer(settings(tmp_path / "run"), digits)
    fill_disk(run, 0, 99, monkeypatch)
    with pytest.raises(TrainingError, match=r"the disk is full\. Nothing of this run has been saved\.$"):
        run.train()
    assert run.step == STEPS
    assert not (run.run / RESUME_FILE).exists()


def test_a_loss_that_is_no_number_is_not_saved_by_the_clock(
    tmp_path: Path, digits: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Trainer(settings(tmp_path / "run"), digits)
    run.on_gpu = True  # a GPU looks at losses rarely
    run.take_step = lambda: run.updates.sums.fill_(float("nan"))
    monkeypatch.setattr(run.saver, "is_due", lambda: True)
    with pytest.raises(TrainingError, match="became nan"):
        run.train()
    assert not (run.run / RESUME_FILE).exists()
