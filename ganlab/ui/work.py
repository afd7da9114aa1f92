"""Long work gives way: one run a visitor, ended by whatever replaces it, waiting while anybody's click is
answered."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass

MAX_PAUSE = 2.0  # seconds that a step of long work waits for clicks under way; then it goes on beside them


@dataclass(eq=False)
class Run:
    """Long work under way, which looks at this after each of its steps."""

    stopped: bool = False  # it shall end and show what it has
    dropped: bool = False  # it shall end, and nobody looks at what it has

    @property
    def ended(self) -> bool:
        return self.stopped or self.dropped


class LongWork:
    """The long work of all visitors, by session. Thread-safe."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self._clicks = 0  # being answered now
        self._idle = threading.Condition()

    @contextlib.contextmanager
    def run(self, session: str) -> Iterator[Run]:
        """While long work of a visitor runs; the run before it is dropped."""
        self.drop(session)
        run = self._runs[session] = Run()
        try:
            yield run
        finally:
            if self._runs.get(session) is run:
                del self._runs[session]

    def stop(self, session: str) -> bool:
        """Let the visitor's work end and show what it has; whether any was under way."""
        if (run := self._runs.get(session)) is not None:
            run.stopped = True
        return run is not None

    def drop(self, session: str) -> None:
        """Let the visitor's work end without showing anything more."""
        if (run := self._runs.get(session)) is not None:
            run.dropped = True

    @contextlib.contextmanager
    def answering(self) -> Iterator[None]:
        """While a click is answered."""
        with self._idle:
            self._clicks += 1
        try:
            yield
        finally:
            with self._idle:
                self._clicks -= 1
                self._idle.notify_all()

    def give_way(self, seconds: float = MAX_PAUSE) -> None:
        """Wait until no click is being answered, at most `seconds`."""
        with self._idle:
            self._idle.wait_for(lambda: self._clicks == 0, seconds)
