"""What people bring to a model of digits: several digits, other formats, files that are none, a part."""

from __future__ import annotations

import io
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganlab import images
from ganlab.config import ModelConfig
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from ganlab.images import PreparedPicture
from ganlab.outliers import OutlierScore
from ganlab.ui.server import view
from tests.browser.gestures import SEVEN, Open, caption, card, draw, pixels, tab, upload
from tests.browser.test_crop import LIVE, SETTLED, drag
from tests.pictures import encoded

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect

DOUBT = "There is more than a digit in this picture."
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 30"><path d="M9 5h3v20h-3z"/></svg>'


@pytest.fixture
def sheet(digits: Pictures) -> Image.Image:
    """Two test digits in dark ink side by side, the first one larger: 300 x 180."""
    paper = Image.new("L", (300, 180), 255)
    for row, left, side in ((0, 0, 170), (1, 170, 120)):
        paper.paste(Image.fromarray(255 - digits.pixels[row, 0].numpy()).resize((side, side)), (left, 10))
    return paper


@pytest.fixture
def preparation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sees the two digits of the sheet, and doubts a picture 400 pixels wide."""
    prepare = images.PREPARATIONS["digit"]
    boxes = ((30.0, 35.0, 110.0, 120.0), (190.0, 30.0, 80.0, 80.0))

    def see(pixels: np.ndarray, config: ModelConfig, polarity: Any, crop: Any) -> PreparedPicture:
        if crop is None and pixels.shape[1] == 300:
            return replace(prepare(pixels, config, polarity, (0, 0, 170)), digits=boxes)
        doubt = DOUBT if crop is None and pixels.shape[1] == 400 else ""
        digits = boxes if doubt else ()
        return replace(prepare(pixels, config, polarity, crop), digits=digits, doubt=doubt)

    monkeypatch.setitem(images.PREPARATIONS, "digit", see)


def shows(page: Any, explorer: Explorer, source: images.Source, crop: Any) -> None:
    """The stage and the lens show what the model sees of a part, and nothing is stale."""
    page.wait_for_function(SETTLED)
    expect(page.locator("#tabs .gl-stale:visible")).to_have_count(0)
    x = images.to_uint8(explorer.prepare(source, crop=crop)[0])
    np.testing.assert_array_equal(pixels(card(page, "reconstruct-stage", 0)), x)
    live = np.array(page.evaluate(LIVE)).reshape(28, 28, 4)
    np.testing.assert_array_equal(live[:, :, 0], x)


def test_one_of_several_digits_is_taken_by_a_click_or_a_key(
    open_page: Open, bundled: Explorer, preparation: None, sheet: Image.Image
) -> None:
    page = open_page()
    before = page.locator(".gl-paper").first.bounding_box()
    upload(page, encoded(sheet, "PNG"), "two.png", "image/png")
    said, digits = page.locator(".gl-seen"), page.get_by_role("radio", name="Digit")
    expect(said).to_have_text("2 digits: the larger one is taken. Click another.")
    expect(digits).to_have_count(2)
    expect(digits.first).to_be_checked()
    shows(page, bundled, sheet, None)
    digits.last.click()
    expect(said).to_have_text("Digit 2 of 2 is taken. Click another.")
    shows(page, bundled, sheet, [170, 10, 120, 120])
    page.keyboard.press("ArrowLeft")
    expect(digits.first).to_be_checked()
    expect(digits.first).to_be_focused()
    shows(page, bundled, sheet, [0, 5, 170, 175])
    place = page.locator(".gl-paper").first.bounding_box()
    assert place == before
    for name, content, sentence in (
        ("empty.png", b"", "empty.png: The file is empty."),
        ("paper.pdf", b"%PDF-1.7", "paper.pdf: This file is not a picture I can read"),
    ):
        upload(page, content, name, "image/png")
        expect(page.locator(".gl-hint").first).to_contain_text(sentence)
        expect(digits).to_have_count(2)  # the last good picture stays
        shows(page, bundled, sheet, [0, 5, 170, 175])
    draw(page, SEVEN)  # over the picture, which makes way
    expect(caption(page)).to_contain_text("your drawing")
    expect(page.locator(".gl-lens")).to_be_hidden()
    page.locator("[data-do=undo]").first.click()
    expect(digits.first).to_be_checked()
    shows(page, bundled, sheet, [0, 5, 170, 175])
    tab(page, "Interpolate")
    page.set_input_files(
        "[data-upload=B]", {"name": "two.png", "mimeType": "image/png", "buffer": encoded(sheet, "PNG")}
    )
    dialog = page.get_by_role("dialog", name="Choose a digit of your picture")
    expect(dialog.get_by_role("radio", checked=True)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(dialog).to_contain_text("Digit 2 of 2 is taken.")
    dialog.get_by_role("button", name="use this").click()
    end = page.locator(".gl-slot").last
    expect(end).to_contain_text("your picture B")
    x = images.to_uint8(bundled.prepare(sheet, crop=[170, 10, 120, 120])[0])
    np.testing.assert_array_equal(pixels(end.locator(".gl-small")), x)
    page.set_input_files("[data-upload=B]", {"name": "no.png", "mimeType": "image/png", "buffer": b""})
    expect(page.locator(".gl-notice:visible")).to_have_text("The file is empty.")
    expect(end).to_contain_text("your picture B")


def test_a_part_is_offered_where_preparation_or_the_gauge_is_unsure(
    open_page: Open,
    bundled: Explorer,
    preparation: None,
    sheet: Image.Image,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = open_page(width=375, height=800, scheme="dark")
    photo = Image.new("RGB", (400, 400), "white")
    photo.paste(sheet, (20, 20))
    crop = page.get_by_role("button", name="crop")
    for content, name, kind in ((SVG, "one.svg", "image/svg+xml"), (_webp(sheet), "two.png", "image/png")):
        upload(page, content, name, kind)
        page.wait_for_function(SETTLED)
        expect(caption(page)).to_contain_text("your picture")
        expect(page.locator(".gl-hint").first).to_be_hidden()
        expect(crop).to_have_attribute("aria-pressed", "false")
    expect(page.locator(".gl-seen")).to_contain_text("2 digits")  # of the first frame
    unlike = SimpleNamespace(score_picture=lambda explorer, x: OutlierScore(1.0, {}))
    with monkeypatch.context() as gauge:
        gauge.setattr(view, "outliers", unlike)
        upload(page, SVG, "one.svg", "image/svg+xml")
        expect(page.locator(".gl-seen")).to_contain_text("Is the digit only a part of this picture?")
        expect(crop).to_have_attribute("aria-pressed", "true")
        page.wait_for_function(SETTLED)
    upload(page, encoded(photo, "PNG"), "photo.png", "image/png")
    expect(page.locator(".gl-seen")).to_have_text(f"2 digits: click another. {DOUBT}")
    expect(crop).to_have_attribute("aria-pressed", "true")
    drag(page, (0.57, 0.17), (0.57, 0.17))  # a click
    expect(page.locator(".gl-seen")).to_have_text("Digit 2 of 2 is taken. Click another.")
    expect(crop).to_have_attribute("aria-pressed", "false")
    page.get_by_role("button", name="whole").click()
    expect(crop).to_have_attribute("aria-pressed", "true")
    page.wait_for_function(SETTLED)
    stage = page.locator("#reconstruct-stage").bounding_box()["y"]
    drag(page, (0.16, 0.16), (0.5, 0.45))
    said = page.locator(".gl-lens [role=status]")
    expect(said).to_contain_text("pixels wide")
    page.wait_for_function(SETTLED)
    left, top, side = _read_square(said.text_content())
    assert (left, top, side) == pytest.approx((64, 64, 136), abs=6)
    square = page.get_by_label("The square that the model sees")
    for key in ("Shift+ArrowRight", "-"):
        square.press(key)
    expect(said).not_to_have_text(f"Square {side} pixels wide, {left} from the left, {top} from the top.")
    page.wait_for_function(SETTLED)
    assert page.locator("#reconstruct-stage").bounding_box()["y"] == stage  # nothing jumps
    square.press("Escape")
    expect(page.locator(".gl-lens b")).to_have_text("all of 400 x 400")
    shows(page, bundled, photo, None)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375


def _webp(picture: Image.Image) -> bytes:
    """An animation whose second frame is blank."""
    file = io.BytesIO()
    picture.convert("RGB").save(
        file, "WEBP", save_all=True, append_images=[Image.new("RGB", picture.size, "white")], lossless=True
    )
    return file.getvalue()


def _read_square(text: str) -> tuple[int, int, int]:
    side, left, top = (int(word) for word in text.split() if word.isdecimal())
    return left, top, side
