"""python app.py, as a person types it."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

import app

Capture = pytest.CaptureFixture[str]
ROOT = Path(__file__).parents[1]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "app.py", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120
    )


def test_help_explains_every_flag(capsys: Capture) -> None:
    with pytest.raises(SystemExit, match="0"):
        app.main(["--help"])
    text = capsys.readouterr().out
    for flag in ("--model", "--host", "--port", "--device", "--root-path", "--trusted-proxies", "--mcp"):
        assert flag in text


def check_line(text: str) -> str:
    """The single line that is printed when the app does not start."""
    lines = text.strip().splitlines()
    assert len(lines) == 1, text
    assert lines[0].startswith("error: ")
    return lines[0]


@pytest.mark.slow
def test_a_wrong_flag_is_answered_by_one_sentence(capsys: Capture) -> None:
    def read_error(*arguments: str) -> str:
        assert app.main([*arguments]) == 2
        return check_line(capsys.readouterr().err)

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = str(listener.getsockname()[1])
        assert f"port {port} of 127.0.0.1 cannot be used" in read_error("--port", port)
    assert "cannot be used" in read_error("--host", "192.0.2.1")  # an address of no machine (RFC 5737)
    assert "The device is auto, cpu, cuda or cuda:N, not 'warp'" in read_error(
        "--device", "warp", "--port", "0"
    )
    # As a person types it, in a process of its own.
    result = run("--model", "no-such-model", "--port", "0")
    assert result.returncode == 2
    assert "Model 'no-such-model' not found; available = " in check_line(result.stderr)
