"""A line of requests that wait for a place to work: bounded for all, and fair between visitors.

Who has the fewest requests at work comes next, of equals who was served longest ago: first among addresses,
then among the pages of an address. So a visitor with a hundred requests delays another by one at most.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from ganlab.interruption import InterruptedWorkError
from ganlab.ui import preparation

MAX_PAUSE = 0.5  # seconds that long work waits for clicks at a time
MAX_REMEMBERED = 2000  # addresses and pages


class RefusedError(ValueError):
    """Why a request may not wait, with the status of its answer."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Waiting(Protocol):
    """What `arrange` puts in order."""

    @property
    def address(self) -> Hashable: ...
    @property
    def page(self) -> Hashable: ...


W = TypeVar("W", bound=Waiting)


class Served:
    """When each address and page was served last: fair turns follow from it."""

    def __init__(self) -> None:
        self._clock = itertools.count(1)
        self._last: dict[Hashable, int] = {}

    def note(self, waiting: Waiting) -> None:
        """One is served now."""
        for key in (waiting.address, (waiting.address, waiting.page)):
            self._last.pop(key, None)  # the last served stand last
            self._last[key] = next(self._clock)
        while len(self._last) > MAX_REMEMBERED:
            del self._last[next(iter(self._last))]

    def arrange(self, waiting: Iterable[W], working: Iterable[Waiting] = ()) -> list[W]:
        """All that wait, in the order of their turns; those of a page stay in their order."""
        addresses, pages = Counter[Hashable](), Counter[Hashable]()
        for each in working:
            addresses[each.address] += 1
            pages[each.address, each.page] += 1
        queues: defaultdict[Hashable, defaultdict[Hashable, list[W]]] = defaultdict(lambda: defaultdict(list))
        for each in waiting:
            queues[each.address][each.page].append(each)
        order: list[tuple[int, int, W]] = []
        for address, own in queues.items():
            ranked: list[tuple[int, int, W]] = []
            for page, queue in own.items():
                key = (address, page)
                ranked += [(pages[key] + row, self._last.get(key, 0), each) for row, each in enumerate(queue)]
            ranked.sort(key=lambda entry: entry[:2])
            last = self._last.get(address, 0)
            order += [(addresses[address] + row, last, each) for row, (_, _, each) in enumerate(ranked)]
        order.sort(key=lambda entry: entry[:2])
        return [each for _, _, each in order]


@dataclass(eq=False)
class Turn:
    """A request in a line. Threads that work for it call `check` between their steps."""

    address: str
    page: str
    line: Line
    ticket: str = ""  # by which its page asks for its place
    left: bool = False  # its visitor is gone
    alone: bool = False  # no two such requests of a page are at work at once
    started: float = 0.0  # time.monotonic() when its work began; 0 while it waits
    _waited: float = 0.0  # seconds that its work waited for clicks
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    changed: asyncio.Event = field(default_factory=asyncio.Event)  # it has started, or its visitor left

    def check(self) -> None:
        """InterruptedWorkError when nobody waits for the work any more. Long work waits here while clicks are
        answered, at most half of its time."""
        if self.left:
            raise InterruptedWorkError
        quick = self.line.before
        if quick is not None and self._waited < (time.monotonic() - self.started) / 2:
            self._waited += quick.wait_until_idle(MAX_PAUSE)

    def waiting_aside(self) -> contextlib.AbstractContextManager[None]:
        """While its work runs: it leaves its place to others as long as it waits for a space."""
        return preparation.waiting_aside(
            lambda: self.line.leave(self), lambda: self.line.attend(self), self.ticket
        )

    def wake(self) -> None:
        """Let whoever waits for `changed` look; from any thread."""
        self._loop.call_soon_threadsafe(self.changed.set)


class Line:
    """Requests that work, at most `places` and of an address at most `places_each`, and those that wait. Work
    in it gives way to that in the line `before`. Thread-safe."""

    def __init__(
        self,
        places: int,
        places_each: int,
        max_waiting: int,
        max_waiting_each: int,
        before: Line | None = None,
    ) -> None:
        self.places, self.places_each = places, places_each
        self.max_waiting, self.max_waiting_each = max_waiting, max_waiting_each
        self.before = before
        self.working: set[Turn] = set()
        self._waiting: list[Turn] = []  # in the order in which they came
        self._served = Served()
        self._order: dict[str, int] | None = None  # places by ticket, while nothing has changed
        self._idle = threading.Condition()

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return len(self._waiting)

    def join(self, turn: Turn) -> None:
        """Wait in this line, or start at once. RefusedError where it is too long, for all or one address."""
        with self._idle:
            own = sum(other.address == turn.address for other in self._waiting)
            if own >= self.max_waiting_each:
                raise RefusedError(
                    429, f"{own} requests from your address wait already. Send more when some are answered."
                )
            if len(self._waiting) >= self.max_waiting:
                raise RefusedError(503, "Too many requests wait on this server. Try again in a minute.")
            self._waiting.append(turn)
            self._start_next()

    def attend(self, turn: Turn) -> None:
        """Work that has had its turn elsewhere, and to which others give way as to that in this line."""
        with self._idle:
            turn.started = time.monotonic()
            self.working.add(turn)

    def leave(self, turn: Turn) -> None:
        """The request is answered, or its visitor is gone."""
        with self._idle:
            self.working.discard(turn)
            if turn in self._waiting:
                self._waiting.remove(turn)
            self._start_next()
            if not self.working:
                self._idle.notify_all()

    def count_before(self, ticket: str) -> int:
        """How many requests have their turn before the one with this ticket; 0 if it does not wait."""
        with self._idle:
            if self._order is None:
                order = self._served.arrange(self._waiting, self.working)
                self._order = {turn.ticket: row for row, turn in enumerate(order)}
            row = self._order.get(ticket)
            return 0 if row is None else row + len(self.working)

    def wait_until_idle(self, seconds: float) -> float:
        """Until nothing works in this line, at most `seconds`; how long that was."""
        start = time.monotonic()
        with self._idle:
            self._idle.wait_for(lambda: not self.working, seconds)
        return time.monotonic() - start

    def _start_next(self) -> None:
        self._order = None
        while self._waiting and len(self.working) < self.places:
            own = Counter(turn.address for turn in self.working)
            alone = {(turn.address, turn.page) for turn in self.working if turn.alone}
            free = [
                turn
                for turn in self._waiting
                if own[turn.address] < self.places_each
                and not (turn.alone and (turn.address, turn.page) in alone)
            ]
            if not free:
                return
            turn = self._served.arrange(free, self.working)[0]
            self._waiting.remove(turn)
            self.working.add(turn)
            self._served.note(turn)
            turn.started = time.monotonic()
            turn.wake()
