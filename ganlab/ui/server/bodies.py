"""What a request's body may hold (ASGI)."""

from __future__ import annotations

import asyncio
import json
import time

from ganlab.ui.server.proxy import App, Message, Receive, Send

MAX_SECONDS = 120  # that its pieces are waited for: whoever sends a byte now and then holds a place
MAX_BODY = 16_000_000  # bytes: a picture of 10 MB as base64, and the page's own state
TOO_LARGE = (413, f"A request holds at most {MAX_BODY // 10**6} MB.")
TOO_SLOW = (408, "This request took too long to arrive.")


class BodyLimit:
    """Refuses a request body over MAX_BODY bytes before anything reads it whole, and one that does not arrive
    within MAX_SECONDS (ASGI)."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length) > MAX_BODY:
            return await self._refuse(send, *TOO_LARGE)
        received, complete, left = 0, False, float(MAX_SECONDS)
        refusal: tuple[int, str] | None = None

        async def receive_limited() -> Message:
            nonlocal received, complete, left, refusal
            if complete:  # what comes now is that the visitor leaves
                return await receive()
            start = time.monotonic()
            try:
                message = await asyncio.wait_for(receive(), left)
            except asyncio.TimeoutError:
                refusal = TOO_SLOW
                return {"type": "http.disconnect"}
            left -= time.monotonic() - start
            received += len(message.get("body", b""))
            complete = not message.get("more_body")
            if received > MAX_BODY:  # a body whose header gave no length, or a wrong one
                refusal = TOO_LARGE
                return {"type": "http.disconnect"}
            return message

        async def send_unless_refused(message: Message) -> None:
            if refusal is None:
                await send(message)

        await self.app(scope, receive_limited, send_unless_refused)
        if refusal is not None:
            await self._refuse(send, *refusal)

    @staticmethod
    async def _refuse(send: Send, status: int, sentence: str) -> None:
        text = json.dumps({"error": sentence}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(text)),
            (b"connection", b"close"),  # the rest of the body is not read
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": text})
