"""Bounds on what runs at once: each request that makes the server work waits for its turn (ASGI).

There are five lines, see `budget`: clicks, long work, maps, parts of models and of runs in training, and
large bodies. While a request waits, its page may ask how many are before it. A visitor who leaves, waiting or
not, ends the work: threads notice it between two steps, see `ganlab.interruption`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ganlab import interruption
from ganlab.ui.preparation import describe_wait
from ganlab.ui.server import budget
from ganlab.ui.server.line import Line, RefusedError, Turn
from ganlab.ui.server.proxy import STREAMS, App, Message, Receive, Send
from ganlab.ui.server.sessions import name_visitor

TICKET = b"x-ganlab-turn"  # of a request: "PAGE-NUMBER", as its page numbers what it asks for
TICKETS = re.compile(r"([\w]{1,40})-\d{1,12}", re.ASCII)
SESSION = re.compile(rb'"session_hash":\s*"([^"]{1,64})"')
MAX_SMALL = 128_000  # bytes of a body that is read before its turn
MAX_PAYLOAD = 400_000  # bytes of JSON that a route of ours takes: 24 keyframes of 128 numbers are 70 kB
MAX_READING = 60  # seconds that a large body may take

EVENT = re.compile(r"/(?:run|api)/[^/]+/?$")  # Gradio's, answered at once
JOIN = re.compile(r"/(?:queue/join|call/(?:v2/)?[^/]+)/?$")  # into Gradio's queue
OWN = re.compile(r"/ganlab/(\w+)$")
QUICK = {
    "GET": {"training", "samples", "latents", "picture", "space"},
    "POST": {"ribbon", "view", "upload", "train"},
}
LONG = {"POST": {"film", "shortest"}}
MAPS = {"GET": {"map", "map_latents"}}
PARTS = {"GET": {"generator", "judge", "directions", "runs", "history", "moments"}}
PAYLOADS = {"film", "ribbon", "shortest", "view", "train"}  # routes that take JSON


class Turns:
    """Lets each request that makes the server work have its turn (ASGI)."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        line, waits = choose_line(scope["method"], scope["path"])
        if not waits:
            return await self.app(scope, receive, send)
        body = Body(receive)
        try:
            async with contextlib.AsyncExitStack() as stack:
                limit = MAX_PAYLOAD if _name_route(scope["path"]) in PAYLOADS else MAX_SMALL
                if not await body.read(limit):
                    stack.callback(budget.BODIES.leave, await _take_large(scope, body))
                if line is None:
                    await self.app(scope, body.receive, send)
                elif not body.is_broken:
                    await self._answer(scope, body, send, line)
        except RefusedError as error:
            await refuse(scope, send, error)

    async def _answer(self, scope: Message, body: Body, send: Send, line: Line) -> None:
        session = SESSION.search(body.content) if EVENT.search(scope["path"]) else None
        turn = _join(scope, line, session[1].decode("latin-1") if session else "")
        watcher = asyncio.create_task(_watch(turn, body))
        try:
            await turn.changed.wait()
            if turn.left:
                return
            with interruption.checking(turn.check), turn.waiting_aside():
                await self.app(scope, body.receive, _release_early(turn, send))
        except Exception:
            if not turn.left:  # else nobody is there to be answered: its work was interrupted
                raise
        finally:
            watcher.cancel()
            line.leave(turn)


class Body:
    """A request's body, read in parts before the app asks for it."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._messages: list[Message] = []
        self._next = 0  # of the messages, for the app
        self._gone = asyncio.Event()
        self.is_whole = False
        self.is_broken = False  # its visitor left in the middle

    @property
    def content(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self._messages)

    async def read(self, limit: int | None) -> bool:
        """Read on, until there are more than `limit` bytes; whether it is whole."""
        size = sum(len(message.get("body", b"")) for message in self._messages)
        while not self.is_whole and not self.is_broken and (limit is None or size <= limit):
            message = await self._receive()
            self._messages.append(message)
            size += len(message.get("body", b""))
            self.is_broken = message["type"] != "http.request"
            self.is_whole = not self.is_broken and not message.get("more_body")
        return self.is_whole or self.is_broken

    async def receive(self) -> Message:
        """What the app receives: the body, and at last that the visitor left."""
        if self._next < len(self._messages):
            self._next += 1
            return self._messages[self._next - 1]
        if not self.is_whole:
            return await self._receive()
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def wait_for_leaving(self) -> None:
        """Until the visitor is gone; the body is whole."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone.set()


async def _watch(turn: Turn, body: Body) -> None:
    """End a turn as soon as its visitor leaves."""
    await body.wait_for_leaving()
    turn.left = True
    turn.wake()


async def _take_large(scope: Message, body: Body) -> Turn:
    """Read the rest of a large body, of which only some are read at a time; its turn, which keeps the room.
    RefusedError for one too slow, or too large for its route."""
    if _name_route(scope["path"]) in PAYLOADS:
        raise RefusedError(413, f"This takes at most {MAX_PAYLOAD // 1000} kB.")
    turn = _join(scope, budget.BODIES)
    try:
        await turn.changed.wait()
        await asyncio.wait_for(body.read(None), MAX_READING)
    except asyncio.TimeoutError:
        budget.BODIES.leave(turn)
        raise RefusedError(408, "What you sent took too long to arrive; try again.") from None
    except BaseException:
        budget.BODIES.leave(turn)
        raise
    return turn


def _join(scope: Message, line: Line, session: str = "") -> Turn:
    """A turn in a line; RefusedError where the line is too long."""
    ticket = dict(scope["headers"]).get(TICKET, b"").decode("latin-1")
    match = TICKETS.fullmatch(ticket)
    page = session or (match[1] if match else "")
    turn = Turn(name_visitor(scope.get("client")), page, line, ticket if match else "", alone=bool(session))
    line.join(turn)
    return turn


def _release_early(turn: Turn, send: Send) -> Send:
    """`send`, which gives the place to others once the work is done: not while a slow visitor reads. What is
    sent while it is computed keeps its place."""

    async def send_and_release(message: Message) -> None:
        if message["type"] == "http.response.start":
            kind = dict(message.get("headers", ())).get(b"content-type", b"").decode("latin-1")
            if not kind.startswith(STREAMS):
                turn.line.leave(turn)
        await send(message)

    return send_and_release


def choose_line(method: str, path: str) -> tuple[Line | None, bool]:
    """The line that a request waits in, and whether it has to be read by turns; (None, False) for what costs
    nothing."""
    name = _name_route(path)
    if name in LONG.get(method, ()):
        return budget.LONG, True
    if name in MAPS.get(method, ()):
        return budget.MAPS, True
    if name in PARTS.get(method, ()):
        return budget.PARTS, True
    if name in QUICK.get(method, ()) or (method == "POST" and EVENT.search(path)):
        return budget.QUICK, True
    return None, method == "POST" and JOIN.search(path) is not None


def _name_route(path: str) -> str:
    match = OWN.search(path)
    return match[1] if match else ""


async def count_before(request: Request) -> Response:
    """The route that says how many requests have their turn before the one whose ticket the query names, as
    {"before": number}; 0 when it is at work or answered. "preparing" says how far the space is that it waits
    for, if it does."""
    ticket = request.query_params.get("ticket", "")
    lines = (budget.QUICK, budget.LONG, budget.MAPS, budget.PARTS, budget.BODIES)
    before = max(line.count_before(ticket) for line in lines) if ticket else 0
    preparing = describe_wait(ticket)
    content = {"before": before, **({"preparing": preparing} if preparing else {})}
    return JSONResponse(content, headers={"Cache-Control": "no-store"})


async def refuse(scope: Message, send: Send, error: RefusedError) -> None:
    """Answer with a refusal: a sentence for our own routes, JSON for Gradio's."""
    if _name_route(scope["path"]):
        return await _send(send, error.status, b"text/plain; charset=utf-8", str(error).encode())
    await _send(send, error.status, b"application/json", json.dumps({"error": str(error)}).encode())


async def _send(send: Send, status: int, kind: bytes, content: bytes) -> None:
    headers = [
        (b"content-type", kind),
        (b"content-length", b"%d" % len(content)),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
