"""The named endpoints as tools of the Model Context Protocol: what an assistant gets of their results."""

from __future__ import annotations

import importlib.util
import json
from typing import Any

from ganlab.ui.server.arguments import list_required, read_arguments, read_types
from ganlab.ui.server.reading import check_names, check_parts, speak

PICTURES = {"iVBORw0KGgo": "image/png", "R0lGOD": "image/gif"}  # by how base64 of such a file begins
LEFT_OUT = {"metrics"}  # of the models: all figures of all would be some 20,000 words


def check_installed() -> None:
    """ValueError where the package is missing that Gradio needs for tools."""
    if importlib.util.find_spec("mcp") is None:
        raise ValueError("--mcp needs the package mcp: pip install 'gradio[mcp]'.")


def check_arguments(server: Any) -> None:
    """Let Gradio's MCP server refuse a call in the endpoint's own sentence; by itself it tells of types in
    Python's words."""
    from mcp.types import CallToolRequest, CallToolResult, ServerResult, TextContent

    handlers = server.mcp_server.request_handlers
    call = handlers[CallToolRequest]

    async def read(request: CallToolRequest) -> ServerResult:
        try:
            arguments = read_call(server, request.params.name, request.params.arguments or {})
        except ValueError as error:
            text = TextContent(type="text", text=speak(error))
            return ServerResult(CallToolResult(content=[text], isError=True))
        params = request.params.model_copy(update={"arguments": arguments})
        return await call(request.model_copy(update={"params": params}))

    handlers[CallToolRequest] = read


def read_call(server: Any, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call of a tool as its function takes them; ValueError for others."""
    endpoint = server.tool_to_endpoint.get(name)
    if endpoint is None:
        raise ValueError(f"There is no tool of this name; there are {', '.join(server.tool_to_endpoint)}.")
    function = server.get_block_fn_from_endpoint_name(endpoint).fn
    takes = list(read_types(function))
    check_parts(arguments)
    check_names(arguments, takes)
    if missing := [each for each in list_required(function) if each not in arguments]:
        raise ValueError(f"{name} needs {', '.join(missing)}; it takes {', '.join(takes)}.")
    return read_arguments(function, arguments)


def write_results(server: Any) -> None:
    """Let Gradio's MCP server answer with JSON and with pictures that can be looked at; by itself it answers
    with Python's notation, and with pictures as base64."""
    server.postprocess_output_data = lambda results, root: [
        part for result in results for part in _write_result(result)
    ]


def _write_result(result: Any) -> list[Any]:
    """A result of an endpoint as content: its text, and the pictures that the text numbers from 1."""
    from mcp.types import ImageContent, TextContent

    pictures: list[tuple[str, str]] = []
    text = json.dumps(_take_pictures(result, pictures), ensure_ascii=False)
    images = [ImageContent(type="image", data=data, mimeType=kind) for data, kind in pictures]
    return [TextContent(type="text", text=text), *images]


def _take_pictures(value: Any, pictures: list[tuple[str, str]]) -> Any:
    """The value with "picture 1", ... in place of each picture, which is added to `pictures`,
    and without what is LEFT_OUT."""
    if isinstance(value, dict):
        return {name: _take_pictures(part, pictures) for name, part in value.items() if name not in LEFT_OUT}
    if isinstance(value, list):
        return [_take_pictures(part, pictures) for part in value]
    if isinstance(value, str):
        for beginning, kind in PICTURES.items():
            if value.startswith(beginning):
                pictures.append((value, kind))
                return f"picture {len(pictures)}"
    return value
