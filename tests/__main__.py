"""python -m tests: the whole suite: Python, the real app in Chromium, the page's code under node.

Fetches Chromium for the browser tests where it may, and says what it leaves out. Arguments go to pytest.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from tests.browser import CHROMIUM_NAMES, chromium
from tests.js.run import run_page_tests

MAX_WORKERS = 4  # each has the app and a Chromium of its own


def fetch_chromium() -> str | None:
    """Install Chromium through apt where that is allowed without asking; why not, otherwise."""
    apt = shutil.which("apt-get")
    if apt is None:
        return "there is no apt-get here"
    prefix: list[str] = []
    if os.geteuid() != 0:
        if not shutil.which("sudo") or subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode:
            return "apt-get needs root, and sudo would ask for a password"
        prefix = ["sudo", "-n"]
    for arguments in (["update", "-q"], ["install", "-y", "-q", "chromium"]):
        done = subprocess.run([*prefix, apt, *arguments], capture_output=True, text=True)
        if done.returncode:
            return f"apt-get {arguments[0]} failed: {(done.stderr.strip().splitlines() or ['?'])[-1]}"
    return None


def main() -> int:
    reason = None
    if chromium() is None:
        print("Fetching Chromium for the browser tests ...", flush=True)
        reason = fetch_chromium()
    if chromium() is None:
        print(
            f"No Chromium ({reason or 'not found after installing'}): the tests in tests/browser are left"
            f" out. Install one of {', '.join(CHROMIUM_NAMES)}, or name it in CHROMIUM, to run them.",
            flush=True,
        )
    # One more than there are cores: a browser test waits for its page half of the time.
    workers = min((os.cpu_count() or 1) + 1, MAX_WORKERS)
    status = int(pytest.main(["-n", str(workers), "--dist", "worksteal", *sys.argv[1:]]))
    # In CI what cannot run is a failure.
    return run_page_tests(required=bool(os.environ.get("CI"))) or status


if __name__ == "__main__":
    sys.exit(main())
