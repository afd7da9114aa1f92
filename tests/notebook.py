"""python -m tests.notebook: execute examples/explore.ipynb and store what it shows in it."""

from __future__ import annotations

import asyncio
import base64
import io
import os
import re
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "examples" / "explore.ipynb"
TIMEOUT = 300  # seconds for a cell; all of them take a few
TOLERANCE = 0.02  # relative, of numbers in text
MAX_GAP = 3.0  # between pixels of 0 to 255, on average
NUMBER = re.compile(r"\d+\.\d+")


def execute(path: Path = NOTEBOOK) -> Any:
    """The notebook as a fresh kernel, started in its folder, leaves it: without times and other traces."""
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(path.parent)}}
    with tempfile.TemporaryDirectory() as scratch:
        transport = "ipc" if os.name == "posix" else "tcp"  # by sockets of its own: no port is taken
        kernel = AsyncKernelManager(
            kernel_name="python3", transport=transport, connection_file=str(Path(scratch, "kernel.json"))
        )
        client = NotebookClient(notebook, kernel, timeout=TIMEOUT, record_timing=False, resources=resources)
        with ThreadPoolExecutor(1) as thread:  # a test of before may have left an event loop in this one
            thread.submit(asyncio.run, client.async_execute(cleanup_kc=True)).result()
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            output.get("data", {}).pop("image/jpeg", None)  # PIL offers it beside the PNG
    notebook.metadata.pop("widgets", None)
    notebook.metadata.language_info = {"name": "python"}
    return notebook


def compare(stored: Any, fresh: Any) -> list[str]:
    """Where the outputs of two notebooks differ by more than rounding on another machine does."""
    problems = []
    for number, (a, b) in enumerate(zip(stored.cells, fresh.cells, strict=True)):
        before, after = a.get("outputs", []), b.get("outputs", [])
        if [output.output_type for output in before] != [output.output_type for output in after]:
            problems.append(f"cell {number} shows {len(after)} things, not {len(before)}, or of other kinds")
            continue
        problems += [
            f"cell {number}: {difference}"
            for pair in zip(before, after, strict=True)
            if (difference := _compare_outputs(*pair))
        ]
    return problems


def _compare_outputs(before: Any, after: Any) -> str:
    if before.output_type == "stream":
        return "" if _are_close(before.text, after.text) else f"{after.text!r}, not {before.text!r}"
    if "image/png" not in before.data:
        same = _are_close(before.data["text/plain"], after.data["text/plain"])
        return "" if same else f"{after.data['text/plain']}, not {before.data['text/plain']}"
    a, b = (_read_pixels(output.data["image/png"]) for output in (before, after))
    if a.shape != b.shape:
        return f"a picture of {b.shape}, not {a.shape}"
    gap = float(np.abs(a - b).mean())
    return f"pixels differ by {gap:.1f} on average" if gap > MAX_GAP else ""


def _are_close(before: str, after: str) -> bool:
    """Whether two texts are the same but for the last digits of decimal numbers."""
    numbers = zip(NUMBER.findall(before), NUMBER.findall(after), strict=False)
    same = NUMBER.sub("#", before) == NUMBER.sub("#", after)
    return same and all(abs(float(a) - float(b)) <= TOLERANCE * max(abs(float(a)), 0.01) for a, b in numbers)


def _read_pixels(text: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))).astype(int)


if __name__ == "__main__":
    nbformat.write(execute(), NOTEBOOK)
    print(f"wrote {NOTEBOOK.relative_to(ROOT)}")
