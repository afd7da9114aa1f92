"""The film studio: keyframes in the person's order, played in the page, classified and saved."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from ganlab import geodesic, images
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures, load_test_pictures
from ganlab.studio import paths
from ganlab.studio.recipe import Recipe, find_latents
from ganlab.ui.server import budget
from tests.browser.gestures import Open, caption, photo, tab

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect

RESTS = re.compile(r'"rest\\?"')  # where the scrubber of a path rests, in what the page sends
STAGE = """
() => {
  const canvas = document.querySelector('.gl-film .gl-card canvas');
  return [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data];
}
"""


def films(open_page: Open, **settings: Any) -> Any:
    page = open_page(**settings)
    page.locator("[data-action=example]").nth(4).click()
    expect(caption(page)).to_contain_text("test 4")
    tab(page, "Interpolate")
    expect(keyframes(page)).to_have_count(2)
    return page


def keyframes(page: Any) -> Any:
    return page.locator(".gl-film .gl-keep .gl-tile")


def titles(page: Any) -> list[str]:
    return [str(tile.get_attribute("title")).split(" (")[0] for tile in keyframes(page).all()]


def test_keyframes_come_from_everywhere_and_are_ordered_and_dropped(
    open_page: Open, digits: Pictures
) -> None:
    page = films(open_page)
    _keyframes_from_the_shelf_and_from_files(page, digits)
    _keyframes_are_added_ordered_and_dropped(page)


def _keyframes_from_the_shelf_and_from_files(page: Any, digits: Pictures) -> None:
    page.get_by_role("button", name="add shelf").click()
    expect(page.locator(".gl-films")).to_contain_text("The shelf is empty")
    page.locator(".gl-shelf [data-action=keep]").click()
    expect(page.locator(".gl-kept .gl-tile")).to_have_count(1)
    page.get_by_role("button", name="add shelf").click()
    assert titles(page) == ["test 7", "test 2", "test 4"]
    upload = page.get_by_label("Upload a picture as a keyframe")
    upload.set_input_files({"name": "x.jpg", "mimeType": "image/jpeg", "buffer": photo(digits, 1)})
    expect(keyframes(page)).to_have_count(4)
    assert titles(page)[-1] == "your picture"
    upload.set_input_files({"name": "x.txt", "mimeType": "text/plain", "buffer": b"no picture"})
    expect(page.locator(".gl-notice:visible")).to_contain_text("not a picture")
    expect(keyframes(page)).to_have_count(4)
    for _ in range(21):
        page.get_by_role("button", name="add A", exact=True).click()
    expect(keyframes(page)).to_have_count(24)
    expect(page.locator(".gl-films")).to_contain_text("at most 24 keyframes")
    page.get_by_role("button", name="A to B").click()
    assert titles(page) == ["test 7", "test 2"]
    keyframes(page).first.focus()
    page.keyboard.press("Delete")
    expect(page.locator(".gl-films")).to_contain_text("A film needs two keyframes")
    for name in ("play", "copy link", "recipe", "save as gif"):
        expect(page.locator(".gl-films").get_by_role("button", name=name)).to_be_disabled()


def _keyframes_are_added_ordered_and_dropped(page: Any) -> None:
    page.get_by_role("button", name="A to B").click()
    page.get_by_role("button", name="add current").click()
    assert titles(page) == ["test 7", "test 2", "test 4"]
    keyframes(page).nth(2).focus()
    page.keyboard.press("ArrowLeft")
    assert titles(page) == ["test 7", "test 4", "test 2"]
    expect(keyframes(page).nth(1)).to_be_focused()
    keyframes(page).nth(2).drag_to(keyframes(page).nth(0))
    assert titles(page) == ["test 2", "test 7", "test 4"]
    keyframes(page).nth(1).focus()
    page.keyboard.press("Delete")
    assert titles(page) == ["test 2", "test 4"]
    # The person's own order stays when A becomes another.
    page.locator(".gl-shelf [data-action=end][data-value=A]").click()
    expect(page.locator(".gl-slot").first).to_contain_text("test 4")
    assert titles(page) == ["test 2", "test 4"]


def test_its_frames_play_lie_side_by_side_and_are_saved(open_page: Open) -> None:
    page = films(open_page)
    _it_plays_without_a_request(page)
    _its_frames_lie_side_by_side(page)
    _its_files_are_of_the_size_and_length_asked_for(page)


def _its_frames_lie_side_by_side(page: Any) -> None:
    frames = page.locator(".gl-frames .gl-tile")
    expect(frames).to_have_count(11)
    page.get_by_label("frames of the strip").select_option("21")
    expect(frames).to_have_count(21)
    frames.nth(4).click()
    expect(caption(page)).to_contain_text("in a film, at 0.6 s")


def _its_files_are_of_the_size_and_length_asked_for(page: Any) -> None:
    page.get_by_label("duration in seconds").fill("1")
    page.get_by_label("size of a pixel in files").select_option("4")
    page.get_by_text("closed loop").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="save as webp").click()
    with Image.open(io.BytesIO(Path(download.value.path()).read_bytes())) as image:
        assert image.size == (112, 112)
        lasted = []
        for index in range(image.n_frames):  # type: ignore[attr-defined]
            image.seek(index)
            image.load()
            lasted.append(image.info["duration"])
        assert sum(lasted) == 1000  # frames that are equal are one, and last longer
        image.seek(0)
        first = np.asarray(image.convert("L"))[::4, ::4]
    page.locator(".gl-film .gl-scrub").fill("0")
    drawn = np.array(page.evaluate(STAGE)).reshape(28, 28, 4)[:, :, 0]
    assert np.abs(first.astype(int) - drawn).max() <= 1


def _it_plays_without_a_request(page: Any) -> None:
    expect(page.locator(".gl-film .gl-fine").first).to_contain_text("becomes 2")
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.get_by_role("button", name="play").click()
    for _ in range(4):  # another picture each time
        page.evaluate(f"window.before = ({STAGE})().join()")
        page.wait_for_function(f"({STAGE})().join() !== window.before")
    page.get_by_role("button", name="pause").click()
    assert not requests
    page.locator(".gl-film .gl-scrub").fill("0.5")
    page.get_by_role("button", name="make current").click()
    expect(caption(page)).to_contain_text("in a film, at 1.5 s")


class Other(NamedTuple):
    """A request of somebody else that is at work."""

    address: str
    page: str = ""
    alone: bool = False


def test_the_shortest_way_is_computed_measured_and_kept_in_the_recipe(
    open_page: Open, bundled: Explorer
) -> None:
    page = films(open_page)
    scrubber = page.locator(".gl-film .gl-scrub")
    expect(scrubber).to_have_value("0")  # it opens on its first frame
    examples = load_test_pictures(bundled.model)
    assert examples is not None
    x = bundled.reconstruct(examples.inputs(slice(0, 1)))
    drawn = np.array(page.evaluate(STAGE)).reshape(28, 28, 4)[:, :, 0]
    assert np.abs(images.to_uint8(x[0]).reshape(28, 28).astype(int) - drawn).max() <= 1
    way = page.get_by_label("path between keyframes")
    assert way.locator("option").all_inner_texts() == [
        "the prior’s: straight line", "straight line", "great circle", "shortest in pictures"
    ]  # fmt: skip
    scrubber.fill("0.5")
    before = page.evaluate(STAGE)
    others: set[Any] = {Other(str(number)) for number in range(budget.LONG.places)}
    budget.LONG.working |= others  # the server gets no further until the person has stopped it
    try:
        way.select_option("geodesic")
        expect(page.locator(".gl-ways progress")).to_be_visible()
        expect(page.locator(".gl-waiting")).to_contain_text("2 requests are before yours.")
        page.get_by_role("button", name="stop").click()
        expect(way).to_have_value("")
        expect(page.locator(".gl-ways progress")).to_be_hidden()
        expect(page.locator(".gl-waiting")).to_be_hidden()
    finally:
        budget.LONG.working -= others
    way.select_option("geodesic")
    rows = page.locator(".gl-lengths tr")
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("shortest in pictures")
    assert page.evaluate(STAGE) != before
    with page.expect_download() as download:
        page.get_by_role("button", name="recipe", exact=True).click()
    recipe = Recipe.from_json(Path(download.value.path()).read_text())
    assert recipe.film is not None
    assert recipe.film.way == "geodesic"
    middle = paths.find_geodesic(bundled, *find_latents(bundled, recipe))[geodesic.PIECES // 2]
    page.get_by_role("button", name="make current").click()
    expect(caption(page)).to_contain_text("in a film, at 1.5 s")
    drawn = np.array(page.evaluate(STAGE)).reshape(28, 28, 4)[:, :, 0]
    expected = images.to_uint8(bundled.decode(middle.unsqueeze(0))[0]).reshape(28, 28)
    assert np.abs(expected.astype(int) - drawn).max() <= 2


def test_a_file_that_is_too_large_is_said_before_it_is_asked_for(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "MAX_FILM_PIXELS", 2_000_000)
    page = films(open_page)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    gif, strip = (page.get_by_role("button", name=f"save as {kind}") for kind in ("gif", "png"))
    warning = page.locator(".gl-too-large")
    said = "75 frames of 224 x 224 pixels are too much for one film: take size 4 x, or at most 1.5 s."
    expect(warning).to_have_text(said)
    expect(gif).to_be_disabled()
    expect(strip).to_be_enabled()
    size = page.get_by_label("size of a pixel in files")
    size.select_option("4")
    expect(warning).to_be_empty()
    expect(gif).to_be_enabled()
    size.select_option("8")
    expect(gif).to_be_disabled()
    page.get_by_label("duration in seconds").fill("1.5")
    expect(gif).to_be_enabled()
    assert not [url for url in requests if url.endswith("ganlab/film")]
    with page.expect_response("**/ganlab/film") as response:  # the server sets the same limit
        gif.click()
    assert response.value.ok


def test_where_the_server_makes_the_path_it_is_scrubbed_in_the_page(served_page: Any) -> None:
    page = served_page
    tab(page, "Interpolate")
    positions: list[str] = []  # what is sent of the scrubber's position; other parts of the page may ask too
    scrubber = page.locator("#interpolate-stage .gl-scrub")
    sprite = page.locator(".gl-sprite")
    before = sprite.evaluate("e => e.style.backgroundPosition")
    box = scrubber.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.on("request", lambda request: positions.extend(RESTS.findall(request.post_data or "")))
    page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + box["height"] / 2, steps=10)
    assert sprite.evaluate("e => e.style.backgroundPosition") != before
    assert positions == []  # a drag asks for nothing; Python gets the position once it ends
    page.mouse.up()
    expect(caption(page)).to_contain_text(re.compile(r"between A and B, t = 0\.[12]"))
    assert len(positions) == 1
    page.locator("[data-action=frame]").first.click()
    expect(caption(page)).to_contain_text("t = 0.00")
    with page.expect_download() as download:
        page.locator("a[download='path.gif']").click()
    assert Image.open(Path(download.value.path())).n_frames == 20  # eleven, there and back
    with page.expect_download() as download:
        page.locator("a[download='path.png']").click()
    assert Image.open(Path(download.value.path())).width > 11 * 28
