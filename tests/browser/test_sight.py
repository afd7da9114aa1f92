"""What a newcomer sees: each tab's first line with its next step, words with their meaning, the tour."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.browser.gestures import Open

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect

WALK = (  # from each tab to the next, by the step that its first line offers
    ("Latent", "Drag a slider and this digit changes"),
    ("Interpolate", "Press play: A turns into B"),
    ("Map", "Point to look, click to take"),
    ("Latent", "Drag a slider and this digit changes"),
)


def hold_map(page: Any) -> list[Any]:
    """Keep the map back, as a server does that has to encode the pictures first, and say how far it is. The
    route to continue is in the list that is returned."""
    waiting: list[Any] = []
    done = itertools.count(8192, 2048)

    def report(route: Any) -> None:
        route.fulfill(json={"done": next(done), "count": 60000})

    page.route("**/ganlab/map?*", lambda route: waiting.append(route))
    page.route("**/ganlab/map_progress?*", report)
    return waiting


def first_line(page: Any) -> Any:
    return page.locator("#tabs .gl-promise:visible")


def test_pad_and_first_line_say_what_happened_and_lead_on(open_page: Open) -> None:
    page = open_page()
    _camera_clipboard_and_drop_say_what_they_want(page)
    expect(first_line(page)).to_contain_text("It comes back as a 7; the difference is")
    loading, waiting = page.locator(".gl-fine.gl-loading"), hold_map(page)
    for name, text in WALK:
        first_line(page).locator(".gl-step").click()
        expect(first_line(page)).to_contain_text(text)
        expect(page.get_by_role("tab", name=name)).to_be_focused()
        if name == "Map":  # which is not there yet
            expect(loading).to_contain_text("The model looks at all training pictures, once.")
            expect(loading).to_contain_text("left")
            assert loading.locator("progress").get_attribute("max") == "60000"
            waiting.pop().continue_()
            expect(page.locator(".gl-sky")).to_be_visible()
            expect(loading).to_be_hidden()
    first_line(page).get_by_role("link", name="latent").press("Enter")
    entry = page.locator("#word-latent")
    expect(entry).to_be_focused()
    expect(entry).to_be_in_viewport()
    expect(page.get_by_role("tab", name="Methods")).to_have_attribute("aria-selected", "true")


# The card of the tour, what it speaks of, and the window, as [left, top, right, bottom].
PLACES = """
() => [document.querySelector('.gl-tour-card'), document.querySelector('.gl-tour-ring')].map((each) => {
  const { left, top, right, bottom } = each.getBoundingClientRect();
  return [left, top, right, bottom];
})
"""
# A page that may store nothing, in which the tour was declined once: is it offered again?
OFFERED_AGAIN = """
async () => {
  const get = () => { throw new DOMException('no', 'SecurityError'); };
  Object.defineProperty(window, 'localStorage', { get });
  const { Tour } = await import(new URL('ganlab/static/lib/tour.js', document.baseURI));
  const offered = () => document.body.classList.contains('gl-newcomer');
  const tour = new Tour(document.body);
  tour.offer();
  const before = offered();
  tour.decline();
  new Tour(document.body).offer();
  return [before, offered()];
}
"""


def test_the_tour_stands_beside_what_it_speaks_of_and_does_not_return(open_page: Open) -> None:
    page = open_page(width=375, height=800)
    card, start = page.locator(".gl-tour-card"), page.locator("[data-do=tour]")
    expect(start).to_have_text("New here? Take the\u00a0tour", use_inner_text=True)
    start.press("Enter")
    for number in range(1, 5):
        expect(card).to_contain_text(f"{number} of 4")
        (left, top, right, bottom), (x, y, w, h) = page.evaluate(PLACES)
        assert min(left, top) >= 0
        assert max(right - 375, bottom - 800) <= 0
        assert bottom <= y or top >= h or right <= x or left >= w, number
        assert h > 0
        assert y < 800
        page.keyboard.press("ArrowRight")
    expect(card).to_have_count(0)  # done
    expect(start).to_be_focused()
    page.reload()
    expect(page.locator("#tabs [role=tab][aria-selected=true]")).to_be_visible()
    expect(start).to_have_text("tour", use_inner_text=True)
    page.get_by_role("tab", name="Latent").click()
    start.click()  # from the header, at any time
    expect(card).to_contain_text("1 of 4")
    expect(page.locator(".gl-pad:visible")).to_be_in_viewport()
    page.keyboard.press("Escape")
    expect(card).to_have_count(0)


# A drag of a file over the pad, up to the event of the given name, and the drop of something that is none.
DRAG = """
([name, withFile]) => {
  const dataTransfer = new DataTransfer();
  if (withFile) dataTransfer.items.add(new File([], 'digit.png', { type: 'image/png' }));
  else dataTransfer.setData('text/plain', '7');
  const event = new DragEvent(name, { dataTransfer, bubbles: true, cancelable: true });
  document.querySelector('.gl-pad canvas').dispatchEvent(event);
}
"""
WITHOUT_CAMERA = """
() => {
  const refuse = () => Promise.reject(new DOMException('no', 'NotAllowedError'));
  Object.assign(navigator.mediaDevices, { getUserMedia: refuse });
}
"""


def _camera_clipboard_and_drop_say_what_they_want(page: Any) -> None:
    sign, said = page.locator(".gl-drop-here").first, page.locator(".gl-pad .gl-hint").first
    expect(sign).to_be_hidden()
    page.evaluate(DRAG, ["dragover", True])
    expect(sign).to_have_text("drop a picture here")
    expect(sign).to_be_visible()
    page.evaluate(DRAG, ["dragleave", True])
    expect(sign).to_be_hidden()
    page.evaluate(DRAG, ["dragover", False])
    page.evaluate(DRAG, ["drop", False])
    expect(sign).to_be_hidden()
    expect(said).to_contain_text("Save the picture first, then drop the file here.")
    page.evaluate(WITHOUT_CAMERA)
    page.locator("[data-do=camera]").click()
    expect(said).to_contain_text("Allow it beside the page’s address, or upload a picture.")
    page.locator("[data-do=paste]").click()
    expect(said).to_contain_text("+V to paste a picture here.")
    expect(said).to_be_visible()


def test_without_storage_the_tour_is_offered_once_a_page(bare_page: Any) -> None:
    assert bare_page.evaluate(OFFERED_AGAIN) == [True, False]
