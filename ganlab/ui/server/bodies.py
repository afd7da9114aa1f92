"""What a request's body may hold (ASGI)."""

from __future__ import annotations

import json

from ganlab.ui.server.proxy import App, Message, Receive, Send

MAX_BODY = 16_000_000  # bytes: a picture of 10 MB as base64, and the page's own state


class BodyLimit:
    """Refuses a request body over MAX_BODY bytes before anything reads it whole (ASGI)."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length) > MAX_BODY:
            return await self._refuse(send)
        received = 0
        refused = False

        async def receive_limited() -> Message:
            nonlocal received, refused
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAX_BODY:  # a body whose header gave no length, or a wrong one
                refused = True
                return {"type": "http.disconnect"}
            return message

        async def send_unless_refused(message: Message) -> None:
            if not refused:
                await send(message)

        await self.app(scope, receive_limited, send_unless_refused)
        if refused:
            await self._refuse(send)

    @staticmethod
    async def _refuse(send: Send) -> None:
        text = json.dumps({"error": f"A request holds at most {MAX_BODY // 10**6} MB."}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(text))]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": text})
