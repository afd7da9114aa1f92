"""What the page fetches beside Gradio's own."""

from __future__ import annotations

import http.client
from email.message import Message
from urllib.parse import quote, urlsplit

import pytest
from safetensors.torch import load

import ganlab
from ganlab import portable
from ganlab.explorer import Explorer


def get(server: str, path: str, **headers: str) -> tuple[int, bytes, Message]:
    address = urlsplit(server)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


def test_a_models_generator_is_fetched_once(server: str, bundled: Explorer) -> None:
    path = f"/ganlab/generator?model={bundled.config.name}"
    status, content, headers = get(server, path)
    assert status == 200
    assert len(load(content)) == 7  # three weights, three biases and the skip of the paper's generator
    assert bundled.fingerprint in headers["ETag"]
    status, content, _ = get(server, path, **{"If-None-Match": headers["ETag"]})
    assert (status, content) == (304, b"")


@pytest.mark.parametrize("name", ["", "no-such-model", "../mnist-bigan", "a\0b"])
def test_another_name_gets_a_sentence(server: str, name: str) -> None:
    status, said, _ = get(server, f"/ganlab/generator?model={quote(name)}")
    assert status == 404
    assert said.endswith(b".")
    assert b"Traceback" not in said
    assert b"not found" in said


def test_scripts_are_asked_anew_and_nothing_else_is_served(server: str) -> None:
    status, content, headers = get(server, "/ganlab/static/generator.js")
    assert status == 200
    assert b"generatorOf" in content
    assert headers["Cache-Control"] == "no-cache"
    assert "javascript" in headers["Content-Type"]
    for path in ("static/", "static/../serve.py", "static/%2e%2e/serve.py", "x"):
        assert get(server, f"/ganlab/{path}")[0] in (403, 404), path


def test_a_generator_too_large_for_a_page_stays_on_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ganlab.load("mnist-bigan").model
    portable.check(model)
    assert portable.multiplications(model) == 50 * 1024 + 1024 * 1024 + 50 * 1024 + 1024 * 784
    monkeypatch.setattr(portable, "MOST", 1_000_000)
    with pytest.raises(ValueError, match="the server makes its pictures"):
        portable.check(model)
