"""python app.py, as a person types it."""

from __future__ import annotations

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


def test_an_unknown_model_is_one_sentence() -> None:
    done = run("--model", "no-such-model")
    assert done.returncode == 2
    assert done.stderr.strip().splitlines() == [
        line for line in done.stderr.strip().splitlines() if line.startswith("error: Model 'no-such-model'")
    ]
    assert "available = " in done.stderr
