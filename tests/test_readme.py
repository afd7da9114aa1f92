"""The README and the documents are always true: their figures, links and commands."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from ganlab.ui.tabs import TABS
from train.report import results

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
MAX_README_LINES, MAX_TOUR_WORDS = 160, 25


def test_the_figures_of_the_readme_are_the_measured_ones() -> None:
    text = results.README.read_text(encoding="utf-8")
    assert results.update_readme(text) == text, f"{results.COMMAND} writes them anew"
    assert "<!-- models -->\n|" in text


def test_the_results_are_the_measured_ones() -> None:
    assert results.RESULTS.read_text(encoding="utf-8") == results.render(), (
        f"{results.COMMAND} writes it anew"
    )


def test_the_readme_is_one_page_and_the_tour_short() -> None:
    lines = results.README.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MAX_README_LINES
    rows = [[cell.strip() for cell in line.split("|")] for line in lines if line.startswith("| **")]
    tour = {title: text for _, title, text, _ in rows}
    assert list(tour) == [f"**{title}**" for _, title, _ in TABS]
    assert {title: n for title, text in tour.items() if (n := len(text.split())) > MAX_TOUR_WORDS} == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pictures_and_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist(page: Path) -> None:
    for module in set(re.findall(r"python -m ((?:train|tests)[\w.]*)", page.read_text(encoding="utf-8"))):
        assert importlib.util.find_spec(module.rstrip(".")), module
