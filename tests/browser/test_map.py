"""The map of codes: drawn and decoded in the page; Python gets a latent once it is chosen."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganlab import images
from ganlab.explorer import Explorer
from ganlab.studio import codemap
from tests.browser.conftest import IN_DARK
from tests.browser.gestures import Open, caption, tab
from tests.browser.screenshots import open_tab
from tests.browser.test_kinds import choose

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect
SHARE = 0.96  # of the canvas's shorter side, the whole map

CANVAS = """
(selector) => {
  const canvas = document.querySelector(selector);
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return [...data.filter((_, i) => i % 4 === 0)];
}
"""
COVERED = """
() => {
  const canvas = document.querySelector('.gl-sky');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let covered = 0;
  for (let i = 3; i < data.length; i += 4) covered += data[i] > 0;
  return covered / (data.length / 4);
}
"""

BLACK = """
() => {
  const canvas = document.querySelector('.gl-sky');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let black = 0;
  for (let i = 0; i < data.length; i += 4) {
    black += data[i + 3] === 255 && data[i] + data[i + 1] + data[i + 2] < 9;
  }
  return black;
}
"""


def opened(open_page: Open, **settings: Any) -> Any:
    page = open_page(**settings)
    open_tab(page, "Map")
    expect(page.locator(".gl-sky")).to_be_visible()
    if settings.get("is_mobile"):  # where controls wait until they are wanted
        expect(page.locator("[data-kind=principal]")).to_be_hidden()
        page.locator(".gl-fold summary:visible").click()
    page.locator("[data-kind=principal]").click()
    expect(page.locator("[data-kind=principal]")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".gl-aside .gl-tile")).to_have_count(8)
    return page


def outermost(explorer: Explorer) -> tuple[int, float, float]:
    """A gallery row that lies apart from others on the principal map, and its position from -1 to 1."""
    positions = (
        codemap.quantise(codemap.compute_positions(explorer, "principal"))[0].float() / codemap.MAX_POSITION
    )
    row = int(positions[:, 0].argmax())
    assert (positions - positions[row]).norm(dim=1).sort().values[1] > 0.005
    return row, *positions[row].tolist()


def on_page(page: Any, x: float, y: float) -> tuple[float, float]:
    box = page.locator(".gl-sky").bounding_box()
    half = SHARE * (min(box["width"], box["height"]) - 2) / 2  # without the border
    return box["x"] + box["width"] / 2 + half * x, box["y"] + box["height"] / 2 + half * y


def test_what_lies_under_the_hand_or_the_keys_is_shown_and_taken(open_page: Open, bundled: Explorer) -> None:
    page = opened(open_page)
    _a_code_is_shown_and_taken(page, bundled)
    _between_codes_a_blend_is_decoded(page)
    _the_map_by_keyboard_alone(page)


def _a_code_is_shown_and_taken(page: Any, bundled: Explorer) -> None:
    row, x, y = outermost(bundled)
    gallery = bundled.gallery
    assert gallery is not None
    index, label = int(gallery.pictures.indices[row]), int(gallery.pictures.labels[row])
    page.locator("[data-layer=pictures]").click()  # points alone: a picture may lie over the code
    page.mouse.move(*on_page(page, x, y))
    aside = page.locator(".gl-aside")
    expect(aside).to_contain_text(f"training {label} (no. {index})")
    expect(aside.locator("img").first).to_have_attribute(
        "src", f"ganlab/training?model=mnist-bigan&index={index}"
    )
    reconstruction = images.to_uint8(bundled.decode(gallery.codes[row : row + 1])[0]).flatten()
    drawn = np.array(page.evaluate(CANVAS, ".gl-pair canvas"))
    difference = np.abs(drawn.astype(int) - reconstruction.astype(int)).max()
    assert difference <= 2
    page.mouse.down()
    page.mouse.up()
    expect(caption(page)).to_contain_text(f"training {label} (no. {index})")


def _between_codes_a_blend_is_decoded(page: Any) -> None:
    page.mouse.move(*on_page(page, 0.98, 0.98))
    expect(page.locator(".gl-aside")).to_contain_text("blend of 8 codes on the map")
    page.mouse.down()
    page.mouse.up()
    expect(caption(page)).to_contain_text("blend of 8 codes on the map")


def _the_map_by_keyboard_alone(page: Any) -> None:
    before = caption(page).inner_text()
    page.locator(".gl-sky").focus()
    for key in ("ArrowRight", "ArrowDown", "Shift+ArrowLeft", "+", "ArrowUp", "-"):
        page.keyboard.press(key)
    expect(page.locator(".gl-aside figcaption")).not_to_be_empty()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    expect(caption(page)).not_to_have_text(before)
    page.keyboard.press("0")
    face = page.locator(".gl-now img")
    before_face = str(face.get_attribute("src"))
    page.locator(".gl-aside .gl-tile").nth(3).focus()
    page.keyboard.press("Enter")
    expect(caption(page)).to_contain_text("training")
    expect(face).not_to_have_attribute("src", before_face)


def test_a_drag_pans_and_the_wheel_zooms_without_a_request(open_page: Open) -> None:
    page = opened(open_page)
    x, y = on_page(page, 0, 0)
    before = page.evaluate(COVERED)
    assert 0.02 < before < 0.9
    page.mouse.move(x, y)
    page.mouse.down()  # from here on the picture under the pointer is no longer fetched
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.mouse.move(x + 2000, y, steps=5)
    page.wait_for_function(f"({COVERED})() < 0.01")
    page.mouse.up()
    assert requests == []
    page.get_by_role("button", name="show all").click()
    page.wait_for_function(f"({COVERED})() > 0.02")
    page.mouse.move(x, y)
    for _ in range(30):
        page.mouse.wheel(0, -600)
    # So near that a few pictures, which are black around their digits, stand where points were.
    page.wait_for_function(f"({COVERED})() < {before / 2}")
    assert page.evaluate(COVERED) > 0.0005
    page.wait_for_function(f"({BLACK})() > 0")
    expect(caption(page)).not_to_contain_text("map")


def test_the_points_have_the_colours_of_the_legend(open_page: Open) -> None:
    page = opened(open_page)
    _one_class_alone_and_attributes_as_colours(page)
    for scheme in ("light", "dark"):
        _the_legend_has_the_colours_of_the_points(page, scheme)


def _one_class_alone_and_attributes_as_colours(page: Any) -> None:
    """Afterwards another class is alone, in its own colour."""
    pixels = f"({CANVAS})('.gl-sky').join()"
    page.evaluate(f"window.before = window.classes = {pixels}")
    page.get_by_role("button", name="only 4").click()
    expect(page.locator("[data-label='4']")).to_have_attribute("aria-pressed", "true")
    page.wait_for_function(f"{pixels} !== window.before")
    page.evaluate(f"window.before = {pixels}")
    page.get_by_label("colour").select_option("slant")
    expect(page.locator(".gl-legend")).to_contain_text("degrees")
    page.wait_for_function(f"{pixels} !== window.before")
    assert page.evaluate(f"{pixels} !== window.classes")
    page.get_by_label("colour").select_option(label="class")
    page.get_by_role("button", name="only 0").click()


def _the_legend_has_the_colours_of_the_points(page: Any, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function(IN_DARK, arg=scheme == "dark")
    red, green, blue = page.evaluate(
        """() => getComputedStyle(document.querySelector('.gl-legend [data-label="0"] i')).backgroundColor
          .match(/[0-9]+/g).map(Number)"""
    )
    same_colour = """
      (colour) => {
        const canvas = document.querySelector('.gl-sky');
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        let count = 0;
        for (let i = 0; i < data.length; i += 4) count += colour.every((part, c) => data[i + c] === part);
        return count > 100;
      }
    """
    page.wait_for_function(same_colour, arg=[red, green, blue])


def test_a_finger_pans_and_two_zoom(open_page: Open) -> None:
    page = opened(open_page, width=375, height=800, has_touch=True, is_mobile=True)
    page.locator("[data-layer=pictures]").tap()  # points alone: pictures cover more as they are decoded
    sky = page.locator(".gl-sky")
    sky.scroll_into_view_if_needed()
    box = sky.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + 100
    before, said = page.evaluate(COVERED), caption(page).text_content()
    touch = page.context.new_cdp_session(page)

    def fingers(kind: str, *positions: tuple[float, float]) -> None:
        points = [{"x": px, "y": py, "id": i} for i, (px, py) in enumerate(positions)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    fingers("touchStart", (x - 20, y), (x + 20, y))
    for spread in range(25, 160, 15):
        fingers("touchMove", (x - spread, y), (x + spread, y))
    fingers("touchEnd")
    page.wait_for_function(f"Math.abs(({COVERED})() - {before}) > 0.03")
    assert caption(page).text_content() == said  # nothing was chosen meanwhile
    page.get_by_role("button", name="show all").tap()
    page.wait_for_function(f"Math.abs(({COVERED})() - {before}) < 0.003")
    fingers("touchStart", (x, y))
    for step in range(10, 400, 30):
        fingers("touchMove", (x - step, y))
    fingers("touchEnd")
    page.wait_for_function(f"({COVERED})() < {before / 2}")  # the map went with the finger
    assert caption(page).text_content() == said
    page.get_by_role("button", name="show all").tap()
    fingers("touchStart", (x, y))
    fingers("touchEnd")
    expect(caption(page)).not_to_have_text(str(said))


def test_another_model_and_one_without_codes(open_page: Open, other_model: str, gan_model: str) -> None:
    page = opened(open_page)
    under, hint = page.locator(".gl-aside figure"), "Point at the map, or tap it."
    expect(under).to_contain_text(hint)
    page.locator(".gl-sky").hover()
    expect(under).not_to_contain_text(hint)
    expect(under.locator("canvas")).to_be_visible()
    choose(page, gan_model, "GAN · MNIST")
    expect(page.locator("#map")).to_contain_text("no encoder, and so no codes")
    expect(page.locator(".gl-sky")).to_be_hidden()
    choose(page, other_model, "Other · MNIST")
    expect(page.locator(".gl-sky")).to_be_visible()
    expect(page.locator(".gl-aside .gl-tile")).to_have_count(8)
    expect(under).to_contain_text(hint)  # what was there was of the other model
    expect(under.locator("img, canvas")).to_have_count(2)
    for picture in under.locator("img, canvas").all():
        expect(picture).to_be_hidden()
    page.wait_for_function("document.querySelector('.gl-aside .gl-tile img').naturalWidth === 28")
    tsne = page.get_by_role("button", name="t-SNE")
    expect(tsne).to_be_disabled()
    expect(tsne).to_have_attribute("title", "python -m train.map other has not been run")


def draw_around(page: Any, corners: list[tuple[float, float]]) -> None:
    """Draw a line through corners, given from -1 to 1."""
    page.mouse.move(*on_page(page, *corners[0]))
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*on_page(page, *corner), steps=8)
    page.mouse.up()


def test_what_is_selected_is_marked_counted_sent_to_a_and_becomes_a_slider(
    open_page: Open, bundled: Explorer
) -> None:
    page = opened(open_page)
    _a_second_map_marks_the_same_pictures(page)
    _what_is_drawn_around_is_counted_sent_to_a_and_becomes_a_slider(page, bundled)


def _what_is_drawn_around_is_counted_sent_to_a_and_becomes_a_slider(page: Any, bundled: Explorer) -> None:
    positions = codemap.find_plane(bundled).positions.float() / codemap.MAX_POSITION
    inside = ((positions[:, 0] > 0.1) & (positions[:, 0] < 0.6) & (positions[:, 1].abs() < 0.3)).sum()
    page.locator("[data-tool=box]").click()
    draw_around(page, [(0.1, -0.3), (0.6, 0.3)])
    panel = page.locator(".gl-selection")
    expect(panel).to_contain_text("codes")
    count = int(panel.locator("h2").inner_text().split()[1].replace(",", ""))
    assert abs(count - int(inside)) < 0.03 * int(inside)
    shares = panel.locator("[role=listitem] small").all_inner_texts()
    assert sum(int(share.replace(",", "")) for share in shares) == count
    page.locator("[data-tool=lasso]").click()
    draw_around(page, [(-0.2, -0.2), (0.2, -0.2), (0.0, 0.2)])
    expect(panel.locator("h2")).not_to_contain_text(f"{count:,}")
    panel.locator("[data-mean=A]").click()
    expect(page.locator(".gl-ends .gl-tile").first).to_have_attribute("title", re.compile("mean of .* codes"))
    with page.expect_download() as download:
        panel.locator("[data-export=csv]").click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert lines[0].startswith("index,label,x,y,z0,")
    assert f"{len(lines) - 1:,} codes" in panel.locator("h2").inner_text()
    panel.get_by_label("name of the direction").fill("to the middle")
    panel.locator("[data-export=direction]").click()
    tab(page, "Latent")
    page.locator("[data-view=own]").click()
    expect(page.locator(".gl-dir")).to_contain_text("to the middle")


def _a_second_map_marks_the_same_pictures(page: Any) -> None:
    page.get_by_label("second map").select_option("mnist-ae-l1")
    beside = page.locator(".gl-beside")
    expect(beside).to_contain_text("Autoencoder l1 · MNIST: principal directions")
    page.locator("[data-layer=contours]").click()
    page.locator("[data-layer=pictures]").click()
    strong = """() => {
      const canvas = document.querySelector('.gl-beside canvas');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      return data.filter((value, i) => i % 4 === 3 && value === 255).length;
    }"""
    page.wait_for_function(f"(window.before = ({strong})()) > 5000")
    page.locator(".gl-skies > .gl-sky").focus()  # a box by keyboard, around what lies in the middle
    for key in ("ArrowUp", "b", "Shift+ArrowRight", "Shift+ArrowDown", "b"):
        page.keyboard.press(key)
    expect(page.locator(".gl-selection h2")).to_contain_text("codes")
    page.wait_for_function(f"({strong})() < window.before / 2 && ({strong})() > 0")
    page.keyboard.press("Escape")
    expect(page.locator(".gl-selection h2")).not_to_contain_text("codes")
    page.get_by_label("second map").select_option("")
    expect(page.locator(".gl-sky")).to_have_count(1)
