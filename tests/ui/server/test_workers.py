"""Processes side by side: what starts them, and who starts one again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ganlab.ui.server import workers
from ganlab.ui.server.workers import Worker, list_commands

SCRIPT = Path(workers.__file__)
PATIENCE = 60  # seconds


def test_each_process_has_a_port_of_its_own() -> None:
    commands = list_commands("app.py", ["--model", "m", "--workers", "3"], 7860, 3)
    assert [command[-1] for command in commands] == ["7860", "7861", "7862"]
    for command in commands:
        assert command[:4] == [sys.executable, "app.py", "--model", "m"]
        assert command[-4:-2] == ["--workers", "1"]  # the last one counts
    for port, count in ((7860, 0), (7860, 65), (65535, 2), (0, 2)):
        with pytest.raises(ValueError, match="--workers is a whole number"):
            list_commands("app.py", [], port, count)


def test_a_process_that_ends_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "PAUSE", 0.0)
    worker = Worker([sys.executable, "-S", "-c", "import sys; sys.exit(3)"])
    seen = []
    deadline = time.monotonic() + PATIENCE
    while len(seen) < 2 and time.monotonic() < deadline:
        if (status := worker.look(dict(os.environ))) is not None:
            seen.append(status)
    assert seen == [3, 3]


RUN = """
import runpy, sys
workers = runpy.run_path(sys.argv[1])  # as app.py does
sys.exit(workers["supervise"]([[sys.executable, "-S", "-c", sys.argv[2]]] * 2))
"""


def start(code: str) -> subprocess.Popen[str]:
    """A supervisor of two processes that run some code."""
    return subprocess.Popen([sys.executable, "-c", RUN, str(SCRIPT), code], stdout=subprocess.PIPE, text=True)


def test_they_end_together_and_wrong_flags_end_them() -> None:
    running = start("import os, time; os.write(1, f'{os.getpid()}\\n'.encode()); time.sleep(600)")
    assert running.stdout is not None
    numbers = [int(running.stdout.readline()) for _ in range(2)]
    running.send_signal(signal.SIGTERM)
    assert running.wait(PATIENCE) == 0
    for number in numbers:
        with pytest.raises(ProcessLookupError):
            os.kill(number, 0)
    assert start("import sys; sys.exit(2)").wait(PATIENCE) == 2
