"""Latents that the studio sends to Python while answers are late: none that the person moved to is lost."""

from __future__ import annotations

import itertools
import json
from types import SimpleNamespace
from typing import Any

import pytest

from ganlab.ui import call
from tests.browser.gestures import Open, caption, tab
from tests.browser.test_studio import is_move, sliders, studio

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect


def test_answers_that_are_late_or_overtaken_still_count(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = studio(open_page)
    _a_move_counts_while_the_one_before_is_being_answered(page)
    # A redraw that began before the sample was drawn, and took longer, would look newer by its own time.
    clock = itertools.count(0, -1)
    monkeypatch.setattr(call, "time", SimpleNamespace(time=lambda: next(clock)))
    page.keyboard.press("n")
    expect(page.locator(".gl-stage figcaption")).to_contain_text("sample 0 of seed")


def _a_move_counts_while_the_one_before_is_being_answered(page: Any) -> None:
    held: list[Any] = []

    def hold_the_first(route: Any) -> None:
        if is_move(route.request) and not held:
            held.append((route, route.fetch()))
        else:
            route.continue_()

    page.route("**/gradio_api/run/predict**", hold_the_first)
    with page.expect_request(is_move):
        sliders(page).first.fill("1")
    sliders(page).first.fill("2")
    while not held:
        page.evaluate("() => new Promise(requestAnimationFrame)")
    with page.expect_request(is_move) as request:
        (route, answer) = held[0]
        route.fulfill(response=answer)
    key = json.loads(request.value.post_data)["event_data"]["key"]
    assert key in request.value.response().text()  # Python took the second
    expect(caption(page)).to_contain_text("moved from test 7")
    page.unroute_all()


def test_a_slider_moved_before_the_tab_is_redrawn_keeps_its_offset(open_page: Open) -> None:
    page = open_page()
    page.locator("[data-action=example]").nth(4).click()
    expect(caption(page)).to_contain_text("test 4")
    held: list[Any] = []

    def hold_the_redraw(route: Any) -> None:
        answer = route.fetch()
        if not is_move(route.request) and not held and b'"fingerprint"' in answer.body():
            held.append((route, answer))
        else:
            route.fulfill(response=answer)

    page.route("**/gradio_api/run/predict**", hold_the_redraw)
    tab(page, "Latent")
    slider = sliders(page).first
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    route, answer = held[0]
    route.fulfill(response=answer)
    expect(caption(page)).to_contain_text("moved from test 4")
    expect(slider).to_have_value("0.1")
    expect(slider).to_be_focused()
