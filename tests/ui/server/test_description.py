"""The description of the endpoints: what is open and nothing else, what they need, how they refuse."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from ganlab.ui.server.api import build_endpoints
from ganlab.ui.server.arguments import list_required, read_types
from ganlab.ui.server.description import REFUSAL, correct
from ganlab.ui.server.models import Models
from tests.ui.server.test_launch import request


@pytest.mark.slow
def test_it_says_what_is_open_and_what_is_needed(server: str) -> None:
    status, text = request(server, "GET", "/gradio_api/openapi.json")
    paths = json.loads(text)["paths"]
    functions = build_endpoints(Models("mnist-bigan"))
    assert status == 200
    assert set(paths) == {f"/gradio_api/call/v2/{name}" for name in functions} | {
        f"/gradio_api/call/{name}/{{event_id}}" for name in functions
    }
    for name, function in functions.items():
        operation = paths[f"/gradio_api/call/v2/{name}"]["post"]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        assert list(schema["properties"]) == list(read_types(function))
        assert schema["required"] == list_required(function)
        assert schema["additionalProperties"] is False
        assert operation["responses"]["4XX"] == REFUSAL
    assert request(server, "POST", "/gradio_api/openapi.json", b"")[0] == 405


def test_closed_routes_are_left_out() -> None:
    def encode(picture: str, k: int = 1) -> None:
        raise AssertionError

    answers: dict[str, Any] = {"responses": {"200": {}}}
    body = {"requestBody": {"content": {"application/json": {"schema": {"properties": {}}}}}}
    paths = {
        "/gradio_api/upload": {"post": answers},
        "/gradio_api/file={path}": {"get": answers},
        "/gradio_api/stream/{session}/{run}": {"get": answers},
        "/gradio_api/call/encode/{event_id}": {"get": answers},
        "/gradio_api/call/v2/encode": {"post": {**answers, **body}},
    }
    function = SimpleNamespace(api_name="encode", fn=encode, api_visibility="public")
    described = correct({"paths": paths, "info": {}}, SimpleNamespace(fns={0: function}))
    assert list(described["paths"]) == list(paths)[3:]
    schema = body["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"properties": {}, "required": ["picture"], "additionalProperties": False}
