"""How much memory the process keeps of what it has freed.

glibc gives each thread that allocates a heap of its own (an arena), up to eight a core, and keeps blocks of
up to 32 MB for the next one: with some forty threads that answer clicks, that comes to a gigabyte that nobody
uses.
"""

from __future__ import annotations

import ctypes
import os
import sys

# Settings of mallopt(3), and the variables of the environment by which somebody may have chosen already.
SETTINGS = (
    (-8, 2, "MALLOC_ARENA_MAX"),  # arenas
    (
        -3,
        1_000_000,
        "MALLOC_MMAP_THRESHOLD_",
    ),  # bytes: larger blocks go back to the system when they are freed
    (-1, 4_000_000, "MALLOC_TRIM_THRESHOLD_"),  # bytes at the end of an arena that are kept
)


def bound_heap() -> bool:
    """Let the process give back what it has freed; whether this system can (Linux with glibc)."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    return all(
        bool(mallopt(parameter, value))
        for parameter, value, variable in SETTINGS
        if variable not in os.environ
    )
