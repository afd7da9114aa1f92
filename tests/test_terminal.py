"""Progress on a terminal and in a log."""

from __future__ import annotations

import io
import itertools
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from ganlab.terminal import Progress, format_seconds, stop_by_signal


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run(stream: io.StringIO, seconds: float) -> str:
    """The progress of ten pictures, each of which takes `seconds`."""
    times = iter([seconds * step for step in range(12)])
    progress = Progress("encoding", stream, lambda: next(times))
    for done in range(11):
        progress(done, 10)
    progress.close()
    return stream.getvalue()


def test_a_terminal_has_a_line_that_is_wiped_at_last() -> None:
    lines = run(Terminal(), 2.0).split("\r")
    assert lines[2] == "encoding 1 of 10 (10 %), 36 s left"
    assert lines[10].rstrip() == "encoding 9 of 10 (90 %), 2 s left"
    assert not lines[11].strip()
    for before, after in itertools.pairwise(lines[2:12]):
        assert len(after) >= len(before.rstrip())  # nothing of a longer line stays
    assert run(Terminal(), 0.001) == ""


def test_a_log_has_a_line_every_ten_seconds() -> None:
    assert run(io.StringIO(), 6.0).splitlines() == [
        f"encoding {done} of 10 ({done}0 %), {seconds} left"
        for done, seconds in ((1, "2 min"), (3, "56 s"), (5, "36 s"), (7, "21 s"), (9, "7 s"))
    ]
    assert run(io.StringIO(), 0.5) == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (59, "59 s"), (61, "2 min"), (3599, "1 h 0 min"), (7500, "2 h 5 min")],
)
def test_seconds_as_people_say_them(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


def test_the_end_of_a_process_is_an_interrupt_that_can_be_tidied_up_after() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), stop_by_signal():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before

    def enter() -> bool:
        with stop_by_signal():  # of no use in a thread, and no error
            return True

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(enter).result()
