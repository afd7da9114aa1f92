"""How much a request may hold."""

from __future__ import annotations

import asyncio
import http.client
import json
from urllib.parse import urlsplit

import pytest

from ganlab.ui.server import bodies
from ganlab.ui.server.bodies import MAX_BODY
from ganlab.ui.server.proxy import Message, Receive, Send
from tests.conftest import run_apart
from tests.ui.server.test_launch import request


def test_a_large_body_is_refused_unread(server: str) -> None:
    headers = {"Content-Type": "application/json", "Content-Length": str(MAX_BODY + 1)}
    status, text = request(server, "POST", "/gradio_api/run/predict", b"", headers)
    assert status == 413
    assert "16 MB" in json.loads(text)["error"]


def test_a_body_without_a_length_is_cut_off(server: str) -> None:
    address = urlsplit(server)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=300)
    chunks = (b"x" * 1_000_000 for _ in range(20))
    try:
        connection.request(
            "POST",
            "/gradio_api/run/predict",
            body=chunks,
            encode_chunked=True,
            headers={"Transfer-Encoding": "chunked", "Content-Type": "application/json"},
        )
        assert connection.getresponse().status == 413
    except (BrokenPipeError, ConnectionResetError):
        pass  # cut off before we had sent it all
    finally:
        connection.close()


def test_a_body_that_does_not_arrive_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MAX_SECONDS", 0.01)
    pieces = iter([{"type": "http.request", "body": b"{", "more_body": True}])
    sent: list[Message] = []

    async def receive() -> Message:
        if (message := next(pieces, None)) is None:
            await asyncio.Event().wait()  # the rest never comes
        assert message is not None
        return message

    async def send(message: Message) -> None:
        sent.append(message)

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    run_apart(bodies.BodyLimit(app)({"type": "http", "headers": []}, receive, send))
    assert sent[0]["status"] == 408
    assert json.loads(sent[1]["body"]) == {"error": "This request took too long to arrive."}
