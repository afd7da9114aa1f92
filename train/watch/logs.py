"""The same scalars for other programs that draw curves: TensorBoard and trackio, which are extras."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

PROJECT = "ganlab"  # of trackio
TENSORBOARD_FOLDER = "tensorboard"  # in the run folder
SKIPPED = ("step", "seconds")


class Log(Protocol):
    """Takes a run's figures, a look at a time."""

    def add(self, step: int, figures: Mapping[str, float]) -> None: ...

    def close(self) -> None: ...


class TensorBoardLog:
    """Event files in RUN/tensorboard: `tensorboard --logdir runs`."""

    def __init__(self, run: Path, step: int, settings: Mapping[str, Any]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        folder = run / TENSORBOARD_FOLDER
        self.writer = SummaryWriter(str(folder), purge_step=step + 1 if step else None)

    def add(self, step: int, figures: Mapping[str, float]) -> None:
        for name, value in figures.items():
            self.writer.add_scalar(name, value, step)

    def close(self) -> None:
        self.writer.close()


class TrackioLog:
    """A run of the project "ganlab" in trackio's own folder: `trackio show`."""

    def __init__(self, run: Path, step: int, settings: Mapping[str, Any]) -> None:
        import trackio

        self.trackio = trackio
        trackio.init(
            project=PROJECT,
            name=run.name,
            config=dict(settings),
            resume="allow" if step else "never",
            auto_log_cpu=False,  # the same figures as elsewhere, and no others
            auto_log_gpu=False,
        )

    def add(self, step: int, figures: Mapping[str, float]) -> None:
        self.trackio.log(dict(figures), step=step)

    def close(self) -> None:
        self.trackio.finish()


LOGS: dict[str, type[TensorBoardLog] | type[TrackioLog]] = {
    "tensorboard": TensorBoardLog,
    "trackio": TrackioLog,
}


def read_names(text: str) -> tuple[str, ...]:
    """The names in "tensorboard,trackio". ValueError for others."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if unknown := [name for name in names if name not in LOGS]:
        raise ValueError(f"--log takes {' and '.join(LOGS)}, separated by a comma, not {unknown[0]!r}.")
    return names


def open_logs(names: tuple[str, ...], run: Path, step: int, settings: Mapping[str, Any]) -> list[Log]:
    """Logs of a run that begins or goes on at `step`. ValueError where a package is not installed."""
    logs: list[Log] = []
    for name in names:
        try:
            logs.append(LOGS[name](run, step, settings))
        except ImportError:
            raise ValueError(f"--log {name} needs the package: pip install {name}") from None
    return logs


def flatten(row: Mapping[str, Any]) -> dict[str, float]:
    """The figures of a line of scalars by name, losses as loss/PLAYER; what is None is left out."""
    figures: dict[str, float] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            figures |= {f"{name}/{key}": item for key, item in value.items() if item is not None}
        elif value is not None and name not in SKIPPED:
            figures[name] = value
    return figures
