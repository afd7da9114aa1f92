"""The tools for assistants, called by the protocol's own client library."""

from __future__ import annotations

import asyncio
import base64
import inspect
import json
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from ganlab.ui import app
from ganlab.ui.html.spaces import MAX_NEIGHBOURS
from ganlab.ui.sampling import MAX_COUNT
from ganlab.ui.server import api, launch, payloads, tools
from ganlab.ui.server.bodies import MAX_BODY
from ganlab.ui.server.models import Models
from ganlab.ui.server.reading import MAX_DEPTH
from ganlab.ui.server.sentences import BAD_MESSAGE
from tests.attacks.requests import judge
from tests.conftest import free_port
from tests.ui.server.test_api import as_base64, pixels
from tests.ui.server.test_launch import request

pytestmark = pytest.mark.slow
ROOT_PATH = "/its/tools"
NAMES = {
    "list_models",
    "prepare_picture",
    "encode_picture",
    "encode_pictures",
    "decode_latent",
    "reconstruct_picture",
    "invert_picture",
    "draw_samples",
    "interpolate_latents",
    "find_neighbours",
    "move_latent",
}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The tools of an app that was started with them, under a root path."""
    pytest.importorskip("mcp")
    models = Models("mnist-bigan")
    blocks = app.build(models)
    _, url, _ = launch.launch(
        blocks, models, "127.0.0.1", free_port(), mcp=True, root_path=ROOT_PATH, prevent_thread_lock=True
    )
    yield f"{url.rstrip('/')}{ROOT_PATH}/gradio_api/mcp/"
    blocks.close()


def talk(address: str, conversation: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
    """What a conversation with the tools results in. It has a thread, and so a loop, of its own."""
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    async def run() -> Any:
        async with streamable_http_client(address) as (read, write, _), ClientSession(read, write) as session:
            await session.initialize()
            return await conversation(session)

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, run()).result()


def test_each_endpoint_is_a_tool_that_explains_itself(address: str) -> None:
    listed = talk(address, lambda session: session.list_tools()).tools
    assert {tool.name for tool in listed} == NAMES  # the named endpoints, and nothing of the page's own
    functions = {
        function.__name__: function for function in api.build_endpoints(Models("mnist-bigan")).values()
    }
    for tool in listed:
        assert "Returns: " in tool.description, tool.name
        assert ",," not in tool.description  # Gradio sets a comma between lines
        assert ":," not in tool.description
        properties = tool.inputSchema["properties"]
        assert list(properties) == list(inspect.signature(functions[tool.name]).parameters)
        for name, schema in properties.items():
            assert schema["description"].endswith("."), (
                tool.name,
                name,
            )  # one line, which is all Gradio reads
            assert {"type", "enum", "oneOf"} & set(schema), (tool.name, name)
    (many,) = (tool for tool in listed if tool.name == "encode_pictures")
    assert f"up to {payloads.MAX_PICTURES} pictures" in many.description
    schemas = {tool.name: tool.inputSchema for tool in listed}
    assert schemas["encode_picture"]["required"] == ["picture_base64"]
    assert schemas["encode_picture"]["properties"]["polarity"]["enum"] == ["auto", "light", "dark"]
    for name, parameter, limit in (
        ("draw_samples", "n", MAX_COUNT),
        ("find_neighbours", "k", MAX_NEIGHBOURS),
        ("encode_pictures", "k", MAX_NEIGHBOURS),
        ("invert_picture", "steps", api.MAX_STEPS),
        ("interpolate_latents", "steps", api.MAX_FRAMES),
    ):
        assert f" to {limit}." in schemas[name]["properties"][parameter]["description"]


def test_a_picture_comes_back_as_one_can_look_at_it(
    address: str, bundled: Explorer, digits: Pictures
) -> None:
    async def converse(session: Any) -> Any:
        call = session.call_tool
        picture = {"picture_base64": as_base64(digits, 4)}
        return (
            await call("list_models", {}),
            await call("reconstruct_picture", picture),
            await call("encode_picture", {"picture_base64": "no picture"}),
            await call("encode_picture", {**picture, "model": "no-such"}),
            await call("decode_latent", {"latent": {"fingerprint": "other", "z": [0] * 50}}),
            await call("encode_picture", {**picture, "polarity": "pink"}),
        )

    models, answer, *refusals = talk(address, converse)
    assert "mnist-bigan" in [model["name"] for model in json.loads(models.content[0].text)]
    assert len(models.content[0].text) < 10_000  # letters that an assistant has to read
    text, *pictures = answer.content
    result = json.loads(text.text)
    assert (result["input"], result["reconstruction"]) == ("picture 1", "picture 2")
    assert [picture.mimeType for picture in pictures] == ["image/png"] * 2
    assert (pixels(pictures[0].data) == digits.pixels[4, 0].numpy()).all()
    x = digits.inputs(slice(4, 5))
    assert result["error"] == pytest.approx(bundled.error(x, bundled.reconstruct(x)), rel=1e-4)

    sentences = [
        "This is not base64, so it is no picture.",
        "Model 'no-such' not found; available = ",
        "This latent belongs to the checkpoint 'other'",
        'polarity is one of "auto", "light", "dark", not "pink".',
    ]
    for refusal, sentence in zip(refusals, sentences, strict=True):
        assert refusal.isError
        assert [part.text[: len(sentence)] for part in refusal.content] == [sentence]
        assert "Traceback" not in refusal.content[0].text


def test_a_wrong_call_gets_a_sentence(address: str, digits: Pictures) -> None:
    picture = as_base64(digits, 4)
    deep: list[Any] = []
    for _ in range(MAX_DEPTH + 2):
        deep = [deep]
    samples, encode = "draw_samples", "encode_picture"
    file = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
    wrong: list[tuple[str, dict[str, Any], str]] = [
        ("no_such", {}, "There is no tool of this name; there are list_models, "),
        (encode, {}, "encode_picture needs picture_base64; it takes picture_base64, polarity, model, crop."),
        (encode, {"picture_base64": None}, "picture_base64 is text, not null."),
        (encode, {"picture_base64": True}, "picture_base64 is text, not true."),
        (encode, {"picture_base64": file}, "No value here is a file; "),
        (encode, {"picture_base64": deep}, "Lists and objects lie more than "),
        (encode, {"picture_base64": picture, "crop": [None]}, "crop is a list of finite numbers."),
        (samples, {"n": "x"}, 'n is a whole number, not "x".'),
        (samples, {"n": 1.5}, "n is a whole number, not 1.5."),
        (samples, {"n": 10**400}, "n is too large; "),
        (samples, {"n": 1, "other": None}, "There is no other here; this takes n"),
        ("decode_latent", {"latent": [1]}, 'latent is {"fingerprint": the model\'s, "z": numbers}, not [1].'),
    ]

    async def converse(session: Any) -> Any:
        refusals = [await session.call_tool(name, arguments) for name, arguments, _ in wrong]
        return refusals, await session.call_tool("encode_picture", {"picture_base64": picture, "crop": None})

    refusals, answer = talk(address, converse)
    for refusal, (name, arguments, sentence) in zip(refusals, wrong, strict=True):
        text = refusal.content[0].text
        assert refusal.isError
        assert text.startswith(sentence), (name, arguments, text)
        assert not judge(text), text
    assert not answer.isError  # null is a default's


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ("", {}, 400),
        ("[]", {}, 400),
        ('{"a": 1}', {}, 400),
        ("{}", {"Content-Type": "text/plain"}, 400),
        ("{}", {"Accept": "text/plain"}, 406),
    ],
)
def test_what_is_no_message_gets_a_sentence(
    address: str, body: str, headers: dict[str, str], status: int
) -> None:
    expected = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    answer = httpx.post(address, content=body, headers={**expected, **headers}, trust_env=False)
    assert answer.status_code == status
    assert not judge(answer.json()["error"])
    if status == 400:
        assert answer.json()["error"] == BAD_MESSAGE


def test_a_refusal_of_ours_stays_as_it_is(address: str) -> None:
    answer = httpx.post(address, content=b"x" * (MAX_BODY + 1), trust_env=False)
    assert answer.status_code == 413
    assert f"{MAX_BODY // 1_000_000}" in answer.json()["error"]


def test_there_are_no_tools_unless_asked(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert request(server, "GET", "/gradio_api/mcp/schema")[0] == 404
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match="--mcp needs the package mcp: pip install"):
        tools.check_installed()


def test_pictures_are_numbered_in_the_text() -> None:
    pytest.importorskip("mcp")
    gif = base64.b64encode(b"GIF89a...").decode()
    text, picture = tools._write_result({"latents": [{"z": [0.5]}], "gif": gif, "name": "Größe"})
    assert text.text == '{"latents": [{"z": [0.5]}], "gif": "picture 1", "name": "Größe"}'
    assert (picture.data, picture.mimeType) == (gif, "image/gif")
