"""A run's history while it trains: its content, the run itself, wishes, lost runs, disks."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ganlab.gallery import Pictures
from tests.train.runs import STEPS, assert_same, log, settings, state, stop_after
from train.run_folder import TrainingError
from train.trainer import Trainer
from train.watch import recorder
from train.watch.history import write_wish
from train.watch.recorder import Recorder


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A status many times a second, few probes, and no judge, which takes longer than these runs."""
    monkeypatch.setattr(recorder, "EVERY", 0.01)
    monkeypatch.setattr(recorder, "PROBES", 50)
    monkeypatch.setattr(recorder.Judge, "load", lambda *_: None)


def watch(out: Path, digits: Pictures, resume: bool = False, share: float = 1.0, **changes: Any) -> Trainer:
    """A tiny run with a history that may take all the time that it needs."""
    lost = changes.pop("stop_when_lost", False)
    run = Trainer(settings(out, **changes), digits, resume=resume)
    run.watcher = Recorder(share, lost)
    return run


def read(run: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "history" / name).read_text().splitlines()]


def status(run: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((run / "history" / "status.json").read_text())
    return content


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("changes", [{}, {"ema": 0.9, "updates": "alternating", "prior": "normal"}])
def test_a_run_with_a_history_is_the_same_bit_for_bit(
    changes: dict[str, Any], tmp_path: Path, digits: Pictures
) -> None:
    alone = Trainer(settings(tmp_path / "alone", **changes), digits)
    alone.train()
    watched = watch(tmp_path / "watched", digits, **changes)
    watched.train()
    assert_same(state(watched), state(alone))
    assert log(watched.run) == log(alone.run)


def test_a_history_holds_what_its_format_says(tmp_path: Path, digits: Pictures) -> None:
    run = watch(tmp_path, digits)
    run.train()
    about = json.loads((tmp_path / "history" / "about.json").read_text())
    expected = {
        "version": 1, "method": "bigan", "dataset": "mnist", "seed": 0, "shape": [1, 28, 28],
        "batch_size": 32, "epochs": 3, "steps_per_epoch": STEPS, "samples": 16, "pairs": 8,
        "players": ["discriminator", "generator_encoder"], "probes": 50, "classes": [],
    }  # fmt: skip
    assert about.items() >= expected.items()
    assert len(about["labels"]) == 50
    assert set(about["labels"]) <= set(digits.labels[:128].tolist())
    scalars, moments = read(tmp_path, "scalars.jsonl"), read(tmp_path, "moments.jsonl")
    assert [row["step"] for row in scalars] == [*range(3 * STEPS + 1)]
    assert scalars[0]["loss"] == dict.fromkeys(about["players"])  # no step yet
    for index, row in enumerate(log(tmp_path)):  # looks at each step: their losses' mean is the epoch's
        of_epoch = scalars[index * STEPS + 1 : (index + 1) * STEPS + 1]
        for player, mean in row["loss"].items():
            assert np.mean([look["loss"][player] for look in of_epoch]) == pytest.approx(mean, abs=1e-5)
    assert scalars[-1]["one_nn"] is not None
    assert scalars[-1]["images_per_second"] > 0
    assert [row["step"] for row in moments] == sorted({row["step"] for row in moments})
    assert (moments[0]["step"], moments[-1]["step"]) == (0, 3 * STEPS)
    with np.load(tmp_path / "history" / "moments" / "000012.npz", allow_pickle=False) as arrays:
        shapes = {name: (array.shape, array.dtype.name) for name, array in arrays.items()}
    assert shapes == {
        "samples": ((16, 1, 28, 28), "uint8"), "reconstructions": ((8, 1, 28, 28), "uint8"),
        "positions": ((50, 2), "uint16"), "decisions": ((50,), "int8"), "decisions_made": ((50,), "int8"),
    }  # fmt: skip
    with np.load(tmp_path / "history" / "inputs.npz", allow_pickle=False) as arrays:
        assert arrays["inputs"].shape == (8, 1, 28, 28)
    assert [event["kind"] for event in read(tmp_path, "events.jsonl")] == ["finished"]
    assert status(tmp_path).items() >= {"state": "finished", "step": 12, "steps": 12, "error": None}.items()


def test_losses_are_means_since_the_last_look_over_the_ends_of_epochs(
    tmp_path: Path, digits: Pictures
) -> None:
    run = watch(tmp_path / "each", digits)
    run.train()
    each = {row["step"]: row["loss"]["discriminator"] for row in read(run.run, "scalars.jsonl")}
    few = watch(tmp_path / "few", digits)
    few.watcher._look_if_due = lambda run: run.step in (3, 9) and few.watcher._add_scalars(run, {})  # type: ignore[attr-defined]
    few.train()
    losses = {row["step"]: row["loss"]["discriminator"] for row in read(few.run, "scalars.jsonl")}
    assert losses.keys() == {0, 3, 9, 12}
    assert losses[9] == pytest.approx(np.mean([each[step] for step in range(4, 10)]), abs=1e-5)
    assert losses[12] == pytest.approx(np.mean([each[step] for step in range(10, 13)]), abs=1e-5)


def test_a_resumed_history_is_that_of_a_run_that_never_stopped(tmp_path: Path, digits: Pictures) -> None:
    watch(tmp_path / "straight", digits).train()
    stop_after(watch(tmp_path / "halted", digits), 5).train()
    halted = tmp_path / "halted"
    assert status(halted)["state"] == "stopped"
    write_wish(halted, "stop")  # of somebody who came too late
    watch(halted, digits, resume=True).train()
    straight = tmp_path / "straight"
    for row, other in zip(read(halted, "scalars.jsonl"), read(straight, "scalars.jsonl"), strict=True):
        assert row["step"] == other["step"]
        assert row["d_real"] == pytest.approx(other["d_real"])
    assert [event["kind"] for event in read(halted, "events.jsonl")] == ["stopped", "resumed", "finished"]
    for name in ("samples", "positions"):
        arrays = [np.load(run / "history" / "moments" / "000012.npz")[name] for run in (halted, straight)]
        np.testing.assert_allclose(*(array.astype(float) for array in arrays), atol=2)


def test_a_run_pauses_goes_on_and_stops_as_somebody_wants(tmp_path: Path, digits: Pictures) -> None:
    run = watch(tmp_path, digits, epochs=10_000)
    seen: dict[str, Any] = {}

    def want() -> None:
        wait_for(lambda: (tmp_path / "history" / "status.json").is_file() and status(tmp_path)["step"] > 1)
        write_wish(tmp_path, "pause")
        wait_for(lambda: status(tmp_path)["state"] == "paused")
        seen.update(status(tmp_path))
        wait_for(lambda: status(tmp_path)["updated"] > seen["updated"])  # it lives
        seen["later"], seen["saved"] = status(tmp_path)["step"], (tmp_path / "resume.pt").is_file()
        write_wish(tmp_path, "run")
        wait_for(lambda: status(tmp_path)["step"] > seen["step"])
        write_wish(tmp_path, "stop")

    person = threading.Thread(target=want)
    person.start()
    assert not run.train()
    person.join()
    assert seen["later"] == seen["step"]
    assert seen["saved"]
    assert [event["kind"] for event in read(tmp_path, "events.jsonl")] == ["paused", "resumed", "stopped"]
    assert status(tmp_path)["state"] == "stopped"
    assert run.step < 10_000 * STEPS


def test_a_pause_is_no_time_of_training(
    tmp_path: Path, digits: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = watch(tmp_path, digits, epochs=1)
    original = time.sleep

    def sleep(seconds: float) -> None:
        original(0.2)
        run.watcher._wish = "run"  # type: ignore[attr-defined]

    monkeypatch.setattr(recorder.History, "read_wish", lambda self: "run")
    monkeypatch.setattr(recorder.time, "sleep", sleep)
    monkeypatch.setattr(run.watcher._ended, "wait", lambda seconds: True)  # type: ignore[attr-defined]
    run.watcher._wish = "pause"  # type: ignore[attr-defined]
    started = time.perf_counter()
    run.train()
    passed = time.perf_counter() - started
    assert passed > 0.2
    assert run.seconds <= passed - 0.2
    assert read(tmp_path, "scalars.jsonl")[-1]["seconds"] <= passed - 0.2 + 0.01


def test_a_lost_run_is_said_and_stopped_where_that_is_wanted(
    tmp_path: Path, digits: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "PATIENCE", STEPS)
    run = watch(tmp_path, digits, lr=1e-12, weight_decay=0, stop_when_lost=True)
    run.nets["generator"].get_parameter("output.weight").data.zero_()  # the same grey, whatever z
    assert not run.train()
    kinds = [event["kind"] for event in read(tmp_path, "events.jsonl")]
    assert (kinds[0], kinds[-1]) == ("collapse", "stopped")
    assert STEPS < run.step < 3 * STEPS
    assert run.watcher.lost.startswith("G has collapsed")  # type: ignore[attr-defined]
    on = watch(tmp_path / "on", digits, lr=1e-12, weight_decay=0)
    on.nets["generator"].get_parameter("output.weight").data.zero_()
    assert on.train()
    kinds = [event["kind"] for event in read(on.run, "events.jsonl")]
    assert (kinds[0], kinds.count("collapse"), kinds[-1]) == ("collapse", 1, "finished")


def test_a_loss_that_is_no_number_is_an_event(tmp_path: Path, digits: Pictures) -> None:
    run = watch(tmp_path, digits)
    run.nets["encoder"].get_parameter("output.weight").data.fill_(torch.nan)
    with pytest.raises(TrainingError, match="became nan"):
        run.train()
    assert [event["kind"] for event in read(tmp_path, "events.jsonl")] == ["nan"]
    assert status(tmp_path)["state"] == "failed"
    assert "became nan" in status(tmp_path)["error"]
    text = (tmp_path / "history" / "scalars.jsonl").read_text()
    assert "NaN" not in text


def test_a_history_that_cannot_be_written_stops_nothing(
    tmp_path: Path, digits: Pictures, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = Trainer(settings(tmp_path / "alone"), digits)
    alone.train()
    (tmp_path / "watched").mkdir()
    (tmp_path / "watched" / "history").write_text("a file in its way")
    watched = watch(tmp_path / "watched", digits)
    capsys.readouterr()
    assert watched.train()
    assert_same(state(watched), state(alone))
    assert capsys.readouterr().err.count("its history has gaps") == 1


def test_networks_that_cannot_be_looked_at_stop_nothing(
    tmp_path: Path, digits: Pictures, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("CUDA out of memory.")

    monkeypatch.setattr(recorder.Observer, "look", fail)
    run = watch(tmp_path, digits)
    assert run.train()
    error = capsys.readouterr().err
    assert error.count("out of memory. Training goes on; its history has gaps.") == 1
    assert status(tmp_path)["state"] == "finished"


def test_a_pause_at_the_end_of_an_epoch_comes_after_its_line_of_the_log(
    tmp_path: Path, digits: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight = Trainer(settings(tmp_path / "straight"), digits)
    straight.train()
    halted = watch(tmp_path / "halted", digits)
    original = halted.train_step

    def step(chosen: Tensor) -> None:
        original(chosen)
        halted.watcher._wish = "pause" if halted.step == STEPS else "run"  # type: ignore[attr-defined]

    def sleep(seconds: float) -> None:
        halted.stop = True  # as by Ctrl-C

    halted.train_step = step  # type: ignore[method-assign]
    monkeypatch.setattr(halted.watcher._ended, "wait", lambda seconds: True)  # type: ignore[attr-defined]
    monkeypatch.setattr(recorder.time, "sleep", sleep)
    assert not halted.train()
    assert halted.step <= STEPS + 1
    assert [event["kind"] for event in read(halted.run, "events.jsonl")] == ["paused", "stopped"]
    resumed = watch(tmp_path / "halted", digits, resume=True)
    assert resumed.train()
    assert_same(state(resumed), state(straight))
    assert log(resumed.run) == log(straight.run)


def test_a_finished_run_that_is_resumed_says_nothing_new(tmp_path: Path, digits: Pictures) -> None:
    watch(tmp_path, digits).train()
    events, moments = read(tmp_path, "events.jsonl"), read(tmp_path, "moments.jsonl")
    assert watch(tmp_path, digits, resume=True).train()
    assert read(tmp_path, "events.jsonl") == events
    assert read(tmp_path, "moments.jsonl") == moments
    assert status(tmp_path)["state"] == "finished"


def test_a_share_of_nearly_nothing_leaves_the_ends(tmp_path: Path, digits: Pictures) -> None:
    run = watch(tmp_path, digits, share=1e-9)
    run.watcher.budget.cost = dict.fromkeys(run.watcher.budget.cost, 1.0)  # type: ignore[attr-defined]
    run.train()
    assert [row["step"] for row in read(tmp_path, "moments.jsonl")][-1] == 3 * STEPS
    assert len(read(tmp_path, "scalars.jsonl")) < 3 * STEPS
