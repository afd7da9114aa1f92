"""python -m tests.browser.paths FOLDER: two strangers' first visits, filmed as screenshots to look at.

On a phone: draw, reconstruct, keep, slide, share. At a desk: a photograph, a crop, neighbours, the map, a
film.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.browser import chromium
from tests.browser.conftest import FLAGS
from tests.browser.screenshots import open_tab

SEVEN = [(70, 60), (210, 60), (150, 150), (120, 240)]  # pixels of the pad's canvas, 280 wide


class Film:
    """Numbered screenshots of one visit."""

    def __init__(self, page: Any, folder: Path, name: str) -> None:
        self.page, self.folder, self.name, self.count = page, folder, name, 0

    def shoot(self, title: str) -> None:
        """What the visitor sees once nothing moves any more."""
        self.page.wait_for_timeout(900)
        self.count += 1
        path = self.folder / f"{self.name}-{self.count:02d}-{title}.png"
        self.page.screenshot(path=path)
        print(path, flush=True)


def visit_by_phone(page: Any, film: Film) -> None:
    """Draw, reconstruct, keep, slide, share."""
    film.shoot("first-sight")
    box = page.locator(".gl-paper canvas").first.bounding_box()
    touch, scale = page.context.new_cdp_session(page), box["width"] / 280
    points = [{"x": box["x"] + x * scale, "y": box["y"] + y * scale} for x, y in SEVEN]
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": points[:1]})
    for point in points[1:]:
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_function("document.querySelector('.gl-now img').alt.includes('your drawing')")
    film.shoot("drawn")
    page.locator("#reconstruct-stage").scroll_into_view_if_needed()
    page.evaluate("scrollBy(0, 300)")
    film.shoot("reconstructed")
    page.locator(".gl-shelf [data-action=keep]").click()
    film.shoot("kept")
    open_tab(page, "Latent")
    page.locator("#latent-studio .gl-dir input").first.wait_for()
    film.shoot("latent")
    page.locator("#latent-studio .gl-dir input").first.fill("1.5")
    film.shoot("slid")
    page.locator("#latent-studio").get_by_text("link", exact=False).first.click()
    film.shoot("shared")


def visit_at_a_desk(page: Any, film: Film, photograph: Path) -> None:
    """A photograph, a crop, neighbours, the map, a film."""
    film.shoot("first-sight")
    page.locator(".gl-pad input[type=file]").set_input_files(photograph)
    page.wait_for_function("document.querySelector('.gl-now img').alt.includes('your picture')")
    film.shoot("photograph")
    page.locator(".gl-lens button").first.click()
    film.shoot("crop")
    open_tab(page, "Neighbours")
    page.locator("#neighbours-stage [data-action=neighbour]").first.wait_for()
    film.shoot("neighbours")
    page.locator("#neighbours-stage [data-action=neighbour]").nth(2).click()
    film.shoot("followed")
    open_tab(page, "Map")
    film.shoot("map-opening")
    page.locator(".gl-sky").wait_for()
    page.locator(".gl-sky").hover()
    film.shoot("map")
    page.locator(".gl-shelf [data-action=end][data-value=A]").click()
    open_tab(page, "Interpolate")
    page.locator("[data-action=random][data-value=B]").click()
    film.shoot("film")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.paths", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photograph", type=Path, help="for the visit at a desk (default: drawn anew)")
    parser.add_argument("--scheme", choices=("light", "dark"), default="light")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    photograph = options.photograph or draw_photograph(options.folder / "photograph.jpg")

    from playwright.sync_api import sync_playwright

    from ganlab.ui import app
    from ganlab.ui.server import launch
    from ganlab.ui.server.models import Models

    models = Models("mnist-bigan-plus")
    blocks = app.build(models)
    _, url, _ = launch.launch(blocks, models, "127.0.0.1", None, prevent_thread_lock=True)
    visits: dict[str, tuple[dict[str, Any], Callable[[Any, Film], None]]] = {
        "phone": (
            {"viewport": {"width": 375, "height": 740}, "has_touch": True, "is_mobile": True},
            visit_by_phone,
        ),
        "desk": (
            {"viewport": {"width": 1280, "height": 800}},
            lambda page, film: visit_at_a_desk(page, film, photograph),
        ),
    }
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        for name, (settings, visit) in visits.items():
            context = browser.new_context(color_scheme=options.scheme, **settings)
            page = context.new_page()
            page.set_default_timeout(120_000)
            page.goto(url)
            page.locator(".gl-pad[data-ready]").first.wait_for()
            visit(page, Film(page, options.folder, name))
            context.close()
        browser.close()
    blocks.close()


def draw_photograph(path: Path) -> Path:
    """A digit on a page, photographed, as `train.realworld` draws it."""
    from train.measure.realworld.kinds import draw_pictures

    picture = next(
        each for each in draw_pictures(seed=1, each=8) if each.kind == "photographed" and each.label == 4
    )
    path.write_bytes(picture.file)
    return path


if __name__ == "__main__":
    main()
