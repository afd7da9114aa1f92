"""The version of the source, which run folders, judges and metrics.json record."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path


def current_commit() -> str | None:
    """$GANLAB_COMMIT, for copies of the source on other machines; else git HEAD of this source, "-dirty"
    where ganlab/ or train/ differ from it; None outside git."""
    if stated := os.environ.get("GANLAB_COMMIT"):
        return stated
    root = Path(__file__).resolve().parent.parent

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        if git("rev-parse", "--show-prefix"):  # installed inside another project's repository
            return None
        changed = git("status", "--porcelain", "--", "ganlab", "train")
        return git("rev-parse", "HEAD") + ("-dirty" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def describe_processor() -> str:
    """How many cores this process may use, and of what: "2 cores of AMD EPYC"."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        names = re.findall(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), flags=re.M)
    except OSError:
        names = []
    return f"{cores} cores of {names[0] if names else platform.processor() or platform.machine()}"
