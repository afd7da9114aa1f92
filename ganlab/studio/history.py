"""What a run in training wrote of itself, read for the page: figures, events, and moments with pictures.

A history is a folder `history` in a run's folder:

- about.json: method, dataset, seed, shape of the pictures, players, labels of the probes;
- scalars.jsonl: figures of a step a line; events.jsonl: what happened, in a sentence each;
- moments.jsonl: a line a moment, with step, epoch and scale; moments/000123.npz: its arrays;
- inputs.npz: the pictures that are reconstructed at each moment;
- status.json: whether it runs; control.json: what it is asked to do, the one file that is written here.

All of it may be anybody's: read up to limits, numbers checked, what has another form left out.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganlab import tensor_files
from ganlab.arrays import read_arrays
from ganlab.files import write_json
from ganlab.studio.history_source import Folder, HistoryError, Source

ABOUT, STATUS, CONTROL, INPUTS = "about.json", "status.json", "control.json", "inputs.npz"
SCALARS, EVENTS, MOMENTS = "scalars.jsonl", "events.jsonl", "moments.jsonl"
WISHES = ("run", "pause", "stop")
STATES = ("running", "paused", "stopped", "failed", "finished")
FIGURES = ("d_real", "d_made", "reconstruction", "one_nn", "frechet", "diversity", "code_spread")
MAX_SMALL, MAX_LINES, MAX_MOMENT = 400_000, 8_000_000, 8_000_000  # bytes of a file
MAX_ROWS, MAX_EVENTS, MAX_MOMENTS = 4000, 200, 120
MAX_SIDE, MAX_PICTURES, MAX_PROBES, MAX_PLAYERS = 128, 64, 5000, 8
MAX_SENT = 48_000_000  # bytes of moments in one answer
MAX_TEXT = 300  # characters
MAX_STEP = 10**9
RUN_NAME = re.compile(r"\w[\w.-]{0,99}", re.ASCII)  # of a folder
SILENCE = 15  # seconds without a sign, after which a run counts as ended


@dataclass(frozen=True)
class About:
    """What a run is."""

    method: str
    dataset: str
    seed: int
    epochs: int
    batch_size: int
    shape: tuple[int, int, int]  # (C, H, W)
    players: tuple[str, ...]
    labels: tuple[int, ...] | None  # of the probes, in their order
    classes: tuple[str, ...]

    def pack(self) -> dict[str, Any]:
        """As the page reads it."""
        return {**vars(self), "version": 1}


def read_about(source: Source) -> About:
    """HistoryError where there is none, or it is of another form."""
    value = _parse(source.read(ABOUT, MAX_SMALL))
    if not isinstance(value, dict):
        raise HistoryError("This run has no history: its about.json is missing or damaged.")
    if value.get("version") != 1:
        raise HistoryError("This history is of another version than the app, or it is damaged.")
    shape, labels = value.get("shape"), value.get("labels")
    if not (isinstance(shape, list) and len(shape) == 3 and all(_is_whole(side) for side in shape)):
        raise HistoryError("This history's about.json has no shape of its pictures, as [1, 28, 28].")
    C, H, W = shape
    if C not in (1, 3) or not (1 <= H <= MAX_SIDE and 1 <= W <= MAX_SIDE):
        raise HistoryError(f"Pictures of {C} x {H} x {W} are not shown; at most 3 x 128 x 128 are.")
    if not (isinstance(labels, list) and len(labels) <= MAX_PROBES and all(map(_is_whole, labels))):
        labels = None
    return About(
        method=_text(value.get("method")),
        dataset=_text(value.get("dataset")),
        seed=_whole(value.get("seed")),
        epochs=_whole(value.get("epochs")),
        batch_size=_whole(value.get("batch_size")),
        shape=(C, H, W),
        players=tuple(map(_text, _list(value.get("players"))[:MAX_PLAYERS])),
        labels=None if labels is None else tuple(labels),
        classes=tuple(map(_text, _list(value.get("classes"))[:4096])),
    )


# ---------------------------------------------------------------------- figures, events, status


def read_history(source: Source, seen: str = "") -> dict[str, Any]:
    """All but the moments' arrays, for the page. `seen` is the "mark" of an earlier answer: where nothing but
    the status has changed since, that alone is answered."""
    about = read_about(source)
    parts: dict[str, Any] = {}
    names = (ABOUT, SCALARS, EVENTS, MOMENTS)
    mark = source.mark(names) if source.is_local else ""
    if not mark or mark != seen:
        parts = {
            "about": about.pack(),
            "scalars": list(thin(_read_scalars(source, about), MAX_ROWS)),
            "events": list(_read_events(source))[-MAX_EVENTS:],
            "moments": _list_moments(source),
        }
        mark = mark or source.mark(names)
    return {"mark": mark, "status": read_status(source), **(parts if mark != seen else {})}


def _read_lines(source: Source, name: str) -> Iterable[dict[str, Any]]:
    """The objects of a file with one a line; lines in part, or damaged, are left out."""
    for line in (source.read(name, MAX_LINES) or b"").splitlines():
        value = _parse(line)
        if isinstance(value, dict) and _is_whole(value.get("step")) and value["step"] <= MAX_STEP:
            yield value


def _read_scalars(source: Source, about: About) -> list[dict[str, Any]]:
    rows: dict[int, dict[str, Any]] = {}
    for value in _read_lines(source, SCALARS):
        loss = loss if isinstance(loss := value.get("loss"), dict) else {}
        rows[value["step"]] = {
            "step": value["step"],
            "epoch": _number(value.get("epoch")) or 0.0,
            "loss": {name: _number(loss.get(name)) for name in about.players},
            **{name: _number(value.get(name)) for name in FIGURES},
            "speed": _number(value.get("images_per_second")),
        }
    return [rows[step] for step in sorted(rows)]


def _read_events(source: Source) -> Iterable[dict[str, Any]]:
    for value in _read_lines(source, EVENTS):
        yield {
            "step": value["step"],
            "epoch": _number(value.get("epoch")) or 0.0,
            "kind": _text(value.get("kind")),
            "text": _text(value.get("text")),
        }


def _list_moments(source: Source) -> list[dict[str, Any]]:
    """Step, epoch and scale of each moment, in their order."""
    rows = {
        value["step"]: {
            "step": value["step"],
            "epoch": _number(value.get("epoch")) or 0.0,
            "scale": _number(value.get("scale")) or 0.0,
        }
        for value in _read_lines(source, MOMENTS)
    }
    return list(thin([rows[step] for step in sorted(rows)], MAX_MOMENTS))


def thin(rows: list[Any], most: int) -> Iterable[Any]:
    """At most `most` of the rows, the first and the last among them, evenly."""
    if len(rows) <= most:
        return rows
    return [rows[round(i * (len(rows) - 1) / (most - 1))] for i in range(most)]


def read_status(source: Source) -> dict[str, Any]:
    """State, step, steps and when that was written; `silent`, seconds without a sign of a run that should be
    at work, where these are too many, else 0. A site's clock may be another."""
    value = _parse(source.read(STATUS, MAX_SMALL))
    value = value if isinstance(value, dict) else {}
    state = value.get("state") if value.get("state") in STATES else ""
    updated: Any = value.get("updated")  # seconds since 1970
    if type(updated) not in (int, float) or not 0 < updated < 10 * MAX_STEP:
        updated = 0.0
    silent = 0
    if source.is_local and updated and state in ("running", "paused"):
        age = time.time() - updated
        silent = int(min(age, MAX_STEP)) if age > SILENCE else 0
    return {
        "state": state,
        "step": _whole(value.get("step")),
        "steps": _whole(value.get("steps")),
        "updated": updated,
        "error": _text(value.get("error")),
        "silent": silent,
    }


def write_wish(source: Source, wish: str) -> None:
    """Ask a run of this machine to go on, to pause or to stop; it looks about once a second."""
    if wish not in WISHES:
        raise HistoryError(f"A run is asked to {', '.join(WISHES)}, not to {wish[:20]!r}.")
    if not isinstance(source, Folder):
        raise HistoryError("A run on another machine is only watched.")
    read_about(source)  # else any folder would do
    write_json(source.path / CONTROL, {"wish": wish})


# ---------------------------------------------------------------------- moments


def pack_moments(source: Source, after: int = -1) -> bytes:
    """The moments after a step as one safetensors file, as the page reads it, at most MAX_SENT bytes.

    `inputs` (8, C, H, W); for each moment STEP/samples and STEP/reconstructions (N, C, H, W), uint8,
    STEP/positions (N, 2), int16 around 0, STEP/decisions and STEP/decisions_made (N), uint8 around 128.
    The metadata `steps` lists them; `whole` says whether there are no more. A moment that is damaged is left
    out; HistoryError where all are.
    """
    about = read_about(source)
    shape = about.shape
    tensors: dict[str, Tensor] = {}
    if after < 0 and (inputs := _read_npz(source, INPUTS)) is not None:
        _keep_pictures(tensors, "inputs", inputs.get("inputs"), shape)
    steps: list[int] = []
    size, whole = 0, True
    damage: HistoryError | None = None
    for row in _list_moments(source):
        if (step := row["step"]) <= after:
            continue
        try:
            arrays = _read_npz(source, f"moments/{step:06d}.npz")
        except HistoryError as error:
            damage = error
            continue
        if arrays is None:
            break  # it is being written
        size += sum(array.nbytes for array in arrays.values())
        if size > MAX_SENT and steps:
            whole = False
            break
        _keep_moment(tensors, step, arrays, shape)
        steps.append(step)
    if damage and not steps and after < 0:
        raise damage
    return tensor_files.pack(tensors, {"steps": json.dumps(steps), "whole": json.dumps(whole)})


def _read_npz(source: Source, name: str) -> dict[str, np.ndarray] | None:
    content = source.read(name, MAX_MOMENT)
    if content is None:
        return None
    try:
        return read_arrays(content, MAX_MOMENT)
    except ValueError as error:
        raise HistoryError(f"{name} of this history cannot be read: {error}.") from None


def _keep_moment(
    tensors: dict[str, Tensor], step: int, arrays: dict[str, np.ndarray], shape: tuple[int, int, int]
) -> None:
    for name in ("samples", "reconstructions"):
        _keep_pictures(tensors, f"{step}/{name}", arrays.get(name), shape)
    positions = arrays.get("positions")
    if positions is not None and positions.dtype == np.uint16 and positions.shape[1:] == (2,):
        centred = (positions[:MAX_PROBES].astype(np.int32) - 32768).astype(np.int16)
        tensors[f"{step}/positions"] = torch.from_numpy(centred)
    for name in ("decisions", "decisions_made"):
        logits = arrays.get(name)
        if logits is not None and logits.dtype == np.int8 and logits.ndim == 1 and len(logits):
            shifted = (logits[:MAX_PROBES].astype(np.int16) + 128).astype(np.uint8)
            tensors[f"{step}/{name}"] = torch.from_numpy(shifted)


def _keep_pictures(
    tensors: dict[str, Tensor], name: str, pictures: np.ndarray | None, shape: tuple[int, int, int]
) -> None:
    if pictures is not None and pictures.dtype == np.uint8 and pictures.shape[1:] == shape and len(pictures):
        tensors[name] = torch.from_numpy(pictures[:MAX_PICTURES])


# ---------------------------------------------------------------------- what anybody may have written


def _parse(content: bytes | None) -> Any:
    """JSON as the standard has it; None for anything else."""
    try:
        return json.loads(content or b"", parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _is_whole(value: object) -> bool:
    return type(value) is int and 0 <= value <= 2**63


def _whole(value: object) -> int:
    return value if isinstance(value, int) and _is_whole(value) else 0


def _number(value: object) -> float | None:
    """A finite number, rounded to what a curve can show."""
    if type(value) not in (int, float) or not math.isfinite(value):  # type: ignore[arg-type]
        return None
    return float(f"{value:.5g}")


def _text(value: object) -> str:
    return " ".join(value.split())[:MAX_TEXT] if isinstance(value, str) else ""


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def find_run(name: str, runs: Path) -> Source | None:
    """The history of a run by its name in the folder `runs`; None where there is none."""
    if not RUN_NAME.fullmatch(name):
        return None
    folder = runs / name
    return Folder(folder) if (folder / "history" / ABOUT).is_file() else None
