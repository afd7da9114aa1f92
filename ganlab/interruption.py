"""Long work that somebody may not want any more: its loops call `check` after each step, and who started it
decides what that does."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar

_check: ContextVar[Callable[[], object] | None] = ContextVar("check", default=None)


class InterruptedWorkError(Exception):
    """Work that ended because nobody waits for it any more."""


def check() -> None:
    """Call what `checking` has set for this thread: it may wait, or raise InterruptedWorkError."""
    if (function := _check.get()) is not None:
        function()


@contextlib.contextmanager
def checking(function: Callable[[], object] | None) -> Iterator[None]:
    """While work runs whose loops shall call `function`; None lets it run undisturbed."""
    token = _check.set(function)
    try:
        yield
    finally:
        _check.reset(token)
