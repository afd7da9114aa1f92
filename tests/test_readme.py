"""The README and docs/results.md are always true: their commands would write the same today."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from train.report import results

ROOT = Path(__file__).parents[1]
PAGES = [results.README, results.RESULTS]


def test_the_figures_of_the_readme_are_the_measured_ones() -> None:
    text = results.README.read_text(encoding="utf-8")
    assert results.update_readme(text) == text, f"{results.COMMAND} writes them anew"
    assert "<!-- models -->\n|" in text


def test_the_results_are_the_measured_ones() -> None:
    assert results.RESULTS.read_text(encoding="utf-8") == results.render(), (
        f"{results.COMMAND} writes it anew"
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pictures_and_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist(page: Path) -> None:
    for module in set(re.findall(r"python -m ((?:train|tests)[\w.]*)", page.read_text(encoding="utf-8"))):
        assert importlib.util.find_spec(module.rstrip(".")), module
