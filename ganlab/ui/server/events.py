"""Gradio's queue with bounds for each visitor and fair turns: what /queue/join and /call take in.

Gradio serves events in the order in which they came, keeps results that nobody fetches, and goes on with the
work of visitors who left. Here a visitor's many events do not delay another's, unread results are forgotten,
and threads notice that nobody waits any more.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, NamedTuple

from fastapi import HTTPException
from gradio.queueing import Event, Queue

from ganlab import interruption
from ganlab.ui.preparation import waiting_aside
from ganlab.ui.server import budget
from ganlab.ui.server.line import Served, Turn
from ganlab.ui.server.sessions import name_visitor

CALLS = "calls"  # Gradio's name for the calls of programs, of which few run at once
MAX_CALLS = 2
MAX_EVENTS = 512  # that wait, of all visitors
MAX_EVENTS_EACH = 128  # of an address
MAX_BYTES = 64_000_000  # of all bodies that wait
MAX_UNREAD = 64  # sessions with results that nobody fetches
MAX_UNREAD_AGE = 60.0  # seconds for which such a result is kept


class Job(NamedTuple):
    """An event with its visitor."""

    event: Event
    address: str
    page: str


class FairQueue(Queue):  # type: ignore[misc]  # gradio has no types for it
    """Gradio's queue, in which visitors take turns."""

    def __init__(self, blocks: Any, before: Queue) -> None:
        """For the app `blocks`, in place of the queue `before` that Gradio has set up."""
        super().__init__(
            before.live_updates,
            before.max_thread_count,
            before.update_intervals,
            MAX_EVENTS,
            blocks,
            before.default_concurrency_limit,
        )
        self.served = Served()
        self.unread: dict[str, float] = {}  # by session, when its last event ended

    async def push(self, body: Any, request: Any, username: str | None) -> Any:
        """As Gradio's; HTTPException with a sentence for more events than one address may have waiting."""
        self._forget_unread()
        waiting = [describe(event) for queue in self._queues() for event in queue.queue]
        address = name_visitor(request.scope.get("client"))
        if sum(job.address == address for job in waiting) >= MAX_EVENTS_EACH:
            raise HTTPException(
                429, f"{MAX_EVENTS_EACH} calls from your address wait already. Send more when some are done."
            )
        size = sum(_read_size(job.event.request) for job in waiting) + _read_size(request)
        if len(waiting) >= MAX_EVENTS or size > MAX_BYTES:
            raise HTTPException(503, "Too many calls wait on this server. Try again in a minute.")
        result = await super().push(body, request, username)
        self._arrange()
        return result

    def _queues(self) -> list[Any]:
        return list(self.event_queue_per_concurrency_id.values())

    def _list_working(self) -> list[Job]:
        return [describe(event) for job in self.active_jobs if job for event in job]

    def _arrange(self) -> None:
        """Put what waits in the order of its turns, which Gradio also tells the visitors."""
        working = self._list_working()
        for queue in self._queues():
            if len(queue.queue) > 1:
                jobs = self.served.arrange([describe(event) for event in queue.queue], working)
                queue.queue[:] = [job.event for job in jobs]

    def get_events(self) -> Any:
        """The next event, as Gradio takes it out of the queue."""
        chosen = super().get_events()
        if chosen is not None:
            for event in chosen[0]:
                self.served.note(describe(event))
            self._arrange()
        return chosen

    async def process_events(self, events: list[Event], batch: bool, begin_time: float, fn: Any) -> None:
        """Handle events, to whose calls long work gives way; their own work notices that no visitor waits for
        them any more."""
        job = describe(events[0])
        turn = Turn(job.address, job.page, budget.QUICK)

        def check() -> None:
            if not any(event.alive for event in events):
                raise interruption.InterruptedWorkError

        queue, loop = self.event_queue_per_concurrency_id[fn.concurrency_id], asyncio.get_running_loop()

        def step(places: int) -> None:
            """Leave the place to another call while this one waits for what is computed once, and back."""
            loop.call_soon_threadsafe(self._move, queue, turn, places)

        try:
            if fn.concurrency_id == CALLS:
                budget.QUICK.attend(turn)
            with interruption.checking(check), waiting_aside(lambda: step(-1), lambda: step(1)):
                await super().process_events(events, batch, begin_time, fn)
        finally:
            budget.QUICK.leave(turn)
            for event in events:
                self.unread[event.session_hash] = time.monotonic()

    @staticmethod
    def _move(queue: Any, turn: Turn, places: int) -> None:
        queue.current_concurrency += places
        if places < 0:
            budget.QUICK.leave(turn)

    def _forget_unread(self) -> None:
        """Drop the results that nobody has fetched for long, or that are too many."""
        now = time.monotonic()
        for session, ended in list(self.unread.items()):
            messages = self.pending_messages_per_session.get(session)
            if messages is None or messages.empty():
                del self.unread[session]
            elif now - ended > MAX_UNREAD_AGE or len(self.unread) > MAX_UNREAD:
                del self.unread[session]
                del self.pending_messages_per_session[session]
                self.pending_event_ids_session.pop(session, None)


def describe(event: Event) -> Job:
    """An event with its visitor; calls of a program have a session each, so their address is their page."""
    address = name_visitor(event.request.scope.get("client"))
    page = event.session_hash if event.session_hash != event._id else ""
    return Job(event, address, page)


def _read_size(request: Any) -> int:
    length = request.headers.get("content-length", "0")
    return int(length) if length.isdecimal() and len(length) < 12 else 0
