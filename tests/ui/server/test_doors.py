"""Who may come in: names of the server, other sites' pages, routes, what an answer lets a browser do."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from ganlab.ui.server import policy, runs
from ganlab.ui.server.doors import Doors, Names, name_server, read_hosts
from ganlab.ui.server.models import Models
from ganlab.ui.server.proxy import RootPath
from tests.attacks.doors import CLOSED
from tests.histories import write_history
from tests.ui.server.test_launch import request

PAGE = "<script>one()</script><script type=module src=two.js></script>\n<script async>\nthree(); </script>"
WORK = "/ganlab/generator?model=user/repo"


def build(names: Names, root: str = "", frames: str = policy.ITSELF) -> tuple[TestClient, Models]:
    """An app behind doors, and the models that it offers."""

    async def show(request: Request) -> Any:
        return HTMLResponse(PAGE) if request.url.path == f"{root}/" else PlainTextResponse("in")

    models = Models("mnist-bigan")
    middleware = [Middleware(RootPath), Middleware(Doors, models, names, frames)]
    served = Starlette(routes=[Route("/{path:path}", show, methods=["GET", "POST"])], middleware=middleware)

    async def call(scope: Any, receive: Any, send: Any) -> None:
        await served({**scope, "root_path": root}, receive, send)

    return TestClient(call, base_url="http://127.0.0.1:7860"), models


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:7860", "LOCALHOST:1", "[::1]:7860", "127.9.9.9"])
def test_a_server_of_this_machine_answers_to_its_names(host: str) -> None:
    client, models = build(name_server("127.0.0.1"))
    assert client.get("/", headers={"Host": host}).status_code == 200
    assert models.allow_any


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:7860",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example:x",
        "192.168.1.5",
        "[2001:db8::1]",
        "localhost@evil.example",
        "localhost, evil.example",
        "a b",
        "",
    ],
)
def test_and_to_no_other(host: str) -> None:
    """A page may have pointed a name of its own at 127.0.0.1 (DNS rebinding)."""
    client, _ = build(name_server("127.0.0.1"))
    for path in ("/", "/ganlab/map", "/gradio_api/info", "/theme.css"):
        answer = client.get(path, headers={"Host": host})
        assert answer.status_code == 403, path
        assert "answers to localhost, 127.0.0.1, [::1], not to " in answer.text


def test_other_names_are_named_by_a_flag() -> None:
    for names in (name_server("127.0.0.1", ("gan.example",)), name_server("0.0.0.0", ("gan.example",))):
        client, _ = build(names)
        seen = {
            host: client.get("/", headers={"Host": host}).status_code for host in ("gan.example:80", "b.c")
        }
        assert seen == {"gan.example:80": 200, "b.c": 403}
    assert read_hosts("") == ()
    assert read_hosts(" Gan.example, 192.168.1.5,[::1] ") == ("gan.example", "192.168.1.5", "[::1]")
    for text in ("http://a.example", "a.example:80", "*", "a b", "a/b", "-"):
        with pytest.raises(ValueError, match="--allowed-hosts holds the names"):
            read_hosts(text)


@pytest.mark.parametrize(
    ("host", "root", "proxies"),
    [
        ("0.0.0.0", "", ()),
        ("127.0.0.1", "", ("127.0.0.1",)),
        ("127.0.0.1", "/gan", ()),
        ("192.168.1.5", "", ()),
    ],
)
def test_what_others_call_a_server_is_not_asked_but_costs_it_the_choice_of_models(
    host: str, root: str, proxies: tuple[str, ...]
) -> None:
    client, models = build(name_server(host, (), root, proxies), root)
    assert client.get(f"{root}/", headers={"Host": "localhost"}).status_code == 200
    assert models.allow_any
    assert client.get(f"{root}/", headers={"Host": "gan.example"}).status_code == 200
    assert not models.allow_any


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:8888"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:8888"},
        {"Origin": "https://127.0.0.1"},
        {"Origin": "null"},
        {"Origin": "file://"},
    ],
)
@pytest.mark.parametrize("root", ["", "/gan"])
def test_pages_of_other_sites_start_nothing(headers: dict[str, str], root: str) -> None:
    client, models = build(name_server("127.0.0.1", ("127.0.0.1",), root), root)
    for path in (WORK, "/gradio_api/heartbeat/x", "/config", "/gradio_api/mcp/", "/ganlab/static/lib/a.js"):
        answer = client.get(root + path, headers=headers)
        assert (answer.status_code, answer.text.count("other sites")) == (403, 1), path
    for path in ("/ganlab/upload", "/ganlab/train", "/gradio_api/run/predict", "/gradio_api/call/models"):
        assert client.post(root + path, headers=headers).status_code == 403
    assert client.get(f"{root}/", headers=headers).status_code == 200  # a link to the page, or its frame
    assert models.allow_any


@pytest.mark.parametrize(
    "headers",
    [
        {},  # a program
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://somewhere.example"},  # behind what changes names
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://127.0.0.1:7860"},
        {"Origin": "https://gan.example"},
        {"Origin": "https://gan.example:8443", "Host": "gan.example"},  # nginx's $host
        {"Origin": "https://other.example", "X-Forwarded-Host": "other.example"},
    ],
)
def test_its_own_page_and_programs_may(headers: dict[str, str]) -> None:
    client, _ = build(name_server("127.0.0.1", ("gan.example",)))
    assert client.get(WORK, headers=headers).text == "in"
    assert client.post("/ganlab/upload", headers=headers).text == "in"


def test_a_link_on_another_page_loads_no_model_to_this_machine() -> None:
    client, models = build(name_server("127.0.0.1"))
    for model, status in (("user/repo", 403), ("/etc", 403), ("mnist-gan", 200), ("", 200)):
        address, site = f"/?tab=map&model={model}", {"Sec-Fetch-Site": "cross-site"}
        assert client.get(address, headers=site).status_code == status, model
        assert client.get(address, headers={"Sec-Fetch-Site": "none"}).status_code == 200
    assert "address bar" in client.get("/?model=user/repo", headers={"Sec-Fetch-Site": "same-site"}).text
    models.restrict()
    assert client.get("/?model=user/repo", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


def test_a_link_of_another_site_opens_bundled_runs_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "BUNDLED", tmp_path)
    write_history(tmp_path / "bigan", moments=1)
    client, models = build(name_server("127.0.0.1"))
    for query, status in (
        ("run=bigan", 200),
        ("run=bigan&beside=bigan", 200),
        ("run=http://10.0.0.1/", 403),
        ("run=bigan&beside=/home/me/run", 403),
        ("run=bigan&run=other", 403),
    ):
        answer = client.get(f"/?tab=training&{query}", headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == status, query
        assert ("asks for the run" in answer.text) == (status == 403)
        own = client.get(f"/?tab=training&{query}", headers={"Sec-Fetch-Site": "none"})
        assert own.status_code == 200
    models.restrict()  # then no other is read anyway
    assert client.get("/?run=other", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "PUT", "DELETE"])
def test_what_nobody_needs_is_closed(server: str, method: str) -> None:
    for path in CLOSED:
        status, text = request(server, method, path, b"" if method == "POST" else None)
        assert status == 404, (path, text[:100])
        assert text == (b"" if method == "HEAD" else b'{"error":"There is nothing at this address."}'), path


@pytest.mark.slow
def test_uploads_are_closed_under_a_root_path_too() -> None:
    client, _ = build(name_server("127.0.0.1", (), "/gan"), "/gan")
    for path in (
        "/gan/gradio_api/upload",
        "/gradio_api/upload",
        "/gan/gan/gradio_api/upload",
        "/gan/monitoring",
    ):
        assert client.post(path).status_code == 404, path
    assert client.get("/gan/gradio_api/info").status_code == 200


def read_policy(answer: Any) -> dict[str, str]:
    parts = answer.headers["content-security-policy"].split("; ")
    return {part.split(" ", 1)[0]: part.split(" ", 1)[1] for part in parts}


def test_a_page_runs_the_scripts_that_the_server_wrote_and_no_other() -> None:
    client, _ = build(name_server("127.0.0.1"))
    scripts = read_policy(client.get("/"))["script-src"]
    for code in ("one()", "\nthree(); "):
        assert f"'sha256-{base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()}'" in scripts
    assert scripts.count("sha256-") == 2
    assert "'unsafe-inline'" not in scripts
    assert "sha256-" not in read_policy(client.get("/theme.css"))["script-src"]


def test_every_answer_says_what_a_browser_may_do(monkeypatch: pytest.MonkeyPatch) -> None:
    client, _ = build(name_server("127.0.0.1"))
    for answer in (
        client.get("/"),
        client.get("/theme.css"),
        client.get("/nothing"),
        client.get("/", headers={"Host": "x"}),
    ):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert read_policy(answer)["frame-ancestors"] == "'self'"
    assert policy.choose_frames() == "'self'"
    monkeypatch.setenv("SPACE_ID", "user/space")
    client, _ = build(name_server("0.0.0.0"), frames=policy.choose_frames())
    assert "https://huggingface.co" in read_policy(client.get("/"))["frame-ancestors"]
