"""What was kept on the shelf, and that the browser remembers it."""

from __future__ import annotations

from typing import Any

import pytest

from ganlab.explorer import Explorer
from tests.browser.test_kinds import choose
from tests.browser.test_tabs import Open, caption

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect


def keep_two(page: Any) -> Any:
    """Two examples on the shelf; their pictures there."""
    kept = page.locator(".gl-kept .gl-tile img")
    for count, (example, name) in enumerate([(2, "test 1"), (4, "test 4")], 1):
        page.locator("[data-action=example]").nth(example).click()
        expect(caption(page)).to_contain_text(name)
        page.locator(".gl-shelf [data-action=keep]").click()
        expect(kept).to_have_count(count)
    return kept


def test_the_shelf_survives_a_reload(open_page: Open, other_model: str) -> None:
    page = open_page()
    kept = keep_two(page)
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


def test_the_shelf_goes_home_as_a_file_and_comes_back(open_page: Open, other_model: str) -> None:
    page = open_page()
    kept = keep_two(page)
    faces = [one.get_attribute("src") for one in kept.all()]
    with page.expect_download() as download:
        page.get_by_role("link", name="save shelf").click()
    assert download.value.suggested_filename == "mnist-bigan-shelf.safetensors"
    file = download.value.path()
    for _ in faces:
        page.locator(".gl-drop").first.click()
    expect(kept).to_have_count(0)
    page.locator(".gl-load").set_input_files(file)
    expect(kept).to_have_count(2)
    assert [one.get_attribute("src") for one in kept.all()] == faces
    shelf = page.locator(".gl-shelf")
    page.locator(".gl-load").set_input_files({"name": "x", "mimeType": "text/plain", "buffer": b"no shelf"})
    expect(shelf).to_contain_text("This file is no shelf")
    choose(page, other_model, "Other · MNIST")
    page.locator(".gl-load").set_input_files(file)
    expect(shelf).to_contain_text("This shelf belongs to the model mnist-bigan")
    expect(kept).to_have_count(2)


@pytest.mark.parametrize("text", ["not JSON", '{"z": 1}', '[{"z": [1, 2]}]', "[1]", '[{"z": "x"}]'])
def test_a_shelf_that_was_tampered_with_is_left_alone(open_page: Open, bundled: Explorer, text: str) -> None:
    page = open_page()
    key = f"ganlab/shelf/{bundled.fingerprint}"
    page.evaluate("([key, text]) => localStorage.setItem(key, text)", [key, text])
    page.reload()
    page.locator(".gl-shelf [data-action=keep]").click()
    expect(page.locator(".gl-kept .gl-tile")).to_have_count(1)
    expect(page.locator(".gl-notice")).to_have_count(0)
