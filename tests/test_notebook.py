"""The notebook runs, shows what is stored in it, uses ganlab alone, and is short enough to read."""

from __future__ import annotations

import base64
import copy
import io
from typing import Any

import nbformat
import pytest
from PIL import Image, ImageOps

from ganlab import images
from tests import notebook

MAX_BYTES = 200_000
MAX_TEXT = 500  # characters that a cell prints
ALLOWED = {"csv", "ganlab", "numpy", "pathlib", "tempfile", "torch"}


@pytest.fixture(scope="module")
def stored() -> Any:
    return nbformat.read(notebook.NOTEBOOK, as_version=4)


@pytest.mark.slow(10)
def test_a_fresh_kernel_shows_what_is_stored(stored: Any) -> None:
    assert notebook.compare(stored, notebook.execute()) == [], "python -m tests.notebook writes it anew"


def test_other_outputs_are_noticed(stored: Any) -> None:
    assert notebook.compare(stored, stored) == []
    text, number, picture, mirrored, fewer = (copy.deepcopy(stored) for _ in range(5))
    shows = [index for index, cell in enumerate(stored.cells) if cell.get("outputs")]
    text.cells[shows[0]].outputs[0].text += "more"
    error = next(i for i in shows if "error 0." in stored.cells[i].outputs[0].get("text", ""))
    number.cells[error].outputs[0].text = stored.cells[error].outputs[0].text.replace("error 0.", "error 1.")
    drawn = [i for i in shows if "data" in stored.cells[i].outputs[-1]]
    first, last = (stored.cells[i].outputs[-1].data for i in (drawn[0], drawn[-1]))
    picture.cells[drawn[-1]].outputs[-1].data["image/png"] = first["image/png"]
    assert first["image/png"] != last["image/png"]
    image = Image.open(io.BytesIO(base64.b64decode(last["image/png"])))
    content = base64.b64encode(images.encode_png(ImageOps.mirror(image))).decode()
    mirrored.cells[drawn[-1]].outputs[-1].data["image/png"] = content
    fewer.cells[shows[0]].outputs = []
    for changed in (text, number, picture, mirrored, fewer):
        assert len(notebook.compare(stored, changed)) == 1
    near = copy.deepcopy(stored)
    near.cells[error].outputs[0].text = stored.cells[error].outputs[0].text.replace("0.0014", "0.00141")
    assert notebook.compare(stored, near) == []


def test_it_is_executed_short_and_needs_nothing_else(stored: Any) -> None:
    assert notebook.NOTEBOOK.stat().st_size < MAX_BYTES
    code = [cell for cell in stored.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    printed = [output.text for cell in code for output in cell.outputs if output.output_type == "stream"]
    assert max(map(len, printed)) < MAX_TEXT
    imported = {
        line.split()[1].split(".")[0]
        for cell in code
        for line in cell.source.splitlines()
        if line.startswith(("import ", "from "))
    }
    assert imported <= ALLOWED
    for index, cell in enumerate(stored.cells):
        if cell.cell_type == "code":  # a few lines of explanation before each
            assert stored.cells[index - 1].cell_type == "markdown"
            assert len(cell.source.splitlines()) <= 18
