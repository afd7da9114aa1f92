"""Histories of runs as `train` writes them, without training: for what reads them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np

CERTAIN = "D tells real from generated without a doubt, so G and E learn nothing more."


def write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def write_history(
    run: Path,
    *,
    moments: int = 6,
    probes: int = 40,
    lost: bool = False,
    shape: tuple[int, int, int] = (1, 28, 28),
    state: str = "finished",
    **about: Any,
) -> Path:
    """A BiGAN's history of an epoch a moment. Sample i at moment m is all of brightness 10 m + i; codes move
    to the right. Returns the run's folder."""
    folder = run / "history"
    (folder / "moments").mkdir(parents=True)
    steps = [100 * m for m in range(moments)]
    players = ["discriminator", "generator_encoder"]
    labels = [i % 10 for i in range(probes)]
    description = {
        "version": 1, "method": "bigan", "dataset": "mnist", "seed": 0, "shape": list(shape),
        "batch_size": 128, "epochs": moments, "steps_per_epoch": 100, "players": players, "samples": 16,
        "pairs": 8, "probes": probes, "labels": labels, "classes": [str(i) for i in range(10)],
    }  # fmt: skip
    (folder / "about.json").write_text(json.dumps({**description, **about}), encoding="utf-8")
    rows = [
        {
            "step": step, "epoch": step / 100, "seconds": 1.0 * step, "loss": dict.fromkeys(players, 0.7),
            "d_real": step / 100, "d_made": -step / 100, "reconstruction": 1 / (1 + step), "one_nn": None,
            "frechet": None, "diversity": 0.5, "code_spread": 0.5, "images_per_second": 1000.0,
        }
        for step in steps
    ]  # fmt: skip
    write_lines(folder / "scalars.jsonl", rows)
    write_lines(
        folder / "moments.jsonl", [{"step": step, "epoch": step / 100, "scale": 0.1} for step in steps]
    )
    events = [{"step": 250, "epoch": 2.5, "kind": "certain", "text": CERTAIN}] if lost else []
    write_lines(folder / "events.jsonl", events)
    write_status(run, state, steps[-1], steps[-1])
    size = np.arange(16, dtype=np.uint8)[:, None, None, None]
    np.savez_compressed(folder / "inputs.npz", inputs=np.broadcast_to(size[:8] * 20, (8, *shape)))
    for m, step in enumerate(steps):
        arrays = {
            "samples": np.broadcast_to(10 * m % 240 + size, (16, *shape)).astype(np.uint8),
            "reconstructions": np.broadcast_to(size[:8] * 20 + m, (8, *shape)).astype(np.uint8),
            "positions": np.stack(
                [np.full(probes, 32768 + 500 * m), 20000 + 25000 * np.arange(probes) // probes], axis=1
            ).astype(np.uint16),
            "decisions": np.full(probes, min(20 * m, 127), np.int8),
            "decisions_made": np.full(16, -min(20 * m, 127), np.int8),
        }
        np.savez_compressed(folder / "moments" / f"{step:06d}.npz", **arrays)
    return run


def write_status(run: Path, state: str, step: int, steps: int, **more: Any) -> None:
    """What a run says of itself now."""
    status = {"state": state, "pid": 1, "host": "here", "step": step, "steps": steps, "error": None}
    (run / "history" / "status.json").write_text(
        json.dumps({**status, "updated": time.time(), **more}), encoding="utf-8"
    )
