"""Local directions in the studio: computed in the page, held while the hand moves, new where it lets go."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from ganlab.explorer import Explorer
from ganlab.ui import switching
from tests.browser.gestures import Open, caption
from tests.browser.test_studio import sliders, stage_pixels, studio

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect

# The red channel of the middle picture of the first slider's strip.
MIDDLE = """
() => {
  const strip = document.querySelector('.gl-dir canvas');
  const width = strip.width / 7;
  const { data } = strip.getContext('2d').getImageData(3 * width, 0, width, strip.height);
  return [...data.filter((_, i) => i % 4 === 0)];
}
"""


def latent(request: Any) -> torch.Tensor:
    """The latent (1, D) that a request hands to Python."""
    (sent,) = [part for part in [json.loads(request.post_data)["event_data"]] if part]
    return torch.tensor([sent["z"]])


def test_a_local_slider_starts_again_where_it_was_left(open_page: Open, bundled: Explorer) -> None:
    page = studio(open_page)
    start = stage_pixels(page)
    page.locator("[data-view=local]").click()
    expect(page.locator(".gl-dirs")).to_have_attribute("aria-busy", "false")
    expect(page.locator(".gl-dir small").first).to_contain_text("% of the change")
    with page.expect_request("**/gradio_api/run/predict**") as request:
        sliders(page).first.fill("1.5")
    expect(caption(page)).to_contain_text("moved from test 7")
    expect(sliders(page).first).to_have_value("0")
    # The way there is Python's first local direction of the picture's latent.
    z = bundled.encode(page_picture(bundled))
    moved = bundled.directions.move(z, local=[1.5])
    torch.testing.assert_close(latent(request.value), moved, atol=0.02, rtol=0)
    # The strip is drawn anew around the latent where the hand let go.
    moved_pixels = stage_pixels(page)
    assert (moved_pixels != start).any()
    page.wait_for_function(f"(stage) => ({MIDDLE})().join() === stage.join()", arg=moved_pixels.tolist())
    page.keyboard.press("Control+z")
    assert np.array_equal(stage_pixels(page), start)


def page_picture(explorer: Explorer) -> torch.Tensor:
    """The picture (1, C, H, W) that the page opens on."""
    picture = switching.open_shelf(explorer).current.picture
    assert picture is not None
    return picture
