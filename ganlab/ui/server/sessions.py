"""The sessions of visitors: how many are kept, and in which order their events are handled.

A session is what the server knows of one open page. Losing it costs an answer that takes longer, and nothing
else: the page notices it and puts its state back, see `visits`. Still nobody loses one to another visitor, as
long as that one holds more.
"""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import json
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextvars import ContextVar
from copy import copy
from typing import Any
from weakref import WeakValueDictionary

import gradio as gr
from gradio.state_holder import SessionState, StateHolder

from ganlab.ui.server.proxy import App, Message, Receive, Send

MAX_SESSIONS = 2000  # of all visitors: 0.1 to 1 MB each
MAX_OF_ADDRESS = 200  # of one address, behind which there may be a classroom
MAX_AGE = 3600  # seconds since a session was last used
MAX_CLOSED = 60  # the same, once its page was closed; one that comes back, as by Back, puts its state back
MAX_NAME = 64  # characters of a session's name, which the page chooses
MAX_EVENTS = 32  # of one session that wait for each other
V6_SITE = 64  # bits of an IPv6 address that name a visitor; the rest each visitor chooses

NAME = "ganlab.session"  # in a request's scope: the session that its body names, or None
EVENT = "ganlab.event"  # there too: all of the body's JSON, {} where it is none
ORDERED = re.compile(r"/(run|api)/[^/]+/?$")  # events that are handled in their order
NAMING = re.compile(r"/((run|api|call|call/v2)/[^/]+|queue/join|component_server|cancel|reset)/?$")

visitor: ContextVar[str] = ContextVar("visitor", default="")  # address of whoever sent the request


def name_visitor(client: tuple[str, int] | None) -> str:
    """The address that counts as one visitor: IPv4, or the network of an IPv6 address; "" for none."""
    try:
        address = ipaddress.ip_address((client or ("",))[0])
    except ValueError:
        return ""
    address = getattr(address, "ipv4_mapped", None) or address
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, V6_SITE), strict=False))


# ---------------------------------------------------------------------- what is kept


class Session(SessionState):  # type: ignore[misc]
    """Gradio's state of one page, without the copy of all components' settings that Gradio keeps for links of
    its own kind: a sixth of a MB and 11 ms each."""

    def __init__(self, blocks: gr.Blocks, address: str, used: float) -> None:
        self.blocks_config = copy(blocks.default_config)
        self.config_values: dict[int, Any] = {}
        self.state_data: dict[int, Any] = {}
        self._state_ttl: dict[int, Any] = {}
        self.is_closed = False
        self.STATE_TTL_WHEN_CLOSED = MAX_AGE
        self.address = address
        self.used = used
        self.version = ""  # of the state, see `visits`; "" before the first answer

    def __setitem__(self, key: int, value: Any) -> None:
        block = self.blocks_config.blocks.get(key)
        if isinstance(block, gr.State):
            self._state_ttl[key] = (block.time_to_live, datetime.datetime.now())
            self.state_data[key] = value
        else:
            self.blocks_config.blocks[key] = value

    def _update_config(self, key: int) -> None:
        pass

    def _update_value_in_config(self, key: int, value: Any) -> None:
        pass


class Sessions(StateHolder):  # type: ignore[misc]
    """The sessions of all visitors, in the place of Gradio's, which lets the oldest go whoever it belongs to.
    Thread-safe."""

    def __init__(self, blocks: gr.Blocks, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.set_blocks(blocks)
        self._now = now
        self._of: dict[str, OrderedDict[str, None]] = {}  # address -> names, the one used last at the end
        self._guard = threading.RLock()

    def __getitem__(self, name: str) -> Session:
        """The session of a name, which begins now if there is none; ValueError for what is no name."""
        if not isinstance(name, str) or len(name) > MAX_NAME:
            raise ValueError(f"A session's name has at most {MAX_NAME} characters.")
        with self._guard:
            session = self.session_data.get(name)
            if session is None:
                session = Session(self.blocks, visitor.get(), self._now())
                self.session_data[name] = session
                self._of.setdefault(session.address, OrderedDict())[name] = None
                self._make_room(session.address, name)
            session.used = self._now()
            self.session_data.move_to_end(name)
            self._of[session.address].move_to_end(name)
            return session  # type: ignore[no-any-return]

    def drop(self, name: str) -> None:
        """Forget a session, and what of its answers nobody has fetched."""
        with self._guard:
            session = self.session_data.pop(name, None)
            if session is None:
                return
            names = self._of[session.address]
            del names[name]
            if not names:
                del self._of[session.address]
            queue = self.blocks._queue
            events = queue.pending_event_ids_session.get(name, set())
            if not events & queue.event_ids_to_events.keys():  # none waits or is answered now
                queue.pending_event_ids_session.pop(name, None)
                queue.pending_messages_per_session.pop(name, None)

    def delete_all_expired_state(self) -> None:
        """Forget what was not used for long; Gradio asks for it once a second."""
        with self._guard:
            for name, session in [*self.session_data.items()]:
                if self._now() - session.used > (MAX_CLOSED if session.is_closed else MAX_AGE):
                    self.drop(name)

    def _make_room(self, address: str, new: str) -> None:
        """Each address has its share, and of all too many the address with the most gives one."""
        if len(self._of[address]) > MAX_OF_ADDRESS:
            self.drop(self._choose(address, new))
        while len(self.session_data) > MAX_SESSIONS:
            crowded = max(self._of, key=lambda each: len(self._of[each]))
            self.drop(self._choose(crowded, new))

    def _choose(self, address: str, new: str) -> str:
        """Which session of an address goes: one in which nothing was written, as calls leave them, else the
        one not used for longest."""
        names = self._of[address]
        empty = (name for name in names if name != new and not self.session_data[name]._state_ttl)
        return next(empty, next(iter(names)))


def install(server: Any) -> Sessions:
    """The sessions of a server of Gradio's, in which ours take the place of its own."""
    if not isinstance(server.state_holder, Sessions):
        server.state_holder = Sessions(server.get_blocks())
    return server.state_holder


# ---------------------------------------------------------------------- in which order


class SessionOrder:
    """Handles the events of one session one after another, in the order in which they arrive (ASGI).

    Gradio runs handlers that bypass the queue side by side. Two quick clicks would start from the same state,
    and the handler that ended last would overwrite the other's result. Sessions do not wait for each other.
    """

    def __init__(self, app: App) -> None:
        self.app = app
        self.lines: WeakValueDictionary[str, EventLine] = WeakValueDictionary()  # of sessions at work

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        if "app" in scope:
            install(scope["app"])
        visitor.set(name_visitor(scope.get("client")))
        if scope.get("method", "POST") != "POST" or not NAMING.search(scope["path"]):
            return await self.app(scope, receive, send)
        messages = [await receive()]
        while messages[-1].get("more_body"):
            messages.append(await receive())
        event = read_event(b"".join(message.get("body", b"") for message in messages))
        name = event.get("session_hash")
        name = name if isinstance(name, str) else None
        unread = iter(messages)

        async def receive_again() -> Message:
            message = next(unread, None)
            return await receive() if message is None else message

        if name is not None and len(name) > MAX_NAME:
            return await refuse(send, 400, f"A session's name has at most {MAX_NAME} characters.")
        scope[NAME], scope[EVENT] = name, event
        if name is None or not ORDERED.search(scope["path"]):
            return await self.app(scope, receive_again, send)
        line = self.lines.setdefault(name, EventLine())
        if line.length >= MAX_EVENTS:
            return await refuse(send, 429, "Too many clicks of this page wait for each other; wait a moment.")
        async with line:
            await self.app(scope, receive_again, send)


class EventLine:
    """Who is at work for a session, and who waits for that: first come, first served, as with asyncio's
    locks."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.length = 0

    async def __aenter__(self) -> None:
        self.length += 1
        try:
            await self.lock.acquire()
        except BaseException:
            self.length -= 1
            raise

    async def __aexit__(self, *_: object) -> None:
        self.length -= 1
        self.lock.release()


def read_event(body: bytes) -> dict[str, Any]:
    """The JSON of an event; {} for what is none."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


async def refuse(send: Send, status: int, sentence: str) -> None:
    """Answer with a sentence, as Gradio's endpoints do."""
    text = json.dumps({"error": sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(text))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})
