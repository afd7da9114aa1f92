"""Gradio's queue with fair turns, without a server."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from fastapi import HTTPException
from gradio.data_classes import PredictBodyInternal
from gradio.server_messages import ProcessCompletedMessage

from ganlab import interruption
from ganlab.ui.server import budget, events
from ganlab.ui.server.events import CALLS, FairQueue
from tests.conftest import run_apart


def build(function: Any = None) -> tuple[gr.Blocks, FairQueue]:
    with gr.Blocks() as blocks:
        gr.api(function or (lambda: 1), api_name="call", concurrency_id=CALLS, concurrency_limit=1)
    blocks.queue(api_open=False)
    queue = FairQueue(blocks, blocks._queue)
    blocks._queue = queue
    return blocks, queue


def push(queue: FairQueue, address: str, session: str | None = None, size: int = 2) -> Any:
    request = SimpleNamespace(
        scope={"client": (f"10.0.0.{address}", 1)}, headers={"content-length": str(size)}, client=None
    )
    body = PredictBodyInternal(data=[], fn_index=0, session_hash=session)
    return queue.push(body, request, None)


def list_order(queue: FairQueue) -> list[str]:
    (waiting,) = queue.event_queue_per_concurrency_id.values()
    return [event.request.scope["client"][0][-1] for event in waiting.queue]


def test_visitors_take_turns() -> None:
    async def test() -> None:
        _, queue = build()
        for address in "1112":
            await push(queue, address)
        assert list_order(queue) == ["1", "2", "1", "1"]
        queue.active_jobs = [None, None]
        chosen, _, _ = queue.get_events()
        queue.active_jobs[0] = chosen
        assert list_order(queue) == ["2", "1", "1"]
        for session in ("one", "two"):
            await push(queue, "3", session)
        assert list_order(queue) == ["2", "3", "3", "1", "1"]  # one of the first is at work

    run_apart(test())


def test_many_calls_of_an_address_are_refused_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        monkeypatch.setattr(events, "MAX_EVENTS_EACH", 2)
        monkeypatch.setattr(events, "MAX_EVENTS", 4)
        monkeypatch.setattr(events, "MAX_BYTES", 1000)
        _, queue = build()
        for _ in range(2):
            await push(queue, "1")
        with pytest.raises(HTTPException, match="2 calls from your address wait already") as refused:
            await push(queue, "1")
        assert refused.value.status_code == 429
        assert (await push(queue, "2"))[2] == "success"
        with pytest.raises(HTTPException, match="Too many calls") as refused:
            await push(queue, "3", size=999)  # too large for what may wait together
        assert refused.value.status_code == 503
        await push(queue, "3")
        with pytest.raises(HTTPException, match="Too many calls"):
            await push(queue, "4")

    run_apart(test())


def test_results_that_nobody_fetches_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        _, queue = build()
        await push(queue, "1", "unread")
        await push(queue, "1", "read")
        for session in ("unread", "read"):
            queue.unread[session] = 0.0
        queue.pending_messages_per_session["unread"].put_nowait(
            ProcessCompletedMessage(output={}, success=True)
        )
        await queue.pending_messages_per_session[
            "read"
        ].get()  # its place in the queue, which is all there is
        await push(queue, "2")
        assert "unread" not in queue.pending_messages_per_session
        assert "read" in queue.pending_messages_per_session
        assert queue.unread == {}

    run_apart(test())


def test_a_call_gives_up_when_its_visitor_is_gone_and_long_work_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test() -> None:
        seen = []
        _, queue = build()
        await push(queue, "1")
        chosen, batch, _ = queue.get_events()

        async def handle(*_: Any) -> None:
            interruption.check()
            seen.append(len(budget.QUICK.working))
            chosen[0].alive = False
            with pytest.raises(interruption.InterruptedWorkError):
                interruption.check()

        monkeypatch.setattr("gradio.queueing.Queue.process_events", lambda _, *args: handle(*args))
        await queue.process_events(chosen, batch, 0.0, chosen[0].fn)
        assert seen == [1]
        assert not budget.QUICK.working
        assert list(queue.unread) == [chosen[0].session_hash]

    run_apart(test())
