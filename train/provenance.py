"""The version of the source, which run folders, judges and metrics.json record."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def current_commit() -> str | None:
    """git HEAD of this source, "-dirty" where ganlab/ or train/ differ from it; outside git what
    $GANLAB_COMMIT says, for copies of the source on other machines, or None."""
    root = Path(__file__).resolve().parent.parent

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        if git("rev-parse", "--show-prefix"):  # installed inside another project's repository
            return os.environ.get("GANLAB_COMMIT")
        changed = git("status", "--porcelain", "--", "ganlab", "train")
        return git("rev-parse", "HEAD") + ("-dirty" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return os.environ.get("GANLAB_COMMIT")
