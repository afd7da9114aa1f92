"""Sessions: very many of one visitor, forged ones, and several processes of which some end in the middle."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil

from tests.attacks.figures import Figure, at_most
from tests.attacks.page import RESTORING, VISIT, Page, RefusedError
from tests.attacks.server import Server, serve
from tests.nginx import share_out

VISITOR, STRANGER, CLASSMATE = "127.0.0.31", "127.0.0.32", "127.0.0.31"
TINY = 520  # requests of a few bytes
MANY = 1000  # sessions with a state of one address
MAX_GROWTH = 100  # MB of memory for them
PLAN = 24  # pictures that each visitor of two processes keeps, as many as a shelf holds
FORGED = (b"open", b"open " + b"x" * 5000, b"new", b"new 0", b"lost", b"open 0 0", b"\xff\xfe", b"upload")


def attack(short: bool) -> list[Figure]:
    with serve() as server:
        figures = asyncio.run(attack_one(server, short))
    return figures if short else [*figures, *asyncio.run(attack_two(visitors=8))]


# ---------------------------------------------------------------------- one process


async def attack_one(server: Server, short: bool) -> list[Figure]:
    """Strangers open sessions while a visitor works."""
    page = Page(server.url, VISITOR)
    await page.open([])
    await keep(page, 0)
    before, figures = server.memory(), []
    tiny = 60 if short else TINY
    for name, address in (("another address", STRANGER), ("the visitor's own address", CLASSMATE)):
        failed = await send_tiny(page, address, tiny)
        await keep(page, 1)
        figures.append(at_most(f"failed of {tiny} tiny events from {name}", failed, "", 0))
    many = 30 if short else MANY
    times, failed = await work_beside(page, many)
    figures.append(at_most(f"failed of {many} sessions of one address", failed, "", 0))
    figures.append(Figure("the visitor's events meanwhile, p95", 1000 * percentile(times), "ms"))
    figures.append(at_most("times that the visitor's state was lost", page.restores, "", 0))
    if not short:
        growth = (server.memory() - before) / 1e6
        figures.append(at_most("memory that all of this takes", growth, "MB", MAX_GROWTH))
    wrong = await forge(page)
    figures.append(at_most("forged headers and names that are not refused, or change a page", wrong, "", 0))
    await page.close()
    return figures


async def keep(page: Page, number: int) -> None:
    """Keep a picture whose latent says its number."""
    size = len(json.loads(page.read("gl-current", "data-item"))["z"])
    item = {"key": f"{number:08x}", "z": [number / 1000] * size, "caption": f"number {number}"}
    fingerprint = page.read("gl-kept", "data-fingerprint")
    await page.send("restore", data={"fingerprint": fingerprint, "kept": [item]})


def list_kept(page: Page) -> list[str]:
    return [item["key"] for item in json.loads(page.read("gl-kept", "data-kept"))]


async def send_tiny(page: Page, address: str, count: int) -> int:
    """Events of sessions that nobody has, each of its own; how many had no answer."""
    handler = page.find("restore")
    transport = httpx.AsyncHTTPTransport(local_address=address)
    async with httpx.AsyncClient(transport=transport, timeout=120, trust_env=False) as client:
        body = {"data": [None] * len(handler["inputs"]), "fn_index": handler["id"], "event_data": {}}
        failed = 0
        for _ in range(count):
            content = {**body, "session_hash": secrets.token_hex(6)}
            answer = await client.post(f"{page.url}/gradio_api/run/predict", json=content)
            failed += answer.status_code not in (200, 429, 503)
    return failed


async def work_beside(page: Page, count: int) -> tuple[list[float], int]:
    """Seconds that each event of a visitor took while `count` sessions of one address got a state, and how
    many of these failed."""
    times, failed, ended = list[float](), 0, asyncio.Event()

    async def work() -> None:
        while not ended.is_set() or len(times) < 3:
            began = time.perf_counter()
            await keep(page, 2)
            times.append(time.perf_counter() - began)

    async def crowd() -> None:
        nonlocal failed
        for number in range(count):
            other = Page(page.url, STRANGER)
            other.config, other.states, other.values = page.config, page.states, dict(page.values)
            try:
                await keep(other, number)
            except RefusedError:
                failed += 1
            await other.close()
        ended.set()

    await asyncio.gather(work(), crowd())
    return times, failed


async def forge(page: Page) -> int:
    """Events with headers and names that no page sends; how many fail without a sentence or reach a session
    that is not theirs."""
    handler, kept, wrong = page.find("restore"), list_kept(page), 0
    bodies = [
        {"session_hash": "x" * 1_000_000},
        {"session_hash": 5},
        {"session_hash": ["a"]},
        {"event_data": {"session_hash": page.session}, "session_hash": "other"},
        {"uploads": {"a": "b"}, "session_hash": "other"},
        {"event_data": {"upload": "x" * 22}, "session_hash": "other"},
        {"event_data": {"upload": "x" * 22}, "session_hash": "other", "uploads": {"x" * 22: "no picture"}},
    ]
    base = {"data": [None] * len(handler["inputs"]), "fn_index": handler["id"]}
    for mark in (*FORGED, f"open {page.version}".encode()):
        for body in bodies:
            headers = {VISIT: mark, "Content-Type": "application/json"}
            content = json.dumps({**base, **body}).encode()
            answer = await page.client.post("/gradio_api/run/predict", content=content, headers=headers)
            wrong += answer.status_code >= 500
    await keep(page, 3)
    return wrong + (not set(kept) <= set(list_kept(page)))


# ---------------------------------------------------------------------- two processes


async def attack_two(visitors: int) -> list[Figure]:
    """Visitors whose every request meets any of two processes, of which one or the other is killed now and
    then: what each did is there once, in its order."""
    with serve_two() as (url, parent):
        pages = [Page(url, f"127.0.0.{40 + number}") for number in range(visitors)]
        for page in pages:
            await page.open([])
        killed, ended = 0, asyncio.Event()

        async def kill() -> None:
            nonlocal killed
            while not ended.is_set():
                await asyncio.sleep(3)
                workers = [each for each in psutil.Process(parent).children() if is_serving(each)]
                if len(workers) == 2:
                    workers[killed % 2].kill()
                    killed += 1

        killing = asyncio.create_task(kill())
        lost = await asyncio.gather(*(work_on(page) for page in pages))
        ended.set()
        await killing
        restores = sum(page.restores for page in pages)
        for page in pages:
            await page.close()
    return [
        Figure("processes killed while two served", killed, "", None, killed > 0),
        Figure("states put back by pages", restores),
        at_most(f"clicks of {visitors} visitors lost or done twice, of {visitors * PLAN}", sum(lost), "", 0),
    ]


async def work_on(page: Page) -> int:
    """Keep pictures one after the other; how many are not there once, in their order."""
    for number in range(PLAN):
        while True:
            try:
                await keep(page, number)
                break
            except (RefusedError, httpx.HTTPError):  # a process ended: the page sends the event again
                if page.version == RESTORING:
                    page.version = "put back again"
                await asyncio.sleep(0.2)
    expected = [f"{number:08x}" for number in range(PLAN)]
    return sum(here != there for here, there in zip(list_kept(page), expected, strict=False)) + abs(
        len(list_kept(page)) - PLAN
    )


def percentile(times: list[float]) -> float:
    """The 95th."""
    return sorted(times)[min(int(0.95 * len(times)), len(times) - 1)]


def is_serving(worker: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return any(each.status == "LISTEN" for each in worker.net_connections())
    return False


@contextlib.contextmanager
def serve_two() -> Iterator[tuple[str, int]]:
    """nginx before `app.py --workers 2`, which takes any process for each request: its address, and the
    number of the process that starts the others."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(serve("--workers", "2"))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = int(server.url.rsplit(":", 1)[1])
        _, anywhere = stack.enter_context(share_out((port, port + 1), folder))
        yield anywhere.rstrip("/"), server.process.pid
