"""The sessions of visitors: how many are kept, and in which order their events are handled."""

from __future__ import annotations

import asyncio
import re
from weakref import WeakValueDictionary

from ganlab.ui.server.proxy import App, Message, Receive, Send

MAX_SESSIONS = 500  # visitors whose state is kept

SESSION = re.compile(rb'"session_hash":\s*"([^"]{1,64})"')


class SessionOrder:
    """Handles the events of one session one after another, in the order in which they arrive (ASGI).

    Gradio runs handlers that bypass the queue side by side. Two quick clicks would start from the same state,
    and the handler that ended last would overwrite the other's result. Sessions do not wait for each other.
    """

    def __init__(self, app: App) -> None:
        self.app = app
        self.locks: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()  # of sessions at work

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].endswith("/run/predict"):
            return await self.app(scope, receive, send)
        messages = [await receive()]
        while messages[-1].get("more_body"):
            messages.append(await receive())
        session = SESSION.search(b"".join(message.get("body", b"") for message in messages))
        unread = iter(messages)

        async def receive_again() -> Message:
            message = next(unread, None)
            return await receive() if message is None else message

        if session is None:
            return await self.app(scope, receive_again, send)
        lock = self.locks.setdefault(session[1], asyncio.Lock())
        async with lock:  # asyncio's locks are first come, first served
            await self.app(scope, receive_again, send)
