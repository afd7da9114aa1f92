"""Figures of the running app, printed and not asserted: python -m pytest -m bench -s tests/browser."""

from __future__ import annotations

import base64
import contextlib
import json
import math
import re
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
from ganlab.hub import CHECKPOINTS, list_models
from tests.browser.gestures import photo
from tests.browser.test_kinds import choose

pytestmark = [pytest.mark.bench, pytest.mark.browser]
ROOT = Path(__file__).parents[2]
REPEATS = 30
STROKES = 15
DRAG = 5  # seconds
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

# A stroke by the pen, and from its lifting to the last change of the stage: reconstruction, meters and
# neighbours come together, and what was drawn before the lifting may still be on its way.
PEN = """
async (slant) => {
  const stage = document.querySelector('#reconstruct-stage');
  const canvas = document.querySelector('.gl-pad canvas');
  const box = canvas.getBoundingClientRect();
  const at = (kind, t) => canvas.dispatchEvent(new PointerEvent(kind, {
    pointerId: 1, button: 0, bubbles: true, clientX: box.left + box.width * (0.5 + slant * (0.5 - t)),
    clientY: box.top + box.height * (0.2 + 0.6 * t) }));
  canvas.setPointerCapture = () => {};
  document.querySelector('.gl-pad [data-do=clear]').click();
  at('pointerdown', 0);
  for (let step = 1; step <= 20; step++) {
    await new Promise(requestAnimationFrame);
    at('pointermove', step / 20);
  }
  let last = 0;
  const observer = new MutationObserver(() => (last = performance.now()));
  observer.observe(stage, { childList: true, subtree: true, attributes: true });
  const lifted = performance.now();
  at('pointerup', 1);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  observer.disconnect();
  const shown = ['.gl-meter', '[data-action=neighbour]'].every((part) => stage.querySelector(part));
  return shown ? last - lifted : NaN;
}
"""


# From the click on the tab to the first picture on the stage, with sliders beside it.
FIRST_FRAME = """
async () => {
  const start = performance.now();
  [...document.querySelectorAll('[role=tab]')].find((tab) => tab.textContent.trim() === 'Latent').click();
  while (true) {
    await new Promise(requestAnimationFrame);
    const canvas = document.querySelector('.gl-stage canvas');
    const data = canvas?.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    if (data?.some((value, i) => i % 4 < 3 && value > 0) && document.querySelector('.gl-dir input')) break;
  }
  return performance.now() - start;
}
"""

# While the hand drags: when the stage's pixels were new (`drawn`) and when the frame that shows them was
# handed on (`shown`), in ms since the oldest input event that they answer reached the page; and the frames.
WATCH_DRAG = """
() => {
  const times = (window.times = { drawn: [], shown: [], frames: [] });
  let began = 0; // of the oldest input event that the stage does not show yet
  const seen = () => {
    const since = began;
    began = 0;
    times.drawn.push(performance.now() - since);
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => times.shown.push(performance.now() - since);
      channel.port2.postMessage(0);
    });
    const frame = document.timeline.currentTime;
    if (times.frames.at(-1) !== frame) times.frames.push(frame);
  };
  for (const name of ['putImageData', 'drawImage']) {
    const original = CanvasRenderingContext2D.prototype[name];
    CanvasRenderingContext2D.prototype[name] = function (...values) {
      original.apply(this, values);
      if (began && this.canvas.closest('.gl-stage')) seen();
    };
  }
  addEventListener('input', () => (began ||= performance.now()), true);
}
"""

# Median ms in the page, of random latents: the generator, and what judge and light add.
COSTS = """
async () => {
  const lib = new URL('ganlab/static/lib/', document.baseURI);
  const { loadGenerator } = await import(new URL('generator.js', lib));
  const { loadJudge } = await import(new URL('judge.js', lib));
  const name = document.querySelector('#model-picker select').value;
  const { fingerprint } = document.querySelector('.gl-studio').dataset;
  const [G, judge] = [await loadGenerator(name, fingerprint), await loadJudge(name, fingerprint)];
  const times = { decode: [], judge: [] };
  const timed = (kind, work) => {
    const start = performance.now();
    const result = work();
    times[kind].push(performance.now() - start);
    return result;
  };
  for (let i = 0; i < 300; i++) {
    const z = Float32Array.from({ length: G.latentDim }, () => 2 * Math.random() - 1);
    const pixels = timed('decode', () => G.decode(z));
    timed('judge', () => {
      const reading = judge.classify(pixels);
      judge.light?.rate(z, reading);
    });
  }
  const median = (values) => values.slice(100).sort((a, b) => a - b)[100];
  return { decode: median(times.decode), judge: median(times.judge), light: judge.lightReason || 'on' };
}
"""


def drag(page: Any, seconds: float) -> tuple[dict[str, Any], int]:
    """Drag the first slider to and fro: the times of WATCH_DRAG, and the number of requests meanwhile."""
    requests: list[str] = []
    page.evaluate(WATCH_DRAG)
    box = page.locator(".gl-dir input").first.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    page.on("request", lambda request: requests.append(request.url))
    started = time.perf_counter()
    while (past := time.perf_counter() - started) < seconds:
        share = 0.05 + 0.9 * abs(past % 2 - 1)  # at one speed: a slider that rests has nothing new to show
        page.mouse.move(box["x"] + share * box["width"], y)
    times = page.evaluate("window.times")
    count = len(requests)
    page.mouse.up()
    return times, count


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def memory(pid: int) -> str:
    """Resident memory of a process, now and at its highest, where the system tells."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return "not known on this system"
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return ", ".join(f"{name} {int(fields[name].split()[0]) / 1e6:.2f} GB" for name in ("VmRSS", "VmHWM"))


@contextlib.contextmanager
def running_app(before: str = "", *flags: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """app.py on a free port, and its address; it may not answer yet. `before` runs ahead of it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = f"{before}\nimport app\napp.main({['--port', str(port), *flags]})"
    app = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.DEVNULL)
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


def test_start_upload_and_pen(browser: Any, digits: Pictures) -> None:
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
        strokes = [page.evaluate(PEN, 0.02 * i) for i in range(STROKES)]
        print(
            "pen lifted to reconstruction, meters and neighbours:"
            f" median {statistics.median(strokes):.0f} ms, slowest {max(strokes):.0f} ms of {STROKES}"
        )
        print(f"memory: {memory(app.pid)}")


@pytest.mark.parametrize(
    ("before", "name"),
    [
        ("", "mnist-bigan-plus"),
        ("from ganlab.studio import portable; portable.MAX_MULTIPLICATIONS = 0", "mnist-bigan-plus"),
        *(("", name) for name in list_models() if name.startswith(("cifar10-bigan", "imagenet64-"))),
    ],
    ids=lambda value: "server" if value.startswith("from") else value or "page",
)
def test_the_studio(browser: Any, before: str, name: str) -> None:
    """Frames are new pictures on the stage, at most one a frame of the screen (60 a second here)."""
    with running_app(before, "--model", name) as (app, address):
        page = first_page(browser, app, address)
        page.wait_for_timeout(1000)
        first = page.evaluate(FIRST_FRAME)
        page.wait_for_timeout(1500)  # the strips
        if not before:
            page.locator(".gl-stage .gl-readout b", has_text=re.compile(".")).wait_for()
            costs = page.evaluate(COSTS)
        times, requests = drag(page, DRAG)
        print(f"\nfirst frame of the studio: {first:.0f} ms after its tab was clicked")
        for name, what in (("drawn", "to pixels on the stage"), ("shown", "to the frame that shows them")):
            print(
                f"input event {what}: median {quantile(times[name], 0.5):.1f} ms,"
                f" 95th percentile {quantile(times[name], 0.95):.1f} ms of {len(times[name])}"
            )
        print(
            f"{len(times['frames']) / DRAG:.1f} frames a second over {DRAG} s, {requests} requests meanwhile"
        )
        if not before:
            print(
                f"a frame of {page.locator('#model-picker select').input_value()}: generator"
                f" {costs['decode']:.1f} ms, judge and light {costs['judge']:.1f} ms; light: {costs['light']}"
            )


# While the map is panned: the frames in which it was drawn, and how long a drawing took in the page.
WATCH_MAP = """
() => {
  const times = (window.times = { frames: [], decoded: [] });
  let pressed = 0;
  const original = CanvasRenderingContext2D.prototype.putImageData;
  CanvasRenderingContext2D.prototype.putImageData = function (...values) {
    original.apply(this, values);
    const frame = document.timeline.currentTime;
    if (this.canvas.matches('.gl-sky') && times.frames.at(-1) !== frame) times.frames.push(frame);
    if (this.canvas.closest('.gl-pair') && pressed) {
      const since = pressed;
      pressed = 0;
      times.decoded.push(performance.now() - since);
    }
  };
  addEventListener('pointerup', () => (pressed = performance.now()), true);
}
"""


def pan(page: Any, x: float, y: float) -> float:
    """Frames a second in which the map was drawn while a hand went around (x, y)."""
    page.evaluate("window.times.frames.length = 0")
    page.mouse.move(x, y)
    page.mouse.down()
    began = time.perf_counter()
    while (past := time.perf_counter() - began) < DRAG:
        turn = 2 * math.pi * past / 2
        page.mouse.move(x + 80 * math.sin(turn), y + 80 * math.cos(turn))
    frames = len(page.evaluate("window.times.frames"))
    page.mouse.up()
    return frames / DRAG


def test_the_map(browser: Any) -> None:
    """Frames are drawings of all 60,000 points, at most one a frame of the screen (60 a second here)."""
    with running_app() as (app, address):
        page = first_page(browser, app, address)
        started = time.perf_counter()
        page.get_by_role("tab", name="Map").click()
        page.locator(".gl-aside .gl-tile").nth(7).wait_for(timeout=120_000)
        print(f"\nmap: from the click on its tab to all codes {time.perf_counter() - started:.1f} s")
        page.wait_for_timeout(2000)
        page.evaluate(WATCH_MAP)
        box = page.locator(".gl-sky").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        print(f"map panned, with pictures: {pan(page, x, y):.1f} frames a second over {DRAG} s")
        page.get_by_role("button", name="zoom in").click(click_count=4)
        print(f"the same, enlarged, as pictures are decoded: {pan(page, x, y):.1f} frames a second")
        page.locator("[data-layer=contours]").click()
        print(f"the same, with contours: {pan(page, x, y):.1f} frames a second")
        page.locator("[data-layer=contours]").click()
        page.locator("[data-layer=pictures]").click()
        page.get_by_role("button", name="show all").click()
        print(f"points alone: {pan(page, x, y):.1f} frames a second")
        for step in range(REPEATS):
            page.mouse.move(x + 5 * step, y - 3 * step)
            page.mouse.down()
            page.mouse.up()
        decoded = page.evaluate("window.times.decoded")
        print(
            f"click on the map to its picture: median {quantile(decoded, 0.5):.1f} ms, slowest"
            f" {max(decoded):.1f} ms of {len(decoded)}"
        )


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
