"""The app behind other people's servers: its root path, its visitors' addresses, its streams (ASGI)."""

from __future__ import annotations

import ipaddress
import re
import stat
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.routing import BaseRoute, Match, Mount
from starlette.staticfiles import StaticFiles
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from ganlab.ui.server.models import Models

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

ROOT_PATH = re.compile(r"(/[\w.~%@:+=,-]+)+")
# What a proxy adds. Without any of it, a request from this machine is a visitor's at this machine.
FORWARDING = {
    b"forwarded",
    b"via",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-proto",
    b"x-real-ip",
}
STREAMS = ("text/event-stream", "application/x-ndjson")


def read_root_path(text: str) -> str:
    """A root path as Gradio takes it, "" or "/a/b" or "https://host/a/b"; ValueError for what is none."""
    address = urlsplit(text.strip().rstrip("/"))
    path = address.path if address.scheme or not address.path else "/" + address.path.lstrip("/")
    origin = f"{address.scheme}://{address.netloc}" if address.scheme else ""
    if origin and (address.scheme not in ("http", "https") or not address.netloc):
        path = "?"
    if address.query or address.fragment or (path and not ROOT_PATH.fullmatch(path)):
        raise ValueError(f"--root-path is a path as /tools/ganlab, or an address with one, not {text!r}.")
    return origin + path


def read_proxies(text: str) -> tuple[str, ...]:
    """Addresses and networks with commas between them; ValueError for what is none."""
    proxies = tuple(part.strip() for part in text.split(",") if part.strip())
    for proxy in proxies:
        try:
            network = ipaddress.ip_network(proxy)
        except ValueError:
            network = None
        if network is None or network.prefixlen == 0:
            raise ValueError(
                "--trusted-proxies names the proxies, as 127.0.0.1 or 10.0.0.0/8, with commas between them,"
                f" not {proxy!r}: whom it names can claim any address."
            )
    return proxies


class RootPath:
    """Gives each request the path that the visitor sees, whether a proxy has stripped the root path or not.

    ASGI wants the root path in front of `path`. Where a proxy has stripped it, Gradio's own routes are found
    nevertheless, but what Starlette mounts looks for its files under the whole path.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        # The root path is an address where the visitor's host is not passed on.
        root = unquote(urlsplit(scope.get("root_path", "")).path)
        if scope["type"] == "http":
            scope = {**scope, "root_path": root}
            if root and is_stripped(scope["path"], root, scope["app"].routes):
                scope["path"] = root + scope["path"]
                scope["raw_path"] = quote(root).encode() + scope.get("raw_path", b"")
        await self.app(scope, receive, send)


def is_stripped(path: str, root: str, routes: Iterable[BaseRoute]) -> bool:
    """Whether a path lacks the root path. One such as /ganlab begins routes of ours too: there, what follows
    decides."""
    if path != root and not path.startswith(f"{root}/"):
        return True
    ambiguous = [route for route in routes if f"{getattr(route, 'path', '')}/".startswith(f"{root}/")]
    return any(_serves(route, path) for route in ambiguous)


def _serves(route: BaseRoute, path: str) -> bool:
    """Whether a route answers a path; one with files, only if it has such a file."""
    match, child = route.matches({"type": "http", "method": "GET", "path": path, "headers": []})
    if match is Match.NONE:
        return False
    if isinstance(route, Mount) and isinstance(route.app, StaticFiles):
        files = route.app
        status = files.lookup_path(files.get_path({"path": path, **child}))[1]
        return status is not None and stat.S_ISREG(status.st_mode)
    return True


class Visitors:
    """Takes a visitor's address from X-Forwarded-For where a trusted proxy has written it, and from nobody
    else. As soon as somebody from another machine is there, or behind a proxy that is not trusted, visitors
    can choose among the models on offer only."""

    def __init__(self, app: App, models: Models, proxies: tuple[str, ...] = ()) -> None:
        self.app, self.models = app, models
        self.trusting: Any = ProxyHeadersMiddleware(self._go_on, list(proxies))  # type: ignore[arg-type]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        peer = (scope.get("client") or ("",))[0]
        if peer in self.trusting.trusted_hosts:
            await self.trusting(scope, receive, send)
        elif any(name in FORWARDING for name, _ in scope["headers"]):
            self.models.restrict()
            await self.app(scope, receive, send)
        else:
            await self._go_on(scope, receive, send)

    async def _go_on(self, scope: Message, receive: Receive, send: Send) -> None:
        if not is_local(scope.get("client")):
            self.models.restrict()
        await self.app(scope, receive, send)


def is_local(client: tuple[str, int] | None) -> bool:
    """Whether a visitor's address is this machine's own."""
    try:
        address = ipaddress.ip_address(client[0] if client else "")
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


class Streams:
    """Asks proxies (nginx knows the header) to pass on piece by piece what is sent piece by piece."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith(STREAMS):
                    headers["X-Accel-Buffering"] = "no"
            await send(message)

        await self.app(scope, receive, send_marked)
