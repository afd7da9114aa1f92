"""The runs in training that the page may look at, and those that it may start (a process each).

Bundled histories are everybody's. Folders, addresses and processes are for the person at this machine: where
others may visit, `Models.allow_any` is false, and none of them is read, asked or started.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Any

from ganlab.studio import history
from ganlab.studio.history_source import Folder, HistoryError, Source, open_source
from ganlab.ui.server.models import Models

BUNDLED = Path(__file__).resolve().parents[3] / "examples" / "runs"
RUNS = Path("runs")  # where python -m train writes, from where the app was started
LIVE = "live-"  # begins the names of runs that the page started
LIVE_NAME = re.compile(LIVE + r"[\w-]{1,60}", re.ASCII)
METHOD, DATASET = "bigan", "mnist"
SHARE = "0.05"  # of its time that a run takes to be watched: this one is run to be looked at
MAX_EPOCHS, MAX_SEED = 20, 2**31
MAX_LISTED = 40  # runs of this machine that are offered, the newest first
PATIENCE = 20  # seconds in which a run saves itself when the app ends
MAX_OUTPUT = 4000  # bytes of what a process said last

PUBLIC = "Runs are started only by the person at the machine that the app runs on; here you can watch these."
NO_TRAINING = 'Training needs its own packages: pip install -e ".[train]" where the app was installed.'
BUSY = "One run is in training already: stop it first."
NOT_OURS = (
    "Only a run that was started here is resumed here; for others there is python -m train ... --resume."
)


class Process:
    """A training process of ours, and what it said."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.began = time.time()
        self.output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the object
        self.popen = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=subprocess.STDOUT,
            env=environment,
        )

    @property
    def is_alive(self) -> bool:
        return self.popen.poll() is None

    def wait(self) -> None:
        """Until it has ended, for PATIENCE at most."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(PATIENCE)

    def explain(self) -> str:
        """The sentence with which it failed."""
        size = self.output.seek(0, os.SEEK_END)
        self.output.seek(max(0, size - MAX_OUTPUT))
        lines = self.output.read().decode("utf-8", "replace").splitlines()
        errors = [line for line in lines if line.startswith("error: ")]
        return errors[-1][7:] if errors else f"The training process ended with code {self.popen.returncode}."


class Runs:
    """What there is to watch, and processes that train. Threads may share it."""

    def __init__(self, models: Models) -> None:
        self.models = models
        self._processes: dict[str, Process] = {}  # by the names of their runs
        self._lock = threading.Lock()
        atexit.register(self.close)

    # ------------------------------------------------------------------ watching

    def list_all(self) -> list[dict[str, Any]]:
        """Names of all runs on offer, the bundled ones last."""
        own = list_folders(RUNS, MAX_LISTED) if self.models.allow_any else []
        with self._lock:
            starting = [name for name in self._processes if name not in own]
        names = list_bundled()
        return [
            *({"name": name, "bundled": False} for name in [*starting, *own] if name not in names),
            *({"name": name, "bundled": True} for name in names),
        ]

    def open(self, name: str) -> Source:
        """A history by the name of its run or, for the person at this machine, its folder or address.
        HistoryError for another."""
        if (source := history.find_run(name, BUNDLED)) is not None:
            return source
        if not self.models.allow_any:
            raise HistoryError(f"This server shows {', '.join(list_bundled()) or 'no runs'} only.")
        return history.find_run(name, RUNS) or open_source(name)

    def read(self, name: str, seen: str = "") -> dict[str, Any]:
        """What `history.read_history` says, and of a process of ours also that it begins, or why it ended."""
        with self._lock:
            process = self._processes.get(name) if self.models.allow_any else None
        try:
            answer = history.read_history(self.open(name), seen)
        except HistoryError:
            if process is None:
                raise
            answer = {"mark": "", "status": {"step": 0, "steps": 0, "updated": 0.0, "error": "", "silent": 0}}
        status = answer["status"]
        if process is not None and status["updated"] < process.began:  # what it says is of before
            status |= {"state": "starting", "error": "", "silent": 0}
        if process is not None and not process.is_alive and status["state"] in ("starting", "running"):
            status |= {"state": "failed", "error": status["error"] or process.explain(), "silent": 0}
        controls = self.list_wishes(name, status) if self.models.allow_any else []
        return {**answer, "controls": controls}

    # ------------------------------------------------------------------ training

    def explain_absence(self) -> str:
        """Why no run can be started here; "" where one can."""
        if not self.models.allow_any:
            return PUBLIC
        absent = [name for name in ("train", "torchvision", "tqdm") if importlib.util.find_spec(name) is None]
        return NO_TRAINING if absent else ""

    def list_wishes(self, name: str, status: dict[str, Any]) -> list[str]:
        """What the run may be asked now: "pause" or "run", and "stop"."""
        state = status["state"]
        if (
            state in ("running", "paused")
            and not status.get("silent")
            and history.find_run(name, BUNDLED) is None
        ):
            return ["pause" if state == "running" else "run", "stop"]
        if state == "stopped" and LIVE_NAME.fullmatch(name) and not self.explain_absence():
            return ["run"]
        return []

    def start(self, seed: int, epochs: int) -> str:
        """A new run; its name."""
        if not 0 <= seed < MAX_SEED or not 1 <= epochs <= MAX_EPOCHS:
            raise HistoryError(f"A run has a seed from 0 on, and 1 to {MAX_EPOCHS} epochs.")
        name = f"{LIVE}{time.strftime('%Y%m%d-%H%M%S')}"
        self._begin(name, seed, epochs)
        return name

    def wish(self, name: str, wish: str) -> None:
        """Ask a run to go on, to pause or to stop. HistoryError where it cannot be."""
        if not self.models.allow_any:
            raise HistoryError(PUBLIC)
        if history.find_run(name, BUNDLED) is not None:
            raise HistoryError("This run came with the app and ended long ago.")
        source = self.open(name)
        state = history.read_status(source)["state"]
        if wish == "run" and state not in ("running", "paused"):
            if not LIVE_NAME.fullmatch(name) or not isinstance(source, Folder):
                raise HistoryError(NOT_OURS)
            about = history.read_about(source)
            self._begin(name, about.seed, about.epochs, "--resume")
            return
        history.write_wish(source, wish)

    def _begin(self, name: str, seed: int, epochs: int, *more: str) -> None:
        if absence := self.explain_absence():
            raise HistoryError(absence)
        spec = importlib.util.find_spec("train")
        folder = str(Path(spec.origin).resolve().parents[1]) if spec and spec.origin else ""
        paths = [path for path in (folder, os.environ.get("PYTHONPATH", "")) if path]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-m", "train", METHOD, "--dataset", DATASET, "--seed", str(seed)]
        command += ["--epochs", str(epochs), "--decay-epochs", "0"]  # a short run would decay at once
        command += ["--out", str(RUNS / name), "--watch-share", SHARE, *more]
        with self._lock:
            for each, process in self._processes.items():
                if process.is_alive and self._has_ended(each):
                    process.wait()  # it has saved, and is about to go
            if any(process.is_alive for process in self._processes.values()):
                raise HistoryError(BUSY)
            try:
                self._processes[name] = Process(command, environment)
            except OSError as error:
                raise HistoryError(f"The training process cannot start: {error.strerror}.") from None

    def _has_ended(self, name: str) -> bool:
        """Whether a run of ours says that it is over."""
        source = history.find_run(name, RUNS)
        return source is not None and history.read_status(source)["state"] in (
            "stopped",
            "finished",
            "failed",
        )

    def close(self) -> None:
        """End all processes; each saves its state first."""
        with self._lock:
            processes = [process for process in self._processes.values() if process.is_alive]
        for process in processes:
            process.popen.terminate()
        for process in processes:
            process.wait()
            if process.is_alive:
                process.popen.kill()


def list_folders(folder: Path, most: int) -> list[str]:
    """Names of the runs with a history in a folder, the newest first."""
    stamps: dict[str, float] = {}
    for about in folder.glob(f"*/history/{history.ABOUT}"):
        with contextlib.suppress(OSError):
            stamps[about.parents[1].name] = about.stat().st_mtime
    return sorted(stamps, key=lambda name: -stamps[name])[:most]


def list_bundled() -> list[str]:
    """Names of the runs that come with the app, sorted."""
    return sorted(list_folders(BUNDLED, MAX_LISTED))


def check_link(models: Models, names: list[str]) -> str:
    """The first of the runs in a link of another site's page that would be read or fetched for it; "" where
    all are bundled."""
    bundled = list_bundled()
    return next((name for name in names if models.allow_any and name not in bundled), "")
