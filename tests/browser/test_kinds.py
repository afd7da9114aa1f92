"""Switching in Chromium to a model without an encoder and to one of colour pictures, and back."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from ganlab.gallery import Pictures
from tests.browser.gestures import SEVEN, caption, card, choose_model, draw, photo, pixels, tab, upload
from tests.pictures import encoded

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect

Open = Callable[..., Any]
LONG = 120_000  # ms: a model's first look at 60,000 pictures, or an inversion, on a busy machine


def choose(page: Any, model: str, title: str) -> None:
    choose_model(page, model)
    expect(page.locator(".gl-facts")).to_contain_text(title, timeout=LONG)


def test_a_model_without_an_encoder_in_every_tab(open_page: Open, gan_model: str, digits: Pictures) -> None:
    page = open_page()
    page.locator("[data-action=example]").nth(4).click()
    expect(caption(page)).to_contain_text("test 4")
    page.locator(".gl-shelf [data-action=keep]").click()
    expect(page.locator(".gl-kept .gl-tile")).to_have_count(1)
    faces = [one.get_attribute("src") for one in page.locator(".gl-shelf img").all()]
    choose(page, gan_model, "GAN · MNIST")
    stage = page.locator("#reconstruct-stage")
    expect(stage).to_contain_text("This GAN has no encoder; it inverts by optimisation", timeout=LONG)
    expect(stage).to_contain_text("G(z), z by optimisation")
    expect(stage).to_contain_text("looks like 4")
    expect(stage.locator("[data-action=neighbour]")).to_have_count(5)
    upload(page, photo(digits, 18))
    expect(caption(page)).to_contain_text("your picture", timeout=LONG)
    tab(page, "Latent")
    expect(page.locator("[data-view=raw]")).to_be_visible()
    expect(page.locator("[data-view=principal]")).to_have_count(0)
    expect(page.get_by_role("button", name="principal")).to_be_disabled()
    expect(page.locator("#latent-studio")).to_contain_text(
        "No principal, classes, attributes: this GAN has no"
    )
    tab(page, "Interpolate")
    page.locator("[data-action=example]:visible").first.click()
    expect(page.locator(".gl-slot").first).to_contain_text(re.compile(r"test \d \(no"), timeout=LONG)
    tab(page, "Neighbours")
    expect(page.locator("#space")).to_contain_text("This GAN has no encoder")
    expect(page.locator("#space input")).to_have_count(2)
    page.get_by_label("discriminator").check()
    expect(page.locator("#neighbours-stage")).to_contain_text("the discriminator's hidden layer")
    tab(page, "Sample")
    first = page.locator("#sample-stage img").first
    expect(first).to_be_visible()
    before = str(first.get_attribute("src"))
    page.locator(".gl-kept .gl-tile").click()
    expect(caption(page)).to_contain_text("test 4")
    choose(page, "mnist-bigan", "BiGAN")
    expect(first).not_to_have_attribute("src", before)  # the tab in use is drawn anew
    expect(page.locator(".gl-kept img")).to_have_attribute("src", faces[-1])
    expect(page.locator(".gl-now img")).to_have_attribute("src", faces[0])


def test_a_colour_model_in_every_tab(open_page: Open, colour_model: str, gan_model: str) -> None:
    page = open_page()
    page.locator("[data-action=example]").nth(4).click()
    expect(caption(page)).to_contain_text("test 4")
    page.locator(".gl-shelf [data-action=keep]").click()
    expect(page.locator(".gl-kept .gl-tile")).to_have_count(1)
    faces = [one.get_attribute("src") for one in page.locator(".gl-shelf img").all()]
    choose(page, gan_model, "GAN · MNIST")
    choose(page, colour_model, "GAN · CIFAR-10")
    expect(page.locator(".gl-shelf")).to_contain_text("3 pictures of 28 x 28 in grey don't fit this model")
    expect(page.locator(".gl-kept .gl-tile")).to_have_count(0)
    expect(page.locator("#polarity input").first).to_be_disabled(timeout=LONG)
    expect(page.locator("#polarity")).to_contain_text("This model takes pictures as they are")
    expect(page.locator("#reconstruct-stage")).to_contain_text("comes without a gallery", timeout=LONG)
    expect(page.locator("[data-action=example]")).to_have_count(0)
    page.locator("[data-do=clear]").click()  # else a hand would choose a square of the picture
    draw(page, SEVEN)
    expect(caption(page)).to_contain_text("your drawing", timeout=LONG)
    assert pixels(card(page, "reconstruct-stage", 0)).shape == (32, 32, 3)
    upload(page, encoded(Image.new("RGB", (40, 50), (255, 0, 0)), "PNG"), "red.png", "image/png")
    expect(caption(page)).to_contain_text("your picture", timeout=LONG)
    expect(page.locator("#reconstruct-stage")).to_contain_text("middle square kept")
    assert (pixels(card(page, "reconstruct-stage", 0)) == (255, 0, 0)).all()
    tab(page, "Latent")
    page.locator("[data-view=raw]").click()
    expect(page.locator("#latent-studio .gl-dir")).to_have_count(4)
    page.locator("#latent-studio .gl-dir input").first.fill("1.5")
    expect(caption(page)).to_contain_text("moved from your picture")
    expect(page.locator(".gl-stage .gl-readout")).to_have_text("not judged")
    tab(page, "Interpolate")
    expect(page.locator("#interpolate-stage [data-action=example]").first).to_be_disabled()
    page.locator("#interpolate-stage [data-action=random]").first.click()
    expect(page.locator(".gl-slot").first).to_contain_text("sample 0 of seed")
    tab(page, "Neighbours")
    expect(page.locator("#space")).to_contain_text("comes without a gallery")
    expect(page.locator("#k input").first).to_be_disabled()
    tab(page, "Sample")
    page.wait_for_function("document.querySelector('#sample-stage img').naturalWidth === 32")
    assert pixels(page.locator("#sample-stage img").first).shape == (32, 32, 3)
    choose(page, "mnist-bigan", "BiGAN")
    expect(page.locator(".gl-now img")).to_have_attribute("src", faces[0])
    assert [one.get_attribute("src") for one in page.locator(".gl-shelf img").all()] == faces
    expect(page.locator(".gl-shelf")).to_contain_text("3 pictures of 32 x 32 in colour don't fit this model")
    tab(page, "Neighbours")
    expect(page.locator("#space input")).to_have_count(4, timeout=LONG)
    expect(page.locator("#neighbours-stage [data-action=neighbour]")).to_have_count(12)
    tab(page, "Reconstruct")
    expect(page.locator("#polarity input").first).to_be_enabled(timeout=LONG)
    expect(page.locator("#polarity")).not_to_contain_text("as they are")
    expect(page.locator(".gl-row [data-action=example]")).to_have_count(16)
