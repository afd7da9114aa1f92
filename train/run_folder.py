"""The files of a run's folder: settings, log, states to resume from, grids of pictures. `run` is its path."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import struct
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor, nn

from ganlab import images, networks
from ganlab.config import ModelConfig
from ganlab.files import PARTIAL, WriteError, open_atomically, write_atomically, write_json
from train.messages import warn

SETTINGS_FILE = "config.json"  # commit, data, TrainConfig and ModelConfig
LOG_FILE = "metrics.jsonl"  # one JSON object an epoch
RESUME_FILE = "resume.pt"  # all that changes in training, as of the last save
PREVIOUS_FILE = "resume.previous.pt"  # the same, as of the save before
GRID_COLUMNS = 8
ROW = {"epoch", "step", "seconds", "images_per_second"}  # of each row of the log

# A state is sealed: the zip archive that torch writes gets a comment, the checksum of all bytes before it, so
# that torch reads the file as it is. Files of earlier versions have none.
SEAL = b"sha256:"
DIGEST = 64  # bytes of a SHA-256 in hexadecimal
ARCHIVE_END = b"PK\5\6"  # begins the last 22 bytes; the last two of them are the length of a comment
END_BYTES = 22
PIECE = 1 << 20  # bytes read at a time


class TrainingError(ValueError):
    """A run that cannot start or go on; the message says why and what to try."""


class DamagedError(ValueError):
    """A state that is not as it was written; the message says how one sees that."""


def start(run: Path, settings: dict[str, Any]) -> None:
    """Create the folder with its settings and an empty log."""
    run.mkdir(parents=True, exist_ok=True)
    sweep(run)
    write_json(run / SETTINGS_FILE, settings)
    (run / LOG_FILE).unlink(missing_ok=True)


def sweep(run: Path) -> None:
    """Remove what a killed process was writing: it takes room, and nothing can be done with it."""
    for partial in run.rglob(f"*{PARTIAL}"):
        with contextlib.suppress(OSError):
            partial.unlink()


def read_settings(run: Path, state: dict[str, Any]) -> dict[str, Any]:
    """The settings that the run began with: those of its `state`, or of its config.json where the state, of
    an earlier version, has none. A config.json that cannot be read is written anew."""
    path = run / SETTINGS_FILE
    try:
        written: Any = json.loads(path.read_text(encoding="utf-8"))
        if not written["model"].keys() or not written["train"].keys() >= {"method", "dataset", "epochs"}:
            written = None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        written = None
    if "settings" not in state:
        if written is None:
            raise TrainingError(f"{path} is damaged or missing, and the run's state does not hold it too.")
        return dict(written)
    settings: dict[str, Any] = json.loads(state["settings"])
    if written is None:
        warn(f"{path} was damaged or missing; it is written anew from the run's state.")
        with contextlib.suppress(WriteError):  # of a folder that is only read
            write_json(path, settings)
    return settings


# ---------------------------------------------------------------------- the log


def append_to_log(run: Path, row: dict[str, Any]) -> None:
    """Add an epoch's figures to the log: the whole line or, by WriteError, none of it."""
    append_line(run / LOG_FILE, row)


def append_line(path: Path, row: dict[str, Any]) -> None:
    """Add a line of JSON to a file: the whole line or, by WriteError, none of it."""
    line = (json.dumps(row) + "\n").encode()
    try:
        with path.open("ab", buffering=0) as log:
            size = log.tell()
            try:
                written = log.write(line)
                while written < len(line):  # the rest of what a disk that is nearly full took in part
                    written += log.write(line[written:])
            except OSError:
                log.truncate(size)
                raise
    except OSError as error:
        raise WriteError(path, error) from None


def read_log(run: Path) -> list[dict[str, Any]]:
    """The rows of the log; lines that were written in part, or damaged since, are left out."""
    rows = read_lines(run / LOG_FILE)
    return [row for row in rows if row.keys() >= ROW and isinstance(row["step"], int)]


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines, which may be absent; lines that are none are left out."""
    rows = []
    for line in path.read_bytes().splitlines() if path.is_file() else []:
        with contextlib.suppress(ValueError):
            row = json.loads(line)
            if isinstance(row, dict):
                rows.append(row)
    return rows


def write_log(run: Path, rows: list[dict[str, Any]]) -> None:
    """Replace the log, where it differs."""
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path = run / LOG_FILE
    if not path.is_file() or path.read_bytes() != text.encode():
        write_atomically(path, text)


def list_epochs(run: Path, state: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of all epochs that are part of a state; what was logged but not saved is not."""
    rows: list[dict[str, Any]] = state.get("log") or read_log(run)
    return [row for row in rows if row["step"] <= state["step"]]


# ---------------------------------------------------------------------- the state


def has_state(run: Path) -> bool:
    """Whether there is anything to resume from."""
    return any((run / name).is_file() for name in (RESUME_FILE, PREVIOUS_FILE))


def write_state(run: Path, state: dict[str, Any]) -> None:
    """Save a state, whole or not at all, and keep the one before it.

    WriteError leaves the newest as it was. A disk without room for three of them at a time keeps one.
    """
    try:
        _write_state(run, state)
    except WriteError as error:
        before = run / PREVIOUS_FILE
        if not (error.full and before.is_file() and is_whole(run / RESUME_FILE)):
            raise
        before.unlink()
        _write_state(run, state)


def _write_state(run: Path, state: dict[str, Any]) -> None:
    newest = run / RESUME_FILE
    with open_atomically(newest) as file:
        torch.save(state, file)
        seal(file)
        file.flush()
        os.fsync(file.fileno())  # before the newest gives up its name
        if is_whole(newest):
            newest.replace(run / PREVIOUS_FILE)


def seal(file: BinaryIO) -> None:
    """Append a checksum to a zip archive without comment that was just written to `file`."""
    file.seek(-2, os.SEEK_END)
    file.write(struct.pack("<H", len(SEAL) + DIGEST) + SEAL)
    digest = _compute_digest(file, file.tell())
    file.seek(0, os.SEEK_END)
    file.write(digest)


def _compute_digest(file: BinaryIO, size: int) -> bytes:
    """The SHA-256 of the first `size` bytes."""
    file.seek(0)
    digest = hashlib.sha256()
    while size and (piece := file.read(min(PIECE, size))):
        digest.update(piece)
        size -= len(piece)
    return digest.hexdigest().encode()


def check_seal(path: Path) -> None:
    """DamagedError unless each byte is as it was written. A file of an earlier version has no checksum: there
    those of the archive's members have to fit, which cover all numbers."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        length = len(SEAL) + DIGEST
        file.seek(max(0, size - length))
        end = file.read()
        if end.startswith(SEAL) and len(end) == length:
            if _compute_digest(file, size - DIGEST) != end[len(SEAL) :]:
                raise DamagedError("its checksum does not fit")
            return
        if end[-END_BYTES:].startswith(ARCHIVE_END) and end.endswith(b"\0\0"):
            try:
                with zipfile.ZipFile(file) as archive:
                    if archive.testzip() is not None:
                        raise DamagedError("its checksums do not fit")
            except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError):
                raise DamagedError("it is no whole archive") from None
            return
    raise DamagedError("it is cut short, or is no state" if size else "it is empty")


def is_whole(path: Path) -> bool:
    """Whether there is a state with each byte as it was written."""
    try:
        check_seal(path)
    except (DamagedError, OSError):
        return False
    return True


def read_state(run: Path, device: torch.device | str) -> dict[str, Any]:
    """The newest state that `write_state` saved, its tensors on `device`; where that is damaged, with a
    warning, the one before it. TrainingError where none can be read."""
    damages = []
    for path in (run / RESUME_FILE, run / PREVIOUS_FILE):
        try:
            state = read_sealed(path, device)
        except FileNotFoundError:
            damages.append(f"{path} is missing")
        except DamagedError as error:
            damages.append(f"{path} is damaged ({error})")
        else:
            if damages:
                warn(f"{damages[0]}, so this is the state that was saved before it, {path.name}.")
            return state
    if not has_state(run):
        raise TrainingError(f"{run} holds no {RESUME_FILE}: start it without --resume.")
    there = [damage for damage in damages if not damage.endswith("missing")]
    raise TrainingError(f"{', and '.join(there)}: start the run again, in another folder.")


def read_sealed(path: Path, device: torch.device | str) -> dict[str, Any]:
    """What torch wrote to a file that was then sealed. DamagedError where it is not whole, or no dict."""
    check_seal(path)
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except OSError:
        raise
    except Exception:  # a file that somebody made may raise anything, and torch advises to trust it
        raise DamagedError("it holds something else than numbers and their names") from None
    if not isinstance(state, dict):
        raise DamagedError("it holds no state")
    return state


# ---------------------------------------------------------------------- pictures, networks


def write_grid(run: Path, kind: str, epoch: int, pictures: Tensor) -> None:
    """KIND/epoch_0005.png: pictures (N, C, H, W) in [0, 1], row by row."""
    folder = run / kind
    folder.mkdir(parents=True, exist_ok=True)
    images.save(images.draw_grid(pictures, GRID_COLUMNS), folder / f"epoch_{epoch:04d}.png")


def load_networks(run: Path, config: ModelConfig) -> dict[str, nn.Module]:
    """The networks that `config` names, from the newest state; moving averages where the run kept them."""
    state = read_state(run, "cpu")
    nets = networks.build(config)
    for name, net in nets.items():
        net.load_state_dict(state["averaged"].get(name, state["nets"][name]))
    return nets
