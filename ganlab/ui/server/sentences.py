"""Each refusal is one sentence: what was wrong, what would be right (ASGI).

Gradio and what it is built on answer with the words of their libraries, with {"error": null}, or not at all.
Own routes answer in plain text, Gradio's as {"error": sentence}.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, PlainTextResponse, Response

from ganlab.ui.server.proxy import App, Message, Receive, Send

NOTHING_HERE = "There is nothing at this address."
FAILED = "This went wrong on the server; what exactly stands in its log."
SENTENCES = {
    400: "The server cannot read this request.",
    404: NOTHING_HERE,
    405: "This address does not take requests of this kind.",
    406: "Accept application/json and text/event-stream.",
    413: "This request is too large.",
    408: "This request took too long to arrive.",
    415: "Send JSON, with the header Content-Type: application/json.",
    416: "This file does not have these bytes.",
    422: "Something in this request is missing, or is of the wrong kind.",
    503: "The server is full; try again soon.",
}
OWN = "/ganlab/"
TOOLS = "/gradio_api/mcp"
BAD_MESSAGE = "Send one message of the Model Context Protocol as JSON, in a version that this server speaks."
MAX_HELD = 100_000  # bytes of a refusal that is read
BAD_RANGE = "The header Range is written bytes=FIRST-LAST."
RANGE_WORDS = (b"Only support bytes", b"Range header", b"Malformed")  # with which Starlette refuses another
BARE = (b"Not Found", b"Method Not Allowed", b"Internal Server Error")


def get_path(scope: Message) -> str:
    """The path of a request after the root path."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path[len(root) :] or "/" if root and f"{path}/".startswith(f"{root}/") else path


def refuse(path: str, status: int, sentence: str) -> Response:
    """An answer that refuses a request to a path."""
    if path.startswith(OWN):
        return PlainTextResponse(sentence, status_code=status)
    return JSONResponse({"error": sentence}, status_code=status)


class Sentences:
    """Sees to it that an answer which refuses says so in a sentence, and that an error is one as well."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        path = get_path(scope)
        answer = _Answer(path, scope, receive, send)
        try:
            await self.app(scope, receive, answer)
        except ClientDisconnect:  # nobody listens
            return
        except Exception as error:
            if not isinstance(
                error.__cause__, HTTPException
            ):  # which Gradio raises in the middle of a stream
                logging.getLogger(__name__).exception("%s %s", scope["method"], path)
            if answer.started:
                await answer.end()
            else:
                await refuse(path, 500, FAILED)(scope, receive, send)


class _Answer:
    """Passes an answer on; one that refuses without a sentence is replaced."""

    def __init__(self, path: str, scope: Message, receive: Receive, send: Send) -> None:
        self.path, self.scope, self.receive, self.send = path, scope, receive, send
        self.start: Message | None = None  # of a refusal that is held back until it is read
        self.text = b""
        self.started = self.ended = False

    async def end(self) -> None:
        """Complete an answer that broke off."""
        if not self.ended:
            await self.send({"type": "http.response.body", "body": b""})

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] >= 400:
            kind = Headers(raw=message["headers"]).get("content-type", "")
            readable = kind.startswith(("application/json", "text/plain")) or not kind
            if readable and self.scope["method"] != "HEAD":
                self.start = message
                return
        if self.start is None:
            self.started = True
            self.ended = message["type"] == "http.response.body" and not message.get("more_body")
            return await self.send(message)
        self.text += message.get("body", b"")
        if message.get("more_body") and len(self.text) < MAX_HELD:
            return
        start, self.start, self.started = self.start, None, True
        if (sentence := _read_sentence(self.path, start["status"], self.text)) is None:
            await self.send(start)
            return await self.send({**message, "body": self.text})
        headers = [each for each in start["headers"] if each[0] not in (b"content-type", b"content-length")]
        response = refuse(self.path, start["status"], sentence)
        response.raw_headers = [*headers, *response.raw_headers]
        await response(self.scope, self.receive, self.send)


def _read_sentence(path: str, status: int, text: bytes) -> str | None:
    """What a refusal says in place of its text; None where the text may stay."""
    fallback = SENTENCES.get(status, FAILED if status >= 500 else SENTENCES[400])
    if path.startswith(TOOLS) and status == 400:
        fallback = BAD_MESSAGE
    if status == 400 and text.startswith(RANGE_WORDS):
        return BAD_RANGE
    if text in BARE or not text:
        return fallback
    try:
        content: Any = json.loads(text)
    except ValueError:
        return fallback if path.startswith(TOOLS) else None  # plain text of ours
    if not isinstance(content, dict):
        return fallback
    if "error" in content:
        return None if content["error"] and isinstance(content["error"], str) else fallback
    return fallback if "detail" in content else None
