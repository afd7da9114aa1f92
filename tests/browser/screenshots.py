"""python -m tests.browser.screenshots FOLDER: every tab, as the README shows it and as we look at it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tests.browser import chromium
from tests.browser.conftest import FLAGS

TABS = (
    "Reconstruct",
    "Latent",
    "Interpolate",
    "Neighbours",
    "Sample",
    "Map",
    "Compare",
    "Methods",
    "Training",
)
SIZES = ((1280, 800), (375, 800))


def open_tab(page: Any, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sizes", action="store_true", help="also 375 px wide, and dark")
    parser.add_argument("--model", default="mnist-bigan-plus", help="the model in use (default: %(default)s)")
    parser.add_argument("--tabs", nargs="+", default=TABS, choices=TABS, help="these only")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)

    from playwright.sync_api import sync_playwright

    from ganlab.ui import app
    from ganlab.ui.server import launch
    from ganlab.ui.server.models import Models

    models = Models(options.model)
    blocks = app.build(models)
    _, url, _ = launch.launch(blocks, models, "127.0.0.1", None, prevent_thread_lock=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        for width, height in SIZES if options.sizes else SIZES[:1]:
            for scheme in ("light", "dark") if options.sizes else ("light",):
                page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
                page.goto(url)
                page.locator("#reconstruct-stage .gl-card").first.wait_for()
                page.locator("[data-action=example]").nth(6).click()
                page.locator(".gl-now figcaption", has_text="test 4").wait_for(state="attached")
                page.locator(".gl-shelf [data-action=keep]").click()
                for name in options.tabs:
                    open_tab(page, name)
                    if name == "Latent":
                        page.wait_for_timeout(1500)  # the directions
                        page.locator("#latent-studio .gl-dir input").first.fill("1.5")
                    if name == "Map":
                        page.locator(".gl-sky").wait_for(timeout=120_000)  # encodes the gallery first
                        page.locator(".gl-sky").hover()
                    page.wait_for_timeout(1500)
                    if name == "Compare":
                        page.get_by_text("so far").first.wait_for(state="detached", timeout=120_000)
                    page.evaluate("scrollTo(0, 0)")  # a click may have scrolled
                    suffix = f"-{width}-{scheme}" if options.sizes else ""
                    page.screenshot(path=options.folder / f"{name.lower()}{suffix}.png")
                page.close()
        browser.close()
    blocks.close()


if __name__ == "__main__":
    main()
