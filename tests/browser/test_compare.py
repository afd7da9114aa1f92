"""Compare as a person uses it, in Chromium."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from ganlab import images
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from ganlab.ui import items
from ganlab.ui.server.models import Models
from ganlab.ui.tabs.compare import comparison
from ganlab.ui.tabs.compare.comparison import start
from tests.browser.gestures import SEVEN, caption, photo
from tests.browser.screenshots import open_tab

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect

Open = Callable[..., Any]
PATIENCE = 120_000  # ms: the first time, the codes of whole galleries may have to be made

# Heights of the rows in every frame from now on, and one after the other the pictures compared.
WATCH = """
() => {
  [window.heights, window.compared] = [[], []];
  const look = () => {
    const picture = document.querySelector('.gl-input img')?.src;
    if (picture && picture !== window.compared.at(-1)) window.compared.push(picture);
    const rows = [...document.querySelectorAll('.gl-compare tbody tr')];
    const heights = rows.map((row) => Math.round(row.getBoundingClientRect().height));
    if (rows.length) window.heights.push(heights.join());
    requestAnimationFrame(look);
  };
  look();
}
"""


def complete(page: Any) -> Any:
    """The comparison once it lacks nothing."""
    shown = page.locator(".gl-compare[data-more='']")
    expect(shown).to_be_visible(timeout=PATIENCE)
    return shown


def draw(page: Any, points: list[tuple[int, int]]) -> None:
    box = page.locator("#compare-pad .gl-paper > canvas").bounding_box()
    scale = box["width"] / 280
    places = [(box["x"] + x * scale, box["y"] + y * scale) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()


def upload(page: Any, content: bytes) -> None:
    page.set_input_files(
        "#compare-pad input[type=file]", {"name": "x.jpg", "mimeType": "image/jpeg", "buffer": content}
    )


def belongs_to_the_current_picture(page: Any) -> None:
    """The model in use reconstructs what the shelf holds: nothing older is shown."""
    face = page.locator(".gl-now img").get_attribute("src")
    expect(page.locator("td[data-column=reconstruction] img").first).to_have_attribute("src", face)


@pytest.mark.slow
def test_a_drawing_goes_through_every_model_on_offer_and_a_neighbour_follows(
    open_page: Open, bundled: Explorer, digits: Pictures
) -> None:
    page = open_page()
    open_tab(page, "Compare")
    x = digits.inputs(slice(0, 1))
    expect(page.locator(".gl-input img")).to_have_attribute("src", images.encode_data_uri(x[0]))
    expected = start(Models("mnist-bigan"), bundled, items.from_picture(bundled, x, "test 7 (no. 0)"))
    rows = page.locator(".gl-compare tbody tr")
    expect(rows).to_have_count(len(expected.rows))
    assert rows.locator("th b").all_inner_texts() == [row.called for row in expected.rows]
    complete(page)
    belongs_to_the_current_picture(page)

    draw(page, SEVEN)
    expect(page.locator(".gl-input")).to_contain_text("your drawing")
    expect(caption(page)).to_contain_text("your drawing")
    complete(page)
    belongs_to_the_current_picture(page)
    for i in range(rows.count()):
        expect(rows.nth(i).locator("img.gl-face")).to_have_count(2)
        expect(rows.nth(i).locator("[data-action=neighbour]")).to_have_count(3)
        expect(rows.nth(i).locator("td[data-column=class]")).to_contain_text("looks like")
    expect(page.locator(".gl-verdict")).to_contain_text("keep")
    expect(page.get_by_role("table").get_by_role("columnheader")).to_have_count(6)
    expect(page.get_by_role("rowheader")).to_have_count(len(expected.rows))

    # The picture goes to the other tabs too, and back here everything is still there.
    open_tab(page, "Neighbours")
    expect(page.locator("#neighbours-stage .gl-card").first).to_contain_text("your drawing")
    open_tab(page, "Compare")
    complete(page)
    belongs_to_the_current_picture(page)
    _a_neighbour_is_compared_next(page)


def _a_neighbour_is_compared_next(page: Any) -> None:
    tile = page.locator(".gl-compare tbody tr").last.locator("[data-action=neighbour]").nth(1)
    index = tile.get_attribute("data-value").split()[0]
    tile.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".gl-input")).to_contain_text(f"(no. {index})")
    expect(caption(page)).to_contain_text(f"(no. {index})")
    complete(page)
    belongs_to_the_current_picture(page)


def test_no_row_of_an_older_picture_is_left(
    open_page: Open, digits: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = comparison._neighbours

    def slow(*given: Any) -> Any:
        time.sleep(0.2)
        return quick(*given)

    monkeypatch.setattr(comparison, "_neighbours", slow)
    page = open_page()
    page.evaluate(WATCH)
    open_tab(page, "Compare")
    complete(page)
    for row in (1, 2, 3):
        before = page.locator(".gl-now img").get_attribute("src")
        upload(page, photo(digits, row))
        expect(page.locator(".gl-now img")).not_to_have_attribute("src", before)
        page.locator(".gl-shelf [data-action=keep]").click()
        page.wait_for_timeout(300)  # what takes longer has begun, and the next picture comes meanwhile
    draw(page, SEVEN)
    expect(caption(page)).to_contain_text("your drawing")
    complete(page)
    belongs_to_the_current_picture(page)
    compared = page.evaluate("window.compared")
    assert len(compared) == len(set(compared)) >= 5  # none came back after a newer one
    page.locator(".gl-kept .gl-tile").first.click()
    expect(page.locator(".gl-input")).to_contain_text("your picture")
    complete(page)
    belongs_to_the_current_picture(page)


@pytest.mark.parametrize(("widths", "scheme"), [((375,), "dark"), ((1280, 768), "light")])
def test_it_fits_and_nothing_jumps(open_page: Open, widths: tuple[int, ...], scheme: str) -> None:
    page = open_page(width=widths[0], height=800, scheme=scheme)
    page.evaluate(WATCH)
    open_tab(page, "Compare")
    complete(page)
    heights = page.evaluate("[...new Set(window.heights)]")
    assert len(heights) == 1, heights
    inside = "rows => rows.every((row) => row.scrollWidth <= row.clientWidth + 1)"
    for width in widths:
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_function("(width) => innerWidth === width", arg=width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator(".gl-compare tbody tr").evaluate_all(inside)
    for picture in page.locator(".gl-compare img.gl-picture").all():
        assert picture.evaluate("e => getComputedStyle(e).imageRendering") == "pixelated"
