"""The drawing pad under every kind of hand: mouse, finger, palm, pen and keyboard; what it says, and what
follows it."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ganlab.gallery import Pictures
from ganlab.images import encode_data_uri
from ganlab.ui.pad import PAD
from tests.browser.gestures import SEVEN, Open, caption, card, draw, photo, pixels, upload

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect

CANVAS = ".gl-paper > canvas"
HINT = ".gl-hint"
FRAMES = "() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))"
REST = "() => new Promise((resolve) => setTimeout(resolve, 200))"  # longer than the pad waits before it sends


def read_ink(page: Any) -> np.ndarray:
    """Ink on the paper, uint8 (280, 280), 255 where it is black, once all that pointers did has arrived."""
    page.evaluate(FRAMES)
    uri = page.evaluate(f"document.querySelector('{CANVAS}').toDataURL()")
    content = base64.b64decode(uri.split(",")[1])
    return 255 - np.asarray(Image.open(io.BytesIO(content)).convert("L"))


def is_drawing(request: Any) -> bool:
    return "/run/predict" in request.url and '"kind":"draw"' in (request.post_data or "")


def count_drawings(page: Any) -> list[Any]:
    """Requests that take a drawing to Python from now on."""
    requests: list[Any] = []
    page.on("request", lambda request: is_drawing(request) and requests.append(request))
    return requests


def click(page: Any, name: str) -> None:
    page.locator(f"[data-do={name}]").first.click()


def test_the_pad_invites_draws_undoes_and_refuses(open_page: Open, digits: Pictures) -> None:
    page = open_page()
    place = page.locator(".gl-pad").first.bounding_box()
    drawings = count_drawings(page)
    expect(page.locator(".gl-invitation")).to_contain_text("draw a digit here")
    page.get_by_role("button", name="use this example").click()
    expect(page.locator(".gl-invitation")).to_have_count(0)
    _tap_and_undo(page, drawings, digits)
    _clear_and_draw(page)
    _upload_nothing(page, digits)
    _draw_by_keys(page, drawings)
    example = page.locator("[data-action=example]").first
    example.evaluate("tile => { tile.dataset.value = '999'; }")
    example.click()
    expect(page.locator(".gl-notice")).to_contain_text("There is no example 999.")
    page.evaluate("scrollTo(0, 0)")
    assert page.locator(".gl-pad").first.bounding_box() == place  # whatever was said
    page.reload()
    page.locator(".gl-pad[data-ready]").first.wait_for()
    expect(page.locator(".gl-invitation")).to_have_count(0)  # it never comes back


def _tap_and_undo(page: Any, drawings: list[Any], digits: Pictures) -> None:
    """A slow start sends nothing; a tap is a dot. Undo leads back to the example, which the stage shows again
    as it was; redo to the dot."""
    seen = card(page, "reconstruct-stage", 0)
    example = read_ink(page)
    assert example.mean() > 100  # light on black: the example that the stage shows
    draw(page, [(140, 140)], lift=False)
    page.evaluate(REST)
    assert not drawings
    page.mouse.up()
    expect(caption(page)).to_contain_text("your drawing")
    dot = read_ink(page)
    assert dot[140, 140] == 255
    assert 300 < (dot > 128).sum() < 460  # a disc of 22 pixels
    assert 8 <= (pixels(seen) > 128).sum() <= 16  # for the model too
    click(page, "undo")
    expect(caption(page)).to_contain_text("test 7")
    np.testing.assert_array_equal(pixels(seen), digits.pixels[0, 0].numpy())
    np.testing.assert_array_equal(read_ink(page), example)
    click(page, "redo")
    expect(caption(page)).to_contain_text("your drawing")
    np.testing.assert_array_equal(read_ink(page), dot)


def _clear_and_draw(page: Any) -> None:
    """On empty paper, what the stage shows is said to be of the picture before, until the next answer."""
    stage = page.locator("#reconstruct-stage")
    click(page, "clear")
    expect(page.locator(HINT).first).to_have_text("draw, or drop a picture")
    expect(page.locator(".gl-pad[data-blank]")).to_have_count(1)
    words = "e => getComputedStyle(e.querySelector('[data-answers]'), '::after').content"
    assert stage.evaluate(words) == '"for the picture before"'
    draw(page, SEVEN)
    expect(page.locator(".gl-pad[data-blank]")).to_have_count(0)
    expect(stage).to_contain_text("comes back as a 7")


def _upload_nothing(page: Any, digits: Pictures) -> None:
    """Of a file that is none, the drawing and its result stay, and the pad says so."""
    seen, hint = card(page, "reconstruct-stage", 0), page.locator(HINT).first
    seven = read_ink(page)
    upload(page, b"not a picture at all")
    expect(hint).to_contain_text("PNG, JPEG, WebP")
    expect(hint).to_contain_text("The picture before stays.")
    np.testing.assert_array_equal(read_ink(page), seven)
    expect(caption(page)).to_contain_text("your drawing")
    expect(page.locator(".gl-notice")).to_have_count(0)
    upload(page, photo(digits, 1))
    expect(caption(page)).to_contain_text("your picture")
    right = seen.get_attribute("src")  # of dark ink; told that it is light, the model sees the paper instead
    page.get_by_label("light ink").check()
    expect(seen).not_to_have_attribute("src", right)
    click(page, "undo")
    expect(caption(page)).to_contain_text("your drawing")


def _draw_by_keys(page: Any, drawings: list[Any]) -> None:
    canvas = page.get_by_role("application", name="Draw here")
    assert "Space puts the pen down" in canvas.get_attribute("aria-description")
    click(page, "clear")
    page.keyboard.press("Shift+Tab")  # redo and undo
    page.keyboard.press("Shift+Tab")
    expect(canvas).to_be_focused()
    expect(page.locator(HINT).first).to_contain_text("space: pen down")
    cursor = page.locator(".gl-cursor").first
    expect(cursor).to_be_visible()
    for _ in range(8):
        page.keyboard.press("ArrowUp")
    assert read_ink(page).max() == 0  # the pen is up
    before = len(drawings)
    page.keyboard.press("Space")
    page.evaluate(REST)
    assert len(drawings) == before
    for _ in range(16):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(page.locator("#reconstruct-stage")).to_contain_text("comes back as a 1")
    ink = read_ink(page)
    assert (ink[62:218, 140] == 255).all()
    assert ink[:, :120].max() == 0
    page.keyboard.press("+")
    expect(page.locator(".gl-pen input").first).to_have_value("24")
    page.keyboard.press("z")
    assert read_ink(page).max() == 0
    page.keyboard.press("y")
    np.testing.assert_array_equal(read_ink(page), ink)
    expect(page.locator("#reconstruct-stage")).to_contain_text("comes back as a 1")


class Hand:
    """Fingers and a pen on the pad of a page, through the browser's own input."""

    def __init__(self, page: Any) -> None:
        self.box = page.locator(CANVAS).bounding_box()
        self.session = page.context.new_cdp_session(page)
        self.page = page

    def at(self, x: float, y: float) -> dict[str, float]:
        scale = self.box["width"] / 280
        return {"x": self.box["x"] + x * scale, "y": self.box["y"] + y * scale}

    def touch(self, kind: str, *fingers: tuple[float, float, int], radius: float = 10) -> None:
        """What all fingers that touch the screen do; each is (x, y, number)."""
        points = [
            {**self.at(x, y), "id": number, "radiusX": radius, "radiusY": radius} for x, y, number in fingers
        ]
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def pen(self, kind: str, x: float, y: float, force: float = 0.5, tilt: float = 0, down: int = 1) -> None:
        event = {"pointerType": "pen", "force": force, "tiltX": tilt, "buttons": down, **self.at(x, y)}
        button = "left" if kind != "mouseMoved" or down else "none"
        self.session.send(
            "Input.dispatchMouseEvent", {"type": kind, "button": button, "clickCount": 1, **event}
        )


def test_one_pointer_draws_and_a_pen_wins_over_touch(open_page: Open) -> None:
    page = open_page(width=375, height=800, has_touch=True, is_mobile=True)
    hand = Hand(page)
    scrolled = page.evaluate("scrollY")
    hand.touch("touchStart", (60, 60, 0), radius=45)  # a palm
    hand.touch("touchEnd")
    assert page.locator(".gl-invitation").count() == 1
    hand.touch("touchStart", (60, 140, 0))
    hand.touch("touchMove", (100, 140, 0))
    hand.touch("touchStart", (100, 140, 0), (220, 230, 1))  # a second finger
    hand.touch("touchMove", (220, 140, 0), (220, 60, 1))
    hand.touch("touchEnd")
    ink = read_ink(page)
    assert (ink[140, 64:216] == 255).all()
    assert ink[160:].max() == 0  # nothing of the palm, nor of the second finger
    assert ink[:120].max() == 0
    expect(caption(page)).to_contain_text("your drawing")
    assert page.evaluate("scrollY") == scrolled  # the finger draws, it does not scroll
    _draw_by_pen(page, hand)
    click(page, "no-tour")
    assert page.locator(CANVAS).bounding_box() == hand.box  # what the header offers does not move the pad


def _draw_by_pen(page: Any, hand: Hand) -> None:
    """A hand comes to rest before its pen: what it drew is taken back."""
    click(page, "clear")
    hand.touch("touchStart", (200, 250, 0))
    hand.touch("touchMove", (240, 250, 0))
    assert read_ink(page)[250, 220] == 255
    hand.pen("mouseMoved", 60, 60, down=0)
    hand.pen("mousePressed", 60, 60)
    assert read_ink(page)[250].max() == 0
    hand.touch("touchMove", (260, 250, 0))
    for x in range(60, 241, 4):
        hand.pen("mouseMoved", x, 60, force=0.2 if x < 140 else 1)
    hand.pen("mouseReleased", 240, 60, down=0)
    ink = read_ink(page)
    light, firm = ((ink[:, x] > 128).sum() for x in (110, 210))
    assert firm > 1.5 * light > 15
    assert ink[200:].max() == 0
    hand.touch("touchEnd")
    hand.touch("touchStart", (200, 250, 0))  # while the pen is near
    hand.touch("touchEnd")
    assert read_ink(page)[200:].max() == 0
    for x in range(60, 241, 4):
        hand.pen("mousePressed" if x == 60 else "mouseMoved", x, 140, tilt=80)
    hand.pen("mouseReleased", 240, 140, down=0)
    assert (read_ink(page)[100:180, 200] > 128).sum() > 38  # the side of the pen: nearly twice as wide
    click(page, "undo")
    np.testing.assert_array_equal(read_ink(page), ink)  # each stroke is one step


# A pad of its own, and what it sends; the tab of its stage answers nothing by itself.
SCENE = """
async (template) => {
  const { DrawingPad } = await import(new URL('ganlab/static/lib/drawing-pad.js', document.baseURI));
  document.body.innerHTML = `<div role="tabpanel"><main>${template}</main><p data-answers=""></p></div>`;
  window.sent = [];
  window.pad = new DrawingPad(document.querySelector('main'), (value) => sent.push(value));
  window.press = (...keys) => {
    for (const key of keys) pad.canvas.dispatchEvent(new KeyboardEvent('keydown', { key }));
  };
}
"""
GREY = encode_data_uri(torch.full((1, 28, 28), 0.5))
LINE = "press(' ', 'ArrowRight', ' ')"


def test_a_refusal_never_costs_a_newer_drawing(bare_page: Any) -> None:
    page = bare_page
    page.evaluate(SCENE, PAD)
    page.evaluate(f"() => {{ {LINE}; {LINE}; }}")
    first, last = page.evaluate("sent.map(({ key }) => key)")
    page.evaluate("(key) => pad.receive({ refused: key, says: 'No.' })", first)
    assert page.evaluate("sent.map(({ key }) => key)") == [first, last, last]
    page.evaluate("(key) => pad.receive({ refused: key, says: 'No ink.' })", last)
    expect(page.locator(HINT)).to_have_text("No ink.")
    assert read_ink(page).max() == 255  # a drawing is the person's own
    assert page.evaluate("sent.length") == 3

    # A file that is no picture leaves it there.
    drawing = read_ink(page)
    page.evaluate("() => pad.pictures.take(new File(['x'], 'x.png', { type: 'image/png' }))")
    expect(page.locator(HINT)).to_contain_text("x.png")
    expect(page.locator(HINT)).to_contain_text("The picture before stays.")
    np.testing.assert_array_equal(read_ink(page), drawing)
    assert page.evaluate("sent.length") == 3


def test_the_stage_follows_once_the_paper_is_empty(bare_page: Any) -> None:
    """An answer to what was drawn before the paper was cleared is not taken for one to what follows."""
    page = bare_page
    page.evaluate(SCENE, PAD)
    is_marked = "() => document.querySelector('.gl-pad').hasAttribute('data-blank')"
    answer = """async (key) => {
      document.querySelector('[data-answers]').dataset.answers = key;
      await new Promise(requestAnimationFrame);
      return document.querySelector('.gl-pad').hasAttribute('data-blank');
    }"""
    page.evaluate(f"() => {{ {LINE}; press('Delete'); }}")
    assert page.evaluate(is_marked)
    page.evaluate(f"() => {{ {LINE} }}")
    before, after = page.evaluate("sent.map(({ key }) => key)")
    assert page.evaluate(answer, before)
    assert not page.evaluate(answer, after)
    page.evaluate("press('z')")
    assert page.evaluate(is_marked)
    assert page.evaluate("press('z'), sent.at(-1).kind") == "draw"

    # A given picture is a step of undo; of a model of other pictures, nothing is left of the one before.
    give = "([show, view]) => pad.receive({ show, view, item: { key: show } })"
    views = [None, {"size": 32, "channels": 3}]
    for view, steps in ((views[0], 1), (views[1], 0)):
        page.evaluate(give, [GREY, view])
        assert not page.evaluate(is_marked)
        assert page.evaluate("pad.states.past.length > 0") == bool(steps)
