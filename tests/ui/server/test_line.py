"""The line of requests: who comes next, how many may wait, and what a visitor hears of it."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from ganlab.interruption import InterruptedWorkError
from ganlab.ui.server.line import Line, RefusedError, Turn
from tests.conftest import run_apart


def run(test: Any) -> None:
    """A test that needs an event loop."""
    run_apart(test)


def join(line: Line, *names: str, **settings: Any) -> list[Turn]:
    """Turns of the addresses, or "address/page"s, in this order; each has its number as ticket."""
    turns = []
    for number, name in enumerate(names):
        address, _, page = name.partition("/")
        turns.append(Turn(address, page, line, f"p-{number}", **settings))
        line.join(turns[-1])
    return turns


def serve_all(line: Line) -> list[str]:
    """Let one after the other end; in which order they had their turns."""
    order = []
    while line.working:
        (turn,) = line.working
        order.append("/".join(filter(None, [turn.address, turn.page])))
        line.leave(turn)
    return order


def test_who_sends_many_requests_delays_another_by_one() -> None:
    async def test() -> None:
        line = Line(1, 1, 100, 100)
        join(line, "a", "a", "a", "a", "b", "c", "b")
        assert serve_all(line) == ["a", "b", "c", "a", "b", "a", "a"]

    run(test())


def test_pages_of_an_address_take_turns_too() -> None:
    async def test() -> None:
        line = Line(1, 1, 100, 100)
        join(line, "a/1", "a/1", "a/1", "a/2", "b", "b")
        assert serve_all(line) == ["a/1", "b", "a/2", "b", "a/1", "a/1"]

    run(test())


def test_only_so_many_are_at_work_in_all_and_of_an_address() -> None:
    async def test() -> None:
        line = Line(3, 2, 100, 100)
        turns = join(line, "a", "a", "a", "b", "c")
        assert line.working == {turns[0], turns[1], turns[3]}
        assert line.waiting == 2
        line.leave(turns[3])
        assert turns[4] in line.working  # the third of "a" waits for another of "a"
        line.leave(turns[0])
        assert turns[2] in line.working
        await asyncio.gather(*(turn.changed.wait() for turn in turns))

    run(test())


def test_events_of_a_session_are_at_work_one_at_a_time() -> None:
    async def test() -> None:
        line = Line(8, 4, 100, 100)
        turns = join(line, "a/1", "a/1", "a/2", alone=True)
        assert line.working == {turns[0], turns[2]}
        line.leave(turns[0])
        assert turns[1] in line.working

    run(test())


def test_a_page_hears_how_many_are_before_it() -> None:
    async def test() -> None:
        line = Line(1, 1, 100, 100)
        turns = join(line, "a", "a", "a", "b")
        assert [line.count_before(turn.ticket) for turn in turns] == [0, 2, 3, 1]
        line.leave(turns[0])
        assert [line.count_before(turn.ticket) for turn in turns] == [0, 1, 2, 0]
        line.leave(turns[1])  # who leaves while waiting makes room
        assert line.count_before(turns[2].ticket) == 1
        assert line.count_before("of nobody") == 0

    run(test())


def test_a_line_that_is_too_long_refuses() -> None:
    async def test() -> None:
        line = Line(1, 1, 4, 3)
        join(line, "a", "a", "a", "a")
        with pytest.raises(RefusedError, match="3 requests from your address wait already") as refused:
            join(line, "a")
        assert refused.value.status == 429
        join(line, "b")
        with pytest.raises(RefusedError, match="Too many requests wait on this server") as refused:
            join(line, "c")
        assert refused.value.status == 503

    run(test())


def test_work_ends_when_its_visitor_leaves_and_waits_for_clicks_at_most_half_of_its_time() -> None:
    async def test() -> None:
        quick = Line(8, 8, 100, 100)
        line = Line(1, 1, 100, 100, before=quick)
        (turn,) = join(line, "a")
        turn.check()
        (click,) = join(quick, "b")
        turn.started = time.monotonic() - 3600  # so that it may wait
        asyncio.get_running_loop().run_in_executor(None, lambda: (time.sleep(0.01), quick.leave(click)))
        turn.check()
        assert not quick.working
        join(quick, "b")
        turn.started = time.monotonic() + 3600  # it has waited for half of its time
        turn.check()
        turn.left = True
        with pytest.raises(InterruptedWorkError):
            turn.check()

    run(test())
