"""Launching with safe defaults: loopback only, bounded requests and queue, nothing sent outside."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from weakref import WeakValueDictionary

import gradio as gr
from starlette.middleware import Middleware

from ganlab.ui.html.markup import STATIC
from ganlab.ui.server import routes
from ganlab.ui.server.models import Models

MAX_BODY = 16_000_000  # bytes: a picture of 10 MB as base64, and the page's own state
QUEUE = 32  # events that may wait; more are told to come again
SESSIONS = 500  # visitors whose table is remembered

SESSION = re.compile(rb'"session_hash":\s*"([^"]{1,64})"')

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class BodyLimit:
    """Refuses a request body over MAX_BODY bytes before anything reads it whole (ASGI)."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > MAX_BODY:
            return await self._refuse(send)
        taken = 0
        refused = False

        async def limited() -> Message:
            nonlocal taken, refused
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > MAX_BODY:  # a body that did not say its length, or lied
                refused = True
                return {"type": "http.disconnect"}
            return message

        async def answer(message: Message) -> None:
            if not refused:
                await send(message)

        await self.app(scope, limited, answer)
        if refused:
            await self._refuse(send)

    @staticmethod
    async def _refuse(send: Send) -> None:
        text = json.dumps({"error": f"A request holds at most {MAX_BODY // 10**6} MB."}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(text))]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": text})


class InOrder:
    """Handles the clicks of one visitor one after another, as they were made (ASGI).

    Gradio runs handlers that are off the queue side by side. Two hasty clicks then began with the same state,
    and the one that ended last undid the other's work, whichever was made first.
    """

    def __init__(self, app: App) -> None:
        self.app = app
        self.turns: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()  # gone when nobody waits

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].endswith("/run/predict"):
            return await self.app(scope, receive, send)
        messages = [await receive()]
        while messages[-1].get("more_body"):
            messages.append(await receive())
        found = SESSION.search(b"".join(message.get("body", b"") for message in messages))
        waiting = iter(messages)

        async def replayed() -> Message:
            message = next(waiting, None)
            return await receive() if message is None else message

        if found is None:
            return await self.app(scope, replayed, send)
        turn = self.turns.setdefault(found[1], asyncio.Lock())
        async with turn:  # first come, first served
            await self.app(scope, replayed, send)


def theme() -> gr.themes.Base:
    """System fonts, so that nothing is fetched from outside; one accent colour."""
    return gr.themes.Base(
        primary_hue=gr.themes.colors.indigo,
        neutral_hue=gr.themes.colors.slate,
        font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
        font_mono=["ui-monospace", "Menlo", "Consolas", "monospace"],
        radius_size=gr.themes.sizes.radius_md,
    )


def settings(models: Models, host: str, port: int | None) -> dict[str, Any]:
    """Arguments for launch(); see each for what it closes."""
    return {
        "server_name": host,
        "server_port": port,
        "share": False,
        "ssr_mode": False,  # needs Node, and is slower for a page this small
        "show_error": False,  # stack traces stay here; sentences are sent as results
        "enable_monitoring": False,
        "strict_cors": True,
        "max_file_size": MAX_BODY,
        "state_session_capacity": SESSIONS,
        "run_history": False,  # would store every picture in the visitor's browser
        "footer_links": ["api"],
        "app_kwargs": {
            "middleware": [Middleware(BodyLimit), Middleware(InOrder)],
            "routes": routes.routes(models),
        },
        "theme": theme(),
        "css_paths": [STATIC / "app.css"],
        "quiet": True,
    }


def launch(blocks: gr.Blocks, models: Models, host: str, port: int | None, **more: Any) -> Any:
    blocks.queue(api_open=False, max_size=QUEUE, default_concurrency_limit=2)
    return blocks.launch(**{**settings(models, host, port), **more})
