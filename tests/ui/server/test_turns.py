"""Turns over ASGI: what waits, who is heard of, and that a visitor who leaves ends the work."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.requests import Request

from ganlab import interruption
from ganlab.ui.server import budget, turns
from ganlab.ui.server.line import Line
from ganlab.ui.server.turns import Turns, choose_line
from tests.conftest import run_apart

Message = dict[str, Any]


class Visitor:
    """A client over ASGI, whose requests are sent when it says so."""

    def __init__(self, app: Any, address: str = "1.1.1.1") -> None:
        self.app, self.address = app, address
        self.sent: list[Message] = []
        self.received: asyncio.Queue[Message] = asyncio.Queue()

    def request(self, path: str, body: bytes = b"{}", method: str = "POST", **more: Any) -> asyncio.Task[Any]:
        path, _, query = path.partition("?")
        headers = [(name.encode(), value.encode()) for name, value in more.pop("headers", {}).items()]
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": headers,
            "client": (self.address, 1),
            **more,
        }
        self.received.put_nowait({"type": "http.request", "body": body, "more_body": more.pop("more", False)})

        async def send(message: Message) -> None:
            self.sent.append(message)

        return asyncio.create_task(self.app(scope, self.received.get, send))

    def leave(self) -> None:
        self.received.put_nowait({"type": "http.disconnect"})

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def text(self) -> str:
        return b"".join(message.get("body", b"") for message in self.sent[1:]).decode()


async def until(condition: Callable[[], bool]) -> None:
    """Until it holds; each look lets all others go on."""
    while not condition():
        await asyncio.sleep(0)


class App:
    """An app whose answers wait until they are let go."""

    def __init__(self) -> None:
        self.going_on = asyncio.Event()
        self.bodies: list[bytes] = []
        self.interrupted = 0

    async def __call__(self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Any) -> None:
        content, more = b"", True
        while more:
            message = await receive()
            content, more = content + message.get("body", b""), message.get("more_body", False)
        self.bodies.append(content)
        while not self.going_on.is_set():
            await asyncio.sleep(0)
            try:
                interruption.check()  # as a thread does between two steps of its work
            except interruption.InterruptedWorkError:
                self.interrupted += 1
                raise
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})


@pytest.fixture(autouse=True)
def _short_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = Line(2, 2, 10, 5)
    monkeypatch.setattr(budget, "QUICK", quick)
    monkeypatch.setattr(budget, "LONG", Line(1, 1, 3, 2, before=quick))
    monkeypatch.setattr(budget, "BODIES", Line(1, 1, 10, 5))


def test_films_wait_in_a_line_and_others_do_not() -> None:
    async def test() -> None:
        app = App()
        served = Turns(app)
        first, second, click = Visitor(served), Visitor(served, "2.2.2.2"), Visitor(served, "3.3.3.3")
        films = [visitor.request("/ganlab/film") for visitor in (first, second)]
        clicked = click.request("/gradio_api/run/predict", b'{"session_hash": "s"}')
        await until(lambda: len(app.bodies) == 2)  # of the first film and the click
        free = Visitor(served)
        asked = free.request("/ganlab/static/lib/film.js", method="GET")
        await until(lambda: len(app.bodies) == 3)  # what costs nothing does not wait
        app.going_on.set()
        await asyncio.gather(*films, clicked, asked)
        assert [visitor.status for visitor in (first, second, click, free)] == [200] * 4
        assert app.bodies[1] == b'{"session_hash": "s"}'

    run_apart(test())


def test_who_waits_may_ask_for_the_place_and_who_sends_too_much_is_refused() -> None:
    async def test() -> None:
        app = App()
        served = Turns(app)
        tasks, visitors = [], []
        for number in range(3):
            visitors.append(Visitor(served))
            headers = {"x-ganlab-turn": f"page-{number}"}
            tasks.append(visitors[-1].request("/ganlab/film", headers=headers))
        await until(lambda: budget.LONG.waiting == 2)
        asking = Request({"type": "http", "query_string": b"ticket=page-2"})
        assert json.loads((await turns.count_before(asking)).body) == {"before": 2}
        refused = Visitor(served)
        await refused.request("/ganlab/film")
        assert (refused.status, refused.sent[0]["headers"][0][1]) == (429, b"text/plain; charset=utf-8")
        assert refused.text == "2 requests from your address wait already. Send more when some are answered."
        app.going_on.set()
        await asyncio.gather(*tasks)

    run_apart(test())


def test_a_visitor_who_leaves_ends_the_work_and_the_waiting() -> None:
    async def test() -> None:
        app = App()
        served = Turns(app)
        working, waiting, other = (Visitor(served, f"{n}.0.0.0") for n in (1, 2, 3))
        tasks = [visitor.request("/ganlab/film") for visitor in (working, waiting, other)]
        await until(lambda: budget.LONG.waiting == 2)
        waiting.leave()
        await tasks[1]
        assert budget.LONG.waiting == 1
        working.leave()
        await tasks[0]
        assert app.interrupted == 1
        await until(lambda: len(app.bodies) == 2)  # the third has its turn
        app.going_on.set()
        await tasks[2]
        assert (working.sent, waiting.sent, other.status) == ([], [], 200)
        assert not budget.LONG.working

    run_apart(test())


def test_large_bodies_come_in_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        monkeypatch.setattr(turns, "MAX_SMALL", 10)
        monkeypatch.setattr(turns, "MAX_PAYLOAD", 10)
        app = App()
        app.going_on.set()
        served = Turns(app)
        slow, other = Visitor(served), Visitor(served, "2.2.2.2")
        for visitor in (slow, other):
            visitor.received.put_nowait({"type": "http.request", "body": b"x" * 11, "more_body": True})
        first = slow.request("/ganlab/upload", b"the rest", more=True)
        await until(lambda: len(budget.BODIES.working) == 1)
        second = other.request("/gradio_api/call/encode", b"of another")
        await until(lambda: budget.BODIES.waiting == 1)
        slow.received.put_nowait({"type": "http.request", "body": b"!"})
        await asyncio.gather(first, second)
        assert app.bodies == [b"x" * 11 + b"the rest!", b"x" * 11 + b"of another"]
        assert not budget.BODIES.working
        large = Visitor(served)
        large.received.put_nowait({"type": "http.request", "body": b"x" * 11, "more_body": True})
        await large.request("/ganlab/film", b"more")
        assert large.status == 413

    run_apart(test())


def test_a_place_is_free_while_a_slow_visitor_reads() -> None:
    async def test() -> None:
        reading = asyncio.Event()

        async def app(scope: Message, receive: Any, send: Any) -> None:
            kind = b"application/x-ndjson" if scope["path"].endswith("shortest") else b"image/gif"
            headers = [(b"content-type", kind)]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await reading.wait()
            await send({"type": "http.response.body", "body": b""})

        for path, at_work in (("/ganlab/film", 0), ("/ganlab/shortest", 1)):
            reading.clear()
            visitor = Visitor(Turns(app))
            task = visitor.request(path)
            await until(lambda visitor=visitor: bool(visitor.sent))  # type: ignore[misc]
            assert len(budget.LONG.working) == at_work
            reading.set()
            await task
            assert not budget.LONG.working

    run_apart(test())


@pytest.mark.parametrize(
    ("method", "path", "line"),
    [
        ("POST", "/ganlab/film", "LONG"),
        ("POST", "/tools/ganlab/film", "LONG"),
        ("GET", "/ganlab/map", "MAPS"),
        ("GET", "/ganlab/picture", "QUICK"),
        ("GET", "/ganlab/runs", "PARTS"),
        ("GET", "/ganlab/history", "PARTS"),
        ("GET", "/ganlab/moments", "PARTS"),
        ("POST", "/ganlab/train", "QUICK"),
        ("POST", "/gradio_api/run/predict", "QUICK"),
        ("POST", "/gradio_api/api/encode/", "QUICK"),
        ("GET", "/ganlab/map_progress", None),
        ("GET", "/gradio_api/queue/data", None),
        ("GET", "/ganlab/", None),
        ("GET", "/", None),
    ],
)
def test_each_request_has_its_line(method: str, path: str, line: str | None) -> None:
    assert choose_line(method, path)[0] is (getattr(budget, line) if line else None)


def test_what_gradios_queue_takes_in_is_read_by_turns() -> None:
    for path in ("/gradio_api/queue/join", "/gradio_api/call/encode", "/gradio_api/call/v2/encode"):
        assert choose_line("POST", path) == (None, True)
    assert choose_line("GET", "/gradio_api/call/encode") == (None, False)
