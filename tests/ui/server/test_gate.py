"""What Gradio's endpoints are sent is read first: thousands of wrong requests, a sentence each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import gradio as gr
import pytest
from starlette.testclient import TestClient

from ganlab.ui.server import api, gate, reading
from ganlab.ui.server.api import build_endpoints
from ganlab.ui.server.arguments import list_required, read_arguments, read_types
from ganlab.ui.server.blocks import Blocks
from ganlab.ui.server.models import Models
from ganlab.ui.server.sentences import FAILED, NOTHING_HERE, Sentences
from tests.attacks.requests import RAW, VALUES, judge

FITTING = {int: 1, float: 1.0, str: "x", bool: True, dict: {}, list: []}
MANGLED: tuple[tuple[str, Any], ...] = (
    ("data", None),
    ("data", {"a": 1}),
    ("data", "x"),
    ("fn_index", None),
    ("fn_index", True),
    ("fn_index", 1.0),
    ("fn_index", "1"),
    ("fn_index", -1),
    ("fn_index", 10**15),
    ("session_hash", 1),
    ("session_hash", ""),
    ("session_hash", "a b"),
    ("session_hash", "x" * 65),
    ("session_hash", ["x"]),
    ("trigger_id", "x"),
    ("trigger_id", {"a": 1}),
    ("event_id", "x"),
    ("batched", True),
    ("simple_format", 1),
    ("oauth_token", "x"),
    ("other", None),
)


@pytest.fixture(scope="module")
def blocks() -> Any:
    """Functions of a page, in the queue and not, and the named endpoints."""
    with Blocks() as built:
        parts = [gr.HTML() for _ in range(4)]
        for count in range(80):
            settings = {"queue": count % 9 == 0, "api_visibility": "private"}
            parts[0].change(lambda *values: None, parts[: count % 4], [], **settings)
        api.register(Models("mnist-bigan"))
    return built


def read_sentence(call: Callable[[], Any]) -> str:
    """Why a call refuses; "" where it does not."""
    try:
        call()
    except ValueError as error:
        return reading.speak(error)
    return ""


def test_thousands_of_wrong_requests_get_a_sentence_each(blocks: Any) -> None:
    sentences: list[str] = []
    for number, function in blocks.fns.items():  # events of the page, and of clients
        check = gate.check_join if function.queue else gate.check_run
        event = {"data": [None] * len(function.inputs), "fn_index": number, "session_hash": "x"}
        check(blocks, event)
        for name, value in (*MANGLED, ("data", [None] * 99), ("data", [*event["data"], 1])):  # type: ignore[misc]
            sentences.append(read_sentence(partial(check, blocks, {**event, name: value})))
        other = gate.check_run if function.queue else gate.check_join
        sentences.append(read_sentence(partial(other, blocks, event)))
    for function in build_endpoints(Models("mnist-bigan")).values():  # arguments of the named endpoints
        kinds = read_types(function)
        fitting = {name: FITTING.get(kinds[name], []) for name in list_required(function)}
        for name in kinds:
            for value in (*VALUES, float("nan"), float("inf"), 10**400, "\ud800"):
                said = read_sentence(partial(read_arguments, function, {**fitting, name: value}))
                sentences += [said] if said else []
    for text in RAW * 3:
        said = read_sentence(partial(gate.read_body, text))
        sentences += [said] if said else []
    assert len(sentences) > 2000
    assert [fault for sentence in sentences if (fault := judge(sentence))] == []


def test_calls_are_read_by_place_and_by_name(blocks: Any) -> None:
    def call(name: str, content: dict[str, Any], by_name: bool = False) -> str:
        return read_sentence(partial(gate.check_call, blocks, name, content, by_name))

    assert call("sample", {"data": [4, 0, 1, "", ""]}) == ""
    assert call("sample", {"n": 4}, by_name=True) == ""
    takes = "n, seed, truncation, model, source"
    assert call("sample", {"data": [4]}) == f"sample takes 5 arguments, not 1: {takes}."
    assert call("sample", {"data": {"n": 4}}) == f"data is the list of arguments; sample takes {takes}."
    assert call("sample", {"m": 4}, by_name=True) == f"There is no m here; this takes {takes}."
    assert call("decode", {}, by_name=True) == "decode needs latent; it takes latent, model."
    for name in ("lambda", "_lambda_", "no-such", ""):  # the page's own functions are no endpoints
        assert call(name, {"data": []}).startswith("There is no endpoint of this name; there are models, "), (
            name
        )


def test_json_is_read_strictly() -> None:
    assert reading.parse(b'{"a": [1, 2.5, "\xc3\xa9"]}') == {"a": [1, 2.5, "é"]}
    deep = json.dumps({"a": 1})
    for _ in range(reading.MAX_DEPTH):
        deep = f"[{deep}]"
    for text in (b"NaN", b"[1e999]", b"9" * 400, b'"\\ud800"', b"\xff", deep.encode(), b"[" * 99_999):
        with pytest.raises(ValueError, match=r"JSON|deep"):
            reading.parse(text)
    with pytest.raises(ValueError, match="No value here is a file"):
        reading.parse(b'[{"path": "http://a.example/b", "meta": {"_type": "gradio.FileData"}}]')


def test_an_error_that_nobody_expected_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a handler, and in the server itself; its trace stands in the log alone."""

    def fail() -> None:
        raise TypeError("'NoneType' object is not iterable")

    with Blocks() as blocks:
        gr.api(fail, api_name="fail")

    async def call() -> None:
        await blocks.process_api(blocks.fns[0], [])

    with ThreadPoolExecutor(1) as thread, pytest.raises(gr.Error) as caught:
        thread.submit(asyncio.run, call()).result()
    assert str(caught.value.message) == FAILED

    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise KeyError("x")

    async def missing(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": [(b"content-type", JSON)]})
        await send({"type": "http.response.body", "body": b'{"detail":"Not Found"}'})

    answer = TestClient(Sentences(broken)).get("/gradio_api/x")
    assert (answer.status_code, answer.json()) == (500, {"error": FAILED})
    answer = TestClient(Sentences(missing)).get("/gradio_api/x")
    assert (answer.status_code, answer.json()) == (404, {"error": NOTHING_HERE})
    assert TestClient(Sentences(missing)).get("/ganlab/x").text == NOTHING_HERE


JSON = b"application/json"
