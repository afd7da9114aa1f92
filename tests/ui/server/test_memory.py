"""What the process keeps of the memory that it has freed."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from ganlab.ui.server import memory

# Eight threads fill a tensor of 20 MB each, several times, and keep a small block beside it.
PROGRAM = """
import ctypes, runpy, sys, threading
import psutil
if sys.argv[1] == "bounded":
    assert runpy.run_path(sys.argv[2])["bound_heap"]()  # without all that the app needs, which takes seconds
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
def work():
    for _ in range(4):
        blocks = [libc.malloc(2_000_000) for _ in range(10)]
        for block in blocks:
            ctypes.memset(block, 1, 2_000_000)
        libc.malloc(100)
        for block in blocks:
            libc.free(block)
libc.free(libc.malloc(30_000_000))  # after which glibc keeps blocks of that size
ended, waiting = threading.Barrier(9), threading.Event()
def stay():
    work()
    ended.wait()
    waiting.wait()
before = psutil.Process().memory_info().rss
threads = [threading.Thread(target=stay, daemon=True) for _ in range(8)]
for thread in threads:
    thread.start()
ended.wait()
print(psutil.Process().memory_info().rss - before)
waiting.set()
"""


def measure(kind: str) -> int:
    """Bytes that are still taken when eight threads have freed 160 MB."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    command = [sys.executable, "-c", PROGRAM, kind, memory.__file__]
    return int(subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout)


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_what_is_freed_goes_back_to_the_system() -> None:
    assert measure("bounded") < 10e6


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not memory.bound_heap()
