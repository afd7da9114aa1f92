"""What was sent, read strictly: JSON as the standard has it, and an object with the names that it may have.

Each error is a ValueError whose sentence says what would be right.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import orjson
from starlette.requests import Request

MAX_DEPTH = 32  # lists and objects inside each other
MAX_SHOWN = 40  # characters of a wrong value in a sentence
JSON_TYPE = "application/json"
FILE_TYPES = ("image/", "application/octet-stream")
FILE_MARK = "gradio.FileData"  # of a value that Gradio would take for a file, and fetch or copy
NAME = re.compile(r"\w{1,40}", re.ASCII)
LITERALS = {"None": "null", "True": "true", "False": "false", "nan": "no number", "inf": "infinity"}
LITERAL = re.compile(rf"\b({'|'.join(LITERALS)})\b")

NO_JSON = "Send JSON, with the header Content-Type: application/json."
BAD_JSON = "This is not JSON as the standard has it: UTF-8, finite numbers, whole characters."
DEEP_JSON = f"Lists and objects lie more than {MAX_DEPTH} deep in each other here."
NO_OBJECT = "Send a JSON object."
NO_FILE = (
    "Send the picture's file as the body, with its own type as Content-Type or application/octet-stream."
)
FILE_VALUE = "No value here is a file; pictures are sent as text, base64 or a data: URI."


class ContentTypeError(ValueError):
    """A body whose Content-Type says that it is something else."""


def check_json_type(kind: str | None) -> None:
    """ContentTypeError unless the Content-Type is JSON's."""
    if (kind or "").partition(";")[0].strip().lower() != JSON_TYPE:
        raise ContentTypeError(NO_JSON)


def check_file_type(kind: str | None) -> None:
    """ContentTypeError for a type that is no picture's; a browser that does not know a file's gives none."""
    if kind is not None and not kind.strip().lower().startswith(FILE_TYPES):
        raise ContentTypeError(NO_FILE)


def parse(text: bytes) -> Any:
    """JSON; ValueError for what is none, or lies too deep."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ValueError(DEEP_JSON if "depth" in str(error) else BAD_JSON) from None
    check_parts(value)
    return value


def check_parts(value: Any) -> None:
    """ValueError for a value that lies too deep, or holds what Gradio would take for a file."""
    layer = [value]
    for _ in range(MAX_DEPTH):
        inner = []
        for part in layer:
            if isinstance(part, dict):
                meta = part.get("meta")
                if isinstance(meta, dict) and meta.get("_type") == FILE_MARK:
                    raise ValueError(FILE_VALUE)
                inner += [each for each in part.values() if type(each) in (dict, list)]
            elif isinstance(part, list):
                inner += [each for each in part if type(each) in (dict, list)]
        if not inner:
            return
        layer = inner
    raise ValueError(DEEP_JSON)


async def read_object(request: Request, names: Iterable[str]) -> dict[str, Any]:
    """The JSON object that is a request's body; ValueError for another, or one with other names."""
    check_json_type(request.headers.get("content-type"))
    content = parse(await request.body())
    if not isinstance(content, dict):
        raise ValueError(NO_OBJECT)
    check_names(content, names)
    return content


def check_query(request: Request, names: Iterable[str]) -> None:
    """ValueError for a query with other names, or with one of them twice. What begins with "__" is of a
    server around this one."""
    given = [name for name, _ in request.query_params.multi_items() if not name.startswith("__")]
    check_names(given, names)
    if len(given) > len(set(given)):
        raise ValueError(f"{_quote_name(max(given, key=given.count))} is given more than once.")


def check_names(given: Iterable[str], names: Iterable[str]) -> None:
    """ValueError where a name is given that is not among `names`."""
    permitted = list(names)
    for name in given:
        if name not in permitted:
            listed = ", ".join(permitted) if permitted else "nothing"
            raise ValueError(f"There is no {_quote_name(name)} here; this takes {listed}.")


def _quote_name(name: str) -> str:
    return name if NAME.fullmatch(name) else describe(name)


def speak(error: Exception) -> str:
    """An error's sentence. A value in it that was sent is written as JSON has it, not as Python does."""
    return LITERAL.sub(lambda match: LITERALS[match[0]], str(error))


def describe(value: object) -> str:
    """A value as JSON has it, short enough for a sentence."""
    try:
        text = json.dumps(value, ensure_ascii=True, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return "something else"
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
