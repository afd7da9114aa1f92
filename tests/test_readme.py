"""The README is always true."""

from __future__ import annotations

import re
from pathlib import Path

from train.card import PROJECT_README, with_figures
from train.table import with_table

ROOT = Path(__file__).parents[1]


def test_its_figures_are_the_measured_ones() -> None:
    text = PROJECT_README.read_text(encoding="utf-8")
    assert with_figures(text) == text, "python -m train.card writes them anew"
    assert "1NN, features" in text


def test_its_table_is_the_one_that_was_made() -> None:
    text = PROJECT_README.read_text(encoding="utf-8")
    assert with_table(text) == text, "python -m train.evaluate --table writes it anew"


def test_its_pictures_and_links_are_there() -> None:
    text = PROJECT_README.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
        assert (ROOT / target).is_file(), target


def test_its_commands_exist() -> None:
    text = PROJECT_README.read_text(encoding="utf-8")
    for module in set(re.findall(r"python -m ((?:train|tests)[\w.]*)", text)):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module
