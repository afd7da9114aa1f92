"""The Methods tab used as a person would, in Chromium."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganlab import images
from ganlab.explorer import Explorer
from ganlab.ui.tabs.methods import measured
from ganlab.ui.tabs.methods.explained import EXPLANATIONS
from tests.browser.gestures import choose_model
from tests.browser.screenshots import open_tab
from tests.ui.tabs.methods.test_measured import write_table

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect

Open = Callable[..., Any]


# The boxes of all elements that a selector finds, each with its parent's.
BOXES = """
selector => [...document.querySelectorAll(selector)].map(
  (one) => [one, one.parentElement].map((e) => e.getBoundingClientRect().toJSON()))
"""


def open_methods(page: Any) -> Any:
    open_tab(page, "Methods")
    stage = page.locator("#methods-stage")
    stage.locator("math").first.wait_for()
    return stage


def choose(page: Any, key: str) -> None:
    page.locator("#method").get_by_label(EXPLANATIONS[key].name, exact=True).check()
    expect(page.locator("#methods-stage .gl-method")).to_contain_text(EXPLANATIONS[key].title)


def faces(stage: Any, strip: int) -> list[np.ndarray]:
    found = stage.locator(".gl-strip").nth(strip).locator("img").all()
    uris = [face.get_attribute("src") for face in found]
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1])))) for uri in uris]


def test_it_opens_on_the_method_of_the_model_in_use(open_page: Open, bundled: Explorer) -> None:
    page = open_page()
    stage = open_methods(page)
    expect(stage.locator(".gl-method")).to_contain_text("BiGAN")
    expect(page.locator("#method").get_by_label("BiGAN", exact=True)).to_be_checked()
    made = bundled.decode(bundled.sample(8, seed=0))
    for face, x in zip(faces(stage, 0), made, strict=True):
        np.testing.assert_allclose(face.astype(int), images.to_uint8(x), atol=1)
    stage.locator("[data-action=another]").click()
    expect(stage).not_to_contain_text("seed 0")
    seed = int(re.findall(r"seed (\d+)", stage.inner_text())[0])
    made = bundled.decode(bundled.sample(8, seed=seed))
    for face, x in zip(faces(stage, 0), made, strict=True):
        np.testing.assert_allclose(face.astype(int), images.to_uint8(x), atol=1)
    _a_network_has_the_colour_of_the_loss_that_trains_it(page, stage)


def _a_network_has_the_colour_of_the_loss_that_trains_it(page: Any, stage: Any) -> None:
    choose(page, "jlr")
    colour = "e => getComputedStyle(e).stroke"
    text = "e => getComputedStyle(e).color"
    for player, letter in (("discriminator", "D"), ("generator", "G"), ("encoder", "E")):
        box = stage.locator(f".gl-net.gl-of-{player}")
        expect(box).to_have_text(letter)
        heading = stage.locator(f".gl-player.gl-of-{player} h3")
        gradient = stage.locator(f".gl-gradient.gl-of-{player} .gl-way").first
        shade = heading.evaluate(text)
        assert box.locator("rect").evaluate(colour) == shade
        assert gradient.evaluate(colour) == shade


# The page is laid out for a width, in which it fits, and for a scheme of colours.
LAID_OUT = """
([width, scheme]) => innerWidth === width && document.documentElement.scrollWidth <= width
  && document.body.classList.contains('dark') === (scheme === 'dark')
"""


def show_in(page: Any, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function(LAID_OUT, arg=[width, scheme])


def test_every_method_is_drawn_and_fits(
    open_page: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(measured, "TABLE", write_table(tmp_path / "table.json"))
    page = open_page(width=375, scheme="dark")
    stage = open_methods(page)
    expect(page.locator("#methods-table")).to_contain_text("D of the GAN")
    for key, method in EXPLANATIONS.items():
        choose(page, key)
        drawn = stage.locator("math")
        expect(drawn).to_have_count(len(method.players) + len(method.where))
        diagram = stage.locator("svg.gl-diagram")
        expect(diagram).to_have_accessible_name(re.compile(re.escape(method.diagram.title)))
        for width, scheme in ((375, "dark"), (1280, "light")):
            show_in(page, width, scheme)
            for formula, frame in page.evaluate(BOXES, "#methods-stage math"):
                assert formula["height"] > 12
                assert frame["right"] <= width
                assert frame["height"] >= formula["height"]
            box = diagram.bounding_box()
            shape = method.diagram.height / method.diagram.width
            assert box["height"] / box["width"] == pytest.approx(shape, abs=0.01)
            words = page.evaluate(BOXES, "#methods-stage svg text")
            assert all(box["height"] > 8 for box, _ in words)  # still to be read on a phone
    inside = "e => [e.clientWidth, e.scrollWidth, e.getBoundingClientRect().right]"
    for width, scheme in ((1280, "light"), (375, "dark")):
        show_in(page, width, scheme)
        shown, whole, right = page.locator("#methods-table .gl-wide").evaluate(inside)
        assert right <= width
    assert whole > shown  # on a phone the table scrolls in itself


def test_a_model_is_taken_into_use(open_page: Open, other_model: str) -> None:
    page = open_page()
    choose_model(page, other_model)
    expect(page.locator(".gl-facts")).to_contain_text("Other · MNIST")
    stage = open_methods(page)
    use = stage.locator("[data-action=use][data-value=mnist-bigan]")
    expect(use).to_have_text("use this model")
    use.click()
    expect(page.locator(".gl-facts")).to_contain_text("BiGAN · MNIST")
    expect(use).to_have_text("in use")
    expect(use).to_be_disabled()
    expect(page.get_by_label("Model", exact=True)).to_have_value("mnist-bigan")
    open_tab(page, "Sample")
    expect(page.locator("#sample-stage .gl-tile")).to_have_count(36)
