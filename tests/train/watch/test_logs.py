"""The same scalars for TensorBoard and trackio: names, numbers, and what happens without the packages."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from train.watch.logs import flatten, open_logs, read_names


def test_figures_have_flat_names_and_no_gaps() -> None:
    row = {
        "step": 3,
        "seconds": 1.0,
        "loss": {"discriminator": 0.5, "generator": None},
        "one_nn": None,
        "d_real": 2,
    }
    assert flatten(row) == {"loss/discriminator": 0.5, "d_real": 2}


def test_names_are_those_of_programs() -> None:
    assert read_names("") == ()
    assert read_names("trackio, tensorboard,trackio") == ("trackio", "tensorboard")
    with pytest.raises(
        ValueError, match=r"--log takes tensorboard and trackio, separated by a comma, not 'wandb'"
    ):
        read_names("tensorboard,wandb")


@pytest.mark.parametrize("name", ["tensorboard", "trackio"])
def test_a_package_that_is_missing_is_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("torch.utils.tensorboard", "tensorboard", "trackio"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ValueError, match=f"--log {name} needs the package: pip install {name}"):
        open_logs((name,), tmp_path, 0, {})


def test_both_get_the_same_figures_at_the_same_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, Any]] = []

    class Writer:
        def __init__(self, folder: str, purge_step: int | None) -> None:
            calls.append((folder, purge_step))

        def add_scalar(self, name: str, value: float, step: int) -> None:
            calls.append((name, (value, step)))

        def close(self) -> None:
            calls.append(("closed", None))

    trackio = SimpleNamespace(
        init=lambda **options: calls.append(("init", options)),
        log=lambda figures, step: calls.append(("log", (figures, step))),
        finish=lambda: calls.append(("finished", None)),
    )
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", SimpleNamespace(SummaryWriter=Writer))
    monkeypatch.setitem(sys.modules, "trackio", trackio)
    run = tmp_path / "run"
    logs = open_logs(("tensorboard", "trackio"), run, 5, {"seed": 1})
    for log in logs:
        log.add(6, {"d_real": 2.0})
        log.close()
    init = {"project": "ganlab", "name": "run", "config": {"seed": 1}, "resume": "allow"}
    init |= {"auto_log_cpu": False, "auto_log_gpu": False}
    assert calls == [
        (str(run / "tensorboard"), 6),  # what was written after the state goes
        ("init", init),
        ("d_real", (2.0, 6)),
        ("closed", None),
        ("log", ({"d_real": 2.0}, 6)),
        ("finished", None),
    ]


def test_tensorboard_reads_what_was_written(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (log,) = open_logs(("tensorboard",), tmp_path, 0, {})
    log.add(6, {"loss/discriminator": 0.5})
    log.close()
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss/discriminator")] == [(6, 0.5)]
