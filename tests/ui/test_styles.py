"""The style sheets: colours have names that stand in one spot, and no text is smaller than can be read."""

from __future__ import annotations

import re

import pytest

from ganlab.ui.html.markup import STATIC

SHEETS = sorted(STATIC.glob("*.css"))
COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}\b(?=[^{}]*})|\b(?:rgb|hsl|oklch)a?\(")
MIN_SIZE = 12  # px


def read_rules(name: str) -> str:
    """A sheet without its comments and without the blocks at its top that give colours their names."""
    text = re.sub(r"/\*.*?\*/", "", (STATIC / name).read_text(encoding="utf-8"), flags=re.DOTALL)
    return text.partition(".gradio-container .main")[2] if name == "app.css" else text


@pytest.mark.parametrize("name", [sheet.name for sheet in SHEETS])
def test_colours_are_those_of_the_first_sheet(name: str) -> None:
    assert COLOUR.findall(read_rules(name)) == []
    defined = set(re.findall(r"(--gl-[\w-]+):", (STATIC / "app.css").read_text(encoding="utf-8")))
    used = set(re.findall(r"var\((--gl-[\w-]+)", read_rules(name)))
    assert used <= defined, used - defined


@pytest.mark.parametrize("name", [sheet.name for sheet in SHEETS])
def test_rules_for_some_screens_match_behind_gradios_prefix(name: str) -> None:
    """Inside @media Gradio leaves only selectors that begin with its own container."""
    blocks = re.findall(r"@media[^{]*\{((?:[^{}]*\{[^{}]*\})*)[^{}]*\}", read_rules(name))
    selectors = "".join(re.sub(r"\{[^{}]*\}", ";", block) for block in blocks)
    outside = re.findall(r"\.gradio-container|\.main\b|(?<![\w.#-])(?:html|body|:root)\b", selectors)
    assert not outside, outside


@pytest.mark.parametrize("name", [sheet.name for sheet in SHEETS])
def test_no_text_is_smaller_than_can_be_read(name: str) -> None:
    sizes = re.findall(r"font(?:-size)?:[^;}]*?\b([\d.]+)px", read_rules(name))
    assert all(float(size) >= MIN_SIZE for size in sizes), sizes


def test_labels_on_canvases_are_no_smaller() -> None:
    scripts = "".join(path.read_text(encoding="utf-8") for path in STATIC.rglob("*.js"))
    sizes = re.findall(r"font: `[^`]*?\$\{([\d.]+) \*", scripts)
    assert sizes
    assert min(map(float, sizes)) >= MIN_SIZE
