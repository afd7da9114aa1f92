"""A descent in Reconstruct: shown as it goes, stopped within a step, and others are answered meanwhile."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from ganlab import inversion
from ganlab.ui.tabs.reconstruct import refine
from tests.browser.gestures import Open, caption, choose_model, tab

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect


def test_a_reconstruction_is_improved_before_the_eyes(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page()
    refined = page.locator("#refine")
    page.locator("[data-action=example]").nth(8).click()
    expect(caption(page)).to_contain_text("test 5")
    refined.get_by_role("button", name="improve by optimisation").click()
    use = refined.get_by_role("button", name="make it current")
    expect(use).to_be_visible()
    expect(refined.locator(".gl-card img")).to_have_count(2)
    start, end = (float(number) for number in re.findall(r"0\.\d{4}", refined.inner_text())[:2][::-1])
    assert end < start
    use.click()
    expect(caption(page)).to_contain_text("optimised from test 5")
    # the stage still shows what it came of, and another picture puts it away
    expect(page.locator("#reconstruct-stage")).to_contain_text("looks like")
    page.locator("[data-action=example]").nth(3).click()
    expect(refined.get_by_role("button", name="improve by optimisation")).to_be_visible()
    expect(refined.locator("img")).to_have_count(0)


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> list[threading.Event]:
    """Makes descents go on until they are told to end: an event for each that began, set at its end."""
    descents: list[threading.Event] = []
    refinements = refine.refinements

    def watch(*arguments: Any) -> Iterator[refine.Refinement]:
        ended = threading.Event()
        descents.append(ended)
        try:
            yield from refinements(*arguments)
        finally:
            ended.set()

    monkeypatch.setattr(refine, "refinements", watch)
    monkeypatch.setattr(refine, "STEPS", {"hybrid": 1_000_000, "optimise": 1_000_000})
    monkeypatch.setattr(inversion, "TOLERANCE", -1.0)  # it never has enough
    return descents


def start_descent(page: Any, name: str = "improve by optimisation") -> Any:
    """The optimised card, once it shows the descent's steps."""
    refined = page.locator("#refine")
    refined.get_by_role("button", name=name).click()
    expect(refined.locator("progress")).to_be_visible()
    return refined


def test_a_descent_is_stopped_by_hand_by_another_picture_and_by_another_model(
    open_page: Open, endless: list[threading.Event], other_model: str
) -> None:
    page = open_page()
    refined = start_descent(page)
    refined.get_by_role("button", name="stop").click()
    expect(refined.get_by_role("button", name="again")).to_be_visible()
    expect(refined.locator("progress")).to_have_count(0)
    assert endless[0].wait(300)
    start_descent(page, "again")  # at once: what was stopped is over when it appears
    page.locator("[data-action=example]").nth(3).click()
    expect(refined.get_by_role("button", name="improve by optimisation")).to_be_visible()
    assert endless[1].wait(300)
    page.locator(".gl-shelf [data-action=keep]").click()  # an answer that comes after all of the descent's
    expect(page.locator(".gl-kept .gl-tile")).to_have_count(1)
    expect(refined.get_by_role("button", name="improve by optimisation")).to_be_visible()
    assert len(endless) == 2
    _a_descent_ends_when_another_model_is_chosen(page, endless, other_model)


def _a_descent_ends_when_another_model_is_chosen(
    page: Any, endless: list[threading.Event], other_model: str
) -> None:
    refined = start_descent(page)
    tab(page, "Sample")
    choose_model(page, other_model)
    assert endless[-1].wait(300)
    expect(page.locator(".gl-facts")).to_contain_text("Other · MNIST")
    tab(page, "Reconstruct")
    expect(refined.get_by_role("button", name="improve by optimisation")).to_be_visible()


def test_a_descent_ends_when_its_visitor_leaves(
    browser: Any, server: str, endless: list[threading.Event]
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(server)
    start_descent(page)
    context.close()
    assert endless[0].wait(300)


def test_others_are_answered_while_a_descent_runs(open_page: Open, endless: list[threading.Event]) -> None:
    busy, other = open_page(), open_page()
    refined = start_descent(busy)
    for example, name in ((3, "(no. 3)"), (4, "(no. 4)")):
        other.locator("[data-action=example]").nth(example).click()
        expect(caption(other)).to_contain_text(name)
    assert not endless[0].is_set()
    refined.get_by_role("button", name="stop").click()
    assert endless[0].wait(300)
