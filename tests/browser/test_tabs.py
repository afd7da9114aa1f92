"""Every tab used as a person would, in Chromium."""

from __future__ import annotations

import base64
import re
from typing import Any

import numpy as np
import pytest

from ganlab import images
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from tests.browser.conftest import IN_DARK
from tests.browser.gestures import SEVEN, Open, caption, card, choose_model, draw, photo, pixels, tab, upload
from tests.browser.screenshots import open_tab

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect


def test_a_visit_leads_from_tab_to_tab(open_page: Open, bundled: Explorer, digits: Pictures) -> None:
    page = open_page()
    _opens_on_something_alive(page, bundled, digits)
    _examples_and_neighbours_become_current(page, digits)
    _the_shelf_carries_pictures_between_tabs(page)
    _the_ends_of_a_path_come_from_anywhere(page, digits)
    _neighbours_are_followed(page, bundled, digits)
    _the_same_seed_gives_the_same_samples(page, bundled)


def _opens_on_something_alive(page: Any, bundled: Explorer, digits: Pictures) -> None:
    x = digits.inputs(slice(0, 1))
    np.testing.assert_array_equal(pixels(card(page, "reconstruct-stage", 0)), digits.pixels[0, 0].numpy())
    expected = images.to_uint8(bundled.reconstruct(x)[0])
    np.testing.assert_allclose(pixels(card(page, "reconstruct-stage", 1)).astype(int), expected, atol=1)
    expect(page.locator("#reconstruct-stage [data-action=neighbour]")).to_have_count(5)
    expect(page.locator("[data-action=example]")).to_have_count(16)
    expect(page.locator(".gl-facts")).to_contain_text("BiGAN")
    figure = f"{100 * bundled.metrics['one_nn']['features']['accuracy']:.2f} %"
    expect(page.locator(".gl-facts")).to_contain_text(figure)
    assert page.locator("img:not([alt])").count() == 0


def _examples_and_neighbours_become_current(page: Any, digits: Pictures) -> None:
    page.locator("[data-action=example]").nth(3).click()
    expect(caption(page)).to_contain_text(f"test {int(digits.labels[3])} (no. 3)")
    np.testing.assert_array_equal(pixels(card(page, "reconstruct-stage", 0)), digits.pixels[3, 0].numpy())
    neighbour = page.locator("#reconstruct-stage [data-action=neighbour]").nth(1)
    index = neighbour.get_attribute("data-value")
    neighbour.focus()
    page.keyboard.press("Enter")  # tiles are buttons
    expect(caption(page)).to_contain_text(f"(no. {index})")


def _the_shelf_carries_pictures_between_tabs(page: Any) -> None:
    page.locator("[data-action=example]").nth(2).click()
    expect(caption(page)).to_contain_text("test 1")
    shelf = page.locator(".gl-shelf")
    shelf.locator("[data-action=end][data-value=B]").click()
    shelf.locator("[data-action=keep]").click()
    expect(shelf.locator(".gl-kept .gl-tile")).to_have_count(1)
    shelf.locator("[data-action=open][data-value=neighbours]").click()
    expect(page.locator("#neighbours-stage .gl-card")).to_contain_text("test 1")
    page.locator("#neighbours-stage [data-action=neighbour]").first.click()
    expect(caption(page)).to_contain_text("training")
    shelf.locator(".gl-kept .gl-tile").click()
    expect(caption(page)).to_contain_text("test 1")
    expect(page.locator("#neighbours-stage .gl-card")).to_contain_text("test 1")
    tab(page, "Interpolate")
    expect(page.locator(".gl-slot").nth(1)).to_contain_text("test 1")


def _the_ends_of_a_path_come_from_anywhere(page: Any, digits: Pictures) -> None:
    """In the tab that is open; A and B are others afterwards."""
    slots = page.locator(".gl-slot")
    page.locator("[data-upload=B]").set_input_files(
        {"name": "b.jpg", "mimeType": "image/jpeg", "buffer": photo(digits, 1)}
    )
    expect(slots.nth(1)).to_contain_text("your picture B")
    page.locator("[data-action=random][data-value=A]").click()
    expect(slots.first).to_contain_text("sample 0 of seed")
    page.locator("[data-action=swap]").click()
    expect(slots.first).to_contain_text("your picture B")
    expect(page.locator(".gl-film .gl-keep .gl-tile").first).to_have_attribute("title", "your picture B")


def _neighbours_are_followed(page: Any, bundled: Explorer, digits: Pictures) -> None:
    tab(page, "Reconstruct")
    page.locator("[data-action=example]").first.click()
    expect(caption(page)).to_contain_text("test 7")
    tab(page, "Neighbours")
    expect(page.locator("#neighbours-stage .gl-card").first).to_contain_text("test 7")
    found = page.locator("#neighbours-stage [data-action=neighbour]")
    expect(found).to_have_count(12)
    near = bundled.neighbours(digits.inputs(slice(0, 1)), 12, "features")
    assert [int(found.nth(i).get_attribute("data-value")) for i in range(12)] == [n.index for n in near]
    expect(page.locator("#neighbours-stage")).to_contain_text("vote")
    accuracy = f"1NN {100 * bundled.accuracy('code'):.2f} %"
    expect(page.locator("#neighbours-stage")).to_contain_text(f"the latent z = E(x): {accuracy}")
    page.get_by_label("codes", exact=True).check()
    near = bundled.neighbours(digits.inputs(slice(0, 1)), 12, "code")
    expect(found.first).to_have_attribute("data-value", str(near[0].index))
    page.locator("#k input[type=number]").fill("3")
    page.locator("#k input[type=number]").press("Enter")
    expect(found).to_have_count(3)
    found.nth(1).click()
    expect(caption(page)).to_contain_text(f"training {near[1].label} (no. {near[1].index})")
    expect(found.first).to_have_attribute(
        "data-value", str(near[1].index)
    )  # itself, as near as its stored code
    expect(found.first).to_contain_text("0.0")


def _the_same_seed_gives_the_same_samples(page: Any, bundled: Explorer) -> None:
    tab(page, "Sample")
    tiles = page.locator("#sample-stage .gl-tile")
    expect(tiles).to_have_count(36)
    page.locator("#seed input").fill("7")
    page.locator("#seed input").press("Enter")
    expected = images.to_uint8(bundled.decode(bundled.sample(36, seed=7))[5])
    expect(tiles.nth(5)).to_have_attribute("aria-label", re.compile("Sample 5 of seed 7: make it current"))
    np.testing.assert_allclose(pixels(tiles.nth(5).locator("img").first).astype(int), expected, atol=1)
    page.get_by_label("16", exact=True).check()
    expect(tiles).to_have_count(16)
    tiles.nth(5).click()
    expect(caption(page)).to_contain_text("sample 5 of seed 7")
    expect(tiles.nth(5)).to_have_attribute("aria-pressed", "true")
    page.locator("#another-seed").click()
    expect(tiles.first).not_to_have_attribute("aria-label", re.compile("Sample 0 of seed 7:"))


def test_pictures_are_drawn_and_brought(open_page: Open, digits: Pictures) -> None:
    page = open_page()
    expect(page.locator("#polarity")).to_be_hidden()  # a question about uploads, of which there is none
    _drawing_shows_what_the_model_sees_while_the_pen_moves(page)
    _a_chosen_option_is_marked_under_the_pointer_too(page, digits)
    _a_picture_comes_from_a_large_file_the_clipboard_and_the_camera(page, digits)


def _drawing_shows_what_the_model_sees_while_the_pen_moves(page: Any) -> None:
    draw(page, SEVEN, lift=False)
    expect(caption(page)).to_contain_text("your drawing")
    unfinished = card(page, "reconstruct-stage", 0).get_attribute("src")
    page.mouse.up()
    draw(page, [(100, 150), (190, 150)])  # a second stroke: the seven's bar
    expect(page.locator("#reconstruct-stage")).to_contain_text("dark ink")
    expect(card(page, "reconstruct-stage", 0)).not_to_have_attribute("src", unfinished)
    seen = pixels(card(page, "reconstruct-stage", 0))
    # Centred as MNIST does it, with ink as bright as MNIST's.
    rows, columns = np.indices(seen.shape)
    assert abs((rows * seen).sum() / seen.sum() - 13.5) < 1.5
    assert abs((columns * seen).sum() / seen.sum() - 13.5) < 1.5
    assert seen.max() > 200


def _a_chosen_option_is_marked_under_the_pointer_too(page: Any, digits: Pictures) -> None:
    upload(page, photo(digits, 18))
    expect(page.locator("#polarity")).to_be_visible()
    option = page.locator("#polarity input:checked")
    colour = "e => getComputedStyle(e).backgroundColor"
    page.mouse.move(0, 0)
    chosen = option.evaluate(colour)
    option.hover()
    page.wait_for_function("document.querySelector('#polarity input:checked').matches(':hover')")
    assert option.evaluate(colour) == chosen
    assert page.locator("#polarity input:not(:checked)").first.evaluate(colour) != chosen


def _a_picture_comes_from_a_large_file_the_clipboard_and_the_camera(page: Any, digits: Pictures) -> None:
    def expect_a_picture() -> None:
        expect(caption(page)).to_contain_text("your picture")
        expect(page.locator(".gl-notice")).to_have_count(0)
        page.locator("[data-action=example]").nth(4).click()
        expect(caption(page)).to_contain_text("test 4")

    expect_a_picture()  # that came before
    upload(page, photo(digits, 18, size=4000))  # 16 megapixels; the server takes 8: it is reduced first
    expect_a_picture()
    content = base64.b64encode(photo(digits, 4)).decode()
    page.evaluate(
        """content => {
          const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
          const data = new DataTransfer();
          data.items.add(new File([bytes], 'pasted.jpg', { type: 'image/jpeg' }));
          document.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data }));
        }""",
        content,
    )
    expect_a_picture()
    button = page.locator("[data-do=camera]")
    button.click()
    expect(button).to_have_text("take picture")
    expect(page.locator(".gl-paper video")).to_be_visible()
    button.click()
    expect(page.locator(".gl-paper video")).to_be_hidden()
    expect(button).to_have_text("camera")
    expect_a_picture()


def test_hasty_clicks_and_another_model_keep_what_lies_on_the_table(
    open_page: Open, other_model: str
) -> None:
    page = open_page()
    for example in (5, 6, 7):
        page.locator("[data-action=example]").nth(example).click()
        page.locator(".gl-shelf [data-action=end][data-value=A]").click()
        page.locator(".gl-shelf [data-action=keep]").click()
    expect(page.locator(".gl-kept .gl-tile").first).to_be_visible()
    expect(caption(page)).to_contain_text("(no. 7)")
    _switching_models_keeps_what_lies_on_the_table(page, other_model)


def _switching_models_keeps_what_lies_on_the_table(page: Any, other_model: str) -> None:
    page.locator("[data-action=example]").nth(4).click()
    expect(caption(page)).to_contain_text("test 4")
    before = page.locator(".gl-now img").get_attribute("src")
    choose_model(page, "no-such-model")
    expect(page.locator(".gl-notice").first).to_contain_text("'no-such-model' not found; available =")
    expect(page.locator(".gl-facts")).to_contain_text("BiGAN")
    choose_model(page, other_model)
    expect(page.locator(".gl-facts")).to_contain_text("Other · MNIST")
    expect(page.locator(".gl-notice")).to_have_count(0)
    expect(caption(page)).to_contain_text("test 4")
    expect(page.locator(".gl-now img")).not_to_have_attribute("src", before)
    tab(page, "Latent")
    page.locator("[data-view=raw]").click()
    expect(page.locator("#latent-studio .gl-dir")).to_have_count(4)
    choose_model(page, "mnist-bigan")
    expect(page.locator(".gl-facts")).to_contain_text("BiGAN")
    expect(page.locator(".gl-now img")).to_have_attribute("src", before)


# A tab is chosen, and what its panel holds is there.
DRAWN = """
(name) => {
  const tab = [...document.querySelectorAll('[role=tab]')].find((one) => one.textContent.trim() === name);
  const panels = [...document.querySelectorAll('[role=tabpanel]')].filter((one) => one.offsetParent !== null);
  return tab?.ariaSelected === 'true' && panels.some((one) => one.querySelector('img, canvas, math'));
}
"""


# Colours do not change the layout, so each width is looked at once.
@pytest.mark.parametrize("looks", [[(375, "light")], [(1920, "light"), (768, "dark")]])
def test_the_page_fits(open_page: Open, looks: list[tuple[int, str]]) -> None:
    page = open_page(width=looks[0][0], height=800, scheme=looks[0][1])
    for width, scheme in looks:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(IN_DARK, arg=scheme == "dark")
        _every_tab_fits(page, width, scheme)


def _every_tab_fits(page: Any, width: int, scheme: str) -> None:
    for name in ("Reconstruct", "Latent", "Interpolate", "Neighbours", "Sample", "Compare", "Methods"):
        open_tab(page, name)
        page.wait_for_function(DRAWN, arg=name)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    shelf = page.locator(".gl-shelf").bounding_box()
    if width == 375:
        assert shelf["y"] + shelf["height"] > 790  # a strip at the bottom
    bright = page.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/[0-9.]+/g).slice(0, 3).map(Number)"
    )
    assert (sum(bright) > 600) == (scheme == "light")
