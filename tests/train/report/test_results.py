"""What is put between the README's marks, and that nothing else of it is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from ganlab.hub import CHECKPOINTS, list_models
from ganlab.model import read_metrics
from train.report import results

TEXT = """# Title

<!-- table -->
old
<!-- end -->

Between. <!-- other --> kept <!-- end -->

<!-- split -->
<!-- end -->

After. <!-- end -->
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(results, "TABLE", tmp_path / "table")
    monkeypatch.setattr(results, "README", tmp_path / "README.md")
    (tmp_path / "table").mkdir()
    return tmp_path


def test_only_what_is_between_the_marks_is_replaced(here: Path) -> None:
    (here / "table" / "table.md").write_text("| new |\n")
    (here / "table" / "split.md").write_text("| set aside |\n")
    (here / "README.md").write_text(TEXT)
    results.write()
    once = (here / "README.md").read_text()
    assert once == TEXT.replace("old\n", "| new |\n").replace("split -->\n", "split -->\n| set aside |\n")
    results.write()
    assert (here / "README.md").read_text() == once


def test_a_page_that_was_not_made_leaves_its_place_empty(here: Path) -> None:
    assert results.renewed(TEXT) == TEXT.replace("old\n", "")
    assert results.renewed("No marks. <!-- end -->\n") == "No marks. <!-- end -->\n"


def test_without_a_readme_none_is_made(here: Path) -> None:
    results.write()
    assert not (here / "README.md").exists()


def test_a_checkpoints_figures_say_where_they_are_from() -> None:
    text = results.renewed("<!-- figures: mnist-bigan --><!-- end -->")
    found = read_metrics(CHECKPOINTS / "mnist-bigan")
    assert f"{100 * found['one_nn']['features']['accuracy']:.2f} ±" in text
    assert f"`python -m train.evaluate mnist-bigan` on {found['evaluation']['date']}" in text


def test_the_list_names_every_checkpoint_with_its_figures() -> None:
    lines = results.models().splitlines()
    names = list_models()
    assert len(lines) == 2 + len(names)
    for name, line in zip(names, lines[2:], strict=True):
        found = read_metrics(CHECKPOINTS / name)
        assert f"[`{name}`](checkpoints/{name}/README.md)" in line
        assert f"{found['training']['epochs']} epochs" in line
        if "reconstruction" in found:
            assert f"| {found['reconstruction']['mse']:.4f} |" in line
        if "mixture" in found.get("frechet", {}):
            assert "| {mixture:.3f} (prior: {distance:.2f}) |".format(**found["frechet"]) in line
        elif "frechet" in found:
            assert f"| {found['frechet']['distance']:.2f} |" in line
