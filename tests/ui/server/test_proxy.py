"""What the app makes of a root path, of what proxies say, and of its streams, without a proxy."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient

import app
from ganlab.ui.html.markup import STATIC
from ganlab.ui.server import launch
from ganlab.ui.server.models import Models
from ganlab.ui.server.proxy import RootPath, Streams, Visitors, read_proxies, read_root_path

OUTSIDE = "203.0.113.9"  # an address of no machine (RFC 5737)
INNER = ("10.0.0.0/8",)


async def echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(request.url.path)


async def tell_address(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"{request.client.host if request.client else ''} {request.url.scheme}")


def build_app(root: str) -> Any:
    """An app with a route and files of ours and of Gradio, which sets `root` as FastAPI does."""
    served = Starlette(
        routes=[
            Route("/ganlab/map", echo),
            Mount("/ganlab/static", StaticFiles(directory=STATIC)),
            Route("/static/{path:path}", echo),
            Route("/", echo),
        ],
        middleware=[Middleware(RootPath)],
    )

    async def call(scope: Any, receive: Any, send: Any) -> None:
        await served({**scope, "root_path": root}, receive, send)

    return call


@pytest.mark.parametrize("address", ["", "https://a.example"])
@pytest.mark.parametrize("root", ["/tools", "/tools/ganlab", "/ganlab", "/ganlab/static", "/ganla"])
def test_a_path_is_the_visitors_whether_the_proxy_strips_it_or_not(root: str, address: str) -> None:
    client = TestClient(build_app(address + root))
    for path in ("/ganlab/map", "/static/logo.svg", "/"):
        for sent in (path, root + path):
            assert client.get(sent).text == root + path, sent
    for sent in ("/ganlab/static/lib/files.js", f"{root}/ganlab/static/lib/files.js"):
        assert client.get(sent).text == (STATIC / "lib" / "files.js").read_text(encoding="utf-8"), sent
    assert client.get(f"{root}/ganlab/static/lib/no-such.js").status_code == 404


@pytest.mark.parametrize("address", ["", "https://a.example"])
def test_without_a_root_path_nothing_changes(address: str) -> None:
    client = TestClient(build_app(address))
    assert client.get("/ganlab/map").text == "/ganlab/map"
    assert client.get("/ganlab/static/lib/files.js").status_code == 200
    assert client.get("/tools/ganlab/map").status_code == 404


def test_a_root_path_may_hold_signs_that_addresses_escape() -> None:
    client = TestClient(build_app("/ann%40here"))
    for sent in ("/ganlab/map", "/ann@here/ganlab/map", "/ann%40here/ganlab/map"):
        assert client.get(sent).text == "/ann@here/ganlab/map"


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("", ""),
        ("/", ""),
        ("/tools/ganlab", "/tools/ganlab"),
        (" tools/ganlab/ ", "/tools/ganlab"),
        ("https://a.example/tools/", "https://a.example/tools"),
        ("/user/ann%40a.example/proxy", "/user/ann%40a.example/proxy"),
        ("http://a.example:81", "http://a.example:81"),
    ],
)
def test_root_paths(text: str, root: str) -> None:
    assert read_root_path(text) == root


@pytest.mark.parametrize(
    "text", ["/a b", "/a?b", "/a#b", "ftp://a.example/b", "https:///a", "/a/<b>", "/a//b"]
)
def test_what_is_no_root_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="--root-path is a path as /tools/ganlab"):
        read_root_path(text)


def test_proxies() -> None:
    assert read_proxies("") == ()
    assert read_proxies("127.0.0.1, 10.0.0.0/8,::1") == ("127.0.0.1", "10.0.0.0/8", "::1")
    for text in ("*", "0.0.0.0/0", "::/0", "proxy.example", "127.0.0.1;10.0.0.1"):
        with pytest.raises(ValueError, match="--trusted-proxies names the proxies"):
            read_proxies(text)


@pytest.mark.parametrize(
    ("proxies", "peer", "headers", "seen", "private"),
    [
        # nobody is trusted: who sends the request is the visitor, whatever it claims
        ((), "127.0.0.1", {}, "127.0.0.1 http", True),
        ((), "::ffff:127.0.0.1", {}, "::ffff:127.0.0.1 http", True),
        ((), "127.0.0.1", {"X-Forwarded-For": OUTSIDE}, "127.0.0.1 http", False),
        ((), "127.0.0.1", {"Via": "1.1 cache"}, "127.0.0.1 http", False),
        ((), OUTSIDE, {}, f"{OUTSIDE} http", False),
        ((), OUTSIDE, {"X-Forwarded-For": "127.0.0.1"}, f"{OUTSIDE} http", False),
        # a trusted proxy adds the address that it sees; what stands before that is the visitor's own claim
        (("127.0.0.1",), "127.0.0.1", {"X-Forwarded-For": OUTSIDE}, f"{OUTSIDE} http", False),
        (("127.0.0.1",), "127.0.0.1", {"X-Forwarded-For": f"127.0.0.1, {OUTSIDE}"}, f"{OUTSIDE} http", False),
        (("127.0.0.1",), "127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, "127.0.0.1 http", True),
        (("127.0.0.1",), "127.0.0.1", {}, "127.0.0.1 http", True),
        (("127.0.0.1",), "127.0.0.1", {"X-Forwarded-Proto": "https"}, "127.0.0.1 https", True),
        (
            INNER,
            "10.1.2.3",
            {"X-Forwarded-For": f"1.2.3.4, {OUTSIDE}, 10.9.9.9"},
            f"{OUTSIDE} http",
            False,
        ),
        # others cannot speak for it
        (INNER, OUTSIDE, {"X-Forwarded-For": "127.0.0.1"}, f"{OUTSIDE} http", False),
        (INNER, "127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, "127.0.0.1 http", False),
    ],
)
def test_whose_address_counts(
    proxies: tuple[str, ...], peer: str, headers: dict[str, str], seen: str, private: bool
) -> None:
    """`private`: whether visitors may still name any model."""
    models = Models("mnist-bigan")
    served = Starlette(routes=[Route("/", tell_address)], middleware=[Middleware(Visitors, models, proxies)])
    client = TestClient(served, client=(peer, 50000))
    assert client.get("/", headers=headers).text == seen
    assert models.allow_any is private
    client.get("/")
    if not private:
        assert models.allow_any is False  # it stays


def test_streams_are_not_kept_back_by_proxies() -> None:
    async def send(request: Request) -> StreamingResponse:
        return StreamingResponse(iter(["{}\n"]), media_type=request.path_params["kind"])

    served = Starlette(routes=[Route("/{kind:path}", send)], middleware=[Middleware(Streams)])
    client = TestClient(served)
    for kind in ("application/x-ndjson", "text/event-stream"):
        assert client.get(f"/{kind}").headers["X-Accel-Buffering"] == "no"
    assert "X-Accel-Buffering" not in client.get("/image/png").headers


def test_the_servers_own_belief_is_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """uvicorn by itself takes the address from whoever connects from this machine."""
    import os

    from uvicorn import Config

    for before in (None, "*"):
        if before is not None:
            monkeypatch.setenv("FORWARDED_ALLOW_IPS", before)
        with launch.trusting_nobody():
            assert not Config("app").forwarded_allow_ips
        assert os.environ.get("FORWARDED_ALLOW_IPS") == before


def test_the_app_behind_a_proxy_is_a_public_one(monkeypatch: pytest.MonkeyPatch) -> None:
    private: list[bool] = []

    def stop(default: str, device: str, allow_any: bool, **_: object) -> None:
        private.append(allow_any)
        raise ValueError("not started")

    monkeypatch.setattr("ganlab.ui.server.models.Models", stop)
    monkeypatch.delenv("GRADIO_ROOT_PATH", raising=False)
    for arguments in (
        [],
        ["--root-path", "/a"],
        ["--root-path", "/a", "--trusted-proxies", "127.0.0.1"],
        ["--host", "0.0.0.0"],
    ):
        assert app.main([*arguments, "--port", "0"]) == 2
    assert private == [True, False, True, False]
    monkeypatch.setenv("GRADIO_ROOT_PATH", "/a")
    assert app.parse([]).root_path == "/a"
