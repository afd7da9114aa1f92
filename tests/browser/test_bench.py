"""Figures of the running app, printed and not asserted: python -m pytest -m bench -s tests/browser."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ganlab.gallery import Pictures
from ganlab.model import CHECKPOINTS, list_models
from tests.browser.test_kinds import choose
from tests.browser.test_tabs import photo

pytestmark = [pytest.mark.bench, pytest.mark.browser]
ROOT = Path(__file__).parents[2]
REPEATS = 30
SWITCHES = 50

# From the file reaching the page to the new reconstruction and neighbours being in it.
UPLOAD = """
async ([content, seen]) => {
  const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], 'digit.jpg', { type: 'image/jpeg' }));
  const input = document.querySelector('.gl-pad input[type=file]');
  const stage = document.querySelector('#reconstruct-stage');
  const source = () => stage.querySelectorAll('.gl-card img')[1]?.src;
  const before = source();
  const start = performance.now();
  const done = new Promise((resolve) => {
    const observer = new MutationObserver(() => {
      if (source() !== before && stage.querySelector('[data-action=neighbour]')) {
        observer.disconnect();
        requestAnimationFrame(() => resolve(performance.now() - start));
      }
    });
    observer.observe(stage, { childList: true, subtree: true, attributes: true });
  });
  input.files = data.files;
  input.dispatchEvent(new Event('change', { bubbles: true }));
  return done;
}
"""

SLIDE = """
async (value) => {
  const stage = document.querySelector('#latent-stage');
  const slider = document.querySelector('#latent-panel input');
  const before = stage.querySelector('img').src;
  const start = performance.now();
  const done = new Promise((resolve) => {
    const observer = new MutationObserver(() => {
      if (stage.querySelector('img')?.src !== before) {
        observer.disconnect();
        requestAnimationFrame(() => resolve(performance.now() - start));
      }
    });
    observer.observe(stage, { childList: true, subtree: true, attributes: true });
  });
  slider.value = value;
  slider.dispatchEvent(new Event('input', { bubbles: true }));
  return done;
}
"""


def memory(pid: int) -> str:
    """Resident memory of a process, now and at its highest, where the system tells."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return "not known on this system"
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return ", ".join(f"{name} {int(fields[name].split()[0]) / 1e6:.2f} GB" for name in ("VmRSS", "VmHWM"))


@contextlib.contextmanager
def running_app() -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """app.py on a free port, and its address; it may not answer yet."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = subprocess.Popen(
        [sys.executable, "app.py", "--port", str(port)], cwd=ROOT, stdout=subprocess.DEVNULL
    )
    try:
        yield app, f"http://127.0.0.1:{port}"
    finally:
        app.terminate()
        app.wait()


def first_page(browser: Any, app: subprocess.Popen[bytes], address: str) -> Any:
    page = browser.new_page()
    while True:
        try:
            page.goto(address)
            break
        except Exception:
            assert app.poll() is None, "the app ended"
            time.sleep(0.1)
    page.locator("#reconstruct-stage .gl-card").first.wait_for()
    return page


def test_start_upload_and_slide(browser: Any, digits: Pictures) -> None:
    started = time.perf_counter()
    with running_app() as (app, address):
        page = first_page(browser, app, address)
        print(f"\nstart to first page: {time.perf_counter() - started:.1f} s")
        uploads = []
        for i in range(REPEATS):
            content = base64.b64encode(photo(digits, i + 1)).decode()
            uploads.append(page.evaluate(UPLOAD, [content, i]))
        print(
            f"upload to reconstruction with neighbours: median {statistics.median(uploads):.0f} ms,"
            f" slowest {max(uploads):.0f} ms of {REPEATS}"
        )
        page.get_by_role("tab", name="Latent").click()
        page.locator("#latent-panel input").first.wait_for()
        slides = [page.evaluate(SLIDE, 0.1 * (i + 1)) for i in range(REPEATS)]
        print(f"slider to picture: median {statistics.median(slides):.0f} ms, slowest {max(slides):.0f} ms")
        print(f"memory: {memory(app.pid)}")


def test_fifty_switches_among_the_bundled_models(browser: Any) -> None:
    names = list_models()
    titles = {name: json.loads((CHECKPOINTS / name / "config.json").read_text())["title"] for name in names}
    with running_app() as (app, address):
        page = first_page(browser, app, address)
        for count in range(1, SWITCHES + len(names) + 1):
            name = names[count % len(names)]
            choose(page, name, titles[name])
            if count in (len(names), SWITCHES + len(names)):
                print(f"\nmemory after {count} switches among {len(names)} models: {memory(app.pid)}")
