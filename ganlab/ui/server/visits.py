"""Visits whose state this server does not have: after a restart, a long sleep, too many sessions of one
visitor, or where another process of several has answered since.

Gradio would answer their next event with the state of a page that was just opened, or of an earlier moment:
another picture, another model, an empty shelf. Each answer names the version of the state that it left, and
the page (static/lib/line.js) says with every event which version it shows. An event of another version is
refused; the page puts its state back and sends the event again. So each is done once, wherever it arrives.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any
from urllib.parse import parse_qs

import gradio as gr
from starlette.concurrency import run_in_threadpool

from ganlab.ui.server.proxy import App, Message, Receive, Send
from ganlab.ui.server.sent import list_missing, take_again
from ganlab.ui.server.sessions import EVENT, NAME, Session, Sessions

# Of a request: "open VERSION", or "new" with a state that is put back; of a refusal: what is not here.
HEADER = b"x-ganlab-visit"
LOST, UPLOAD = b"lost", b"upload"  # its state, or a picture that it sent before
STATE = b"x-ganlab-state"  # of an answer: the version of the state that the page shows from then on
PAGE = b"x-ganlab-page"  # of both: which page the handlers belong to
TAB = b"x-ganlab-tab"  # of a page's requests: a name for the page, see docs/serving.md
EVENTS = ("/run/predict", "/queue/join")
PARTS = "/queue/data"
OPENED = "0"  # version of a page that nobody has answered yet


class VisitGuard:
    """Refuses an event of a visit whose state is not here, with status 409, and a page's question for parts
    of answers that are computed elsewhere, with status 421 (ASGI)."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].endswith((*EVENTS, PARTS)):
            return await self.app(scope, receive, send)
        headers, server = dict(scope["headers"]), scope["app"]
        if scope["path"].endswith(PARTS):
            if TAB in headers and not is_computed(server.get_blocks(), scope["query_string"]):
                return await refuse(send, b"", LOST, 421)
            return await self.app(scope, receive, send)
        kind, _, version = headers.get(HEADER, b"").decode("latin-1").partition(" ")
        name, sessions = scope.get(NAME) or "", server.state_holder
        page = name_page(server.get_blocks()).encode()
        if kind in ("open", "new") and headers.get(PAGE, page) != page:
            return await refuse(send, page)
        if kind == "open" and not is_here(sessions, name, version):
            return await refuse(send, page)
        event = scope.get(EVENT) or {}
        if kind in ("open", "new") and "uploads" not in event and list_missing(event):
            return await refuse(send, page, UPLOAD)
        if "uploads" in event:
            await run_in_threadpool(take_again, event)
        if kind == "open" and name in sessions:
            sessions.session_data[name].is_closed = False  # whatever its heartbeat does
        elif kind == "new":
            sessions.drop(name)  # what may be left of it

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (PAGE, page)]
                if kind in ("open", "new") and message["status"] == 200 and scope["path"].endswith(EVENTS[0]):
                    message["headers"].append((STATE, mark_state(sessions[name]).encode()))
            await send(message)

        await self.app(scope, receive, send_named)


async def refuse(send: Send, page: bytes, reason: bytes = LOST, status: int = 409) -> None:
    headers = [(PAGE, page), (HEADER, reason), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def is_here(sessions: Sessions, name: str, version: str) -> bool:
    """Whether the state of a page that shows this version is here, whole and unchanged since."""
    session = sessions.session_data.get(name)
    if session is None:
        return version == OPENED
    whole = session.state_data.keys() >= session._state_ttl.keys()
    return bool(whole and (session.version or OPENED) == version)


def is_computed(blocks: gr.Blocks, query: bytes) -> bool:
    """Whether something is computed here, or was, for the session that a query names."""
    name = parse_qs(query.decode("latin-1")).get("session_hash", [""])[0]
    return name in blocks._queue.pending_messages_per_session


def mark_state(session: Session) -> str:
    """Name the state that an answer leaves; no other state of any process has the name."""
    session.version = secrets.token_urlsafe(9)
    return session.version


def name_page(blocks: gr.Blocks) -> str:
    """A hash of the page's handlers with their components, and of what it opens with: an event of a page
    with another one means something else to this server."""
    if not hasattr(blocks, "ganlab_page"):
        parts: list[Any] = [
            (number, function.targets, [part._id for part in (*function.inputs, *function.outputs)])
            for number, function in sorted(blocks.fns.items())
        ]
        states = [part.value for part in blocks.blocks.values() if isinstance(part, gr.State)]
        parts += [value for value in states if isinstance(value, str)]  # names of the model and the tab
        blocks.ganlab_page = hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
    return str(blocks.ganlab_page)
