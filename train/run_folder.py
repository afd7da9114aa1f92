"""The files of a run's folder: settings, log, resume file, grids of pictures. `run` is the folder's path."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ganlab import images, networks
from ganlab.config import ModelConfig
from train.files import open_atomically, write_atomically, write_json

SETTINGS_FILE = "config.json"  # commit, data, TrainConfig and ModelConfig
LOG_FILE = "metrics.jsonl"  # one JSON object an epoch
RESUME_FILE = "resume.pt"  # all that changes in training, as of the last save
GRID_COLUMNS = 8


class TrainingError(ValueError):
    """A run that cannot start or go on; the message says why and what to try."""


def start(run: Path, settings: dict[str, Any]) -> None:
    """Create the folder with its settings and an empty log."""
    run.mkdir(parents=True, exist_ok=True)
    write_json(run / SETTINGS_FILE, settings)
    (run / LOG_FILE).unlink(missing_ok=True)


def read_settings(run: Path) -> dict[str, Any]:
    """The fields of the run's TrainConfig; TrainingError where there is no run, or no readable settings."""
    if not (run / RESUME_FILE).is_file():
        raise TrainingError(f"{run} holds no {RESUME_FILE}: start it without --resume.")
    path = run / SETTINGS_FILE
    try:
        settings: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["train"]
    except (OSError, ValueError, KeyError) as error:
        raise TrainingError(f"{path} cannot be read ({error!r}).") from None
    return settings


def append_to_log(run: Path, row: dict[str, Any]) -> None:
    """Add an epoch's figures to the log."""
    with (run / LOG_FILE).open("a", encoding="utf-8") as log:
        log.write(json.dumps(row) + "\n")


def drop_log_after(run: Path, step: int) -> None:
    """Remove the epochs that ended after `step`, and a last line that was only half written.

    They were logged but not saved, so a resumed run logs them again.
    """
    log = run / LOG_FILE
    if log.exists():
        rows = [
            row for row in log.read_text(encoding="utf-8").splitlines(keepends=True) if row.endswith("\n")
        ]
        write_atomically(log, "".join(row for row in rows if json.loads(row)["step"] <= step))


def write_state(run: Path, state: dict[str, Any]) -> None:
    """Replace the resume file, whole or not at all."""
    with open_atomically(run / RESUME_FILE) as file:
        torch.save(state, file)


def read_state(run: Path, device: torch.device) -> dict[str, Any]:
    """The state that `write_state` saved, its tensors on `device`; TrainingError for a damaged file."""
    path = run / RESUME_FILE
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        reason = next(iter(str(error).splitlines()), "it is empty")
        raise TrainingError(
            f"{path} is damaged ({reason}): start the run again, in another folder."
        ) from None
    return state


def write_grid(run: Path, kind: str, epoch: int, pictures: Tensor) -> None:
    """KIND/epoch_0005.png: pictures (N, C, H, W) in [0, 1], row by row."""
    folder = run / kind
    folder.mkdir(parents=True, exist_ok=True)
    images.save(images.draw_grid(pictures, GRID_COLUMNS), folder / f"epoch_{epoch:04d}.png")


def load_networks(run: Path, config: ModelConfig) -> dict[str, nn.Module]:
    """The networks that `config` names, from the resume file; moving averages where the run kept them."""
    state = torch.load(run / RESUME_FILE, map_location="cpu", weights_only=True)
    nets = networks.build(config)
    for name, net in nets.items():
        net.load_state_dict(state["averaged"].get(name, state["nets"][name]))
    return nets
