"""Which files a browser fetches when the page opens, as seen in a real one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from tests.browser import chromium
from tests.browser.conftest import FLAGS

OPENED = "#reconstruct-stage .gl-card"


def list_files(url: str) -> tuple[str, ...]:
    """Paths of what Chromium fetches of the app until the page shows its first picture; () without a
    Chromium."""
    if chromium() is None:
        return ()
    with ThreadPoolExecutor(1) as thread:  # Playwright's own loop must not meet another
        return thread.submit(_record, url).result()


def _record(url: str) -> tuple[str, ...]:
    from playwright.sync_api import sync_playwright

    paths: dict[str, None] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        page = browser.new_page()
        page.on("request", lambda request: paths.setdefault(request.url) if request.method == "GET" else None)
        page.goto(url)
        page.locator(OPENED).first.wait_for(timeout=120_000)
        page.locator(".gl-pad[data-ready]").first.wait_for(timeout=120_000)
        browser.close()
    files = [urlsplit(path) for path in paths if path.startswith(url)]
    names = [f"{file.path}?{file.query}" if file.query else file.path for file in files]
    return tuple(name for name in names if name != "/" and "/gradio_api/" not in name)
