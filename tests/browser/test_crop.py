"""A picture is uploaded, a square of it is chosen by hand and by keys, and its own answer is shown."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

import ganlab
from ganlab import images
from ganlab.explorer import Explorer
from tests.browser.gestures import Open, caption, card, pixels, upload
from tests.browser.test_kinds import choose
from tests.crops import draw_waves
from tests.pictures import encoded

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect

SETTLED = """
() => {
  const { expects } = document.querySelector('.gl-pad').dataset;
  return expects && document.querySelector('#reconstruct-stage [data-answers]').dataset.answers === expects;
}
"""
# The model's view, which the page draws while the square moves.
LIVE = """
() => {
  const canvas = document.querySelector('.gl-lens canvas');
  return [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data];
}
"""
PHOTO = Image.fromarray(draw_waves(300, 200))


def open_pictures(open_page: Open, model: str, **settings: Any) -> Any:
    """A page with a model of pictures and an upload on its pad."""
    page = open_page(**settings)
    choose(page, model, "BiGAN · squares")
    page.locator(".gl-lens canvas").wait_for()
    upload(page, encoded(PHOTO, "PNG"), "waves.png", "image/png")
    page.wait_for_function(SETTLED)
    return page


def read_square(request: Any) -> Any:
    """{"crop", "key", ...}: the square that a request takes to Python; None without one."""
    if "/run/predict" not in request.url or '"crop"' not in (request.post_data or ""):
        return None
    values = json.loads(request.post_data)["data"]
    return next((value for value in values if isinstance(value, dict) and "crop" in value), None)


def check(page: Any, explorer: Explorer, crop: list[float]) -> None:
    """The page shows what Python makes of this square, the page's own view of it, and no other's result."""
    page.wait_for_function(SETTLED)
    expect(page.locator("#tabs .gl-stale:visible")).to_have_count(0)
    x = explorer.prepare(PHOTO, crop=crop)
    np.testing.assert_array_equal(pixels(card(page, "reconstruct-stage", 0)), images.to_uint8(x[0]))
    expected = images.to_uint8(explorer.reconstruct(x)[0]).astype(int)
    np.testing.assert_allclose(pixels(card(page, "reconstruct-stage", 1)), expected, atol=1)
    live = np.array(page.evaluate(LIVE)).reshape(32, 32, 4)[:, :, :3]
    assert abs(live - images.to_uint8(x[0]).astype(int)).max() <= 3


def drag(page: Any, start: tuple[float, float], end: tuple[float, float], lift: bool = True) -> None:
    """From one place of the picture to another, as shares of the paper's side."""
    box = page.locator(".gl-crop").bounding_box()
    for (x, y), act in ((start, page.mouse.down), (end, page.mouse.up if lift else lambda: None)):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
        act()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (375, "dark")])
def test_a_square_of_an_upload_is_chosen_by_hand(
    open_page: Open, picture_model: str, width: int, scheme: str
) -> None:
    explorer = ganlab.load(picture_model)
    page = open_pictures(open_page, picture_model, width=width, height=800, scheme=scheme)
    expect(caption(page)).to_contain_text("your picture")
    check(page, explorer, [50, 0, 200])  # the largest in the middle
    place = page.locator("#reconstruct-stage").bounding_box()
    held: list[Any] = []

    def hold_squares(route: Any) -> None:
        answer = route.fetch()
        if read_square(route.request):
            held.append((route, answer))
        else:
            route.fulfill(response=answer)

    def answer_next(count: int) -> None:
        while len(held) < count:
            page.evaluate("() => new Promise(requestAnimationFrame)")
        route, answer = held[count - 1]
        route.fulfill(response=answer)

    page.route("**/gradio_api/run/predict**", hold_squares)
    with page.expect_request(read_square) as drawn:
        drag(page, (0.05, 0.3), (0.3, 0.5))  # outside the square: another is drawn
    drag(page, (0.2, 0.4), (0.5, 0.5))  # inside: it is moved, while the answer is on its way
    expect(page.locator("#reconstruct-stage .gl-stale")).to_be_visible()
    with page.expect_request(read_square) as moved:
        answer_next(1)
    first, last = read_square(drawn.value), read_square(moved.value)
    page.wait_for_function(
        "(key) => document.querySelector('#reconstruct-stage [data-answers]').dataset.answers === key",
        arg=first["key"],
    )
    expect(page.locator("#reconstruct-stage .gl-stale")).to_be_visible()  # it is not shown as the last one's
    answer_next(2)
    crop = last["crop"]
    assert crop == pytest.approx([105, 70, 75], abs=3)
    check(page, explorer, crop)
    assert page.locator("#reconstruct-stage").bounding_box() == place  # nothing jumps
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_square_is_moved_sized_and_reset_by_keys(open_page: Open, picture_model: str) -> None:
    explorer = ganlab.load(picture_model)
    page = open_pictures(open_page, picture_model)
    square = page.get_by_label("The square that the model sees")
    square.focus()
    expect(square).to_be_focused()
    assert square.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
    for key, expected in (
        ("ArrowRight", [55, 0, 200]),
        ("Shift+ArrowRight", [56, 0, 200]),
        ("ArrowDown", [56, 0, 200]),  # there is no room
        ("-", [63.41, 7.41, 185.19]),
        ("Escape", [50, 0, 200]),
    ):
        with page.expect_request(read_square) as request:
            square.press(key)
        crop = read_square(request.value)["crop"]
        assert crop == pytest.approx(expected, abs=0.01), key
        check(page, explorer, crop)
    said = page.locator(".gl-lens [role=status]")
    expect(said).to_have_text("Square 200 pixels wide, 50 from the left, 0 from the top.")
    page.locator("[data-do=undo]").first.click()  # the square before
    page.wait_for_function(SETTLED)
    expect(page.locator(".gl-lens b")).to_have_text("185 of 300 x 200")
