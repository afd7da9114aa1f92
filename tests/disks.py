"""Small disks and full ones, also for a process that may not mount any."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def full_disk(room: int = 0) -> Iterator[None]:
    """Files of this process take no more than `room` bytes: the system refuses the rest, as a full disk does
    (EFBIG in place of ENOSPC)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[bool]:
    """A real disk of `size` bytes, in memory, as `folder`, which is created; False where this process may not
    mount it."""
    folder.mkdir(parents=True)
    line = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    allowed = (
        sys.platform == "linux"
        and os.geteuid() == 0
        and subprocess.run(line, capture_output=True).returncode == 0
    )
    try:
        yield allowed
    finally:
        if allowed:
            subprocess.run(["umount", str(folder)], check=True)
        folder.rmdir()


def fill(folder: Path, room: int) -> Path:
    """Fill the disk of `folder` until `room` bytes are left; returns the file that does so."""
    ballast = folder / "ballast"
    free = os.statvfs(folder)
    with ballast.open("wb") as file:
        file.write(bytes(max(0, free.f_bavail * free.f_frsize - room)))
    return ballast
