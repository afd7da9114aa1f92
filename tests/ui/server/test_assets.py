import gzip
from typing import Any

import brotli
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from ganlab.ui.server import assets
from ganlab.ui.server.assets import Assets, Documents
from tests.conftest import run_apart

SCRIPT = "export const a = 1;\n" * 100
PNG = bytes(range(256)) * 4


class App:
    """Counts the requests that reach it."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.document = "<p>hello</p>" * 200
        routes = [Route("/{path:path}", self.answer)]
        self.client = TestClient(
            Starlette(routes=routes, middleware=[Middleware(Documents), Middleware(Assets)])
        )

    async def answer(self, request: Request) -> Response:
        path = request.url.path
        self.requests.append(path)
        if path == "/":
            return HTMLResponse(self.document)
        if path.endswith(".js"):
            headers = {"ETag": '"tag"', "Last-Modified": "Thu, 26 Nov 2026 08:18:44 GMT"}
            return Response(SCRIPT, media_type="application/javascript", headers=headers)
        if path.endswith(".png"):
            return Response(PNG, media_type="image/png")
        return PlainTextResponse("Not Found", status_code=404)

    def get(self, path: str, encoding: str = "gzip, br", **headers: str) -> Any:
        return self.client.get(path, headers={"Accept-Encoding": encoding, **headers})


@pytest.fixture
def app() -> App:
    return App()


def test_a_file_is_fetched_and_compressed_once(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    compressed, compress = [], brotli.compress
    monkeypatch.setattr(assets.brotli, "compress", lambda *a, **k: compressed.append(1) or compress(*a, **k))
    answers = [app.get(f"/ganlab/static/lib/a.js{query}") for query in ("", "", "?v=1")]
    assert app.requests == ["/ganlab/static/lib/a.js"]
    assert len(compressed) == 1
    for answer in answers:
        assert answer.text == SCRIPT
        assert answer.headers["content-encoding"] == "br"
        assert int(answer.headers["content-length"]) < len(SCRIPT) / 10
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["etag"] == '"tag"'
        assert "javascript" in answer.headers["content-type"]


def test_who_does_not_read_brotli_gets_the_file_as_it_is(app: App) -> None:
    for encoding in ("identity", "gzip", "br", ""):
        answer = app.get("/assets/a.js", encoding)
        assert answer.text == SCRIPT
        assert ("content-encoding" in answer.headers) == (encoding == "br")


def test_pictures_are_not_compressed(app: App) -> None:
    answer = app.get("/static/img/a.png")
    assert answer.content == PNG
    assert "content-encoding" not in answer.headers
    assert answer.headers["etag"].startswith('"')  # where the app gives none
    assert app.get("/static/img/a.png").headers["etag"] == answer.headers["etag"]


def test_what_a_browser_has_is_not_sent_again(app: App) -> None:
    for tags in ('"tag"', 'W/"tag"', '"other", "tag"'):
        answer = app.get("/ganlab/static/lib/a.js", **{"If-None-Match": tags})
        assert (answer.status_code, answer.content) == (304, b"")
    assert app.get("/ganlab/static/lib/a.js", **{"If-None-Match": '"other"'}).status_code == 200
    assert len(app.requests) == 1  # also the first, which was asked for by its tag


def test_only_names_with_a_hash_are_kept_for_good_by_browsers(app: App) -> None:
    assert "immutable" in app.get("/assets/index-DphvyggB.js").headers["cache-control"]
    assert "cache-control" not in app.get("/ganlab/static/lib/a.js").headers


@pytest.mark.parametrize(
    "path", ["/static/none.css", "/ganlab/generator.js", "/x/a.js", "/assets//a.js", "/assets/.a.js"]
)
def test_nothing_else_is_kept(app: App, path: str) -> None:
    for _ in range(2):
        app.get(path)
    assert len(app.requests) == 2


def test_parts_of_files_and_other_methods_are_the_apps(app: App) -> None:
    app.get("/assets/a.js", Range="bytes=0-3")
    app.client.post("/assets/a.js")
    app.client.head("/assets/a.js")
    assert len(app.requests) == 2  # the route itself does not take POST


def test_memory_is_bounded(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "MAX_FILES", 1.5 * len(SCRIPT))
    for name in "abcabc":
        assert app.get(f"/assets/{name}.js").text == SCRIPT
    assert app.requests[-1] == "/assets/c.js"
    assert app.requests.count("/assets/a.js") == 1


def test_a_document_is_compressed_and_is_never_an_earlier_one(app: App) -> None:
    assert app.get("/").text == app.document
    assert app.get("/").headers["content-encoding"] == "br"
    app.document = app.document.upper()
    answer = app.get("/?tab=map")
    assert answer.text == app.document
    assert int(answer.headers["content-length"]) < len(app.document) / 10
    assert app.requests == ["/", "/", "/"]
    assert "content-encoding" not in app.get("/", "identity").headers


def test_what_is_compressed_already_stays_so() -> None:
    packed = gzip.compress(b"hello" * 200)

    async def answer(request: Request) -> Response:
        return Response(packed, media_type="text/html", headers={"Content-Encoding": "gzip"})

    client = TestClient(
        Starlette(routes=[Route("/", answer)], middleware=[Middleware(Documents), Middleware(Assets)])
    )
    got = client.get("/", headers={"Accept-Encoding": "br, gzip"})
    assert got.headers["content-encoding"] == "gzip"
    assert got.text == "hello" * 200


def test_websockets_pass() -> None:
    seen = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    run_apart(Documents(Assets(inner))({"type": "websocket", "path": "/assets/a.js"}, None, None))  # type: ignore[arg-type]
    assert seen == ["websocket"]
