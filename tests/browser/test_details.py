"""Figures stand behind "details", which stay as the visitor left them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.gestures import Open

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect

LONG = 120_000  # ms


def test_details_stay_open_over_results_and_visits(open_page: Open) -> None:
    page = open_page()
    figures = page.locator("#reconstruct-stage details[data-name=figures]")
    error = figures.get_by_text("mean squared error per pixel")
    expect(figures).to_have_count(1, timeout=LONG)
    distance = page.locator("#reconstruct-stage .gl-tile .gl-figure").first
    repeated = figures.get_by_text("Each picture is the reconstruction of the one before")
    expect(error).to_be_hidden()
    expect(distance).to_be_hidden()
    figures.locator("summary").first.click()
    expect(error).to_be_visible()
    expect(distance).to_be_visible()
    expect(repeated).to_be_hidden()  # a failure to look at: for those who open it
    steps = figures.locator("details[data-name=repeated] .gl-tile, details[data-name=repeated] img")
    expect(steps).to_have_count(0)  # nor is it computed before
    figures.get_by_text("repeated reconstruction").first.click()
    expect(repeated).to_be_visible(timeout=LONG)
    before = steps.first.evaluate("part => part.outerHTML")
    page.locator("[data-action=example]").nth(3).click()  # another result takes its place
    expect(page.locator(".gl-now")).to_contain_text("no. 3", timeout=LONG)
    expect(error).to_be_visible(timeout=LONG)
    expect(repeated).to_be_visible(timeout=LONG)  # of the other one
    page.wait_for_function(
        """before => {
      const part = document.querySelector('#reconstruct-stage details[data-name=repeated] img');
      return part && !before.includes(part.src);
    }""",
        arg=before,
        timeout=LONG,
    )
    page.reload()
    expect(error).to_be_visible(timeout=LONG)
    figures.locator("summary").first.press("Enter")
    expect(error).to_be_hidden()
    page.locator("[data-action=example]").nth(4).click()
    expect(page.locator(".gl-now")).to_contain_text("no. 4", timeout=LONG)
    expect(figures).to_have_count(1)
    expect(error).to_be_hidden()


def test_what_is_opened_before_the_script_has_loaded_stays_open(bare_page: Any) -> None:
    page = bare_page
    scene = """async () => {
      const { watchDetails } = await import(new URL('ganlab/static/lib/details.js', document.baseURI));
      const root = document.createElement('div');
      root.innerHTML = '<details class="gl-details" data-name="scene" open></details>';
      watchDetails(root);
      root.innerHTML = '<p></p><details class="gl-details" data-name="scene"></details>';
      window.scene = root;
    }"""
    page.evaluate(scene)
    page.wait_for_function("window.scene.querySelector('details').open")


def test_the_figures_of_the_model_fit_the_window(open_page: Open) -> None:
    page = open_page(width=375)
    page.locator(".gl-about summary").click()
    table = page.locator(".gl-about dl")
    expect(table).to_be_visible()
    for width in (375, 768, 1010, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        box = table.bounding_box()
        assert box["x"] >= 0, width
        assert box["x"] + box["width"] <= width
        assert page.evaluate("document.documentElement.scrollWidth") <= width
