"""One visitor, two servers of the same app that know nothing of each other, and a real nginx before them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr
import pytest
from gradio.context import Context

from ganlab.ui import app
from ganlab.ui.server import launch
from ganlab.ui.server.models import Models
from tests.browser.conftest import PATIENCE
from tests.browser.gestures import caption, tab
from tests.conftest import free_port
from tests.nginx import share_out

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect


@pytest.fixture
def twins(other_model: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[gr.Blocks, int]]]:
    """Two servers, each with its port; as in two processes, their parts have the same numbers."""
    servers = []
    for _ in range(2):
        monkeypatch.setattr(Context, "id", 0)
        models, port = Models(other_model, device="cpu"), free_port()
        blocks = app.build(models)
        launch.launch(blocks, models, "127.0.0.1", port, proxies=("127.0.0.1",), prevent_thread_lock=True)
        servers.append((blocks, port))
    yield servers
    for blocks, _ in servers:
        blocks.close()


@pytest.mark.slow(10)
def test_two_servers_serve_one_visitor_and_one_of_them_ends(
    twins: list[tuple[gr.Blocks, int]], browser: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (_, port), (_, other_port) = twins
    with share_out((port, other_port), tmp_path_factory.mktemp("nginx")) as (same, anywhere):
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(PATIENCE)
        fill_shelf(page, anywhere)  # each event may meet either
        statuses: list[int] = []
        page.on("response", lambda response: "/predict" in response.url and statuses.append(response.status))
        fill_shelf(page, same)
        assert set(statuses) == {200}
        holder = max(twins, key=lambda twin: last_used(twin[0]))[0]
        holder.close()
        tab(page, "Neighbours")
        expect(page.locator("#neighbours-stage .gl-card")).to_contain_text("test 1")
        page.locator(".gl-shelf [data-action=end][data-value=A]").click()
        expect(page.get_by_role("button", name="A: test 1")).to_be_visible()
        expect(page.get_by_role("button", name="B: test 1")).to_be_visible()
        expect(page.locator(".gl-kept .gl-tile")).to_have_count(1)
        assert 409 in statuses
        assert page.locator(".toast-body").count() == 0
        page.close()


def fill_shelf(page: Any, address: str) -> None:
    """Open the page, make a test picture current, keep it and send it to B."""
    page.goto(address)
    page.locator(".gl-pad[data-ready]").first.wait_for(state="attached")
    page.locator("[data-action=example]").nth(2).click()
    page.locator(".gl-shelf [data-action=keep]").click()
    page.locator(".gl-shelf [data-action=end][data-value=B]").click()
    expect(caption(page)).to_contain_text("test 1")
    expect(page.get_by_role("button", name="B: test 1")).to_be_visible()
    expect(page.locator(".gl-kept .gl-tile")).to_have_count(1)


def last_used(blocks: gr.Blocks) -> float:
    """When a session of a server was last used; 0 without any."""
    return max((each.used for each in blocks.state_holder.session_data.values()), default=0.0)
