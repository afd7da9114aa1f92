"""Results of a model that is no longer chosen are marked until they agree with the header again."""

from __future__ import annotations

from typing import Any

import pytest

from ganlab.explorer import Explorer
from tests.browser.gestures import Open, tab
from tests.browser.test_kinds import choose

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect

# A page of its own inside the app's: a header, two results and one without a fingerprint.
SCENE = """
async () => {
  const { watchStale } = await import(new URL('ganlab/static/lib/stale.js', document.baseURI));
  const root = document.createElement('div');
  root.innerHTML = `
    <div class="gl-header"><p data-fingerprint="a"></p></div>
    <div id="tabs"><p data-fingerprint="a"></p><p data-fingerprint=""></p><p><span>text</span></p></div>
    <div class="gl-kept" data-fingerprint="b"></div>`;
  window.scene = root;
  watchStale(root);
}
"""
MARKS = """
() => [...window.scene.querySelectorAll('p, .gl-kept')].map(
  (element) => element.classList.contains('gl-stale') && element.getAttribute('aria-busy') === 'true')
"""


def marks_after(page: Any, change: str) -> list[bool]:
    page.evaluate(f"() => {{ const root = window.scene; {change} }}")
    return list(page.evaluate(MARKS))


def test_results_of_another_model_are_marked_until_they_agree(bare_page: Any) -> None:
    page = bare_page
    page.evaluate(SCENE)
    header, result, empty, plain, outside = (False, True, False, False, False)
    assert page.evaluate(MARKS) == [False] * 5
    switch = "root.querySelector('.gl-header p').dataset.fingerprint = 'b';"
    assert marks_after(page, switch) == [header, result, empty, plain, outside]
    assert marks_after(page, "root.querySelector('#tabs p').dataset.fingerprint = 'b';") == [False] * 5
    late = "root.querySelector('#tabs').innerHTML = '<div><p data-fingerprint=\"a\"></p></div>';"
    assert marks_after(page, late) == [False, True, False]
    back = "root.querySelector('.gl-header').innerHTML = '<p data-fingerprint=\"a\"></p>';"
    assert marks_after(page, back) == [False] * 3


def test_what_stays_stale_in_sight_is_asked_for_again(bare_page: Any) -> None:
    page = bare_page
    page.evaluate(SCENE.replace("watchStale(root);", "watchStale(root, () => { window.asked += 1; }, 20);"))
    page.evaluate(
        "() => { window.asked = 0; scene.querySelector('.gl-header p').dataset.fingerprint = 'b'; }"
    )
    page.evaluate("() => new Promise((resolve) => setTimeout(resolve, 100))")
    assert page.evaluate("asked") == 0  # out of sight
    page.evaluate("document.body.append(scene)")
    page.wait_for_function("asked > 1")
    page.evaluate("() => { scene.querySelector('#tabs p').dataset.fingerprint = 'b'; window.asked = 0; }")
    page.evaluate("() => new Promise((resolve) => setTimeout(resolve, 100))")
    assert page.evaluate("asked") == 0


def test_what_the_page_draws_itself_names_its_model(
    open_page: Open, bundled: Explorer, other_model: str
) -> None:
    page = open_page()
    _a_picture_of_another_model_is_marked_until_the_new_one_is_drawn(page, other_model)
    first, other = (bundled.config.name, "BiGAN · MNIST"), (other_model, "Other · MNIST")
    header = page.locator(".gl-header [data-fingerprint]")
    shown = str(header.get_attribute("data-fingerprint"))
    for name, root, following in (
        ("Latent", ".gl-studio", first),
        ("Interpolate", ".gl-films", other),
        ("Map", ".gl-map", first),
    ):
        tab(page, name)
        result = page.locator(root)
        expect(result).to_have_attribute("data-fingerprint", shown)
        choose(page, *following)
        before, shown = shown, str(header.get_attribute("data-fingerprint"))
        assert shown != before
        expect(result).to_have_attribute("data-fingerprint", shown)
        expect(page.locator(".gl-stale:visible")).to_have_count(0)
    assert shown == bundled.fingerprint


def _a_picture_of_another_model_is_marked_until_the_new_one_is_drawn(page: Any, other_model: str) -> None:
    tab(page, "Latent")
    expect(page.locator("#latent-studio .gl-dir").first).to_be_visible()
    held: list[Any] = []
    page.route("**/ganlab/directions*", lambda route: held.append(route))
    with page.expect_request("**/ganlab/directions*"):
        choose(page, other_model, "Other · MNIST")
    expect(page.locator(".gl-studio.gl-stale")).to_have_attribute("aria-busy", "true")
    held[0].fulfill(response=held[0].fetch())
    expect(page.locator(".gl-studio.gl-stale")).to_have_count(0)
    page.unroute_all()
