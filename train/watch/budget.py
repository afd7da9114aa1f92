"""How much of a run's time its history may take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# How the share is divided between kinds of work, so that none starves another.
PARTS = {"look": 0.3, "moment": 0.5, "small": 0.2}


class Budget:
    """Lets work be done once its part of the time since the start covers what it has taken and will take.

    A part that was not used yet stays, so that a run's whole time may be shared. What has never been done is
    taken to cost nothing.
    """

    def __init__(self, share: float, clock: Callable[[], float] = time.perf_counter) -> None:
        """`share` of the time, 0 to 1, that all kinds of work in PARTS may take together."""
        self.share, self.clock = share, clock
        self.start = clock()
        self.spent = dict.fromkeys(PARTS, 0.0)  # seconds
        self.cost = dict.fromkeys(PARTS, 0.0)  # seconds, as of the last time

    def allows(self, kind: str) -> bool:
        """Whether there is time for it now."""
        earned = self.share * PARTS[kind] * (self.clock() - self.start)
        return self.share >= 1 or self.spent[kind] + self.cost[kind] <= earned

    @contextmanager
    def spend(self, kind: str) -> Iterator[None]:
        """Count the time that the work inside takes."""
        started = self.clock()
        try:
            yield
        finally:
            self.cost[kind] = self.clock() - started
            self.spent[kind] += self.cost[kind]

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Time that is neither the run's nor the history's."""
        started = self.clock()
        try:
            yield
        finally:
            self.start += self.clock() - started

    @property
    def used(self) -> float:
        """Share of the time since the start that was taken."""
        return sum(self.spent.values()) / max(self.clock() - self.start, 1e-9)
