"""The planes of the latent studio: two directions at once, a lattice of seeds, four corners."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.browser.gestures import Open, caption
from tests.browser.test_studio import stage_pixels, studio, wait_two_frames

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect


def test_a_plane_waits_for_its_latents_where_it_lies(open_page: Open) -> None:
    held: list[Any] = []
    page = studio(open_page)
    page.route("**/ganlab/samples*", lambda route: held.append(route))
    for view in ("seeds", "corners"):
        with page.expect_request("**/ganlab/samples*"):
            page.locator(f"[data-view={view}]").click()
        plane = page.locator(".gl-plane")
        expect(page.locator(".gl-view")).to_contain_text("samples of the prior, uniform")
        expect(plane).to_have_attribute("aria-busy", "true")
        box = plane.bounding_box()
        start = stage_pixels(page)
        plane.click()  # a page error, if the plane had moved
        plane.press("ArrowLeft")
        assert (stage_pixels(page) == start).all()
        route = held.pop()
        route.fulfill(response=route.fetch())
        expect(plane).to_have_attribute("aria-busy", "false")
        assert plane.bounding_box() == box
        plane.press("ArrowLeft")
        assert (stage_pixels(page) != start).any()


def test_planes_follow_hand_and_keyboard_and_are_tinted(open_page: Open) -> None:
    page = studio(open_page)
    _planes_follow_hand_and_keyboard(page)
    _a_plane_is_tinted_by_the_class_of_its_pictures(page)


def _planes_follow_hand_and_keyboard(page: Any) -> None:
    for view, called in (
        ("pad", "moved from"),
        ("seeds", "between samples of seed 0"),
        ("corners", "blend of four pictures"),
    ):
        page.locator(f"[data-view={view}]").click()
        plane = page.locator(".gl-plane")
        expect(plane).not_to_have_attribute("aria-busy", "true")
        start = stage_pixels(page)
        box = plane.bounding_box()
        page.mouse.move(box["x"] + 20, box["y"] + 30)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] - 10, box["y"] + box["height"] - 15, steps=5)
        corner = stage_pixels(page)
        page.mouse.up()
        assert (corner != start).any(), view
        expect(caption(page)).to_contain_text(called)
        plane.focus()
        page.keyboard.press("ArrowLeft")
        assert (stage_pixels(page) != corner).any(), view


# The colour of the tint over the picture at a corner of the plane.
CORNER = """
() => [...document.querySelector('.gl-tint').getContext('2d').getImageData(20, 370, 1, 1).data]
"""


# The legend is drawn anew while the tint grows, so that its swatch is looked up and read at once.
SWATCH = """
label => {
  const labels = [...document.querySelectorAll('.gl-tint-legend .gl-label')];
  const swatch = labels.find((e) => e.innerText.trim() === label)?.querySelector('i');
  return swatch && getComputedStyle(swatch).backgroundColor.match(/[0-9]+/g)?.map(Number);
}
"""


def _a_plane_is_tinted_by_the_class_of_its_pictures(page: Any) -> None:
    page.locator("[data-view=seeds]").click()
    page.get_by_role("button", name="classes", exact=True).nth(-1).click()
    legend = page.locator(".gl-tint-legend .gl-label")
    expect(legend.nth(1)).to_be_visible()  # two classes at least
    names = legend.all_inner_texts()
    assert names == sorted(set(names))
    plane = page.locator(".gl-plane")
    box = plane.bounding_box()
    page.mouse.click(box["x"] + 5, box["y"] + box["height"] - 5)  # a seed, in the corner
    label = page.locator(".gl-stage .gl-readout .gl-label b").inner_text()
    assert label in names
    *colour, opacity = page.evaluate(CORNER)
    expected = page.wait_for_function(SWATCH, arg=label).json_value()
    assert np.abs(np.array(colour) - expected).max() <= 2
    assert 0 < opacity < 255
    page.locator("[data-view=corners]").click()  # the tint stays on, for the other plane
    expect(page.locator(".gl-tint")).to_be_visible()
    page.get_by_role("button", name="classes", exact=True).nth(-1).click()
    expect(page.locator(".gl-tint")).to_be_hidden()


def test_seeds_that_answer_too_late_do_not_replace_later_ones(open_page: Open) -> None:
    held: list[Any] = []
    page = studio(open_page)
    page.route("**/ganlab/samples*", lambda route: route.continue_() if held else held.append(route))
    with page.expect_request("**/ganlab/samples*"):
        page.locator("[data-view=seeds]").click()
    page.get_by_role("button", name="other seeds").click()
    plane = page.locator(".gl-plane")
    expect(plane).to_have_attribute("aria-busy", "false")
    plane.press("ArrowLeft")
    expected = stage_pixels(page)
    with page.expect_response("**/ganlab/samples*"):
        held[0].fulfill(response=held[0].fetch())
    wait_two_frames(page)
    plane.press("ArrowRight")
    plane.press("ArrowLeft")
    assert np.abs(stage_pixels(page) - expected).max() <= 2


def test_seeds_that_do_not_come_name_no_latent_and_are_reported(open_page: Open) -> None:
    page = studio(open_page)
    page.locator("[data-view=seeds]").click()
    plane = page.locator(".gl-plane")
    expect(plane).to_have_attribute("aria-busy", "false")
    page.route("**/ganlab/samples*", lambda route: None)  # no answer comes
    page.get_by_role("button", name="other seeds").click()
    plane.press("ArrowLeft")
    expect(caption(page)).to_contain_text("between samples of seed 0")
    page.evaluate("() => void (window.fetch = () => Promise.reject(new TypeError('gone')))")
    page.get_by_role("button", name="other seeds").click()
    notice = page.locator("#latent-studio").get_by_text("No samples: The server does not answer.")
    expect(notice).to_be_visible()
