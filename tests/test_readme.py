"""The README is always true."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from train.report.results import README, renewed

MARKED = (
    r"<!-- (?P<kind>figures|models|table|split|ablation|real_world|outliers|inversion)(?P<rest>\b.*?) -->"
)
ROOT = Path(__file__).parents[1]


def test_its_figures_are_the_measured_ones() -> None:
    text = README.read_text(encoding="utf-8")
    assert renewed(text) == text, "python -m train.readme writes them anew"
    kinds = [f"{match['kind']}{match['rest']}" for match in re.finditer(MARKED, text)]
    assert {"figures: mnist-bigan-plus", "figures: mnist-bigan", "models", "table", "split"} <= set(kinds)
    for kind in kinds:
        assert f"<!-- {kind} -->\n|" in text, kind


def test_its_pictures_and_links_are_there() -> None:
    text = README.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
        assert (ROOT / target).is_file(), target


def test_its_commands_exist() -> None:
    text = README.read_text(encoding="utf-8")
    for module in set(re.findall(r"python -m ((?:train|tests)[\w.]*)", text)):
        assert importlib.util.find_spec(module), module
