"""Who may come in: what each answer lets a browser do (ASGI)."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders

from ganlab.ui.server.proxy import App, Message, Receive, Send

HEADERS = {
    "X-Content-Type-Options": "nosniff",  # a file is what its type says
    "Referrer-Policy": "same-origin",  # an address may hold a latent
    "Cross-Origin-Resource-Policy": "same-origin",  # other pages cannot show or read what is here
}


class Doors:
    """Adds HEADERS to every answer."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self.app(scope, receive, send_marked)
