"""What commands say while they work: progress on a terminal or in a log."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

TERMINAL_SECONDS, LOG_SECONDS = 0.1, 10.0  # between two lines of progress


class Progress:
    """A line on standard error that says how far a command is and how long it will take: one that is
    overwritten on a terminal, a new one every ten seconds elsewhere."""

    def __init__(
        self, doing: str, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.doing, self.stream, self.clock = doing, stream or sys.stderr, clock
        self.terminal = self.stream.isatty()
        self.done = self.count = 0
        self._start = self._last = clock()
        self._width = 0  # of the line that is to be overwritten

    def __call__(self, done: int, count: int) -> None:
        """`done` of `count` are done."""
        self.done, self.count = done, count
        now = self.clock()
        if now - self._last < (TERMINAL_SECONDS if self.terminal else LOG_SECONDS) or done == count:
            return
        self._last = now
        line = f"{self.doing} {done:,} of {count:,} ({100 * done // count} %)"
        if done:
            line += f", {format_seconds((now - self._start) / done * (count - done))} left"
        if self.terminal:
            self.stream.write("\r" + line.ljust(self._width))
            self._width = len(line)
        else:
            self.stream.write(line + "\n")
        self.stream.flush()

    def close(self) -> None:
        """Wipe the line off a terminal."""
        if self._width:
            self.stream.write("\r" + " " * self._width + "\r")
            self.stream.flush()
            self._width = 0


def format_seconds(seconds: float) -> str:
    """Seconds as a person says them: "8 s", "3 min", "2 h 5 min"."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes = -(-whole // 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


@contextmanager
def stop_by_signal() -> Iterator[None]:
    """What ends a process (SIGTERM) is KeyboardInterrupt inside, as Ctrl-C is, so that it tidies up; only the
    main thread may ask for that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
