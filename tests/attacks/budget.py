"""Work that is priced too high, much of it at once, and visitors who leave in the middle."""

from __future__ import annotations

import base64
import dataclasses
import http.client
import importlib.util
import json
import math
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import ganlab
from ganlab import images
from ganlab.explorer import Explorer
from ganlab.studio.recipe import Recipe, SampledLatent, make_recipe
from tests.attacks.figures import Figure, at_most
from tests.attacks.server import Server, serve

MODEL = "mnist-bigan-plus"
ATTACKER, OTHER = "127.0.0.21", "127.0.0.22"
FILMS, SHORT_FILMS = 45, 9
EVENTS = 34  # calls whose answers nobody reads
SCALE = 18  # the largest for 600 digits, see budget.MAX_FILM_PIXELS
KINDS = ("gif", "webp", "png", *(("mp4",) if importlib.util.find_spec("av") else ()))
SECONDS, SHORT_SECONDS = 20.0, 1.0  # for which another visitor is watched
MAX_GROWTH = 300  # MB
MAX_ANSWER = 1.0  # seconds, the 95th percentile
MAX_DRAWS = 2.0  # seconds for a recipe of many late draws
MAX_REST = 0.15  # share of a core that is busy 2 seconds after all have left


class Client:
    """A visitor with an address of their own."""

    def __init__(self, server: Server, address: str) -> None:
        self.server, self.address = server, address

    def send(self, path: str, payload: Any, method: str = "POST") -> http.client.HTTPConnection:
        """A request whose answer is not read yet."""
        url = urlsplit(self.server.url)
        connection = http.client.HTTPConnection(
            url.hostname or "", url.port, timeout=600, source_address=(self.address, 0)
        )
        body = json.dumps(payload) if method == "POST" else None
        connection.request(method, path, body, {"content-type": "application/json"})
        return connection

    def ask(self, path: str, payload: Any = None, method: str = "POST") -> tuple[int, bytes]:
        with closing(self.send(path, payload, method)) as connection:
            answer = connection.getresponse()
            return answer.status, answer.read()

    def join(self, name: str, data: list[Any]) -> tuple[int, str]:
        """The status, and the event, of a call that waits in Gradio's queue."""
        status, content = self.ask(f"/gradio_api/call/{name}", {"data": data})
        return status, json.loads(content).get("event_id", "") if status == 200 else ""

    def call(self, name: str, data: list[Any]) -> float:
        """The seconds that a call of a named endpoint takes; infinite for one that is refused."""
        start = time.monotonic()
        status, event = self.join(name, data)
        if status != 200:
            return math.inf
        _, content = self.ask(f"/gradio_api/call/{name}/{event}", method="GET")
        return time.monotonic() - start if b"event: complete" in content else math.inf


def describe_film(explorer: Explorer, number: int, scale: int = SCALE) -> dict[str, Any]:
    """A film of 24 keyframes and 600 frames, each film another."""
    return {
        "model": MODEL,
        "fingerprint": explorer.fingerprint,
        "keyframes": explorer.sample(24, seed=number).tolist(),
        "film": {"frames": 600, "seconds": 24},
        "kind": KINDS[number % len(KINDS)],
        "scale": scale,
    }


def draw_late(explorer: Explorer) -> Recipe:
    """64 samples with large numbers, which took a second each while all before them were drawn."""
    draws = [SampledLatent(seed, 100_000, explorer.sources[0]) for seed in range(64)]
    return dataclasses.replace(make_recipe(explorer, draws[0]), latents=tuple(draws), steps=1000)


def attack(short: bool) -> list[Figure]:
    explorer = ganlab.load(MODEL)
    assert explorer.examples is not None
    picture = explorer.examples.inputs(slice(0, 1))[0]
    text = base64.b64encode(images.encode_png(images.to_pil(picture))).decode()
    upload = [text, "auto", MODEL, None]
    with serve() as server:
        stranger, visitor = Client(server, ATTACKER), Client(server, OTHER)
        for number in range(len(KINDS)):  # what any film loads, once
            stranger.ask("/ganlab/film", {**describe_film(explorer, number, 2), "film": {"frames": 9}})
        visitor.call("reconstruct", upload)
        return [
            *_ask_too_much(explorer, stranger, short),
            *_send_films(explorer, stranger, visitor, upload, short),
            *_leave_calls(server, stranger, visitor, upload, short),
        ]


def _ask_too_much(explorer: Explorer, stranger: Client, short: bool) -> Iterator[Figure]:
    status, sentence = stranger.ask("/ganlab/film", describe_film(explorer, 0, scale=36))
    refused = status == 422 and sentence.endswith(b".")
    yield Figure("a film of 600 frames of 1008 x 1008", "refused in a sentence", ok=refused)
    query = f"model={MODEL}&recipe={draw_late(explorer).to_query()}"
    start = time.monotonic()
    statuses = [stranger.ask(f"/ganlab/{route}?{query}", method="GET")[0] for route in ("latents", "picture")]
    took = _time("a recipe of 64 draws of index 100,000, twice", time.monotonic() - start, MAX_DRAWS, short)
    yield took._replace(ok=took.ok and statuses == [200, 200])


def _send_films(
    explorer: Explorer, stranger: Client, visitor: Client, upload: list[Any], short: bool
) -> Iterator[Figure]:
    server, count = stranger.server, SHORT_FILMS if short else FILMS
    before, growth, times = server.memory(), 0, list[float]()
    films = [stranger.send("/ganlab/film", describe_film(explorer, number)) for number in range(count)]
    until = time.monotonic() + (SHORT_SECONDS if short else SECONDS)
    while time.monotonic() < until:
        times.append(visitor.call("reconstruct", upload))
        growth = max(growth, server.memory() - before)
    for film in films:
        film.close()
    yield at_most(f"{count} films at the limit at once: memory grows by", growth / 1e6, "MB", MAX_GROWTH)
    p95 = sorted(times)[math.ceil(0.95 * len(times)) - 1]
    yield _time(f"another visitor's {len(times)} reconstructions meanwhile, p95", p95, MAX_ANSWER, short)
    if not short:
        yield _watch_rest(server, "films")


def _leave_calls(
    server: Server, stranger: Client, visitor: Client, upload: list[Any], short: bool
) -> Iterator[Figure]:
    picture, polarity, model, crop = upload
    statuses = [
        stranger.join("neighbours", [picture, 5, "pixels", polarity, model, crop])[0] for _ in range(EVENTS)
    ]
    took = visitor.call("reconstruct", upload)
    refused = sum(status != 200 for status in statuses)
    name = f"a reconstruction behind {EVENTS} unread calls ({refused} refused)"
    yield _time(name, took, MAX_ANSWER, short)
    _, event = stranger.join("invert", [picture, "optimise", 300, None, polarity, model, crop])
    stranger.send(f"/gradio_api/call/invert/{event}", None, method="GET").close()
    if not short:
        yield _watch_rest(server, "calls")


def _time(name: str, seconds: float, limit: float, short: bool) -> Figure:
    """Seconds that it took; the short form only wants an answer, on however busy a machine."""
    if short:
        return Figure(name, seconds, "s", ok=math.isfinite(seconds))
    return at_most(name, seconds, "s", limit)


def _watch_rest(server: Server, what: str) -> Figure:
    """How busy the app is 2 seconds after the last visitor left."""
    time.sleep(2)
    start, used = time.monotonic(), server.cpu()
    time.sleep(0.5)
    share = (server.cpu() - used) / (time.monotonic() - start)
    return at_most(f"2 s after all who sent {what} left, busy cores", share, "", MAX_REST)
