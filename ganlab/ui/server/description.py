"""What the app says of its endpoints as OpenAPI: those that are open, and what they really take (ASGI).

Gradio describes its upload, which is closed here, and leaves out what is required and how a refusal looks.
"""

from __future__ import annotations

import json
import re
from typing import Any

from starlette.datastructures import MutableHeaders

from ganlab.ui.server.arguments import list_required
from ganlab.ui.server.doors import OPEN
from ganlab.ui.server.gate import CALL, list_public
from ganlab.ui.server.proxy import App, Message, Receive, Send
from ganlab.ui.server.sentences import get_path

PATH = re.compile(r"/gradio_api/openapi\.json/?")
VERSION = "3.1.0"  # the first that has the type null
REFUSAL = {
    "description": "A refusal: one sentence that says what was wrong and what would be right.",
    "content": {
        "application/json": {
            "schema": {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
        }
    },
}


class Description:
    """Corrects Gradio's description of the endpoints."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or not PATH.fullmatch(get_path(scope)):
            return await self.app(scope, receive, send)
        start: Message = {}
        text = b""

        async def hold(message: Message) -> None:
            nonlocal start, text
            if message["type"] == "http.response.start":
                start = message
                return
            text += message.get("body", b"")
            if message.get("more_body"):
                return
            if start["status"] == 200:
                text = json.dumps(correct(json.loads(text), scope["app"].get_blocks())).encode()
                MutableHeaders(scope=start)["content-length"] = str(len(text))
            await send(start)
            await send({**message, "body": text})

        await self.app(scope, receive, hold)


def correct(description: dict[str, Any], blocks: Any) -> dict[str, Any]:
    """A description without closed routes, and with all that each endpoint needs and answers."""
    functions = {function.api_name: function.fn for function in list_public(blocks)}
    paths = {
        path: item
        for path, item in description["paths"].items()
        if OPEN.fullmatch(re.sub(r"\{\w+\}", "x", path))
    }
    for path, item in paths.items():
        for operation in item.values():
            operation["responses"]["4XX"] = REFUSAL
        call = CALL.fullmatch(path)
        if call and "post" in item:
            schema = item["post"]["requestBody"]["content"]["application/json"]["schema"]
            schema["required"] = list_required(functions[call[2]])
            schema["additionalProperties"] = False
    return {**description, "openapi": VERSION, "paths": paths}
