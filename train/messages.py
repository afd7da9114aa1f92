"""What a command says on standard error while it works."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

from tqdm import tqdm  # type: ignore[import-untyped]


class StandardError:
    """Standard error, which may be a file on the disk that is full: what it does not take is left out."""

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)


STDERR = StandardError()  # what progress bars of long work are drawn on


def warn(sentence: str) -> None:
    """Say what is wrong but does not end the command."""
    tqdm.write(f"warning: {sentence}", file=STDERR)  # not in the middle of a bar
