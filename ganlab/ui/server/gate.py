"""What a request to one of Gradio's endpoints must look like (ASGI).

Gradio looks up what a request names without asking whether it is there, and says what is wrong in the words
of its libraries, or nothing. So each is read here first and refused in a sentence. What values an endpoint
takes it says itself, see `arguments`; what a handler of the page takes, the handler.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from ganlab.ui.server import reading
from ganlab.ui.server.arguments import list_required
from ganlab.ui.server.proxy import App, Message, Receive, Send
from ganlab.ui.server.sentences import get_path, refuse
from ganlab.ui.server.visits import TAB

SESSION = re.compile(r"[\w.-]{1,64}", re.ASCII)
EVENT = ("data", "fn_index", "session_hash", "event_data", "trigger_id", "uploads")
IDLE = ("event_id", "oauth_token", "simple_format", "batched")  # Gradio has them, and nobody here needs them
CALL = re.compile(r"/gradio_api/call/(v2/)?([^/]*)/?")
RESULT = re.compile(r"/gradio_api/call/(?:v2/)?([^/]*)/([^/]*)/?")
DATA = "/gradio_api/queue/data"
MAX_LISTED = 20  # endpoints named in a sentence

NO_FUNCTION = "fn_index is the number of one of the page's functions, which its config lists."
NO_SESSION = "session_hash is a text of 1 to 64 letters, digits, dots, dashes and underscores."
NO_DATA = "data is a list of values."
NO_EVENT = "There is no such event; its result may have been fetched already."
OFF_QUEUE = "This function is not in the queue: send it to /gradio_api/run/predict."
IN_QUEUE = "This function is in the queue: send it to /gradio_api/queue/join."


class RefusedError(ValueError):
    """A request that is refused, with another status than 400."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Gate:
    """Reads requests to Gradio's endpoints, and refuses those that mean nothing."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        path = get_path(scope) if scope["type"] == "http" else ""
        check = {
            "/gradio_api/run/predict": check_run,
            "/gradio_api/queue/join": check_join,
            "/gradio_api/cancel": check_cancel,
        }.get(path)
        call = CALL.fullmatch(path)
        if path and scope["method"] == "GET" and (sentence := check_get(path, scope)):
            return await _refuse_stream(path, sentence)(scope, receive, send)
        if scope["type"] != "http" or scope["method"] != "POST" or not (check or call):
            return await self.app(scope, receive, send)
        messages = [await receive()]
        while messages[-1].get("more_body"):
            messages.append(await receive())
        if messages[-1]["type"] == "http.disconnect":
            return None  # the visitor left, or sent too much
        text = b"".join(message.get("body", b"") for message in messages)
        blocks = scope["app"].get_blocks()
        try:
            reading.check_json_type(Request(scope).headers.get("content-type"))
            content = await run_in_threadpool(read_body, text)
            if check:
                check(blocks, content)
            elif call:
                check_call(blocks, call[2], content, by_name=bool(call[1]))
        except ValueError as error:
            status = 415 if isinstance(error, reading.ContentTypeError) else getattr(error, "status", 400)
            return await refuse(path, status, str(error))(scope, receive, send)
        unread = iter(messages)

        async def receive_again() -> Message:
            message = next(unread, None)
            return await receive() if message is None else message

        await self.app(scope, receive_again, send)


def read_body(text: bytes) -> dict[str, Any]:
    """A JSON object; ValueError for another."""
    content = reading.parse(text)
    if not isinstance(content, dict):
        raise ValueError(reading.NO_OBJECT)
    return content


def check_run(blocks: Any, content: dict[str, Any]) -> None:
    """An event of the page that is answered at once."""
    function = check_event(blocks, content)
    if function.queue:
        raise RefusedError(404, IN_QUEUE)


def check_join(blocks: Any, content: dict[str, Any]) -> None:
    """An event that waits in the queue, of the page or of a client."""
    function = check_event(blocks, content)
    if not function.queue:
        raise RefusedError(404, OFF_QUEUE)
    if content.get("session_hash") is None:
        raise ValueError(NO_SESSION)


def check_event(blocks: Any, content: dict[str, Any]) -> Any:
    """The function that an event is for; ValueError where there is none, or it takes something else."""
    reading.check_names(content, (*EVENT, *IDLE))
    check_session(content)
    for name in IDLE:
        if content.get(name):
            raise ValueError(f"{name} is not for this app: leave it out.")
    trigger = content.get("trigger_id")
    if trigger is not None and not is_whole(trigger):
        raise ValueError("trigger_id is the number of one of the page's components.")
    number = content.get("fn_index")
    if not is_whole(number) or (function := blocks.fns.get(number)) is None:
        raise ValueError(NO_FUNCTION)
    if not isinstance(data := content.get("data"), list):
        raise ValueError(NO_DATA)
    if len(data) != len(function.inputs):
        raise ValueError(f"This function takes {len(function.inputs)} values as data, not {len(data)}.")
    return function


def check_call(blocks: Any, name: str, content: dict[str, Any], by_name: bool) -> None:
    """A call of a named endpoint, with a list of arguments or by their names."""
    functions = {function.api_name: function for function in list_public(blocks)}
    if (function := functions.get(name)) is None:
        listed = ", ".join(list(functions)[:MAX_LISTED])
        raise RefusedError(404, f"There is no endpoint of this name; there are {listed}.")
    names = list(inspect.signature(function.fn).parameters)
    takes = ", ".join(names) or "nothing"
    if by_name:
        reading.check_names(content, names)
        if missing := [each for each in list_required(function.fn) if each not in content]:
            raise ValueError(f"{name} needs {', '.join(missing)}; it takes {takes}.")
        return
    reading.check_names(content, ("data", "session_hash"))
    check_session(content)
    if not isinstance(data := content.get("data"), list):
        raise ValueError(f"data is the list of arguments; {name} takes {takes}.")
    if len(data) != len(names):
        raise ValueError(f"{name} takes {len(names)} arguments, not {len(data)}: {takes}.")


def check_cancel(blocks: Any, content: dict[str, Any]) -> None:
    """The end of an event that waits or runs."""
    reading.check_names(content, ("session_hash", "fn_index", "event_id"))
    check_session(content)
    if content.get("session_hash") is None:
        raise ValueError(NO_SESSION)
    if not is_whole(content.get("fn_index")) or content["fn_index"] not in blocks.fns:
        raise ValueError(NO_FUNCTION)
    if not isinstance(content.get("event_id"), str):
        raise ValueError("event_id is the text that the event was answered with.")


def check_get(path: str, scope: Message) -> str:
    """Why there is nothing to fetch; "" where there is."""
    queue = scope["app"].get_blocks()._queue
    if path == DATA:
        if TAB in dict(scope["headers"]):
            return ""  # of our page, which `visits` answers
        session = Request(scope).query_params.get("session_hash", "")
        if not SESSION.fullmatch(session):
            return NO_SESSION
        return "" if session in queue.pending_messages_per_session else NO_EVENT
    if not (result := RESULT.fullmatch(path)):
        return ""
    waiting = queue.pending_event_ids_session.values()
    if result[2] in queue.event_ids_to_events or any(result[2] in events for events in waiting):
        return ""
    return NO_EVENT


def _refuse_stream(path: str, sentence: str) -> Response:
    """A refusal; of the queue's stream it is an event, as Gradio's clients expect."""
    if path != DATA:
        return refuse(path, 404, sentence)
    message = {"msg": "unexpected_error", "message": sentence, "session_not_found": True, "success": False}
    return Response(f"data: {json.dumps(message)}\n\n", media_type="text/event-stream")


def check_session(content: dict[str, Any]) -> None:
    """ValueError for a session's name that is none."""
    session = content.get("session_hash")
    if session is not None and not (isinstance(session, str) and SESSION.fullmatch(session)):
        raise ValueError(NO_SESSION)


def list_public(blocks: Any) -> Iterator[Any]:
    """The functions that are named endpoints."""
    return (function for function in blocks.fns.values() if function.api_visibility == "public")


def is_whole(value: object) -> bool:
    """Whether a value is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)
