"""The real app as a process of its own, as `python app.py` starts it, and what it takes of the machine."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.conftest import free_port

ROOT = Path(__file__).parents[2]
PATIENCE = 180  # seconds until it answers
QUIET = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1", "NO_PROXY": "127.0.0.1,localhost"}


@dataclass
class Server:
    """A running app. `url` ends without "/"."""

    url: str
    process: subprocess.Popen[bytes]
    output: Path

    def _processes(self) -> list[psutil.Process]:
        try:
            process = psutil.Process(self.process.pid)
            return [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def memory(self) -> int:
        """Bytes in memory of the process and its children."""
        total = 0
        for process in self._processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss
        return total

    def cpu(self) -> float:
        """Seconds that the process and its children have computed."""
        total = 0.0
        for process in self._processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system
        return total

    def log(self) -> str:
        """What it has printed, errors included."""
        return self.output.read_text(encoding="utf-8", errors="replace")

    def is_alive(self) -> bool:
        return self.process.poll() is None


_shared: list[Server] = []  # the server of `sharing`
_sharing = False


@contextlib.contextmanager
def sharing() -> Iterator[None]:
    """Meanwhile, all who ask for a server without flags get the same one, which starts when first used."""
    global _sharing
    with contextlib.ExitStack() as stack:
        _sharing = True
        try:
            yield
        finally:
            _sharing = False
            for server in _shared:
                stack.callback(_stop, server)
            _shared.clear()


@contextlib.contextmanager
def serve(*flags: str, env: Mapping[str, str] | None = None) -> Iterator[Server]:
    """The app with the flags of `app.py` (its port is a free one); `env` adds to its environment.
    AssertionError with what it printed, if it does not start."""
    if _sharing and not flags and not env:
        if not _shared or not _shared[0].is_alive():
            _shared[:] = [_start((), {})]
        yield _shared[0]
        return
    server = _start(flags, env or {})
    try:
        yield server
    finally:
        _stop(server)


def _start(flags: tuple[str, ...], env: Mapping[str, str]) -> Server:
    port = free_port()
    handle, name = tempfile.mkstemp(prefix="ganlab-app-", suffix=".log")
    command = [sys.executable, "app.py", "--port", str(port), *flags]
    with os.fdopen(handle, "wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **QUIET, **env}
        )
    server = Server(f"http://127.0.0.1:{port}", process, Path(name))
    try:
        wait(server)
    except BaseException:
        _stop(server)
        raise
    return server


def wait(server: Server) -> None:
    """Until it answers."""
    deadline = time.monotonic() + PATIENCE
    while server.is_alive() and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(server.url + "/theme.css", timeout=10).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"The app does not answer. It printed:\n{server.log()}")


def _stop(server: Server) -> None:
    children = server._processes()[1:]
    server.process.terminate()
    try:
        server.process.wait(10)
    except subprocess.TimeoutExpired:
        server.process.kill()
        server.process.wait()
    for child in children:  # workers that it may have left
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    server.output.unlink(missing_ok=True)
