"""Many visitors at once, who do what people do:
load [--visitors 50,100,200] [--seconds 60] [--soak 600] [--workers 2].

Client and app share this machine, so the app has what the client leaves it; the figures say how much.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil

from tests.attacks import people, recorded
from tests.attacks.figures import Figure, at_most
from tests.attacks.page import Page
from tests.attacks.people import Deed, Pictures, Visitor
from tests.attacks.server import Server, serve, wait
from tests.nginx import share_out

MODEL = "mnist-bigan-plus"
MAX_P95 = 1.0  # seconds, with 50 visitors on an idle machine
QUIET_CROWD = 50  # visitors up to whom answers must be quick; beyond, they may have to wait
MAX_GROWTH = 64e6  # bytes in a soak, from its first third to its end
SOAK_CROWD = 20  # visitors of a soak
ARRIVALS = 4  # people who come in a second, until the crowd is there
LOOK = 5.0  # seconds between two looks at memory
OPENINGS = ("open the page", "compare", "film", "refine")  # of many requests, or of seconds of work


@dataclass
class Measured:
    """What a crowd did, and what it took."""

    visitors: int
    seconds: float
    deeds: list[Deed] = field(default_factory=list)
    memory: list[tuple[float, int]] = field(default_factory=list)  # (seconds, bytes)
    server_cpu: float = 0.0
    client_cpu: float = 0.0
    lags: list[float] = field(default_factory=list)  # seconds by which the client itself was late
    pauses: int = 0  # times that the server said "busy" and the page asked again
    reconnects: int = 0  # connections that the server had closed when the page used them again
    places: list[int] = field(default_factory=list)  # in the line, that pages could show
    came: int = 0
    complete: float = 0.0  # monotonic: since when the whole crowd is there

    @property
    def errors(self) -> Counter[str]:
        return Counter(f"{deed.action}: {deed.error}" for deed in self.deeds if deed.error)


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--visitors", default="50,100,200", help="how many are there at once, one after the other"
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="for how long each")
    parser.add_argument(
        "--soak", type=float, default=0.0, help=f"{SOAK_CROWD} visitors for so many seconds instead"
    )
    parser.add_argument("--workers", type=int, choices=(1, 2), default=1, help="processes, two behind nginx")


def name_section(soak: float, workers: int, **others: object) -> str:
    """Where the figures stand on the page."""
    return "load soak" if soak else "load workers" if workers > 1 else "load"


def attack(
    short: bool,
    visitors: str = "50,100,200",
    seconds: float = 60.0,
    soak: float = 0.0,
    workers: int = 1,
) -> list[Figure]:
    """Errors, times and memory of each crowd."""
    if short:
        with hurrying(), serve() as server:
            return summarize(run_crowd(server, (), 6, 2.0), short)
    figures: list[Figure] = []
    with serve("--model", MODEL) if workers == 1 else serve_two() as server:
        files = recorded.list_files(server.url)
        figures.append(Figure("files that a page opens with", len(files)))
        first = run_crowd(server, files, 1, 0.0, everything=True)
        figures += [
            Figure("first use of everything: errors", sum(first.errors.values()), "", 0, not first.errors)
        ]
        for crowd in [SOAK_CROWD] if soak else [int(part) for part in visitors.split(",")]:
            measured = run_crowd(server, files, crowd, soak or seconds)
            figures += summarize(measured, short)
            if soak:
                figures.append(measure_growth(measured))
    return figures


@contextmanager
def hurrying() -> Iterator[None]:
    """People who think for a moment only, and compare nothing, which takes long."""
    thinking, ways = people.THINKING, people.WAYS
    people.THINKING = (0.02, 0.1)
    people.WAYS = tuple((way, weight) for way, weight in ways if way not in (people.compare, people.refine))
    try:
        yield
    finally:
        people.THINKING, people.WAYS = thinking, ways


@contextmanager
def serve_two() -> Iterator[Server]:
    """Two processes behind nginx, which shares pages out as docs/serving.md has it."""
    with serve("--model", MODEL, "--workers", "2", "--trusted-proxies", "127.0.0.1") as server:
        port = int(server.url.rsplit(":", 1)[1])
        wait(replace(server, url=f"http://127.0.0.1:{port + 1}"))
        with tempfile.TemporaryDirectory() as folder, share_out((port, port + 1), Path(folder)) as addresses:
            yield replace(server, url=addresses[0].rstrip("/"))


# ---------------------------------------------------------------------- the crowd


def run_crowd(
    server: Server, files: tuple[str, ...], visitors: int, seconds: float, everything: bool = False
) -> Measured:
    """Let so many visitors be there for so long; with `everything`, one who does everything once."""
    measured = Measured(visitors, seconds)
    own = psutil.Process()
    began = own.cpu_times(), server.cpu()
    asyncio.run(_run(server, files, measured, everything))
    now = own.cpu_times()
    measured.client_cpu = now.user + now.system - began[0].user - began[0].system
    measured.server_cpu = server.cpu() - began[1]
    for line, count in measured.errors.most_common(12):
        print(f"  {count} x {line}", flush=True)
    return measured


async def _run(server: Server, files: tuple[str, ...], measured: Measured, everything: bool) -> None:
    pictures, start = Pictures(), time.monotonic()
    measured.complete = start + measured.visitors / ARRIVALS
    measured.memory.append((0.0, server.memory()))
    watch = asyncio.create_task(_watch(server, measured, start))
    if everything:
        visitor = Visitor(Page(server.url, "127.0.1.1"), pictures, 0, measured.deeds)
        for way in (visitor.arrive(files), *(way(visitor) for way, _ in people.WAYS)):
            await visitor.attempt(way)
        await visitor.page.close()
    else:
        slots = (_fill(server, files, measured, pictures, slot) for slot in range(measured.visitors))
        await asyncio.gather(*slots)
    watch.cancel()
    measured.seconds = time.monotonic() - start
    measured.memory.append((measured.seconds, server.memory()))


async def _fill(
    server: Server, files: tuple[str, ...], measured: Measured, pictures: Pictures, slot: int
) -> None:
    """One visitor after another, at an address of their own, until the time is over, which begins when the
    whole crowd is there."""
    until = measured.complete + measured.seconds
    start = measured.complete - measured.visitors / ARRIVALS
    await asyncio.sleep(max(0.0, start + slot / ARRIVALS - time.monotonic()))
    turn = 0
    while time.monotonic() < until:
        page = Page(server.url, f"127.{1 + slot // 250}.{1 + turn % 250}.{1 + slot % 250}")
        await Visitor(page, pictures, 1000 * slot + turn, measured.deeds).visit(files, until)
        measured.pauses += page.pauses
        measured.reconnects += page.reconnects
        measured.places += page.places
        measured.came += 1
        turn += 1


async def _watch(server: Server, measured: Measured, start: float) -> None:
    """The server's memory, and how late the client's own loop is."""
    looked = -math.inf
    while True:
        before = time.monotonic()
        await asyncio.sleep(0.1)
        measured.lags.append(time.monotonic() - before - 0.1)
        if before - looked > LOOK:
            looked = before
            measured.memory.append((before - start, server.memory()))


# ---------------------------------------------------------------------- the figures


def summarize(measured: Measured, short: bool) -> list[Figure]:
    who, deeds = f"{measured.visitors} visitors", measured.deeds
    errors = sum(measured.errors.values())
    figures = [Figure(f"{who}: errors in {len(deeds):,} actions", errors, "", 0, errors == 0)]
    if short:
        return figures
    later = [deed for deed in deeds if deed.began >= measured.complete or deed.action == "open the page"]
    quick = [deed.seconds for deed in later if deed.action not in OPENINGS]
    p95 = find_quantile(quick, 0.95)
    bound = MAX_P95 if measured.visitors <= QUIET_CROWD else None
    figures.append(Figure(f"{who}: p95 of all clicks", p95, "s", bound, bound is None or p95 <= bound))
    times = defaultdict(list)
    for deed in later:
        times[deed.action].append(deed.seconds)
    failed = Counter(deed.action for deed in deeds if deed.error)
    for action in sorted(times):
        spread = " / ".join(f"{find_quantile(times[action], share):.2f}" for share in (0.5, 0.95, 1.0))
        count = (
            f"{len(times[action])} times, {failed[action]} errors"
            if failed[action]
            else f"{len(times[action])} times"
        )
        figures.append(
            Figure(f"{who}: {action} ({count})", spread, "s: p50 / p95 / max", None, not failed[action])
        )
    start, end = measured.memory[0][1], measured.memory[-1][1]
    most = max(memory for _, memory in measured.memory)
    figures += [
        Figure(f"{who}: people who came", measured.came),
        Figure(f"{who}: actions a second", len(deeds) / measured.seconds),
        Figure(f"{who}: asked to wait and come again", measured.pauses, "times"),
        Figure(f"{who}: connections opened anew", measured.reconnects),
        Figure(f"{who}: places in the line that pages showed", len(measured.places), "times"),
        Figure(f"{who}: most requests before somebody's", max(measured.places, default=0)),
        Figure(
            f"{who}: memory at start, end, most",
            " / ".join(f"{b / 1e6:,.0f}" for b in (start, end, most)),
            "MB",
        ),
        Figure(f"{who}: cores used by the app", measured.server_cpu / measured.seconds),
        Figure(f"{who}: cores used by the client", measured.client_cpu / measured.seconds),
        Figure(f"{who}: the client itself was late", find_quantile(measured.lags, 0.95), "s (p95)"),
    ]
    return figures


def measure_growth(measured: Measured) -> Figure:
    """What memory has grown by since the first third, when all caches are full."""
    third = measured.memory[len(measured.memory) // 3][1]
    return at_most(
        "soak: growth of memory after its first third",
        (measured.memory[-1][1] - third) / 1e6,
        "MB",
        MAX_GROWTH / 1e6,
    )


def find_quantile(values: Sequence[float], share: float) -> float:
    """The value that a share in [0, 1] of the values does not pass; 0 of none."""
    return sorted(values)[min(len(values) - 1, math.ceil(share * len(values)) - 1)] if values else 0.0
