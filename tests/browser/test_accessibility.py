"""Every tab, used once and so full, in both schemes, on a desk and on a phone: what axe finds, what can be
read, what a finger hits."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ganlab.ui.server import runs
from ganlab.ui.server.models import Models
from tests.browser.gestures import Open, caption, upload
from tests.browser.screenshots import open_tab
from tests.histories import write_history
from tests.js.run import ROOT, fetch_packages
from tests.pictures import FIVE, TWO, drawing, encoded

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
DESK, PHONE = 1280, 375
MIN_TEXT, MIN_TARGET = 12, 40  # px

# What Gradio does and this page cannot change: (rule of axe, end of the element's selector), and why.
ALLOWED: dict[tuple[str, str], str] = {}

# Violations as [rule, impact, selector, what is wrong]. Colours depend on the scheme, nothing else does.
FIND = """
async ([contrastOnly]) => {
  const options = { resultTypes: ['violations'], rules: { 'target-size': { enabled: true } } };
  if (contrastOnly) options.runOnly = ['color-contrast'];
  const { violations } = await axe.run(document, options);
  const explain = ({ any, all, none }) => [...any, ...all, ...none][0]?.message ?? '';
  return violations.flatMap(({ id, impact, nodes }) =>
    nodes.map((node) => [id, impact, node.target.join(' '), explain(node)]));
}
"""

# Elements with text of their own that is too small, and pictures without a name.
READ = """
(smallest) => {
  const seen = [...document.querySelectorAll('body *')].filter((each) => each.checkVisibility());
  const own = (each) => each.matches('input, select, textarea')
    || [...each.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  const small = seen.filter((each) => own(each) && parseFloat(getComputedStyle(each).fontSize) < smallest);
  const pictures = seen.filter((each) => each.matches('img, canvas, video, [role=img]'));
  const nameless = pictures.filter((each) => !(each.getAttribute('alt') || each.getAttribute('aria-label')
    || each.getAttribute('aria-labelledby') || each.ariaHidden === 'true'
    || each.closest('[aria-hidden=true]')
    || each.closest('button, [role=img]')?.getAttribute('aria-label')
    || each.closest('button')?.textContent.trim()));
  return [...small, ...nameless].map((each) => each.outerHTML.slice(0, 120));
}
"""

# What a finger hits that is too narrow or too low, with [width, height]. Of an input in a label the label
# counts, and links in a sentence are as high as its lines.
HIT = """
(smallest) => {
  const all = [...document.querySelectorAll('a[href], button, input, select, summary, [tabindex="0"]')];
  const targets = new Set(all.filter((each) => each.checkVisibility({ opacityProperty: false }))
    .filter((each) => !each.closest('footer, p, dd, .gl-term') && !each.disabled)
    .map((each) => each.closest('label') ?? each));
  const measure = (each) => {
    const { width, height } = each.getBoundingClientRect();
    const { content, position, inset } = getComputedStyle(each, '::after');
    const more = content !== 'none' && position === 'absolute' ? Math.max(0, -2 * parseFloat(inset)) : 0;
    return [width + more, height + more].map(Math.round);
  };
  return [...targets].map((each) => [each, ...measure(each)])
    .filter(([, width, height]) => width > 0 && Math.min(width, height) < smallest)
    .map(([each, width, height]) => [each.outerHTML.slice(0, 120), width, height]);
}
"""

# Unfold what is folded in the tab, and what is folded in that.
UNFOLD = """
() => {
  for (let depth = 0; depth < 2; depth++) {
    for (const each of document.querySelectorAll('[role=tabpanel] details:not([open]) > summary')) {
      if (each.checkVisibility()) each.click();
    }
  }
}
"""


@pytest.fixture
def axe() -> str:
    """The source of axe-core, which npm fetches."""
    reason = "" if AXE.is_file() else fetch_packages()
    if not AXE.is_file():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no axe-core in node_modules: {reason}")
    return AXE.read_text(encoding="utf-8")


def take_the_tour(page: Any) -> None:
    """The page as it opens, and the first step of the tour."""
    page.locator(".gl-invitation").wait_for()
    page.locator("[data-do=tour]").first.click()
    page.locator(".gl-tour-card").wait_for()


def use_upload(page: Any) -> None:
    """Two digits, so that each has an outline, and the part to take can be chosen."""
    page.keyboard.press("Escape")  # the tour ends
    expect(page.locator(".gl-tour-card")).to_be_hidden()
    paper = Image.new("L", (800, 500), 255)
    for left, points in ((0, FIVE), (350, TWO)):
        paper.paste(drawing(points, 30, side=400), (left + 20, 50))
    upload(page, encoded(paper, "PNG"), "digits.png", "image/png")
    expect(page.locator(".gl-digit")).to_have_count(2)
    expect(caption(page)).to_contain_text("your picture")


def use_example(page: Any) -> None:
    page.locator("[data-action=example]").nth(6).click()
    expect(caption(page)).to_contain_text("test 4")
    page.locator(".gl-shelf [data-action=keep]").click()
    expect(page.locator(".gl-kept .gl-tile")).to_have_count(1)


def use_slider(page: Any) -> None:
    page.locator("#latent-studio .gl-dir input").first.fill("1.5")
    expect(caption(page)).to_contain_text("moved from test 4")


def use_frame(page: Any) -> None:
    page.locator(".gl-frames .gl-tile").nth(3).click()
    expect(caption(page)).to_contain_text("in a film")


def use_neighbour(page: Any) -> None:
    page.locator("#neighbours-stage [data-action=neighbour]").first.click()
    expect(caption(page)).to_contain_text("training")


def use_sample(page: Any) -> None:
    page.locator("#sample-stage .gl-tile").nth(5).click()
    expect(page.locator("#sample-stage .gl-selected")).to_have_count(1)


def use_map(page: Any) -> None:
    expect(page.locator(".gl-sky")).to_be_visible()
    page.locator(".gl-sky").focus()
    for key in ("ArrowRight", "b", "ArrowRight", "ArrowDown", "b", "Enter"):
        page.keyboard.press(key)
    expect(page.locator(".gl-aside .gl-tile").first).to_be_visible()


def wait_for_rows(page: Any) -> None:
    expect(page.locator('#compare-stage [data-more=""]')).to_have_count(1)


def wait_for_formulas(page: Any) -> None:
    page.locator("#methods-stage math").first.wait_for()


def use_run(page: Any) -> None:
    """A lost run beside another, in its middle."""
    page.get_by_label("run beside it").select_option("lost")
    expect(page.locator(".gl-run-lost:visible")).to_have_count(1)
    page.get_by_role("button", name="show epoch 2.5").click()


USES: tuple[tuple[str, Callable[[Any], None]], ...] = (
    ("Reconstruct", take_the_tour),
    ("Reconstruct", use_upload),
    ("Reconstruct", use_example),
    ("Latent", use_slider),
    ("Interpolate", use_frame),
    ("Neighbours", use_neighbour),
    ("Sample", use_sample),
    ("Map", use_map),
    ("Compare", wait_for_rows),
    ("Methods", wait_for_formulas),
    ("Training", use_run),
)


def look(page: Any, width: int, scheme: str) -> list[str]:
    """What is wrong with the page as it is, in a width and a scheme of colours."""
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function(
        "([width, dark]) => innerWidth === width && document.body.classList.contains('dark') === dark",
        arg=[width, scheme == "dark"],
    )
    page.evaluate(UNFOLD)
    wrong = [
        f"{rule} ({impact}): {where}: {what}"
        for rule, impact, where, what in page.evaluate(FIND, [scheme == "dark"])
        if not any(rule == allowed and where.endswith(end) for allowed, end in ALLOWED)
    ]
    if scheme == "light":
        wrong += [f"too small, or without a name: {each}" for each in page.evaluate(READ, MIN_TEXT)]
    return wrong


@pytest.mark.slow(25)
def test_every_tab_is_for_everybody(
    open_page: Open, axe: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(runs, "BUNDLED", tmp_path)
    write_history(tmp_path / "bigan")
    write_history(tmp_path / "lost", lost=True, seed=1)
    monkeypatch.setattr(Models, "list_names", lambda models: ["mnist-bigan"])  # in Compare
    page = open_page()
    page.emulate_media(reduced_motion="reduce")  # no colour is on its way to another
    page.evaluate(axe)
    touch = page.context.new_cdp_session(page)
    wrong: dict[str, None] = {}
    for name, use in USES:
        page.set_viewport_size({"width": DESK, "height": 900})
        open_tab(page, name)
        use(page)
        for width in (DESK, PHONE):
            for scheme in ("light", "dark"):
                wrong |= dict.fromkeys(f"{name}, {width}: {each}" for each in look(page, width, scheme))
        touch.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
        assert page.evaluate("matchMedia('(pointer: coarse)').matches")
        wrong |= dict.fromkeys(f"{name}: {each}" for each in page.evaluate(HIT, MIN_TARGET))
        touch.send("Emulation.setTouchEmulationEnabled", {"enabled": False})
    assert not wrong, "\n".join(wrong)
