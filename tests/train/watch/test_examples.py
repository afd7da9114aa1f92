"""The histories that are bundled: one a method, small, and as their format says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import train
from ganlab.arrays import read_arrays
from train.config import TrainConfig
from train.methods import METHODS, build_method

EXAMPLES = Path(train.__file__).resolve().parent.parent / "examples" / "runs"
MAX_BYTES = 2_000_000


def read(path: Path) -> list[dict[str, Any]]:
    def refuse(text: str) -> None:
        raise AssertionError(f"{text} is no JSON")

    return [json.loads(line, parse_constant=refuse) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("method", METHODS)
def test_a_method_has_a_small_history_that_can_be_read(method: str) -> None:
    folder = EXAMPLES / method / "history"
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < MAX_BYTES
    about, status = (json.loads((folder / f"{name}.json").read_text()) for name in ("about", "status"))
    assert (about["method"], status["state"]) == (method, "finished")
    assert len(about["labels"]) == about["probes"] == 2000
    scalars, moments = read(folder / "scalars.jsonl"), read(folder / "moments.jsonl")
    assert len(scalars) >= 50
    assert len(moments) >= 20
    assert read(folder / "events.jsonl")[-1]["kind"] == "finished"
    assert scalars[-1]["step"] == moments[-1]["step"] == status["steps"]
    networks = build_method(method, TrainConfig(method=method)).networks
    encodes, judges = "encoder" in networks, any("discriminator" in name for name in networks)
    assert (scalars[-1]["one_nn"] is not None) == encodes
    for row in moments:
        arrays = read_arrays((folder / "moments" / f"{row['step']:06d}.npz").read_bytes(), 2**20)
        assert arrays["samples"].shape == (16, 1, 28, 28)
        assert ("positions" in arrays) == (row["full"] and encodes)
        assert ("decisions" in arrays) == (row["full"] and judges) == (row["scale"] is not None)
    assert read_arrays((folder / "inputs.npz").read_bytes(), 2**20)["inputs"].shape == (8, 1, 28, 28)


def test_a_lost_run_is_there_beside_a_sound_one_of_the_same_seed() -> None:
    kinds, seeds = {}, set()
    for name in ("bigan", "bigan-lost"):
        folder = EXAMPLES / name / "history"
        assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < MAX_BYTES
        seeds.add(json.loads((folder / "about.json").read_text())["seed"])
        kinds[name] = {row["kind"] for row in read(folder / "events.jsonl")}
    assert len(seeds) == 1
    assert kinds == {"bigan": {"finished"}, "bigan-lost": {"certain", "finished"}}
