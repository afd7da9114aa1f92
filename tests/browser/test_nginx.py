"""The app under a root path behind a real nginx: its routes, streams, visitors' addresses, and the page."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import ssl
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from ganlab.ui import app
from ganlab.ui.server import films, launch, routes
from ganlab.ui.server.models import Models
from tests.browser.conftest import FEW_MODELS, PATIENCE
from tests.browser.gestures import caption, photo, tab, upload
from tests.browser.test_studio import move_slider, sliders
from tests.conftest import free_port
from tests.nginx import ROOT, WAYS, Way, serve_behind_nginx

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect

CACHEABLE = {name for name, route in routes.GET.items() if route.cacheable}
KIND = {"Content-Type": "application/json"}
VISITOR = "127.0.0.2"  # a visitor's address that is not the proxy's


class Behind(NamedTuple):
    """The app behind nginx: an address for each way, which ends with "/", and the app's own port."""

    addresses: dict[Way, str]
    port: int


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Models, "list_names", lambda models: list(FEW_MODELS))
        models, port = Models("mnist-bigan"), free_port()
        blocks = app.build(models)
    with serve_behind_nginx(port, tmp_path_factory.mktemp("nginx")) as addresses:
        launch.launch(
            blocks,
            models,
            "127.0.0.1",
            port,
            root_path=ROOT,
            proxies=("127.0.0.1",),
            mcp=True,
            prevent_thread_lock=True,
        )

        async def tell(request: Request) -> PlainTextResponse:
            return PlainTextResponse(f"{request.client.host if request.client else ''} {request.url.scheme}")

        blocks.app.router.routes.insert(0, Route("/ganlab/visitor", tell))
        yield Behind(addresses, port)
        blocks.close()


def connect(address: str, source: str = "127.0.0.1") -> http.client.HTTPConnection:
    parts = urlsplit(address)
    if parts.scheme == "http":
        return http.client.HTTPConnection(parts.netloc, timeout=300, source_address=(source, 0))
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection(parts.netloc, timeout=300, source_address=(source, 0), context=context)


def fetch(
    address: str, body: Any = None, source: str = "127.0.0.1", **headers: str
) -> tuple[int, bytes, http.client.HTTPMessage]:
    """Status, content and headers; a POST where there is a body, which is JSON unless it is bytes."""
    connection, parts = connect(address, source), urlsplit(address)
    content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    json_type = {} if isinstance(body, bytes | None) else {"Content_Type": "application/json"}
    names = {name.replace("_", "-"): value for name, value in (json_type | headers).items()}
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request("GET" if body is None else "POST", target, content, names)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


def list_requests(explorer: Explorer, digits: Pictures) -> dict[str, tuple[dict[str, Any], Any]]:
    """Name of each route of ours -> query and body of a request to it; one that lacks something gets its
    route's own sentence."""
    z = explorer.sample(2, seed=4)
    film = {"fingerprint": explorer.fingerprint, "keyframes": z.tolist(), "film": {"frames": 2}}
    queries = {
        "training": {"index": 5},
        "samples": {"count": 1, "seed": 1},
        "picture": {"z": ",".join(map(str, z[0].tolist()))},
    }
    bodies: dict[str, Any] = {"film": {**film, "kind": "gif"}, "ribbon": film}
    gets = {name: ({"model": "mnist-bigan", **queries.get(name, {})}, None) for name in routes.GET}
    posts = {name: ({}, {"model": "mnist-bigan", **bodies.get(name, {})}) for name in routes.POST}
    return {**gets, **posts, "upload": ({}, photo(digits, 18))}


def test_each_route_answers_through_each_way(behind: Behind, bundled: Explorer, digits: Pictures) -> None:
    direct = f"http://127.0.0.1:{behind.port}/ganlab/"
    tag = f'"{bundled.fingerprint}-{routes.STARTED}"'  # what is large is not sent
    seen: dict[str, int] = {}
    for name, (query, body) in list_requests(bundled, digits).items():
        where = f"ganlab/{name}?{urlencode(query)}"
        seen[name], expected, _ = fetch(direct + where, body, If_None_Match=tag)
        assert expected != b"Not Found", name
        for way, address in behind.addresses.items():
            status, content, _ = fetch(address + where, body, If_None_Match=tag)
            assert status == seen[name], (name, way, content[:200])
            if name == "upload":  # each gets a name of its own
                assert json.loads(content)["width"] == 300
            else:
                assert content == expected, (name, way)
    assert {name for name, status in seen.items() if status == 304} == CACHEABLE
    answered = {"samples", "picture", "film", "ribbon", "upload"}
    assert {seen[name] for name in answered} == {200}


def test_what_the_page_names_is_there(behind: Behind) -> None:
    """Its scripts and style sheet, and the address under which it looks for them."""
    modules = re.findall(r'href="([^"]*)"', launch.build_head())
    assert modules[0] == "favicon.ico"
    assert modules[1].startswith("ganlab/static/lib/")
    for way, address in behind.addresses.items():
        page = fetch(address)[1].decode()
        assert json.loads(re.findall(r'"root":("[^"]*")', page)[0]) == address.rstrip("/")
        for link in (*modules[:3], "ganlab/static/lib/jacobian-worker.js", "theme.css"):
            assert fetch(address + link)[0] == 200, (way, link)
        assert fetch(address + "ganlab/static/lib/no-such.js")[0] == 404
        assert fetch(address.rstrip("/"))[0] in (
            301,
            302,
            307,
        )  # to the address with "/", as browsers need it


def test_tools_are_there_too(behind: Behind) -> None:
    question = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    kinds = {"Accept": "application/json, text/event-stream", "Content_Type": "application/json"}
    for way, address in behind.addresses.items():
        status, content, _ = fetch(f"{address}gradio_api/mcp/", question, **kinds)
        assert status == 200, (way, content)
        assert b'"name":"find_neighbours"' in content, way


def test_a_stream_arrives_piece_by_piece(
    behind: Behind, bundled: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived = threading.Event()

    def send(*parts: Any) -> Iterator[dict[str, Any]]:
        yield {"done": 0.5}
        assert arrived.wait(60)  # nobody reads the first line as long as a proxy keeps it
        yield {"done": 1}

    monkeypatch.setattr(films, "find_way", send)
    payload = {
        "model": "mnist-bigan",
        "fingerprint": bundled.fingerprint,
        "keyframes": bundled.sample(2, seed=4).tolist(),
        "film": {"frames": 2, "way": "geodesic"},
    }
    for way, address in behind.addresses.items():
        arrived.clear()
        connection = connect(address)
        connection.timeout = 30
        connection.request(
            "POST", urlsplit(address).path + "ganlab/shortest", json.dumps(payload).encode(), KIND
        )
        answer = connection.getresponse()
        assert json.loads(answer.readline()) == {"done": 0.5}, way
        arrived.set()
        assert json.loads(answer.read()) == {"done": 1}
        connection.close()


def test_the_address_is_the_visitors_and_cannot_be_forged(behind: Behind) -> None:
    forged = {"X_Forwarded_For": "203.0.113.9, 127.0.0.1"}
    for way, address in behind.addresses.items():
        seen = fetch(f"{address}ganlab/visitor", None, VISITOR, **forged)[1].decode()
        assert seen == f"{VISITOR} {urlsplit(address).scheme}", way
    direct = f"http://127.0.0.1:{behind.port}/ganlab/visitor"
    assert fetch(direct, None, VISITOR, **forged)[1].decode() == f"{VISITOR} http"


@pytest.mark.slow(10)
def test_the_page_works_through_each_way(behind: Behind, browser: Any, digits: Pictures) -> None:
    troubles: list[str] = []

    def watch(page: Any, address: str) -> None:
        page.on("pageerror", lambda error: troubles.append(f"{address}: {error}"))
        page.on("requestfailed", lambda request: troubles.append(f"{request.url}: {request.failure}"))
        page.on(
            "response",
            lambda response: response.status >= 400 and troubles.append(f"{response.status}: {response.url}"),
        )
        page.on(
            "request",
            lambda request: (
                request.url.startswith((address, "data:", "blob:")) or troubles.append(request.url)
            ),
        )

    with contextlib.closing(browser.new_context(ignore_https_errors=True)) as context:
        pages = {}
        for way in WAYS:
            page = pages[way] = context.new_page()
            page.set_default_timeout(PATIENCE)
            watch(page, behind.addresses[way])
            page.goto(behind.addresses[way], wait_until="commit")
        for page in pages.values():
            page.locator(".gl-pad[data-ready]").first.wait_for()
            page.locator("#reconstruct-stage .gl-card").first.wait_for()
            before = caption(page).inner_text()
            upload(page, photo(digits, 18))
            expect(caption(page)).not_to_have_text(before)
            tab(page, "Latent")
            expect(sliders(page).first).to_be_visible()
            if way.stripped:
                page.locator("[data-view=local]").click()  # a worker computes them
                expect(page.locator(".gl-dir small").first).to_contain_text("% of the change")
            move_slider(page, 0, "1.5")
            expect(caption(page)).to_contain_text("moved from")
    assert not troubles, troubles
