"""docs/results.md and the table of the README show what is stored, and no other line changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ganlab.hub import CHECKPOINTS, list_models
from ganlab.model import read_metrics
from train.measure import MEASUREMENTS
from train.report import results
from train.report.__main__ import main

TEXT = """# Title

<!-- models -->
old
<!-- end -->

Between. <!-- other --> kept <!-- end -->

After. <!-- end -->
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(results, "PAGES", tmp_path / "table")
    monkeypatch.setattr(results, "README", tmp_path / "README.md")
    monkeypatch.setattr(results, "RESULTS", tmp_path / "docs" / "results.md")
    return tmp_path


def test_only_the_table_of_the_readme_is_replaced(here: Path) -> None:
    (here / "README.md").write_text(TEXT)
    assert main([]) == 0
    once = (here / "README.md").read_text()
    assert once == TEXT.replace("old", results.format_models("checkpoints"))
    assert main([]) == 0
    assert (here / "README.md").read_text() == once
    assert results.update_readme("No marks. <!-- end -->\n") == "No marks. <!-- end -->\n"


def test_without_a_readme_none_is_written(here: Path) -> None:
    results.write()
    assert not (here / "README.md").exists()
    assert (here / "docs" / "results.md").is_file()


def test_pages_of_studies_are_shown_where_there_are_some(here: Path) -> None:
    assert "The paper's split" not in results.render()
    results.write_page("split", "| set aside |")
    assert (here / "table" / "split.md").read_text() == "| set aside |\n"
    assert (here / "docs" / "results.md").read_text().endswith("\n\n| set aside |\n")


def test_a_checkpoints_figures_say_where_they_are_from() -> None:
    text = results.format_checkpoint("mnist-bigan")
    metrics = read_metrics(CHECKPOINTS / "mnist-bigan")
    assert f"{100 * metrics['one_nn']['features']['accuracy']:.2f} ±" in text
    assert f"`python -m train.evaluate mnist-bigan` on {metrics['evaluation']['date']}" in text


def test_every_measurement_with_a_table_has_a_section_that_names_its_models() -> None:
    page = results.render()
    for m in MEASUREMENTS:
        models = [name for name in list_models() if m.key in read_metrics(CHECKPOINTS / name)]
        if m.compare is not None and models:
            assert f"\n## {m.title}\n" in page
            assert f"`python -m train.{m.command} {' '.join(models)}`" in page


def test_the_list_names_every_checkpoint_with_its_figures() -> None:
    lines = results.format_models("folder").splitlines()
    names = list_models()
    assert len(lines) == 2 + len(names)
    for name, line in zip(names, lines[2:], strict=True):
        metrics = read_metrics(CHECKPOINTS / name)
        assert f"[`{name}`](folder/{name}/README.md)" in line
        assert f"{metrics['training']['epochs']} epochs" in line
        if "reconstruction" in metrics:
            assert f"| {metrics['reconstruction']['mse']:.4f} |" in line
        if "mixture" in metrics.get("frechet", {}):
            assert "| {mixture:.3f} (prior: {distance:.2f}) |".format(**metrics["frechet"]) in line
        elif "frechet" in metrics:
            assert f"| {metrics['frechet']['distance']:.2f} |" in line
