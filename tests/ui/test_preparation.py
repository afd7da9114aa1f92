"""The first use of a space: said in the page, waited for by programs, and nobody else's work stands still."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.testclient import TestClient

from ganlab.explorer import Explorer
from ganlab.gallery import Gallery
from ganlab.ui import items, preparation
from ganlab.ui.preparation import PreparingError, describe_progress, in_background, waiting_aside
from ganlab.ui.server import routes
from ganlab.ui.server.models import Models
from ganlab.ui.server.turns import count_before
from ganlab.ui.tabs import neighbours, reconstruct
from tests.conftest import run_apart

LONG = 300.0  # seconds, for what takes none unless it fails


class Slow:
    """A gallery whose untrained encoder computes when it is let go on."""

    def __init__(self, explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
        assert explorer.gallery is not None
        self.gallery = Gallery(explorer.model, explorer.gallery.pictures)
        self.explorer = Explorer(explorer.model, self.gallery)
        self.going_on, self.started = threading.Event(), threading.Event()
        embed_all = self.gallery._embed_all

        def wait(space: str) -> Any:
            self.started.set()
            assert self.going_on.wait(LONG)
            return embed_all(space)

        monkeypatch.setattr(self.gallery, "_embed_all", wait)


@pytest.fixture
def slow(few_neighbours: Explorer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    slow = Slow(few_neighbours, monkeypatch)
    yield slow
    slow.going_on.set()  # also where the test has failed


def within_a_request() -> Any:
    return waiting_aside(lambda: None, lambda: None)


def test_a_page_says_how_far_it_is_and_is_complete_afterwards(slow: Slow) -> None:
    explorer = slow.explorer
    item = items.from_examples(explorer, 0)[0]
    with within_a_request():
        for drawn in (
            neighbours.stage_html(explorer, item, 3, "untrained"),
            neighbours.stage_html(explorer, item, 3, "untrained"),
        ):
            assert 'data-preparing="untrained"' in drawn
            assert "looks at all training pictures" in drawn
            assert 'max="300"' in drawn
    assert slow.started.wait(LONG)
    assert describe_progress(explorer, "untrained")["ready"] is False
    slow.going_on.set()
    preparation.start(slow.gallery, "untrained").result(LONG)
    assert describe_progress(explorer, "untrained") == {"ready": True, "done": 0, "count": 300}
    with within_a_request():
        drawn = neighbours.stage_html(explorer, item, 3, "untrained")
    assert "data-preparing" not in drawn
    assert len(re.findall('data-action="training"|data-action="follow"', drawn)) in (0, 3)
    assert "vote" in drawn
    with pytest.raises(ValueError, match="not found; available"):
        describe_progress(explorer, "no such space")


def test_a_reconstruction_is_there_before_its_neighbours(slow: Slow) -> None:
    item = items.from_examples(slow.explorer, 0)[0]
    slow.gallery._features = None
    with within_a_request():
        drawn = reconstruct.stage_html(slow.explorer, item)
    assert "What comes back" in drawn
    assert 'data-preparing="features"' in drawn
    slow.going_on.set()


def test_a_program_waits_and_leaves_its_place_to_others(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    places, done, left = list[str](), list[int](), threading.Semaphore(0)
    x = slow.gallery.pictures.inputs(slice(0, 1))

    def leave() -> None:
        places.append("left")
        left.release()

    def ask() -> None:
        with waiting_aside(leave, lambda: places.append("back"), "page-1"):
            done.append(len(slow.explorer.neighbours(x, 3, "untrained")))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert slow.started.wait(LONG)
    for _ in threads:  # both wait, neither in its place
        assert left.acquire(timeout=LONG)
    assert places == ["left", "left"]
    assert preparation.describe_wait("page-1") == {"done": 0, "count": 300}
    assert preparation.describe_wait("page-2") is None
    asking = Request({"type": "http", "query_string": b"ticket=page-1", "headers": []})
    answer = json.loads(run_apart(count_before(asking)).body)
    assert answer == {"before": 0, "preparing": {"done": 0, "count": 300}}
    monkeypatch.setattr(preparation, "_waiting", threading.BoundedSemaphore(1))
    preparation._waiting.acquire()
    with within_a_request(), pytest.raises(PreparingError, match="try again in a few seconds"):
        slow.explorer.neighbours(x, 3, "untrained")  # too many wait already
    slow.going_on.set()
    for thread in threads:
        thread.join(LONG)
    assert sorted(places) == ["back", "back", "left", "left"]
    assert preparation.describe_wait("page-1") is None
    assert done == [3, 3]


def test_what_is_no_request_waits_by_itself(few_neighbours: Explorer) -> None:
    assert few_neighbours.gallery is not None
    gallery = Gallery(few_neighbours.model, few_neighbours.gallery.pictures)
    explorer = Explorer(few_neighbours.model, gallery)
    with in_background():
        assert len(explorer.neighbours(gallery.pictures.inputs(slice(0, 1)), 3, "features")) == 3


def test_the_page_may_ask_how_far_a_space_is(
    few_neighbours: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = Models("mnist-ae-l1")
    monkeypatch.setattr(models, "get", lambda *_, **__: few_neighbours)
    with TestClient(Starlette(routes=routes.list_routes(models))) as client:
        answer = client.get("/ganlab/space", params={"model": "any", "space": "pixels"})
    assert (answer.status_code, answer.json()["ready"]) == (200, True)
