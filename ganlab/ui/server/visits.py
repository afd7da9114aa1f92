"""Visits whose state the server has lost: after a restart, a long sleep, or too many other visitors.

Gradio would answer their next event with the state of a page that was just opened: another picture, another
model, an empty shelf. The page (static/lib/line.js) says with every event that it has been answered before;
then such an event is refused, the page puts its state back and sends the event again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

HEADER = b"x-ganlab-visit"  # of a request: "open SESSION" or "new SESSION"; of a refusal: "lost"
PAGE = b"x-ganlab-page"  # of an answer: which page the server's handlers belong to
EVENTS = ("/run/predict", "/queue/join")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class VisitGuard:
    """Refuses an event of a visit whose state is lost, with status 409 (ASGI)."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].endswith(EVENTS):
            return await self.app(scope, receive, send)
        mark = dict(scope["headers"]).get(HEADER, b"").decode("latin-1")
        kind, _, session = mark.partition(" ")
        server = scope["app"]
        page = (PAGE, name_page(server).encode())
        if kind == "open":
            if is_lost(server.state_holder, session):
                headers = [page, (HEADER, b"lost"), (b"content-length", b"0")]
                await send({"type": "http.response.start", "status": 409, "headers": headers})
                return await send({"type": "http.response.body", "body": b""})
            server.state_holder.session_data[session].is_closed = False  # whatever its heartbeat does
        elif kind == "new":
            server.state_holder.session_data.pop(session, None)  # what may be left of it

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], page]
            await send(message)

        await self.app(scope, receive, send_named)


def is_lost(holder: Any, session: str) -> bool:
    """Whether Gradio dropped a session that there was, or a part of its state."""
    state = holder.session_data.get(session)
    if state is None or not state.state_data:
        return True
    return not state.state_data.keys() >= getattr(state, "_state_ttl", {}).keys()


def name_page(server: Any) -> str:
    """A hash of the page's handlers with their components: an event of a page with another one means
    something else to this server."""
    blocks = server.get_blocks()
    if not hasattr(server, "ganlab_page"):
        parts = [
            (number, function.targets, [part._id for part in (*function.inputs, *function.outputs)])
            for number, function in sorted(blocks.fns.items())
        ]
        server.ganlab_page = hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
    return str(server.ganlab_page)
