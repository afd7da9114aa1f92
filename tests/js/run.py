"""python -m tests.js.run [--required]: unit tests, type check and lint of the page's JavaScript.

What this machine cannot run is left out, or is a failure with --required. The tests need node alone. The type
check and the lint need the npm packages of package.json, which are fetched once into node_modules/.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MIN_NODE = 20


def find_node() -> str | None:
    """Path of a node that is new enough; None without one."""
    node = shutil.which("node")
    if node is None:
        return None
    version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
    major = version.strip().lstrip("v").partition(".")[0]
    return node if major.isdecimal() and int(major) >= MIN_NODE else None


def run_unit_tests(node: str) -> int:
    """The tests in tests/js; needs no network. Returns the exit status."""
    files = sorted((ROOT / "tests" / "js").glob("*.test.js"))
    return subprocess.run([node, "--test", "--test-reporter=spec", *map(str, files)], cwd=ROOT).returncode


def install_packages(npm: str) -> str:
    """Fetch the packages of package-lock.json unless they are there already; why that failed, or empty."""
    installed, lock = ROOT / "node_modules" / ".package-lock.json", ROOT / "package-lock.json"
    if installed.is_file() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return ""
    command = [npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return (done.stderr.strip().splitlines() or ["npm ci failed"])[0] if done.returncode else ""


def fetch_packages() -> None:
    """`install_packages`, if there is an npm."""
    if npm := shutil.which("npm"):
        install_packages(npm)


def run_checks(npm: str) -> int:
    """The type check, the lint, and whether the kernel is that of its source. Returns the first exit status
    that is not 0."""
    for script in ("types", "lint", "kernel:check"):
        done = subprocess.run([npm, "run", "--silent", script], cwd=ROOT)
        if done.returncode:
            print(f"The page's code fails: npm run {script}", flush=True)
            return done.returncode
    return 0


def run_page_tests(required: bool) -> int:
    """Everything that this machine can run. What it lacks is said in a line, and is a failure if `required`.

    Returns an exit status: 0 where all that ran has passed.
    """
    node = find_node()
    if node is None:
        print(
            f"No node from version {MIN_NODE} on: the page's code in ganlab/ui/static is not tested.",
            flush=True,
        )
        return int(required)
    if status := run_unit_tests(node):
        return status
    npm = shutil.which("npm")
    reason = "there is no npm here" if npm is None else install_packages(npm)
    if npm is None or reason:
        print(f"Types and style of the page's code are not checked: {reason}.", flush=True)
        return int(required)
    return run_checks(npm)


if __name__ == "__main__":
    sys.exit(run_page_tests(required="--required" in sys.argv))
