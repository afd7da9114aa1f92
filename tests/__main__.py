"""python -m tests: the whole suite: Python, the real app in Chromium, the page's code under node.

Fetches Chromium for the browser tests where it may, and says what it leaves out. Arguments go to pytest.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.browser import CHROMIUM_NAMES, chromium
from tests.js.run import fetch_packages
from tests.nginx import find_nginx

WITHOUT_SHELL = {CHROMIUM_NAMES[0]: CHROMIUM_NAMES[1]}  # for systems that have no package of the first name
MAX_WORKERS = 4  # each has the app and a Chromium of its own


def fetch(*packages: str) -> str | None:
    """Install packages through apt where that is allowed without asking; why not, otherwise."""
    apt = shutil.which("apt-get")
    if apt is None:
        return "there is no apt-get here"
    prefix: list[str] = []
    if os.geteuid() != 0:
        if not shutil.which("sudo") or subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode:
            return "apt-get needs root, and sudo would ask for a password"
        prefix = ["sudo", "-n"]
    for arguments in (["update", "-q"], ["install", "-y", "-q", *packages]):
        done = subprocess.run([*prefix, apt, *arguments], capture_output=True, text=True)
        if done.returncode:
            return f"apt-get {arguments[0]} failed: {(done.stderr.strip().splitlines() or ['?'])[-1]}"
    return None


@contextmanager
def page_tests() -> Iterator[Callable[[], int]]:
    """The tests of the page's code in a process of its own, while pytest runs; the value waits for their end,
    prints what they said, and gives their exit status."""
    fetch_packages()  # browser tests need some of them too
    with tempfile.TemporaryFile() as output:
        command = [sys.executable, "-m", "tests.js.run", *["--required"] * bool(os.environ.get("CI"))]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)

        def wait() -> int:
            status = process.wait()
            output.seek(0)
            print(output.read().decode(errors="replace"), flush=True)
            return status

        try:
            yield wait
        finally:
            process.kill()


def main() -> int:
    present = {CHROMIUM_NAMES[0]: chromium, "nginx": find_nginx, "openssl": lambda: shutil.which("openssl")}
    reason = None
    if missing := [name for name, find in present.items() if find() is None]:
        print(f"Fetching {' and '.join(missing)} for the browser tests ...", flush=True)
        reason = fetch(*missing) and fetch(*(WITHOUT_SHELL.get(name, name) for name in missing))
    if find_nginx() is None:
        print(f"No nginx ({reason or 'not found after installing'}): what needs it is left out.", flush=True)
    if chromium() is None:
        print(
            f"No Chromium ({reason or 'not found after installing'}): the tests in tests/browser are left"
            f" out. Install one of {', '.join(CHROMIUM_NAMES)}, or name it in CHROMIUM, to run them.",
            flush=True,
        )
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # also of processes that tests start, as in conftest.py
    # One more than there are cores: a browser test waits for its page half of the time.
    workers = min((os.cpu_count() or 1) + 1, MAX_WORKERS)
    with page_tests() as wait_for_page_tests:
        status = int(pytest.main(["-n", str(workers), "--dist", "worksteal", *sys.argv[1:]]))
        return wait_for_page_tests() or status


if __name__ == "__main__":
    sys.exit(main())
