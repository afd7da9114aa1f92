"""What a newcomer sees: each tab's first line with its next step, and words that lead to their meaning."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.gestures import Open

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect

WALK = (  # from each tab to the next, by the step that its first line offers
    ("Latent", "Drag a slider and this digit changes"),
    ("Interpolate", "Press play: A turns into B"),
    ("Map", "Point to look, click to take"),
    ("Latent", "Drag a slider and this digit changes"),
)


def first_line(page: Any) -> Any:
    return page.locator("#tabs .gl-promise:visible")


def test_the_first_line_says_what_happened_and_leads_on(open_page: Open) -> None:
    page = open_page()
    expect(first_line(page)).to_contain_text("It comes back as a 7; the difference is")
    for name, text in WALK:
        first_line(page).locator(".gl-step").click()
        expect(first_line(page)).to_contain_text(text)
        expect(page.get_by_role("tab", name=name)).to_be_focused()
    first_line(page).get_by_role("link", name="latent").press("Enter")
    entry = page.locator("#word-latent")
    expect(entry).to_be_focused()
    expect(entry).to_be_in_viewport()
    expect(page.get_by_role("tab", name="Methods")).to_have_attribute("aria-selected", "true")
