"""A server that stops and starts, an address that is shared, Back and reload, and storage that throws."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr
import pytest

from ganlab.ui import app
from ganlab.ui.server import launch
from ganlab.ui.server.models import Models
from tests.browser.conftest import PATIENCE
from tests.browser.gestures import caption, tab
from tests.browser.screenshots import TABS
from tests.conftest import free_port

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect

NO_STORAGE = """
  for (const name of ['localStorage', 'sessionStorage']) {
    Object.defineProperty(window, name, { get() { throw new DOMException('denied', 'SecurityError'); } });
  }
"""


class Server:
    """The app with one small model, which can be stopped and started at the same address."""

    def __init__(self, model: str) -> None:
        self.models, self.port = Models(model, device="cpu"), free_port()
        self.blocks: gr.Blocks = app.build(self.models)

    def start(self) -> str:
        _, url, _ = launch.launch(self.blocks, self.models, "127.0.0.1", self.port, prevent_thread_lock=True)
        return str(url)

    def stop(self) -> None:
        self.blocks.close()


@pytest.fixture(scope="module")
def small(other_model: str) -> Iterator[Server]:
    server = Server(other_model)
    yield server
    server.stop()


@pytest.fixture
def visit(browser: Any, small: Server) -> Iterator[Any]:
    """visit(script, address) -> a page of the small server, which may lose its server."""
    address, contexts = small.start(), list[Any]()
    errors: list[str] = []

    def open_one(script: str = "", query: str = "") -> Any:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: errors.append(str(error)))
        if script:
            page.add_init_script(script)
        page.goto(address + query)
        page.locator(".gl-pad[data-ready]").first.wait_for(state="attached")
        return page

    yield open_one
    for context in contexts:
        context.close()
    small.stop()
    assert errors == []


def assert_query(page: Any, **expected: str) -> None:
    """The address says this, sooner or later."""
    page.wait_for_function(
        """(expected) => Object.entries(expected).every(
          ([name, value]) => new URLSearchParams(location.search).get(name) === value)""",
        arg=expected,
    )


def test_a_server_that_stops_and_starts_gets_the_visit_back(visit: Any, small: Server) -> None:
    page = visit()
    page.locator("[data-action=example]").nth(2).click()
    expect(caption(page)).to_contain_text("test 1")
    page.locator(".gl-shelf [data-action=keep]").click()
    expect(page.locator(".gl-kept .gl-tile")).to_have_count(1)
    page.locator(".gl-shelf [data-action=end][data-value=B]").click()
    expect(page.get_by_role("button", name="B: test 1")).to_be_visible()
    shelf = [picture.get_attribute("src") for picture in page.locator(".gl-shelf img").all()]
    small.stop()
    page.locator(".gl-shelf [data-action=open][data-value=neighbours]").click()
    said = page.get_by_text("The server does not answer.")
    expect(said).to_be_visible()
    assert shelf == [picture.get_attribute("src") for picture in page.locator(".gl-shelf img").all()]
    small.start()
    expect(page.get_by_role("tab", name="Neighbours")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#neighbours-stage .gl-card")).to_contain_text("test 1")
    expect(said).not_to_be_visible()
    assert shelf == [picture.get_attribute("src") for picture in page.locator(".gl-shelf img").all()]
    assert page.locator(".toast-body").count() == 0
    # A state that was dropped while the server ran is as good as gone.
    small.blocks.server_app.state_holder.session_data.clear()
    page.locator(".gl-shelf [data-action=end][data-value=A]").click()
    expect(page.get_by_role("button", name="A: test 1")).to_be_visible()
    expect(page.get_by_role("button", name="B: test 1")).to_be_visible()
    expect(page.locator(".gl-kept .gl-tile")).to_have_count(1)


# Back, and Forward before the page has answered.
HASTY = """
() => new Promise((resolve) => {
  const next = (act) => addEventListener('popstate', act, { once: true });
  next(() => {
    next(resolve);
    history.forward();
  });
  history.back();
})
"""


def test_an_address_is_shared_and_back_goes_back(visit: Any) -> None:
    page = visit(query="?tab=neighbours&at=test-4&space=pixels&k=5&__theme=dark")
    expect(page.get_by_role("tab", name="Neighbours")).to_have_attribute("aria-selected", "true")
    expect(caption(page)).to_contain_text("test 4")
    near = page.locator("#neighbours-stage [data-action=neighbour]")
    expect(near).to_have_count(5)
    expect(page.locator("#space").get_by_label("pixels")).to_be_checked()
    steps = [page.locator("#neighbours-stage figcaption").first.inner_text()]
    for _ in range(2):
        near.nth(3).click()
        expect(page.locator("#neighbours-stage figcaption").first).not_to_contain_text(
            steps[-1].split("\n")[0]
        )
        steps.append(page.locator("#neighbours-stage figcaption").first.inner_text())
        expect(page.locator(".gl-trail button")).to_have_count(len(steps) - 1)
        assert_query(page, at=f"training-{steps[-1].split('no. ')[1].split(')')[0]}")
    page.reload()
    expect(caption(page)).to_contain_text(steps[2].split("\n")[0])
    expect(near).to_have_count(5)
    expect(page.locator(".gl-trail button")).to_have_count(2)
    page.locator(".gl-trail button").nth(0).click()  # the way back along the trail
    expect(caption(page)).to_contain_text("test 4")
    expect(page.locator(".gl-trail")).to_have_count(0)
    assert_query(page, at="test-4", __theme="dark")
    page.go_back()
    expect(caption(page)).to_contain_text(steps[2].split("\n")[0])
    tab(page, "Sample")
    assert_query(page, tab="sample")
    page.go_back()
    expect(page.get_by_role("tab", name="Neighbours")).to_have_attribute("aria-selected", "true")
    page.go_back()
    expect(caption(page)).to_contain_text(steps[1].split("\n")[0])
    page.go_forward()
    expect(caption(page)).to_contain_text(steps[2].split("\n")[0])
    arrivals = int(page.locator("[data-arrived]").get_attribute("data-arrived"))
    page.evaluate(HASTY)
    expect(page.locator("[data-arrived]")).to_have_attribute("data-arrived", str(arrivals + 2))
    expect(caption(page)).to_contain_text(steps[2].split("\n")[0])


def test_storage_that_throws_costs_memory_only(visit: Any) -> None:
    page = visit(NO_STORAGE)
    for name in (*TABS[1:], TABS[0]):
        tab(page, name)
    page.locator("[data-action=example]").nth(2).click()
    expect(caption(page)).to_contain_text("test 1")
    page.locator(".gl-shelf [data-action=keep]").click()
    expect(page.locator(".gl-kept .gl-tile")).to_have_count(1)
    tab(page, "Sample")
    assert_query(page, tab="sample", at="test-2")
    page.reload()
    expect(page.get_by_role("tab", name="Sample")).to_have_attribute("aria-selected", "true")
    expect(caption(page)).to_contain_text("test 1")
    expect(page.locator(".gl-notice:visible")).to_have_count(0)
