"""What was kept on the shelf, and that the browser remembers it."""

from __future__ import annotations

import pytest

from ganlab.explorer import Explorer
from tests.browser.test_kinds import choose
from tests.browser.test_tabs import Open, caption

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect


def test_the_shelf_survives_a_reload(open_page: Open, other_model: str) -> None:
    page = open_page()
    for example in (2, 4):
        page.locator("[data-action=example]").nth(example).click()
        page.locator(".gl-shelf [data-action=keep]").click()
    kept = page.locator(".gl-kept .gl-tile img")
    expect(kept).to_have_count(2)
    faces = [one.get_attribute("src") for one in kept.all()]
    page.reload()
    expect(kept).to_have_count(2)
    assert [one.get_attribute("src") for one in kept.all()] == faces
    page.locator(".gl-kept .gl-tile").first.click()
    expect(caption(page)).to_contain_text("test 1")
    page.get_by_role("button", name="Drop test 1").click()
    expect(kept).to_have_count(1)
    page.reload()
    expect(kept).to_have_count(1)
    expect(kept).to_have_attribute("src", str(faces[1]))
    # Another checkpoint has a shelf of its own; what lies on this one came along.
    choose(page, other_model, "Other · MNIST")
    expect(kept).not_to_have_attribute("src", str(faces[1]))
    page.reload()
    expect(kept).to_have_attribute("src", str(faces[1]))


@pytest.mark.parametrize("text", ["not JSON", '{"z": 1}', '[{"z": [1, 2]}]', "[1]", '[{"z": "x"}]'])
def test_a_shelf_that_was_tampered_with_is_left_alone(open_page: Open, bundled: Explorer, text: str) -> None:
    page = open_page()
    key = f"ganlab/shelf/{bundled.fingerprint}"
    page.evaluate("([key, text]) => localStorage.setItem(key, text)", [key, text])
    page.reload()
    page.locator(".gl-shelf [data-action=keep]").click()
    expect(page.locator(".gl-kept .gl-tile")).to_have_count(1)
    expect(page.locator(".gl-notice")).to_have_count(0)
