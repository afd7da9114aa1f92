"""The first use of a space: its points of all training pictures take seconds to a minute. A thread of its own
computes them, one space at a time, while the page says how far it is and all else goes on."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from html import escape
from weakref import WeakKeyDictionary

from ganlab import interruption
from ganlab.explorer import Explorer
from ganlab.gallery import Gallery, first_use

MAX_WAITING = 12  # threads that wait for a space; further requests are asked to come again
LOOK = 0.1  # seconds between two looks whether somebody still waits
EXPLAINED = "The server looks at all training pictures for this, once."

_worker = ThreadPoolExecutor(1, "spaces")
_lock = threading.Lock()  # guards the jobs
_jobs: WeakKeyDictionary[Gallery, dict[str, Future[None]]] = WeakKeyDictionary()  # those under way
_aside: dict[str, Gallery] = {}  # of whose spaces requests wait for one, by their tickets
_waiting = threading.BoundedSemaphore(MAX_WAITING)
_give_way: Callable[[], object] | None = None


class PreparingError(ValueError):
    """A space whose points are being computed; the message says how far they are."""

    def __init__(self, gallery: Gallery, space: str) -> None:
        done, count = gallery.progress or (0, len(gallery))
        super().__init__(f"{EXPLAINED} {done:,} of {count:,} are done; try again in a few seconds.")
        self.space = space


def start(gallery: Gallery, space: str) -> Future[None]:
    """Have the points of a space computed; the job, which is the same for all who ask meanwhile."""
    with _lock:
        jobs = _jobs.setdefault(gallery, {})
        job = jobs.get(space)
        if job is None or job.done():
            job = jobs[space] = _worker.submit(_compute, gallery, space)
        return job


def _compute(gallery: Gallery, space: str) -> None:
    with interruption.checking(_give_way):
        gallery.points(space)


def let_go_first(wait: Callable[[], object]) -> None:
    """From now on, `wait` is called between two steps of all jobs."""
    global _give_way
    _give_way = wait


@contextlib.contextmanager
def in_background() -> Iterator[None]:
    """Meanwhile, a request that needs a space for the first time starts its job and gets a PreparingError.
    What is no request waits: the page as the app builds it is complete."""
    if first_use.get() is None:
        yield
        return

    def begin(gallery: Gallery, space: str) -> None:
        start(gallery, space)
        raise PreparingError(gallery, space)

    token = first_use.set(begin)
    try:
        yield
    finally:
        first_use.reset(token)


@contextlib.contextmanager
def waiting_aside(leave: Callable[[], None], attend: Callable[[], None], ticket: str = "") -> Iterator[None]:
    """Meanwhile, a request that needs a space for the first time waits for its job, and leaves its place to
    others until it is there: `leave`, then `attend`. By its `ticket` its page asks how far the space is.
    PreparingError where too many wait."""

    def wait(gallery: Gallery, space: str) -> None:
        waiting = _waiting
        if not waiting.acquire(blocking=False):
            raise PreparingError(gallery, space)
        job = start(gallery, space)
        if ticket:
            _aside[ticket] = gallery
        leave()
        try:
            while not job.done():
                interruption.check()
                time.sleep(LOOK)
        finally:
            _aside.pop(ticket, None)
            attend()
            waiting.release()

    token = first_use.set(wait)
    try:
        yield
    finally:
        first_use.reset(token)


def describe_wait(ticket: str) -> dict[str, int] | None:
    """How far the space is that the request with this ticket waits for; None where it waits for none."""
    if (gallery := _aside.get(ticket)) is None:
        return None
    done, count = gallery.progress or (0, len(gallery))
    return {"done": done, "count": count}


def describe_progress(explorer: Explorer, space: str) -> dict[str, int | bool]:
    """Whether the points of a space are there, and of how many pictures they are; for the page, which asks
    again. ValueError for a space that the model lacks."""
    gallery = explorer.gallery
    if gallery is None or space not in gallery.spaces:
        raise ValueError(f"Space {space[:40]!r} not found; available = {list(explorer.spaces)}.")
    done, count = gallery.progress or (0, len(gallery))
    return {"ready": gallery.is_ready(space), "done": done, "count": count}


def preparing_html(explorer: Explorer, error: PreparingError) -> str:
    """How far a space is; static/glue/preparing.js renews it, and has the stage drawn again."""
    progress = describe_progress(explorer, error.space)
    return (
        f'<p class="gl-loading" data-preparing="{escape(error.space)}"'
        f' data-model="{escape(explorer.fingerprint)}"><span role="status">{EXPLAINED}</span>'
        f'<progress max="{progress["count"]}" value="{progress["done"]}" aria-label="How far it is">'
        "</progress><span></span></p>"
    )
