"""Tests that drive the real app in a real Chromium."""

from __future__ import annotations

import os
import shutil

# The first is Chromium without a window, in which the suite takes a fifth less of the processor's time.
CHROMIUM_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def chromium() -> str | None:
    """Path of the browser: the one that CHROMIUM names, or the first of the usual names on PATH."""
    named = os.environ.get("CHROMIUM")
    return named or next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)
