"""The page by keys alone, and with one thumb on a phone."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.gestures import Open, caption

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect

MAX_STOPS = 120  # of the Tab key, once through the page

# Where the focus is, as one of the page's parts, and whether it can be seen: the outline is wide enough, and
# at least 3 to 1 against what lies behind it.
FOCUS = """
() => {
  const numbers = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
  const light = (colour) => numbers(colour).slice(0, 3).map((value) => value / 255)
    .map((value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0);
  const focused = document.activeElement;
  if (focused === document.body) return null;
  const shown = focused.matches('[type=file]') ? focused.parentElement : focused;
  const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(shown);
  let behind = shown.parentElement;
  while (behind && numbers(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
  const [a, b] = [outlineColor, getComputedStyle(behind ?? document.body).backgroundColor].map(light);
  const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const parts = {
    header: '.gl-header', tabs: '[role=tablist]', panel: '[role=tabpanel]', shelf: '.gl-shelf',
  };
  const part = Object.keys(parts).find((name) => focused.closest(parts[name])) ?? 'rest';
  const seen = outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 && contrast >= 3;
  return [part, seen, focused.outerHTML.slice(0, 120)];
}
"""


def walk(page: Any) -> list[tuple[str, bool, str]]:
    """Every stop of the Tab key, from the top of the page on."""
    page.evaluate("document.activeElement.blur(); getSelection().removeAllRanges(); scrollTo(0, 0)")
    page.locator(".gl-mark").evaluate("(mark) => { mark.tabIndex = -1; mark.focus(); }")
    stops = []
    while len(stops) < MAX_STOPS:
        page.keyboard.press("Tab")
        if (stop := page.evaluate(FOCUS)) is None:
            break
        stops.append(tuple(stop))
    return stops


def go_to(page: Any, selector: str) -> None:
    """Press Tab until the focus is on the element."""
    for _ in range(MAX_STOPS):
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"the Tab key does not lead to {selector}")


def expect_tab(page: Any, name: str) -> None:
    expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("tab", name=name)).to_be_focused()


def test_the_focus_is_seen_and_goes_from_top_to_bottom(open_page: Open) -> None:
    page = open_page()
    stops = walk(page)
    order = list(dict.fromkeys(part for part, *_ in stops))
    assert order == ["header", "tabs", "panel", "shelf", "rest"]
    assert sum(part == "tabs" for part, *_ in stops) == 1  # arrows go on from there
    walked = " ".join(what for *_, what in stops)
    for action in ("example", "neighbour", "end", "keep", "open", "use"):
        assert f'data-action="{action}"' in walked, action
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("document.body.classList.contains('dark')")
    unseen = [what for _, seen, what in [*stops, *walk(page)] if not seen]
    assert not unseen, unseen


def test_keys_alone_choose_send_keep_slide_and_play(open_page: Open) -> None:
    page = open_page()
    choice = page.get_by_label("Model", exact=True)
    first = choice.input_value()
    stop = "() => addEventListener('change', (event) => event.stopPropagation(), { capture: true })"
    page.evaluate(stop)  # that a model is chosen then is tested elsewhere
    choice.focus()
    for key in ("ArrowUp", "Escape", "ArrowDown"):  # still takes keys
        page.keyboard.press(key)
        expect(choice).to_be_focused()
    expect(choice).to_have_value(first)
    page.keyboard.press("ArrowUp")
    expect(choice).not_to_have_value(first)

    page.locator(".gl-about summary").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".gl-about dl")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".gl-about dl")).to_be_hidden()

    page.locator("[data-action=example]").nth(2).focus()
    page.keyboard.press("Enter")
    expect(caption(page)).to_contain_text("no. 2")
    page.locator(".gl-shelf [data-action=end][data-value=A]").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".gl-ends .gl-tile").first).to_have_attribute(
        "aria-label", "A: test 1 (no. 2). Make it current"
    )
    page.locator(".gl-shelf [data-action=keep]").focus()
    page.keyboard.press(" ")
    expect(page.locator(".gl-kept .gl-tile")).to_have_count(1)

    page.get_by_role("tab", name="Reconstruct").focus()
    page.keyboard.press("ArrowLeft")
    expect_tab(page, "Training")
    page.keyboard.press("Home")
    expect_tab(page, "Reconstruct")
    page.keyboard.press("ArrowRight")
    expect_tab(page, "Latent")
    page.locator("#latent-studio .gl-dir").first.wait_for()
    go_to(page, "#latent-studio .gl-dir input")
    page.keyboard.press("ArrowRight")
    expect(caption(page)).to_contain_text("moved from test 1")

    page.get_by_role("tab", name="Latent").focus()
    page.keyboard.press("ArrowRight")
    expect_tab(page, "Interpolate")
    player = page.locator(".gl-film [data-do=play]")
    player.wait_for()
    go_to(page, ".gl-film [data-do=play]")
    page.keyboard.press("Enter")
    expect(player).to_have_text("pause")
    page.wait_for_function("Number(document.querySelector('.gl-film .gl-scrub').value) > 0")
    page.keyboard.press("Enter")
    expect(player).to_have_text("play")
    page.locator(".gl-shelf [data-action=open][data-value=neighbours]").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("tab", name="Neighbours")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#neighbours-stage [data-action=neighbour]").first).to_be_visible()


# The boxes of the tabs' row and its tabs, [left, right], and how far it scrolls.
ROW = """
() => {
  const row = document.querySelector('#tabs [role=tablist]');
  const box = (each) => {
    const { left, right } = each.getBoundingClientRect();
    return [left, right].map(Math.round);
  };
  const chosen = row.querySelector('[aria-selected=true]');
  const [wide, all] = [row.clientWidth, row.scrollWidth];
  return { row: box(row), chosen: box(chosen), last: box(row.lastElementChild), wide, all };
}
"""

CUT = """
() => [...document.querySelectorAll('.gl-shelf :is(button, a, label, img)')]
  .filter((each) => each.checkVisibility() && !each.closest('.gl-kept'))
  .map((each) => [each.getBoundingClientRect(), each.outerHTML.slice(0, 80)])
  .filter(([{ left, right, bottom }]) => left < 0 || right > innerWidth || bottom > innerHeight)
  .map(([, what]) => what)
"""


def test_a_thumb_reaches_every_tab_and_all_of_the_shelf(open_page: Open) -> None:
    page = open_page(width=375, height=700)
    row = page.evaluate(ROW)
    assert row["all"] <= 2 * row["wide"]  # one swipe leads from the first tab to the last
    assert page.get_by_label("More tabs").count() == 0
    swiped = page.locator("#tabs [role=tablist]").evaluate(
        "(row) => { row.scrollLeft += row.clientWidth; return getComputedStyle(row).overflowX; }"
    )
    assert swiped == "auto"  # a thumb scrolls it
    assert page.evaluate(ROW)["last"][1] <= 375
    page.get_by_role("tab", name="Methods").click()
    expect(page.locator("#methods-stage math").first).to_be_visible()
    page.locator(".gl-shelf [data-action=keep]").click()
    expect(page.locator(".gl-kept .gl-tile")).to_have_count(1)
    assert page.evaluate(CUT) == []
    page.locator(".gl-shelf [data-action=open][data-value=latent]").click()
    page.wait_for_function(f"(({{ row, chosen }}) => chosen[0] >= row[0] && chosen[1] <= row[1])(({ROW})())")
    assert page.evaluate("document.documentElement.scrollWidth") == 375
