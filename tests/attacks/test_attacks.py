"""The short form of each attack, and the frame in which they stand."""

from __future__ import annotations

import importlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.attacks import APART, ATTACKS, figures
from tests.attacks.figures import PAGE, Figure, at_most
from tests.attacks.server import ROOT, sharing

PRESENT = [name for name in ATTACKS if (ROOT / "tests" / "attacks" / f"{name}.py").is_file()]


def list_failures(name: str) -> list[str]:
    """What did not hold in the short form of an attack."""
    attack = importlib.import_module(f"tests.attacks.{name}").attack
    with ThreadPoolExecutor(1) as thread:  # a test of before may have left an event loop in this one
        figures = thread.submit(attack, short=True).result()
    return [f"{name}: {figure}" for figure in figures if not figure.ok]


@pytest.mark.slow(25)
def test_the_server_holds() -> None:
    """One test, so that they share one server."""
    with sharing():
        failures = [line for name in PRESENT if name not in APART for line in list_failures(name)]
    assert not failures, "\n".join(failures)


@pytest.mark.slow(6)
@pytest.mark.parametrize("name", [name for name in PRESENT if name in APART])
def test_what_needs_no_server_holds(name: str) -> None:
    assert not (failures := list_failures(name)), "\n".join(failures)


def test_figures_are_written_into_their_place() -> None:
    table = figures.write_table(
        [at_most("growth", 512.4, "MB", 300), Figure("refused", "420 of 420")], "command"
    )
    assert "| growth | 512 MB | 300 | **no** |\n| refused | 420 of 420 |  | yes |" in table
    page = "<!-- load -->\nold\n<!-- end -->\n<!-- hub -->\nold\n<!-- end -->\n"
    assert figures.update_page(page, "hub", "new\n") == page.replace("hub -->\nold", "hub -->\nnew")
    with pytest.raises(ValueError, match="<!-- doors -->"):
        figures.update_page(page, "doors", "new\n")


def test_the_page_has_a_place_for_each() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in ATTACKS:
        assert figures.update_page(text, name, "")
