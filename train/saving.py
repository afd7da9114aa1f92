"""When a run is saved, and what happens where it cannot be: training goes on, and what is saved stays."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ganlab.files import WriteError, describe
from train import run_folder
from train.messages import warn
from train.run_folder import TrainingError


class Saver:
    """Writes a run's log and states.

    Where a file cannot be written the run goes on, says so once, and tries again the next time. Only where
    no state has been saved yet, or no next time will come, a TrainingError ends it.
    """

    def __init__(self, run: Path, minutes: float) -> None:
        """`minutes` between two saves by the clock; 0: none."""
        self.run, self.minutes = run, minutes
        self.rows: list[dict[str, Any]] = []  # of the log, an epoch each
        self.saved_step: int | None = None  # of the newest state
        self._complete = True  # whether the log holds all rows
        self._reported: set[tuple[str, str]] = set()  # kinds of files, and why they could not be written
        self._last = time.monotonic()

    def resume(self, state: dict[str, Any]) -> None:
        """Go on after a state that was read: the log holds its epochs and no others."""
        self.rows, self.saved_step = run_folder.list_epochs(self.run, state), state["step"]
        run_folder.write_log(self.run, self.rows)

    def log(self, row: dict[str, Any]) -> None:
        """Add an epoch to the log."""
        self.rows.append(row)
        with self.tolerate():
            if self._complete:
                self._complete = False
                run_folder.append_to_log(self.run, row)
            else:
                run_folder.write_log(self.run, self.rows)
            self._complete = True

    def is_due(self) -> bool:
        """Whether it is time to save by the clock."""
        return self.minutes > 0 and time.monotonic() - self._last >= 60 * self.minutes

    def save(self, state: dict[str, Any], last: bool) -> None:
        """Write a state with the log's rows; `last`: there will be no other chance."""
        self._last = time.monotonic()
        if last and not self._complete:
            self._insist(lambda: run_folder.write_log(self.run, self.rows))
        if last or self.saved_step is None:
            self._insist(lambda: self._write(state))
        else:
            with self.tolerate():
                self._write(state)
        self._last = time.monotonic()

    def _write(self, state: dict[str, Any]) -> None:
        run_folder.write_state(self.run, {**state, "log": self.rows})
        self.saved_step = state["step"]
        self._reported.clear()

    def _insist(self, write: Callable[[], None]) -> None:
        try:
            write()
        except WriteError as error:
            rest = (
                "Nothing of this run has been saved."
                if self.saved_step is None
                else f"The state of step {self.saved_step} is as it was: the same command with --resume goes"
                " on from there."
            )
            raise TrainingError(f"{error} {rest}") from None

    @contextmanager
    def tolerate(self) -> Iterator[None]:
        """Let the run go on where a file cannot be written."""
        try:
            yield
        except OSError as error:
            path = Path(str(error.path if isinstance(error, WriteError) else error.filename))
            kind = (path.suffix, error.reason if isinstance(error, WriteError) else describe(error))
            if kind not in self._reported:
                warn(f"{describe(error)} Training goes on, and tries again the next time.")
            self._reported.add(kind)


@contextmanager
def call_on_signal(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` on Ctrl-C and SIGTERM, in place of what they do."""
    before = {s: signal.signal(s, lambda *_: stop()) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
