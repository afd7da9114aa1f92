"""What a run writes for those who watch it: RUN/history/, small files that may be read at any moment.

- about.json: what the run is, and what its moments show.
- scalars.jsonl: a line a look: losses, D's mean logits, reconstruction, 1NN, diversity, speed.
- moments.jsonl and moments/STEP.npz: samples of the same z, reconstructions of the same x, the map, D's
  decisions.
- events.jsonl: what happened, a sentence each.
- status.json: whether the run lives, and where it is; control.json: what somebody wants of it.

Lines are appended whole, files replaced whole. JSON is strict: a number that is not finite is null.
`docs/training.md` describes each field.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ganlab.arrays import read_arrays
from ganlab.files import PARTIAL, WriteError, open_atomically, write_atomically, write_json
from train.run_folder import append_line, read_lines

VERSION = 1
FOLDER = "history"
ABOUT, STATUS, CONTROL = "about.json", "status.json", "control.json"
SCALARS, MOMENTS, EVENTS = "scalars.jsonl", "moments.jsonl", "events.jsonl"
ARRAYS, INPUTS = "moments", "inputs.npz"
WISHES = ("run", "pause", "stop")
MAX_MOMENT_BYTES = 2**26  # of a moment's arrays
MAX_CONTROL_BYTES = 1000


def make_strict(value: Any) -> Any:
    """`value` as JSON can hold it: numbers that are not finite become None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: make_strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [make_strict(item) for item in value]
    return value


class History:
    """The files of a run's history. OSError, of which WriteError is one, where they cannot be written."""

    def __init__(self, run: Path) -> None:
        self.folder = run / FOLDER

    def start(self, about: Mapping[str, Any]) -> None:
        """An empty history; one of an earlier run in the same folder goes."""
        (self.folder / ARRAYS).mkdir(parents=True, exist_ok=True)
        for path in self._list_files():
            path.unlink(missing_ok=True)
        write_json(self.folder / ABOUT, make_strict({"version": VERSION, **about}))
        for name in (SCALARS, MOMENTS, EVENTS):
            write_atomically(self.folder / name, "")

    def resume(self, step: int) -> bool:
        """Drop what was written after `step`, and what nobody wants any more. Whether there is a history."""
        (self.folder / CONTROL).unlink(missing_ok=True)
        if not (self.folder / ABOUT).is_file():
            return False
        (self.folder / ARRAYS).mkdir(exist_ok=True)
        for name in (SCALARS, MOMENTS, EVENTS):
            rows = [row for row in read_lines(self.folder / name) if _has_step(row, step)]
            write_atomically(self.folder / name, "".join(map(_to_line, rows)))
        kept = {_name_arrays(row["step"]) for row in read_lines(self.folder / MOMENTS)}
        for path in (self.folder / ARRAYS).iterdir():
            if path.name not in kept:
                path.unlink(missing_ok=True)
        return True

    def _list_files(self) -> Iterable[Path]:
        names = (ABOUT, STATUS, CONTROL, SCALARS, MOMENTS, EVENTS, INPUTS)
        return [*(self.folder / name for name in names), *(self.folder / ARRAYS).glob("*.npz")]

    # ------------------------------------------------------------------ what the run writes

    def add_scalars(self, row: Mapping[str, Any]) -> None:
        """Add a look's figures; `row` has "step"."""
        append_line(self.folder / SCALARS, make_strict(row))

    def add_event(self, row: Mapping[str, Any]) -> None:
        """Add an event; `row` has "step", "epoch", "kind" and "text"."""
        append_line(self.folder / EVENTS, make_strict(row))

    def add_moment(self, row: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
        """Add a moment: its arrays first, so that whoever reads its line finds them."""
        self._write_arrays(self.folder / ARRAYS / _name_arrays(row["step"]), arrays)
        append_line(self.folder / MOMENTS, make_strict(row))

    def write_inputs(self, pixels: np.ndarray) -> None:
        """Store the pictures, uint8 (pairs, C, H, W), whose reconstructions the moments show."""
        self._write_arrays(self.folder / INPUTS, {"inputs": pixels})

    def _write_arrays(self, path: Path, arrays: Mapping[str, np.ndarray]) -> None:
        with open_atomically(path) as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

    def write_status(self, status: Mapping[str, Any]) -> None:
        """Replace the status. Nothing waits for the disk: the next second writes it anew."""
        path = self.folder / STATUS
        partial = path.with_name(path.name + PARTIAL)
        try:
            partial.write_text(_to_line(make_strict(status)), encoding="utf-8")
            partial.replace(path)
        except OSError as error:
            raise WriteError(path, error) from None

    # ------------------------------------------------------------------ what it reads

    def read_wish(self) -> str:
        """What somebody wants of the run, one of WISHES; "run" where the file says nothing else."""
        with contextlib.suppress(OSError, ValueError, RecursionError):
            with (self.folder / CONTROL).open("rb") as file:
                content = json.loads(file.read(MAX_CONTROL_BYTES))
            wish = content.get("wish") if isinstance(content, dict) else None
            return wish if wish in WISHES else "run"
        return "run"

    def read_events(self) -> list[dict[str, Any]]:
        """All events so far."""
        return [row for row in read_lines(self.folder / EVENTS) if _has_step(row)]

    def read_positions(self) -> tuple[int, np.ndarray | None]:
        """Step of the newest moment, -1 without any; and the newest positions that can be read."""
        rows = [row for row in read_lines(self.folder / MOMENTS) if _has_step(row)]
        step = rows[-1]["step"] if rows else -1
        for row in reversed(rows):
            with contextlib.suppress(OSError, ValueError):
                content = (self.folder / ARRAYS / _name_arrays(row["step"])).read_bytes()
                arrays = read_arrays(content, MAX_MOMENT_BYTES)
                if "positions" in arrays:
                    return step, arrays["positions"]
        return step, None


def write_wish(run: Path, wish: str) -> None:
    """Say what a run should do: "run", "pause" or "stop"; it looks about once a second."""
    if wish not in WISHES:
        raise ValueError(f"A wish is one of {list(WISHES)}, not {wish!r}.")
    write_json(run / FOLDER / CONTROL, {"wish": wish})


def _name_arrays(step: int) -> str:
    return f"{step:06d}.npz"


def _has_step(row: dict[str, Any], last: float = math.inf) -> bool:
    """Whether a line names a step, `last` at most."""
    step = row.get("step")
    return type(step) is int and 0 <= step <= last


def _to_line(row: Any) -> str:
    return json.dumps(row, allow_nan=False) + "\n"
