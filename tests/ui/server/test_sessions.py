"""The sessions of visitors: whose make room, what is forgotten, and the order of their events."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from ganlab.ui.server import sessions
from ganlab.ui.server.sessions import SessionOrder, Sessions, install, name_visitor, read_event, visitor


def build_blocks() -> tuple[gr.Blocks, int]:
    """A page, and the number of its state."""
    with gr.Blocks() as blocks:
        state = gr.State(1)
        gr.HTML("text")
    return blocks, state._id


class Clock:
    now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Sessions]:
    """kept(each, all) -> sessions with these limits."""

    def build(each: int, total: int) -> Sessions:
        monkeypatch.setattr(sessions, "MAX_OF_ADDRESS", each)
        monkeypatch.setattr(sessions, "MAX_SESSIONS", total)
        return Sessions(build_blocks()[0], Clock())

    return build


def use(held: Sessions, address: str, *names: str, state: int | None = None) -> None:
    """Events of sessions; with a state, one that writes it."""
    token = visitor.set(address)
    for name in names:
        session = held[name]
        if state is not None:
            session._state_ttl[state] = None
    visitor.reset(token)


def test_a_visitor_makes_room_for_himself(kept: Callable[..., Sessions]) -> None:
    held = kept(3, 100)
    use(held, "ann", "a", state=1)
    use(held, "bob", *"bcdef", state=1)
    assert set(held.session_data) == {"a", "d", "e", "f"}
    use(held, "bob", "d", "g", state=1)  # the one not used for longest goes
    assert set(held.session_data) == {"a", "d", "f", "g"}


def test_sessions_without_state_go_first(kept: Callable[..., Sessions]) -> None:
    held = kept(3, 100)
    use(held, "bob", "page", state=1)
    use(held, "bob", *(f"call {number}" for number in range(520)))
    assert "page" in held
    assert len(held.session_data) == 3


def test_of_too_many_the_address_with_the_most_gives_one(kept: Callable[..., Sessions]) -> None:
    held = kept(100, 10)
    use(held, "ann", "a", state=1)
    use(held, "bob", *(f"b{number}" for number in range(8)), state=1)
    for number in range(5):
        use(held, f"other {number}", f"c{number}", state=1)
    assert Counter(session.address for session in held.session_data.values()) == {
        "ann": 1,
        "bob": 4,
        **{f"other {number}": 1 for number in range(5)},
    }


def test_what_was_not_used_for_long_is_forgotten_with_unread_answers() -> None:
    clock = Clock()
    held = Sessions(build_blocks()[0], clock)
    queue = held.blocks._queue
    use(held, "ann", "old", "busy", state=1)
    for name in ("old", "busy"):
        queue.pending_messages_per_session[name] = asyncio.Queue()
        queue.pending_event_ids_session[name] = {f"event of {name}"}
    queue.event_ids_to_events["event of busy"] = None
    clock.now += sessions.MAX_AGE - 10
    use(held, "ann", "new", state=1)
    held.delete_all_expired_state()
    assert set(held.session_data) == {"old", "busy", "new"}
    clock.now += 10
    held.delete_all_expired_state()
    assert set(held.session_data) == {"new"}
    assert set(queue.pending_messages_per_session) == {"busy"}  # its event is answered now
    clock.now += sessions.MAX_AGE
    held.delete_all_expired_state()
    assert not held.session_data
    assert not held._of


def test_a_session_whose_page_was_closed_is_forgotten_sooner() -> None:
    clock = Clock()
    held = Sessions(build_blocks()[0], clock)
    use(held, "ann", "open", "closed", state=1)
    held.session_data["closed"].is_closed = True  # as Gradio does when the page's heartbeat ends
    held.delete_all_expired_state()
    assert set(held.session_data) == {"open", "closed"}
    clock.now += sessions.MAX_CLOSED + 1
    held.delete_all_expired_state()
    assert set(held.session_data) == {"open"}


def test_a_session_holds_its_own_values() -> None:
    blocks, state = build_blocks()
    held = Sessions(blocks)
    held["a"][state] = 5
    assert held["a"][state] == 5
    assert held["b"][state] == 1
    assert held["a"]._state_ttl.keys() == {state}
    for name in (None, 7, "x" * 65):
        with pytest.raises(ValueError, match="at most 64 characters"):
            held[name]  # type: ignore[index]


def test_ours_take_the_place_of_gradios() -> None:
    blocks, _ = build_blocks()
    server = SimpleNamespace(state_holder=gr.state_holder.StateHolder(), get_blocks=lambda: blocks)
    held = install(server)
    assert install(server) is held is server.state_holder is blocks.state_holder


@pytest.mark.parametrize(
    ("client", "name"),
    [
        (("203.0.113.9", 1), "203.0.113.9"),
        (("::ffff:203.0.113.9", 1), "203.0.113.9"),
        (("2001:db8:1:2:3:4:5:6", 1), "2001:db8:1:2::/64"),
        (("testclient", 1), ""),
        (None, ""),
    ],
)
def test_an_address_names_a_visitor(client: Any, name: str) -> None:
    assert name_visitor(client) == name


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"data": [], "session_hash": "a"}', "a"),
        (b'{"data": [{"session_hash": "b"}], "session_hash": "a"}', "a"),
        (b'{"event_data": {"session_hash": "b"}}', None),
        (b'["session_hash"]', None),
        (b'{"session_hash": ' + b"[" * 100_000, None),
        (b"", None),
    ],
)
def test_only_the_events_own_session_counts(body: bytes, name: str | None) -> None:
    event = read_event(body)
    assert event.get("session_hash") == name


def post(app: SessionOrder, session: str, path: str = "/gradio_api/run/predict") -> Any:
    """An event of a session; answers what the app sends."""
    body = json.dumps({"session_hash": session}).encode()
    messages: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        messages.append(message)

    async def run() -> Any:
        await app({"type": "http", "path": path, "client": ("127.0.0.9", 1)}, receive, send)
        return messages

    return run()


def test_what_would_fill_the_memory_is_refused_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MAX_EVENTS", 2)

    async def run() -> tuple[Any, list[Any]]:
        end = asyncio.Event()

        async def wait(scope: Any, receive: Any, send: Any) -> None:
            await end.wait()

        app = SessionOrder(wait)
        long = await post(app, "x" * 65, "/gradio_api/queue/join")
        waiting = [asyncio.create_task(post(app, "ann")) for _ in range(5)]
        await asyncio.sleep(0)
        end.set()
        return long, [await each for each in waiting]

    with ThreadPoolExecutor(1) as thread:
        long, answers = thread.submit(asyncio.run, run()).result()
    assert long[0]["status"] == 400
    assert "64 characters" in json.loads(long[1]["body"])["error"]
    assert [bool(answer) for answer in answers] == [False, False, True, True, True]
    assert answers[2][0]["status"] == 429
    assert json.loads(answers[2][1]["body"])["error"].startswith("Too many clicks")


def test_clicks_of_one_visitor_are_handled_in_their_order() -> None:
    """Ann's first click ends only after Bob's: her others wait for it, his does not."""
    log: list[str] = []

    def click(app: SessionOrder, session: str, name: str) -> Any:
        body = json.dumps({"session_hash": session, "name": name}).encode()
        parts = iter(
            {"type": "http.request", "body": part, "more_body": i == 0} for i, part in enumerate((body, b""))
        )

        async def receive() -> Any:
            return next(parts)

        return app({"type": "http", "path": "/gradio_api/run/predict"}, receive, None)  # type: ignore[arg-type]

    async def run() -> SessionOrder:
        bob_ended = asyncio.Event()

        async def handle(scope: Any, receive: Any, send: Any) -> None:
            name = json.loads((await receive())["body"])["name"]
            log.append(f"begin {name}")
            if name == "ann 1":
                await bob_ended.wait()
            await asyncio.sleep(0)  # lets others run
            log.append(f"end {name}")
            if name == "bob":
                bob_ended.set()

        app = SessionOrder(handle)
        clicks = [("ann", "ann 1"), ("ann", "ann 2"), ("bob", "bob"), ("ann", "ann 3")]
        await asyncio.wait_for(asyncio.gather(*(click(app, *names) for names in clicks)), timeout=300)
        return app

    with ThreadPoolExecutor(1) as thread:  # apart from the loop that a browser's tests leave running
        app = thread.submit(asyncio.run, run()).result()
    assert [line for line in log if "ann" in line] == [
        f"{step} ann {number}" for number in (1, 2, 3) for step in ("begin", "end")
    ]
    assert log.index("end bob") < log.index("end ann 1")
    assert not app.lines
