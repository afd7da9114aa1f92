"""A visit whose state the server has lost is noticed before a handler answers with another's."""

from __future__ import annotations

import asyncio
import base64
import secrets
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from PIL import Image

from ganlab import images
from ganlab.ui.server.sent import SENT
from ganlab.ui.server.sessions import EVENT, NAME, Sessions
from ganlab.ui.server.visits import OPENED, VisitGuard, is_here, name_page

PATH = "/app/gradio_api/run/predict"


def serve() -> Any:
    """A server with one session, "mine", of a page with a state."""
    with gr.Blocks() as blocks:
        state, button = gr.State(1), gr.Button()
        button.click(lambda value: value, state, state)
    sessions = Sessions(blocks)
    sessions["mine"][state._id] = 2
    sessions["mine"].version = "v1"
    return SimpleNamespace(state_holder=sessions, get_blocks=lambda: blocks, state=state)


def send(
    server: Any,
    mark: str,
    session: str = "mine",
    path: str = PATH,
    page: str = "",
    status: int = 200,
    event: dict[str, Any] | None = None,
) -> tuple[int, dict[bytes, bytes]]:
    """Status and headers of an event's answer; `status` is what the handlers answer."""
    messages: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        server.state_holder[session]
        await send({"type": "http.response.start", "status": status, "headers": []})

    async def collect(message: Any) -> None:
        messages.append(message)

    headers = [(b"x-ganlab-visit", mark.encode())] if mark else []
    headers += [(b"x-ganlab-page", page.encode())] if page else []
    scope = {
        "type": "http",
        "path": path,
        "headers": headers,
        "app": server,
        NAME: session,
        EVENT: event or {},
    }
    with ThreadPoolExecutor(1) as pool:  # a browser's tests may have a loop of their own in this thread
        pool.submit(asyncio.run, VisitGuard(app)(scope, None, collect)).result()  # type: ignore[arg-type]
    return messages[0]["status"], dict(messages[0]["headers"])


@pytest.mark.parametrize(
    ("mark", "session", "status"),
    [
        ("", "mine", 200),
        ("", "gone", 200),  # no page of ours
        ("open v1", "mine", 200),
        ("open v0", "mine", 409),  # another process has answered since, or its answer was lost on the way
        ("open 0", "mine", 409),
        ("open", "mine", 409),
        ("open v1", "gone", 409),
        ("open 0", "fresh", 200),  # shows what every page opens with
        ("new", "gone", 200),
        ("odd", "gone", 200),
    ],
)
def test_only_another_state_is_refused(mark: str, session: str, status: int) -> None:
    server = serve()
    answer, headers = send(server, mark, session)
    assert answer == status
    assert (headers.get(b"x-ganlab-visit") == b"lost") == (status == 409)
    assert len(headers[b"x-ganlab-page"]) == 16
    assert send(server, "open v1", "gone", "/gradio_api/queue/join")[0] == 409
    assert send(server, "open v1", "gone", "/ganlab/map") == (200, {})


def test_each_answer_names_the_state_that_it_leaves() -> None:
    """So that of two processes, which both know a visit, only the one that answered last is believed."""
    first, second = serve(), serve()
    second.state_holder["mine"].version = "v1"
    version = send(first, "open v1")[1][b"x-ganlab-state"].decode()
    assert send(second, f"open {version}")[0] == 409
    restored = send(second, "new")[1][b"x-ganlab-state"].decode()
    assert send(first, f"open {restored}")[0] == 409
    assert send(second, f"open {restored}")[0] == 200
    assert len({version, restored, "v1", OPENED}) == 4


def test_a_picture_that_is_not_here_is_asked_for() -> None:
    server, name = serve(), secrets.token_urlsafe(16)
    event: dict[str, Any] = {"data": [{"upload": name}]}
    status, headers = send(server, "open v1", event=event)
    assert (status, headers[b"x-ganlab-visit"]) == (409, b"upload")
    assert (
        send(server, "open v1", event={**event, "uploads": {}})[0] == 200
    )  # the page does not have it either
    picture = base64.b64encode(images.encode_png(Image.new("L", (9, 8)))).decode()
    server = serve()
    assert send(server, "open v1", event={**event, "uploads": {name: picture}})[0] == 200
    assert send(server, "", event=event)[0] == 200
    assert name in SENT


def test_parts_that_are_computed_elsewhere_are_not_here() -> None:
    server = serve()
    asked = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope["query_string"])

    async def ignore(message: Any) -> None:
        statuses.append(message.get("status"))

    for name, tab, status in (("mine", True, 421), ("there", True, None), ("mine", False, None)):
        statuses: list[Any] = []
        server.get_blocks()._queue.pending_messages_per_session["there"] = asyncio.Queue()
        headers = [(b"x-ganlab-tab", b"t")] if tab else []
        query = f"session_hash={name}".encode()
        scope = {
            "type": "http",
            "path": "/queue/data",
            "headers": headers,
            "app": server,
            "query_string": query,
        }
        with ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, VisitGuard(app)(scope, None, ignore)).result()  # type: ignore[arg-type]
        assert statuses[:1] == ([status] if status else [])
    assert asked == [b"session_hash=there", b"session_hash=mine"]


def test_what_changes_nothing_leaves_the_version() -> None:
    server = serve()
    for path, status in ((PATH, 500), ("/gradio_api/queue/join", 200)):
        assert b"x-ganlab-state" not in send(server, "open v1", path=path, status=status)[1]
    assert send(server, "open v1")[0] == 200


def test_a_state_that_is_put_back_begins_anew() -> None:
    server = serve()
    assert send(server, "new")[0] == 200
    assert not server.state_holder["mine"].state_data
    assert server.state_holder["mine"].version


def test_a_visit_that_lost_a_part_is_lost() -> None:
    server = serve()
    session, key = server.state_holder["mine"], server.state._id
    session.is_closed = True  # as when the line to the page broke
    assert is_here(server.state_holder, "mine", "v1")
    assert send(server, "open v1")[0] == 200
    assert not session.is_closed
    session.version = "v1"
    del session.state_data[key]
    session.state_data[key + 1] = "another part"
    assert not is_here(server.state_holder, "mine", "v1")


def test_a_page_with_other_handlers_has_another_name() -> None:
    first, second = (send(serve(), "")[1][b"x-ganlab-page"] for _ in range(2))
    assert first != second  # other components
    server = serve()
    assert send(server, "") == send(server, "")
    own = name_page(server.get_blocks())
    assert send(server, "open v1", page=own)[0] == 200
    assert send(server, "open 0", "fresh", page=first.decode())[0] == 409  # before its first answer too


def test_a_page_that_opens_with_another_model_has_another_name() -> None:
    names = set()
    for model in ("one", "two"):
        with gr.Blocks() as blocks:
            gr.State(model)
        names.add(name_page(blocks))
    assert len(names) == 2
