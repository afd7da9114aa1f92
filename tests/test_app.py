"""python app.py, as a person types it."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "app.py", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120
    )


def test_help_explains_every_flag() -> None:
    done = run("--help")
    assert done.returncode == 0
    for flag in ("--model", "--host", "--port", "--device"):
        assert flag in done.stdout


def refused(*arguments: str) -> str:
    """What it says when it does not start: one line."""
    done = run(*arguments)
    assert done.returncode == 2
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    return lines[0]


def test_what_it_cannot_do_is_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert f"port {port} of 127.0.0.1 cannot be used" in refused("--port", port)
    assert "cannot be used" in refused("--host", "192.0.2.1")  # an address of no machine (RFC 5737)
    said = refused("--model", "no-such-model", "--port", "0")
    assert "Model 'no-such-model' not found; available = " in said
    assert "--device is auto, cpu, cuda or cuda:N, not 'warp'" in refused("--device", "warp", "--port", "0")
