"""Contact sheets: what they show, and that they show the same every time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import ganlab
from ganlab import images
from ganlab.explorer import Explorer
from ganlab.gallery import GALLERIES, load_pictures
from train.report import sheets


@pytest.fixture(scope="module")
def explorer() -> Explorer:
    return ganlab.load("mnist-bigan")


def contains(sheet: Image.Image, block: Image.Image) -> bool:
    """Whether the block lies somewhere in the sheet, whose blocks begin at the left margin."""
    page, part = np.asarray(sheet), np.asarray(block)
    rows = range(page.shape[0] - part.shape[0] + 1)
    width = slice(sheets.MARGIN, sheets.MARGIN + part.shape[1])
    return any(np.array_equal(page[row : row + part.shape[0], width], part) for row in rows)


def test_samples_are_the_first_of_the_seed(explorer: Explorer) -> None:
    pictures = explorer.decode(explorer.sample(64, 0))
    block = images.draw_grid(pictures, 8, sheets.SCALE, 1)
    assert contains(sheets.draw_samples(explorer), block)
    other = images.draw_grid(explorer.decode(explorer.sample(64, 1)), 8, sheets.SCALE, 1)
    assert not contains(sheets.draw_samples(explorer), other)


def test_paths_are_twelve_of_eleven_between_different_classes(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    strips: list[sheets.Strip] = []
    monkeypatch.setattr(sheets, "draw_sheet", lambda lines, rows: strips.extend(row[0] for row in rows))
    test = load_pictures(GALLERIES / "mnist" / "test.npz")
    sheets.draw_paths(explorer, test)
    assert [len(strip.pictures) for strip in strips] == [11] * 12
    captions = [strip.caption for strip in strips]
    assert captions[0] == f"from {test.labels[0]} to {test.labels[1]}"
    assert all(caption[5] != caption[-1] for caption in captions)
    x = test.inputs(slice(0, 2))
    ends = torch.stack([strips[0].pictures[0], strips[0].pictures[-1]])
    torch.testing.assert_close(ends, explorer.reconstruct(x), atol=1e-5, rtol=0)


def test_sliders_pass_through_the_reconstruction(explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[list[sheets.Strip]] = []
    monkeypatch.setattr(sheets, "draw_sheet", lambda lines, strips: rows.extend(strips))
    test = load_pictures(GALLERIES / "mnist" / "test.npz")
    sheets.draw_sliders(explorer, test)
    labels = [int(label) for label in dict.fromkeys(test.labels.tolist())][:3]
    first = test.inputs(torch.tensor([int((test.labels == label).nonzero()[0]) for label in labels]))
    again = explorer.reconstruct(first)
    for row in rows:
        for strip, middle in zip(row, again, strict=True):
            assert len(strip.pictures) == 7
            torch.testing.assert_close(strip.pictures[3], middle, atol=1e-5, rtol=0)
    kinds = {strip.caption.split(":")[0] for row in rows for strip in row}
    assert kinds == {kind for kind in sheets.KINDS if kind in explorer.directions.kinds}
    classes = [row for row in rows if row[0].caption.startswith("classes")]
    for row in classes:
        for label, strip in zip(labels, row, strict=True):
            assert strip.caption.startswith(f"classes: from {label} ")


def test_the_command_writes_what_a_model_can_show(
    gan_model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sheets.main([gan_model, "--out", str(tmp_path / "new")]) == 0
    (written,) = (tmp_path / "new").iterdir()
    assert capsys.readouterr().out.strip() == str(written)
    assert written.name.endswith("-samples.png")
    once = written.read_bytes()
    assert sheets.main([gan_model, "--out", str(tmp_path / "new")]) == 0
    assert written.read_bytes() == once
