"""Launching with safe defaults: loopback only, bounded requests and queue, nothing sent outside."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from ganlab.ui import files
from ganlab.ui.markup import STATIC
from ganlab.ui.models import Models

MAX_BODY = 16_000_000  # bytes: a picture of 10 MB as base64, and the page's own state
QUEUE = 32  # events that may wait; more are told to come again
SESSIONS = 500  # visitors whose table is remembered

Message = MutableMapping[str, Any]


class BodyLimit:
    """Refuses a request body over MAX_BODY bytes before anything reads it whole (ASGI)."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self.app = app

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
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
    async def _refuse(send: Callable[[Message], Awaitable[None]]) -> None:
        text = json.dumps({"error": f"A request holds at most {MAX_BODY // 10**6} MB."}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(text))]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": text})


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
        "app_kwargs": {"middleware": [Middleware(BodyLimit)], "routes": files.routes(models)},
        "theme": theme(),
        "css_paths": [STATIC / "app.css"],
        "quiet": True,
    }


def launch(blocks: gr.Blocks, models: Models, host: str, port: int | None, **more: Any) -> Any:
    blocks.queue(api_open=False, max_size=QUEUE, default_concurrency_limit=2)
    return blocks.launch(**{**settings(models, host, port), **more})
