"""What was kept on the shelf, and that the browser remembers it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ganlab.explorer import Explorer
from tests.browser.gestures import Open, caption, tab
from tests.browser.test_kinds import choose
from tests.conftest import CHANGE, untrained_model

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect

OUTSIDE = "https://outside.invalid"
# What a text would bring that reached the page as HTML; `blocked` gets what the policy stopped, `injected`
# what ran.
INJECT = """(outside) => {
  window.blocked = [];
  window.injected = [];
  document.addEventListener('securitypolicyviolation', (event) => {
    window.blocked.push(`${event.effectiveDirective} ${event.blockedURI}`);
  });
  const [inline, fetched] = ['script', 'script'].map((name) => document.createElement(name));
  inline.textContent = 'window.injected.push("inline")';
  fetched.src = `${outside}/x.js`;
  const button = document.createElement('button');
  button.setAttribute('onclick', 'window.injected.push("handler")');
  const picture = document.createElement('img');
  picture.src = `${outside}/x.png`;
  const injected = [inline, fetched, button, picture];
  document.body.append(...injected);
  button.click();
  for (const each of injected) each.remove();
}"""


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
    faces = [picture.get_attribute("src") for picture in kept.all()]
    page.reload()
    expect(kept).to_have_count(2)
    assert [picture.get_attribute("src") for picture in kept.all()] == faces
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
    page.goto(page.url.split("?")[0])
    expect(kept).to_have_attribute("src", str(faces[1]))


def test_two_tabs_share_one_shelf(open_page: Open, server: str) -> None:
    page = open_page()
    kept = keep_two(page)
    second = page.context.new_page()
    second.goto(server)
    there = second.locator(".gl-kept .gl-tile img")
    expect(there).to_have_count(2)
    second.locator("[data-action=example]").nth(6).click()
    expect(caption(second)).to_contain_text("test 4")
    second.locator(".gl-shelf [data-action=keep]").click()
    expect(kept).to_have_count(3)  # by itself
    page.get_by_role("button", name="Drop test 1").click()
    expect(there).to_have_count(2)
    second.locator("[data-action=example]").nth(0).click()
    expect(caption(second)).to_contain_text("test 7")
    second.locator(".gl-shelf [data-action=keep]").click()
    expect(kept).to_have_count(3)
    captions = [
        [tile.get_attribute("title") for tile in each.locator(".gl-kept .gl-tile").all()]
        for each in (page, second)
    ]
    assert captions[0] == captions[1]
    assert not [title for title in captions[0] if "test 1 " in str(title)]  # what was dropped stays away
    second.close()


def test_the_shelf_goes_home_as_a_file_and_comes_back(open_page: Open, other_model: str) -> None:
    page = open_page()
    kept = keep_two(page)
    faces = [picture.get_attribute("src") for picture in kept.all()]
    with page.expect_download() as download:
        page.get_by_role("link", name="save shelf").click()
    assert download.value.suggested_filename == "mnist-bigan-shelf.safetensors"
    file = download.value.path()
    for left in (1, 0):
        page.locator(".gl-drop").first.click()
        expect(kept).to_have_count(left)
    page.locator(".gl-load").set_input_files(file)
    expect(kept).to_have_count(2)
    assert [picture.get_attribute("src") for picture in kept.all()] == faces
    shelf = page.locator(".gl-shelf")
    page.locator(".gl-load").set_input_files({"name": "x", "mimeType": "text/plain", "buffer": b"no shelf"})
    expect(shelf).to_contain_text("This file is no shelf")
    choose(page, other_model, "Other · MNIST")
    page.locator(".gl-load").set_input_files(file)
    expect(shelf).to_contain_text("This shelf belongs to the model mnist-bigan")
    expect(kept).to_have_count(2)


def test_what_was_remembered_under_an_earlier_fingerprint_is_restored(
    open_page: Open, tmp_path: Path
) -> None:
    earlier = "0123456789abcdef"
    model = untrained_model(tmp_path / "renewed", title="Renewed · MNIST", aliases=(earlier,))
    page = open_page()
    direction = {
        "id": "own/mine",
        "name": "mine",
        "note": "",
        "unit": "",
        "group": "",
        "vector": [1, 0, 0, 0],
        "deviation": 2,
    }
    for kind, stored in (
        ("shelf", [{"z": [0.1, 0.2, 0.3, 0.4], "caption": "kept long ago"}]),
        ("directions", [direction]),
    ):
        page.evaluate(
            "([key, text]) => localStorage.setItem(key, text)",
            [f"ganlab/{kind}/{earlier}", json.dumps(stored)],
        )
    choose(page, model, "Renewed · MNIST")
    expect(page.get_by_role("button", name="Kept: kept long ago")).to_be_visible()
    tab(page, "Latent")
    page.locator("[data-view=own]").click()
    expect(page.locator(".gl-dir b")).to_have_text("mine")
    page.get_by_role("button", name="delete").click()
    expect(page.locator(".gl-dir")).to_have_count(0)
    page.reload()
    choose(page, model, "Renewed · MNIST")
    tab(page, "Latent")
    page.locator("[data-view=own]").click()
    expect(page.locator(".gl-view")).to_contain_text("Directions that you saved")
    expect(page.locator(".gl-dir")).to_have_count(0)  # nor does it come back from the earlier fingerprint


def test_a_shelf_that_was_tampered_with_is_left_alone(open_page: Open, bundled: Explorer) -> None:
    page = open_page(also=OUTSIDE, injected=True)
    key = f"ganlab/shelf/{bundled.fingerprint}"
    for text in ("not JSON", '{"z": 1}', '[{"z": [1, 2]}]', "[1]", '[{"z": "x"}]'):
        page.evaluate("([key, text]) => localStorage.setItem(key, text)", [key, text])
        page.reload()
        page.locator(".gl-shelf [data-action=keep]").click()
        expect(page.locator(".gl-kept .gl-tile")).to_have_count(1)
        expect(page.locator(".gl-notice")).to_have_count(0)
    page.evaluate(INJECT, OUTSIDE)
    page.wait_for_function("window.blocked.length === 4")
    assert set(page.evaluate("window.blocked")) == {
        "script-src-elem inline",
        f"script-src-elem {OUTSIDE}/x.js",
        "script-src-attr inline",
        f"img-src {OUTSIDE}/x.png",
    }
    assert page.evaluate("window.injected") == []


def test_without_the_policy_what_it_blocks_would_run(browser: Any, server: str) -> None:
    """So it is the policy that stops it above, and the test would see what it let through."""
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    script = {"content_type": "text/javascript", "body": "window.injected.push('outside')"}
    page.route(f"{OUTSIDE}/x.js", lambda route: route.fulfill(**script))
    page.goto(server.rstrip("/") + "/theme.css")
    with page.expect_request(f"{OUTSIDE}/x.png"):
        page.evaluate(INJECT, OUTSIDE)
    page.wait_for_function("window.injected.length === 3")
    assert page.evaluate("window.injected") == ["inline", "handler", "outside"]
    assert page.evaluate("window.blocked") == []
    context.close()


def test_what_was_remembered_of_a_replaced_checkpoint_is_refused_with_what_has_changed(
    open_page: Open, tmp_path: Path
) -> None:
    earlier = "0123456789abcdef"
    model = untrained_model(tmp_path / "anew", title="Anew · MNIST", replaced={earlier: CHANGE})
    page = open_page()
    kept = [{"z": [0.1, 0.2, 0.3, 0.4], "caption": "kept long ago"}]
    key = f"ganlab/shelf/{earlier}"
    page.evaluate("([key, text]) => localStorage.setItem(key, text)", [key, json.dumps(kept)])
    choose(page, model, "Anew · MNIST")
    expect(page.locator(".gl-shelf .gl-notice")).to_contain_text(
        f"This shelf was made with anew before {CHANGE};"
    )
    assert page.evaluate("(key) => localStorage.getItem(key)", key) is None  # it is said once
    expect(page.locator(".gl-kept .gl-tile")).to_have_count(0)
