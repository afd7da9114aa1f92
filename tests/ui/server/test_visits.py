"""A visit whose state the server has lost is noticed before a handler answers with another's."""

from __future__ import annotations

import asyncio
import datetime
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from ganlab.ui.server.visits import VisitGuard, is_lost

PATH = "/app/gradio_api/run/predict"


def serve() -> Any:
    """A server with one session, "mine", of a page with a state."""
    with gr.Blocks() as blocks:
        state, button = gr.State(1), gr.Button()
        button.click(lambda value: value, state, state)
    app = SimpleNamespace(state_holder=gr.state_holder.StateHolder(), get_blocks=lambda: blocks)
    blocks.state_session_capacity = 9
    app.state_holder.set_blocks(blocks)
    app.state_holder["mine"][state._id] = 2
    app.state = state
    return app


def send(server: Any, mark: str, path: str = PATH) -> tuple[int, dict[bytes, bytes]]:
    """Status and headers of an event's answer."""
    messages: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def collect(message: Any) -> None:
        messages.append(message)

    headers = [(b"x-ganlab-visit", mark.encode())] if mark else []
    scope = {"type": "http", "path": path, "headers": headers, "app": server}
    with ThreadPoolExecutor(1) as pool:  # a browser's tests may have a loop of their own in this thread
        pool.submit(asyncio.run, VisitGuard(app)(scope, None, collect)).result()  # type: ignore[arg-type]
    return messages[0]["status"], dict(messages[0]["headers"])


@pytest.mark.parametrize(
    ("mark", "status"),
    [("", 200), ("open mine", 200), ("open gone", 409), ("open ", 409), ("new gone", 200), ("odd", 200)],
)
def test_only_a_lost_visit_is_refused(mark: str, status: int) -> None:
    server = serve()
    answer, headers = send(server, mark)
    assert answer == status
    assert (headers.get(b"x-ganlab-visit") == b"lost") == (status == 409)
    assert len(headers[b"x-ganlab-page"]) == 16
    assert send(server, "open gone", "/gradio_api/queue/join")[0] == 409
    assert send(server, "open gone", "/ganlab/map") == (200, {})


def test_a_visit_that_slept_too_long_is_lost_and_one_that_comes_back_in_time_is_not() -> None:
    server = serve()
    session, key = server.state_holder.session_data["mine"], server.state._id
    session.is_closed = True  # as when the line to the page broke
    assert send(server, "open mine")[0] == 200
    assert not session.is_closed
    session.is_closed = True
    session._state_ttl[key] = (None, datetime.datetime(2020, 1, 1))
    server.state_holder.delete_all_expired_state()
    assert is_lost(server.state_holder, "mine")
    session.state_data[key + 1] = "another part"
    assert is_lost(server.state_holder, "mine")  # a part is as good as nothing
    assert send(server, "open mine")[0] == 409
    assert send(server, "new mine")[0] == 200
    assert "mine" not in server.state_holder  # the handlers begin anew


def test_a_page_with_other_handlers_has_another_name() -> None:
    first, second = (send(serve(), "")[1][b"x-ganlab-page"] for _ in range(2))
    assert first != second  # other components
    server = serve()
    assert send(server, "") == send(server, "")
