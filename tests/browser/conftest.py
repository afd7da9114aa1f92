"""A page of the real app in a real Chromium, which fails its test on any error or outside request."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.types import Send

from ganlab.explorer import Explorer
from ganlab.studio import portable
from ganlab.ui.server import assets
from ganlab.ui.server.models import Models
from tests.browser import CHROMIUM_NAMES, chromium

PATIENCE = 120_000  # ms that a page may take to show what is expected, on a busy machine
FEW_MODELS = ("mnist-ae-l1", "mnist-bigan", "mnist-bigan-plus", "mnist-gan")
IN_DARK = "(dark) => document.body.classList.contains('dark') === dark"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--use-fake-device-for-media-stream",  # a camera that shows a test pattern
    "--use-fake-ui-for-media-stream",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    path = chromium()
    if path is None:
        reason = f"no Chromium: install one of {', '.join(CHROMIUM_NAMES)}, or name it in CHROMIUM"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def few_models(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four bundled models on offer: Compare encodes the gallery of each. `all_models` asks for all."""
    if "all_models" not in request.fixturenames:
        monkeypatch.setattr(Models, "list_names", lambda models: list(FEW_MODELS))


@pytest.fixture
def all_models() -> None:
    """Every bundled model is on offer."""


@pytest.fixture(autouse=True)
def lasting_scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page takes its scripts from the browser's cache, where it would ask the server for 70 of them again:
    see ui/server/test_routes.py."""
    send_file = assets._send_file

    async def send_for_long(send: Send, file: assets.File, *details: Any) -> None:
        anew = (b"cache-control", b"no-cache")
        headers = [(b"cache-control", b"max-age=3600") if each == anew else each for each in file.headers]
        await send_file(send, file._replace(headers=headers), *details)

    monkeypatch.setattr(assets, "_send_file", send_for_long)
    monkeypatch.setattr(assets, "QUALITY", 1)  # of compressing all of them, for each server


@pytest.fixture(scope="session")
def warm_context(browser: Any) -> Iterator[Any]:
    """What most pages share, so that the browser fetches and compiles Gradio's scripts once."""
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture
def open_page(browser: Any, server: str, request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """open_page(width=..., height=..., scheme=..., **context settings) -> a page with the app ready, of a
    first visit.

    `also` is the address of another server of the app, which the page may visit; with `injected` the test
    puts into the page what its policy blocks, and the browser says so."""
    troubles: list[str] = []
    contexts: list[Any] = []
    pages: list[Any] = []
    also_allowed = ["about:"]

    def watch(request: Any) -> None:  # without holding it up, as a route would
        if not request.url.startswith((server, *also_allowed, "data:", "blob:")):
            troubles.append(f"outside request: {request.url}")

    def open_one(
        width: int = 1280,
        height: int = 900,
        also: str = "about:",
        scheme: str = "light",
        injected: bool = False,
        **settings: Any,
    ) -> Any:
        also_allowed.append(also)
        if settings or pages:  # a second page is another visitor's
            context = browser.new_context(viewport={"width": width, "height": height}, **settings)
            contexts.append(context)
        else:
            context = request.getfixturevalue("warm_context")
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        pages.append(page)
        if context not in contexts:
            page.set_viewport_size({"width": width, "height": height})
            storage = {"origin": server.rstrip("/"), "storageTypes": "local_storage"}
            context.new_cdp_session(page).send("Storage.clearDataForOrigin", storage)
        page.emulate_media(color_scheme=scheme)
        page.on("request", watch)
        page.on("pageerror", lambda error: troubles.append(f"page error: {error}"))
        page.on(
            "console",
            lambda message: (
                message.type == "error"
                and "409 (Conflict)" not in message.text  # a lost visit, which the page puts right
                and not (injected and "Content Security Policy" in message.text)
                and troubles.append(f"console: {message.text} {message.location.get('url', '')}")
            ),
        )
        page.goto(server)
        page.locator("#reconstruct-stage .gl-card").first.wait_for()
        page.locator(".gl-pad[data-ready]").first.wait_for()  # it takes strokes and files
        page.wait_for_function(IN_DARK, arg=scheme == "dark")
        return page

    yield open_one
    for page in pages:
        page.unroute_all(behavior="ignoreErrors")  # an answer under way may outlive its page
        page.close()
    for context in contexts:
        context.close()
    assert not troubles, troubles


@pytest.fixture
def bare_page(warm_context: Any, server: str) -> Iterator[Any]:
    """A page of the app's address without the app, for what needs the page's modules alone: it opens in a
    tenth of the time."""
    page = warm_context.new_page()
    page.set_default_timeout(PATIENCE)
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(f"page error: {error}"))
    page.goto(server.rstrip("/") + "/theme.css")
    page.evaluate("() => document.body.replaceChildren()")
    yield page
    page.close()
    assert not troubles, troubles


@pytest.fixture
def served_page(
    open_page: Callable[..., Any], bundled: Explorer, other_model: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """A page whose model is one that the server makes the pictures of."""
    from playwright.sync_api import expect

    from tests.browser.test_kinds import choose

    page = open_page()
    page.evaluate(  # until the page has the generator of the model that it opened with
        """async ([name, fingerprint]) => {
          const { loadGenerator } = await import(new URL('ganlab/static/lib/generator.js', document.baseURI));
          await loadGenerator(name, fingerprint);
        }""",
        [bundled.config.name, bundled.fingerprint],
    )
    monkeypatch.setattr(portable, "MAX_MULTIPLICATIONS", 0)
    # What the browser keeps of earlier tests says that the page makes the other model's pictures.
    page.context.new_cdp_session(page).send("Network.clearBrowserCache")
    choose(page, other_model, "Other · MNIST")
    # What is stale belongs to the model before, and a click on it is dropped.
    expect(page.locator("#tabs .gl-stale:visible")).to_have_count(0)
    yield page
    # Nor does what it keeps of this one hold for tests that come later.
    page.context.new_cdp_session(page).send("Network.clearBrowserCache")
