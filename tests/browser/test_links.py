"""Recipes from the page: the same pixels in Python, and the same latent from a link."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ganlab import images
from ganlab.__main__ import main
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from ganlab.studio.film import Film
from ganlab.studio.recipe import ExactLatent, Recipe, make_recipe, replay
from tests.browser.gestures import Open, caption, tab
from tests.browser.test_studio import CANVAS, move_slider, sliders, stage_pixels, studio
from tests.conftest import free_port

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect

FACES = """
(canvases) => canvases.map((canvas) =>
  [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data].join())
"""


@pytest.fixture(scope="module")
def restarted() -> Iterator[str]:
    """Address of the app in a server that knows nothing of the first one's visitors."""
    from ganlab.ui import app
    from ganlab.ui.server import launch
    from ganlab.ui.server.models import Models

    models = Models("mnist-ae-l1")
    blocks = app.build(models)
    _, url, _ = launch.launch(blocks, models, "127.0.0.1", free_port(), prevent_thread_lock=True)
    yield url
    blocks.close()


def download(page: Any, name: str) -> bytes:
    with page.expect_download() as file:
        page.locator("button:visible", has_text=name).click()
    return Path(file.value.path()).read_bytes()


def test_a_recipe_of_the_page_replays_to_its_pixels(
    open_page: Open, bundled: Explorer, digits: Pictures, tmp_path: Path
) -> None:
    page = studio(open_page)
    still = Recipe.from_json(download(page, "recipe").decode())
    (exact,) = still.latents
    x = digits.inputs(slice(0, 1))
    assert isinstance(exact, ExactLatent)
    assert (
        exact.picture == ExactLatent.from_tensor(bundled.encode(x), x).picture
    )  # the picture that was inverted
    torch.testing.assert_close(exact.to_tensor(), bundled.encode(x), atol=1e-5, rtol=0)
    move_slider(page, 2, "1.35")
    move_slider(page, 4, "-2")
    recipe = Recipe.from_json(download(page, "recipe").decode())
    assert isinstance(recipe.latents[0], ExactLatent)
    assert recipe.latents[0].picture == ""  # an edited latent belongs to no picture
    assert (recipe.model, recipe.fingerprint) == (bundled.config.name, bundled.fingerprint)
    exported = np.asarray(Image.open(io.BytesIO(download(page, "save PNG"))))
    assert main(["replay", recipe.to_json(), "-o", str(tmp_path / "out.png")]) == 0
    replayed = np.asarray(Image.open(tmp_path / "out.png"))
    np.testing.assert_array_equal(replayed, exported)
    assert np.abs(replayed.flatten().astype(int) - stage_pixels(page)).max() <= 1


def test_a_link_shows_its_latent_again_after_a_restart(
    open_page: Open, restarted: str, bundled: Explorer
) -> None:
    page = studio(open_page, also=restarted, permissions=["clipboard-read", "clipboard-write"])
    move_slider(page, 0, "1.5")
    before = stage_pixels(page)
    page.get_by_role("button", name="copy link").click()
    expect(page.locator(".gl-stage")).to_contain_text("The link is copied")
    link = page.evaluate("navigator.clipboard.readText()")
    page.goto(restarted.rstrip("/") + "/?" + link.split("?", 1)[1])
    expect(page.locator(".gl-facts")).to_contain_text("BiGAN")  # this server opened with another model
    expect(page.get_by_role("tab", name="Latent")).to_have_attribute("aria-selected", "true")
    expect(caption(page)).to_contain_text("a linked latent")
    expect(sliders(page).first).to_have_value("0")
    # The model that this server opened with may be on the stage for a moment.
    page.wait_for_function(f"(before) => ({CANVAS})().join() === before.join()", arg=before.tolist())
    move_slider(page, 0, "1")
    expect(caption(page)).to_contain_text("moved from a linked latent")
    page.goto("about:blank")  # ahead of the server's end


def test_a_films_link_and_recipe_restore_all_of_it(
    open_page: Open, restarted: str, bundled: Explorer, tmp_path: Path
) -> None:
    page = open_page(also=restarted, permissions=["clipboard-read", "clipboard-write"])
    tab(page, "Interpolate")
    keys = page.locator(".gl-film .gl-keep .gl-tile")
    expect(keys).to_have_count(2)
    page.get_by_role("button", name="add current").click()
    page.get_by_label("duration in seconds").fill("1.5")
    page.get_by_label("easing").select_option("smooth")
    page.get_by_text("closed loop").click()
    faces = page.locator(".gl-frames canvas").evaluate_all(FACES)
    recipe = Recipe.from_json(download(page, "recipe").decode())
    assert recipe.film == Film(38, 1.5, "smooth", None, True)
    assert main(["replay", recipe.to_json(), "-o", str(tmp_path / "out.png")]) == 0
    assert len(replay(bundled, recipe)) == 38
    page.get_by_role("button", name="copy link").click()
    expect(page.locator(".gl-films")).to_contain_text("The link is copied")
    link = page.evaluate("navigator.clipboard.readText()")
    page.goto(restarted.rstrip("/") + "/?" + link.split("?", 1)[1])
    expect(page.get_by_role("tab", name="Interpolate")).to_have_attribute("aria-selected", "true")
    expect(keys).to_have_count(3)
    expect(keys.nth(2)).to_have_attribute("title", "linked latent 3")
    expect(page.get_by_label("duration in seconds")).to_have_value("1.5")
    expect(page.get_by_label("easing")).to_have_value("smooth")
    assert page.locator(".gl-frames canvas").evaluate_all(FACES) == faces
    page.goto("about:blank")  # ahead of the server's end


def test_a_bad_link_is_reported_and_leaves_the_page_alive(open_page: Open) -> None:
    page = open_page()
    address, latent = page.url.split("?")[0], ExactLatent(b"\0" * 200)
    for query, said in (
        ("nonsense", "This permalink is damaged"),
        (Recipe("gone", "f" * 16, (latent,)).to_query(), "was made with gone"),
        (Recipe("gone", "f" * 16, (latent,) * 2, 5).to_query(), "was made with gone"),
    ):
        page.goto(f"{address}?recipe={query}")
        expect(page.locator(".gl-notice").first).to_contain_text(said)
        expect(page.locator("#reconstruct-stage .gl-card").first).to_be_visible()
        expect(caption(page)).to_contain_text("test 7")


def test_the_servers_picture_of_a_recipe(server: str, bundled: Explorer) -> None:
    from tests.ui.server.test_routes import get

    z = bundled.sample(1, seed=4)
    query = make_recipe(bundled, ExactLatent.from_tensor(z)).to_query()
    status, content, _ = get(server, f"/ganlab/picture?model={bundled.config.name}&recipe={query}")
    assert status == 200
    pixels = np.asarray(Image.open(io.BytesIO(content)))
    np.testing.assert_array_equal(pixels, images.to_uint8(bundled.decode(z)[0]))
    status, content, _ = get(server, f"/ganlab/picture?model=mnist-ae-l1&recipe={query}")
    assert status == 404
    assert b"not with mnist-ae-l1" in content
