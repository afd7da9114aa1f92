"""Figures stand behind "details", which stay as the visitor left them."""

from __future__ import annotations

import pytest

from tests.browser.test_tabs import Open

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect

LONG = 60_000  # ms


def test_details_stay_open_over_results_and_visits(open_page: Open) -> None:
    page = open_page()
    figures = page.locator("#reconstruct-stage details.gl-details")
    error = figures.get_by_text("mean squared error per pixel")
    expect(figures).to_have_count(1, timeout=LONG)
    expect(error).to_be_hidden()
    figures.locator("summary").click()
    expect(error).to_be_visible()
    page.locator("[data-action=example]").nth(3).click()  # another result takes its place
    expect(page.locator(".gl-now")).to_contain_text("no. 3", timeout=LONG)
    expect(error).to_be_visible(timeout=LONG)
    page.reload()
    expect(error).to_be_visible(timeout=LONG)
    figures.locator("summary").press("Enter")
    expect(error).to_be_hidden()
    page.locator("[data-action=example]").nth(4).click()
    expect(page.locator(".gl-now")).to_contain_text("no. 4", timeout=LONG)
    expect(figures).to_have_count(1)
    expect(error).to_be_hidden()
