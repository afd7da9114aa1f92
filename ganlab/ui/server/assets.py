"""Files and the document of the page, answered from memory.

A page opens with more than a hundred files, the same for everybody. Gradio opens, reads and compresses each
of them anew for every visitor, and sends the document, ten times as large as any other answer, as it is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple

import brotli
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send

from ganlab.ui.server.health import name_path
from ganlab.ui.server.kept import KeptContent

# The same for all as long as the server runs; each under one path only.
FILES = re.compile(r"/(assets|static|ganlab/static)(/[\w-][\w.-]*)+|/theme\.css", re.ASCII)
NAMED_BY_HASH = "/assets/"  # files that never change under their name
FOR_GOOD = "public, max-age=31536000, immutable"
COMPRESSIBLE = re.compile(r"text/|application/(javascript|json)|image/svg")
MIN_SIZE = 400  # bytes that are worth compressing
MAX_FILES = 64_000_000  # bytes of files that are kept; Gradio has 55 MB, of which a page asks for few
MAX_DOCUMENTS = 8_000_000  # bytes of compressed documents, which differ by the address that a visitor uses
QUALITY = 9  # of Brotli, for files, once
QUICK_QUALITY = 5  # for a document, which somebody waits for
DROPPED = ("content-length", "content-encoding", "transfer-encoding", "vary")


class Answer(NamedTuple):
    """What the app says to a request."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class File(NamedTuple):
    """A file that is kept: its headers, its content, and that compressed, empty where that saves nothing."""

    headers: list[tuple[bytes, bytes]]
    content: bytes
    packed: bytes


class Assets:
    """Keeps each of FILES when it is first fetched, and compresses it once (ASGI)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._files: dict[str, File] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            return await self.app(scope, receive, send)
        path, headers = name_path(scope), Headers(scope=scope)
        if FILES.fullmatch(path) is None or "range" in headers:
            return await self.app(scope, receive, send)
        file = self._files.get(path)
        if file is None:
            answer = await _ask(self.app, _ask_for_all(scope), receive)
            if answer.status != 200:
                return await _send(send, answer.status, answer.headers, answer.body)
            file = await run_in_threadpool(_pack, path, answer)
            if sum(len(kept.content) for kept in self._files.values()) < MAX_FILES:
                self._files[path] = file
        await _send_file(send, file, _reads_brotli(headers), headers.get("if-none-match", ""))


class Documents:
    """Compresses the page's document (ASGI). It stands outside of `doors`, which reads it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._packed = KeptContent(MAX_DOCUMENTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_page = scope["type"] == "http" and scope["method"] == "GET" and name_path(scope) == "/"
        if not is_page or not _reads_brotli(Headers(scope=scope)):
            return await self.app(scope, receive, send)
        status, headers, body = await _ask(self.app, scope, receive)
        given = Headers(raw=headers)
        if (
            len(body) > MIN_SIZE
            and COMPRESSIBLE.match(given.get("content-type", ""))
            and "content-encoding" not in given
        ):
            key = hashlib.sha256(body).digest()

            def compress() -> bytes:
                return self._packed.get(key, lambda: _compress(body, QUICK_QUALITY))

            packed = await run_in_threadpool(compress)
            headers = [*_drop(headers), (b"content-encoding", b"br"), (b"vary", b"Accept-Encoding")]
            return await _send(send, status, headers, packed)
        await _send(send, status, headers, body)


async def _ask(app: ASGIApp, scope: Scope, receive: Receive) -> Answer:
    """The app's whole answer."""
    status, headers, parts = 500, list[tuple[bytes, bytes]](), list[bytes]()

    async def collect(message: MutableMapping[str, Any]) -> None:
        nonlocal status, headers
        if message["type"] == "http.response.start":
            status, headers = message["status"], list(message["headers"])
        elif message["type"] == "http.response.body":
            parts.append(message.get("body", b""))

    await app(scope, receive, collect)
    return Answer(status, headers, b"".join(parts))


def _reads_brotli(headers: Headers) -> bool:
    return "br" in re.split(r"[,;\s]+", headers.get("accept-encoding", ""))


def _ask_for_all(scope: Scope) -> Scope:
    """The request, for the whole file as it is."""
    dropped = (b"if-none-match", b"if-modified-since", b"accept-encoding")
    return {**scope, "headers": [pair for pair in scope["headers"] if pair[0] not in dropped]}


def _pack(path: str, answer: Answer) -> File:
    headers = MutableHeaders(raw=_drop(answer.headers))
    headers["vary"] = "Accept-Encoding"
    if path.startswith(NAMED_BY_HASH):
        headers["cache-control"] = FOR_GOOD
    if "etag" not in headers:
        headers["etag"] = f'"{hashlib.sha256(answer.body).hexdigest()[:32]}"'
    packed = b""
    if len(answer.body) > MIN_SIZE and COMPRESSIBLE.match(headers.get("content-type", "")):
        packed = _compress(answer.body, QUALITY)
    return File(headers.raw, answer.body, packed if len(packed) < len(answer.body) else b"")


def _compress(content: bytes, quality: int) -> bytes:
    packed: bytes = brotli.compress(content, mode=brotli.MODE_TEXT, quality=quality)
    return packed


def _drop(headers: list[tuple[bytes, bytes]], names: tuple[str, ...] = DROPPED) -> list[tuple[bytes, bytes]]:
    return [pair for pair in headers if pair[0].decode("latin-1").lower() not in names]


async def _send_file(send: Send, file: File, packs: bool, tags: str) -> None:
    etag = Headers(raw=file.headers)["etag"]
    if etag in [tag.strip().removeprefix("W/") for tag in tags.split(",")]:
        return await _send(send, 304, file.headers, b"")
    if packs and file.packed:
        return await _send(send, 200, [*file.headers, (b"content-encoding", b"br")], file.packed)
    await _send(send, 200, file.headers, file.content)


async def _send(
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    status: int,
    headers: list[tuple[bytes, bytes]],
    body: bytes,
) -> None:
    if status != 304:
        headers = [*_drop(headers, ("content-length",)), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
