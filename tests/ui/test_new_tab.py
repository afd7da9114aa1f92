"""The diff in docs/architecture.md adds a tab to the page as it is now."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent

# Opens the tab as a click would, and prints what its stage shows.
OPEN = """
import sys
import gradio as gr
from ganlab.ui import app
from ganlab.ui.server.models import Models

blocks = app.build(Models(sys.argv[1], device="cpu"))
(tab,) = [part for part in blocks.blocks.values() if isinstance(part, gr.Tab) and part.id == "mean"]
(stage,) = [part for part in blocks.blocks.values() if getattr(part, "elem_id", "") == "mean-stage"]
(opened,) = [function for function in blocks.fns.values() if (tab._id, "select") in function.targets]
print(tab.label, opened.fn({part: part.value for part in opened.inputs})[stage])
"""


@pytest.mark.slow(6)
def test_the_documented_diff_adds_a_tab(tmp_path: Path, tiny_folder: Path) -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    (diff,) = re.findall(r"^```diff\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    assert len(re.findall(r"^\+    \(", diff, flags=re.MULTILINE)) == 1  # one line in the list
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "ganlab", copy / "ganlab", ignore=shutil.ignore_patterns("__pycache__"))
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path), "PYTHONPATH": str(copy)}
    subprocess.run(["git", "apply", "-"], cwd=copy, input=diff, text=True, check=True, env=environment)
    done = subprocess.run(
        [sys.executable, "-c", OPEN, str(tiny_folder)],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Mean <")
    assert "G(mean)" in done.stdout
    assert "data:image/png;base64," in done.stdout
    assert "data-fingerprint=" in done.stdout
