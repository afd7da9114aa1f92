"""The Training tab: a run that is started here, moments under a moving hand, a lost run in words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ganlab.gallery import Pictures
from ganlab.studio import history
from ganlab.studio.history_source import Folder
from ganlab.ui.server import runs
from tests.browser.gestures import Open, tab
from tests.conftest import write_mnist
from tests.histories import CERTAIN, write_history

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect

MOMENTS = 30
# Moves the scrubber through all moments, one a frame, and reads a pixel of the samples at each.
SWEEP = """
async (count) => {
  const scrub = document.querySelector('.gl-run-scrub');
  const canvas = document.querySelector('.gl-frames-canvas');
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const read = () => canvas.getContext('2d').getImageData(0, 0, 1, 1).data[0];
  const shown = [];
  const start = performance.now();
  for (let moment = 0; moment < count; moment++) {
    scrub.value = String(moment);
    scrub.dispatchEvent(new Event('input', { bubbles: true }));
    await frame();
    await frame();
    shown.push(read());
  }
  return { shown, ms: (performance.now() - start) / count };
}
"""
# Where the mean of what is drawn on the map lies, as a share of its width.
CENTRE = """
() => {
  const canvas = document.querySelector('.gl-run-plane');
  const { data, width } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let [sum, count] = [0, 0];
  for (let i = 3; i < data.length; i += 4) if (data[i]) { sum += ((i - 3) / 4) % width; count += 1; }
  return sum / count / width;
}
"""


@pytest.fixture
def bundled_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two runs that came with the app: one that went well, one that is lost; and a folder for own ones."""
    monkeypatch.setattr(runs, "BUNDLED", tmp_path / "bundled")
    monkeypatch.setattr(runs, "RUNS", tmp_path / "own")
    write_history(tmp_path / "bundled" / "bigan", moments=MOMENTS, probes=2000)
    write_history(tmp_path / "bundled" / "lost", lost=True, seed=3)
    return tmp_path


def open_tab(page: Any, name: str = "BiGAN on MNIST, seed 0") -> None:
    tab(page, "Training")
    expect(page.locator(".gl-run .gl-h").first).to_have_text(name)


def test_moments_follow_the_hand_without_a_request(open_page: Open, bundled_runs: Path) -> None:
    page = open_page()
    open_tab(page)
    scrub, readout = page.locator(".gl-run-scrub"), page.locator(".gl-run-moment")
    expect(readout).to_have_text("epoch 29.00, step 2,900")
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    assert page.evaluate(SWEEP, MOMENTS)["shown"] == [10 * m % 240 for m in range(MOMENTS)]
    scrub.press("Home")
    expect(readout).to_have_text("epoch 0.00, step 0")
    left = page.evaluate(CENTRE)
    scrub.press("ArrowRight")
    expect(readout).to_have_text("epoch 1.00, step 100")
    scrub.press("PageUp")
    expect(readout).to_have_text("epoch 11.00, step 1,100")
    page.wait_for_function(f"({CENTRE})() > {left + 0.1}")  # the map moves with it
    expect(page.locator(".gl-chart-legend:visible").nth(1)).to_have_text("real11.0generated-11.0")
    page.locator(".gl-chart-lines").first.scroll_into_view_if_needed()
    box = page.locator(".gl-chart-lines").first.bounding_box()
    page.mouse.click(box["x"] + box["width"] - 1, box["y"] + 60)  # a chart moves it too
    expect(readout).to_have_text("epoch 29.00, step 2,900")
    page.locator(".gl-chart-lines").first.hover(
        position={"x": 80, "y": 60}
    )  # reads a value, and moves nothing
    expect(page.locator(".gl-chart-moment").first).not_to_have_text("epoch 29.00")
    expect(readout).to_have_text("epoch 29.00, step 2,900")
    box = page.locator(".gl-run-plane").bounding_box()
    page.locator(".gl-run-plane").hover(position={"x": 0.98 * box["width"], "y": 0.5 * box["height"]})
    caption = page.locator(".gl-card:has(.gl-run-plane) figcaption")
    expect(caption).to_have_text(re.compile(r"Class \d; D’s logit is 12.7\."))
    page.locator("[data-do=play]").click()  # from the beginning
    expect(caption).to_contain_text("a dot for each picture")
    expect(readout).not_to_contain_text("epoch 29.00")
    page.locator("[data-do=play]").click()
    assert requests == []


def test_a_lost_run_is_told_in_words_beside_another(open_page: Open, bundled_runs: Path) -> None:
    page = open_page()
    open_tab(page)
    expect(page.locator(".gl-run")).to_contain_text("No sign of a lost run.")
    page.get_by_label("run beside it").select_option("lost")
    expect(page.locator(".gl-run")).to_have_count(2)
    lost = page.locator(".gl-run").nth(1)
    expect(lost.locator(".gl-run-lost")).to_have_text(f"Looks lost in epoch 3: {CERTAIN}")
    lost.get_by_role("button", name="show epoch 2.5").click()
    expect(page.locator(".gl-run-moment")).to_have_text("epoch 2.50, step 200")
    expect(lost).to_contain_text(
        "D takes 100 % of the real pictures for real, and 0 % of the generated ones."
    )
    lost.get_by_role("button", name="by D’s decision").click()
    expect(lost.locator("[data-kind=decision]")).to_have_attribute("aria-pressed", "true")
    page.wait_for_function("location.search.includes('run=bigan&beside=lost')")
    page.reload()
    expect(page.locator(".gl-run-lost:visible")).to_have_count(1)
    expect(page.locator(".gl-run")).to_have_count(2)


def test_on_a_phone_and_where_others_visit(open_page: Open, bundled_runs: Path) -> None:
    page = open_page(width=375, height=800)
    refused = {"runs": [{"name": "lost", "bundled": True}], "any": False, "absence": runs.PUBLIC, "most": 20}
    page.route("**/ganlab/runs", lambda route: route.fulfill(json=refused))
    open_tab(page, "BiGAN on MNIST, seed 3")
    page.locator(".gl-run-more summary").click()
    expect(page.locator(".gl-run-more")).to_contain_text(runs.PUBLIC)
    expect(page.locator(".gl-run-start")).to_be_hidden()
    expect(page.locator(".gl-run-address")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    expect(page.get_by_role("tab", name="Training")).to_be_in_viewport()


def test_a_run_is_started_paused_resumed_and_stopped_here(
    open_page: Open, bundled_runs: Path, digits: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real one, on a few thousand digits."""
    many = Pictures(digits.pixels.repeat(8, 1, 1, 1), digits.labels.repeat(8), digits.indices.repeat(8))
    write_mnist(bundled_runs / "data", many)
    monkeypatch.setenv("GANLAB_DATA", str(bundled_runs / "data"))
    page = open_page()
    open_tab(page)
    page.locator(".gl-run-more summary").click()
    for number, value in enumerate(("20", "4")):  # epochs, seed
        page.locator(".gl-run-form input[type=number]").nth(number).fill(value)
    page.locator(".gl-run-start").click()
    state, name = page.locator(".gl-run-state"), page.locator(".gl-run .gl-h")
    try:
        expect(name).to_have_text("BiGAN on MNIST, seed 4")
        expect(state).to_contain_text(re.compile(r"In training: step [\d,]+ of \d+"))
        expect(page.locator(".gl-frames-canvas").first).to_be_visible()
        page.locator("[data-wish=pause]").click()
        expect(state).to_contain_text(re.compile(r"Paused at step \d+ of \d+\."))
        expect(page.locator(".gl-run-events")).to_contain_text("epoch")
        page.locator("[data-wish=run]").click()
        expect(state).to_contain_text("In training")
        page.locator("[data-wish=stop]").click()
        expect(state).to_contain_text(re.compile(r"Stopped at step \d+ of \d+, and saved\."))
        expect(page.locator("[data-wish=run]")).to_have_text("resume")
    finally:
        for folder in (bundled_runs / "own").glob("live-*"):
            if (folder / "history" / "about.json").is_file():
                history.write_wish(Folder(folder), "stop")


@pytest.mark.bench
def test_frames_a_second(open_page: Open, bundled_runs: Path) -> None:
    page = open_page()
    open_tab(page)
    for label in ("one run", "two runs"):
        page.evaluate(SWEEP, MOMENTS)
        ms = page.evaluate(SWEEP, MOMENTS)["ms"] / 2  # two frames a step
        print(f"\nscrubbing, {label}: {1000 / ms:.0f} frames a second")
        page.get_by_label("run beside it").select_option("bigan")
        expect(page.locator(".gl-run")).to_have_count(2)
