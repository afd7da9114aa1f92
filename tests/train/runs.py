"""Tiny runs, and their whole state, for comparing runs with each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganlab.gallery import Pictures
from train.config import TrainConfig
from train.publish import publish
from train.trainer import Trainer

STEPS = 4  # of 32 pictures in an epoch of 128


def settings(out: Path, **changes: Any) -> TrainConfig:
    tiny = {
        "limit": 128,
        "batch_size": 32,
        "epochs": 3,
        "width": 16,
        "latent_dim": 4,
        "precision": "fp32",
        "device": "cpu",
        "pictures_every": 100,
        "out": str(out),
    }
    return TrainConfig(**(tiny | changes))


def stop_after(run: Trainer, steps: int) -> Trainer:
    """Let a run stop after `steps` steps in all, as a signal would."""
    original = run.train_step

    def step(chosen: Tensor) -> None:
        original(chosen)
        run.stop = run.step == steps

    run.train_step = step  # type: ignore[method-assign]
    return run


def state(run: Trainer) -> dict[str, Any]:
    """All that training changes, as tensors and numbers by name."""
    sums = zip(run.method.players, run.updates.sums.tolist(), strict=True)
    result: dict[str, Any] = {"step": run.step, **{f"sums.{player}": total for player, total in sums}}
    for kind, nets in (("nets", run.nets), ("averaged", run.averaged)):
        for name, net in nets.items():
            result |= {f"{kind}.{name}.{key}": value.clone() for key, value in net.state_dict().items()}
    for player, optimiser in run.updates.optimisers.items():
        for index, entry in optimiser.state_dict()["state"].items():
            result |= {f"{player}.{index}.{key}": value.clone() for key, value in entry.items()}
        for group in optimiser.param_groups:
            result |= {f"{player}.{key}": value for key, value in group.items() if key != "params"}
    return result


def assert_same(first: dict[str, Any], other: dict[str, Any]) -> None:
    assert first.keys() == other.keys()
    for key, value in first.items():
        same = torch.equal(value, other[key]) if isinstance(value, Tensor) else value == other[key]
        assert same, key


def take(pictures: Pictures, count: int) -> Pictures:
    """The first `count` pictures."""
    return Pictures(pictures.pixels[:count], pictures.labels[:count], pictures.indices[:count])


def publish_quickly(run: Path, root: Path, name: str = "tiny-bigan", **options: Any) -> Path:
    """Publish a run without measuring anything."""
    return publish(run, name, data_root="nowhere", root=root, measured=False, **options)


def log(run: Path) -> list[dict[str, Any]]:
    rows = [json.loads(row) for row in (run / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in row.items() if k not in ("seconds", "images_per_second")} for row in rows]
