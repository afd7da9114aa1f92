"""Several processes of the app side by side, each at a port of its own, for a proxy that shares visitors out.

None of them knows of the others: what a visitor has lies in the page, and a process that is asked for the
first time gets it from there (see `visits`).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

MAX_WORKERS = 64
WRONG_FLAGS = 2  # exit status of a process that will not start the next time either
LOOK = 0.2  # seconds between two looks at the processes
CALM = 10.0  # seconds after which a process that ends has worked before, and is started again at once
PAUSE = 2.0  # seconds before another is, so that one that cannot start does not take the whole machine
PATIENCE = 10.0  # seconds for a process to end by itself


@dataclass
class Worker:
    """A process that is to run, as a command."""

    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    due: float = field(default_factory=time.monotonic)  # when it is to be started

    def look(self, environment: dict[str, str]) -> int | None:
        """Start the process if it is due; its exit status if it has ended since the last look."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.due:
                self.process, self.started = subprocess.Popen(self.command, env=environment), now
            return None
        status = self.process.poll()
        if status is not None:
            self.process, self.due = None, now if now - self.started > CALM else now + PAUSE
        return status


def list_commands(script: str, arguments: Sequence[str], port: int, workers: int) -> list[list[str]]:
    """The commands of the processes at `port` and those after it; ValueError for a number that is none."""
    if not 1 <= workers <= MAX_WORKERS or not 0 < port <= 65536 - workers:
        raise ValueError(
            f"--workers is a whole number from 1 to {MAX_WORKERS}, and as many ports follow --port."
        )
    flags = [*arguments, "--workers", "1"]
    return [[sys.executable, script, *flags, "--port", str(port + number)] for number in range(workers)]


def supervise(commands: Sequence[Sequence[str]]) -> int:
    """Run the commands side by side until this process is told to end; one that ends is started again.
    Returns an exit status: that of wrong flags if one of them says so."""
    # What a browser has of one process is what another would send: see `routes.STARTED`.
    environment = {**os.environ, "GANLAB_STARTED": f"{time.time():.0f}"}
    workers = [Worker(command) for command in commands]
    before = {number: signal.signal(number, _stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        while True:
            for worker in workers:
                status = worker.look(environment)
                if status == WRONG_FLAGS:
                    return status
                if status is not None:
                    print(f"ganlab: a process ended ({status}) and is started again", file=sys.stderr)
            time.sleep(LOOK)
    except _StopError:
        return 0
    finally:
        _end([worker.process for worker in workers if worker.process is not None])
        for number, handler in before.items():
            signal.signal(number, handler)


class _StopError(Exception):
    """This process was told to end."""


def _stop(number: int, frame: FrameType | None) -> Any:
    raise _StopError


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + PATIENCE
    for process in processes:
        try:
            process.wait(max(deadline - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
