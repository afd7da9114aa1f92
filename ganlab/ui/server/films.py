"""What the page asks about films: their files, what is seen in their frames, and the shortest way."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import io
import json
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from typing import IO, Any

import torch
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from torch import Tensor

from ganlab import animation, geodesic
from ganlab.explorer import Explorer
from ganlab.studio import film, paths
from ganlab.studio.film import Film
from ganlab.ui.html.markup import NO_CLASSIFIER, get_noun
from ganlab.ui.server import budget
from ganlab.ui.server.sessions import visitor

Payload = dict[str, Any]  # a JSON object that a page sent: each value is anybody's

MAX_IN_MEMORY = 1_000_000  # bytes of a file; a larger one is on the disk until it is sent
MAX_UNREAD = 20  # files that a visitor has not fetched yet
MAX_SENDING = 600  # seconds that a file may take on its way
PIECE = 65_536  # bytes sent at a time
LINES = "application/x-ndjson"
NO_GAUGE = "Whether its frames are like {noun}s was not measured for this model."


def render_film(explorer: Explorer, payload: Payload) -> Response:
    """A film as a file of the format `kind`, its pixels enlarged `scale` times. It is written frame by frame,
    a large one to the disk, so that who fetches it slowly takes no memory."""
    settings, keyframes = read_film(explorer, payload)
    kind = payload.get("kind")
    if (unread := SentFile.count_unread()) >= MAX_UNREAD:
        raise budget.TooMuchError(f"{unread} films of yours are not fetched yet; fetch those first.")
    sheet = budget.price_film(explorer.config, settings, kind, payload.get("scale", 8))
    compute_ways(explorer, settings, keyframes)
    file = tempfile.SpooledTemporaryFile(MAX_IN_MEMORY)  # noqa: SIM115  # closed when it is sent
    try:
        animation.write_file(file, film.iterate_frames(explorer, settings, keyframes), sheet, str(kind))
    except BaseException:
        file.close()
        raise
    return SentFile(file, film.FORMATS[str(kind)])


class SentFile(StreamingResponse):
    """A file that is sent piece by piece, and closed then, when the visitor leaves, or after MAX_SENDING
    seconds."""

    _unread: Counter[str] = Counter()  # files that are not fetched yet, by visitor
    _lock = threading.Lock()  # guards it

    def __init__(self, file: IO[bytes], media_type: str) -> None:
        self._file, self._visitor = file, visitor.get()
        self._count(1)
        length = str(file.seek(0, io.SEEK_END))
        file.seek(0)
        pieces = iter(functools.partial(file.read, PIECE), b"")
        super().__init__(pieces, media_type=media_type, headers={"Content-Length": length})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with contextlib.suppress(asyncio.TimeoutError):  # it is cut off
                await asyncio.wait_for(super().__call__(scope, receive, send), MAX_SENDING)
        finally:
            self._count(-1)
            self._file.close()

    def _count(self, files: int) -> None:
        with self._lock:
            self._unread[self._visitor] += files
            if not self._unread[self._visitor]:
                del self._unread[self._visitor]

    @classmethod
    def count_unread(cls) -> int:
        """How many files this visitor has not fetched yet."""
        return cls._unread[visitor.get()]


def judge_film(explorer: Explorer, payload: Payload) -> Response:
    """The class that the classifier sees in each frame, which frames are unlike digits, and both in words."""
    settings, frames = read_frames(explorer, payload)
    noun = get_noun(explorer.config)
    labels, unlike = film.classify_frames(explorer, frames), film.find_unlike(explorer, frames)
    sentences = [
        NO_CLASSIFIER
        if labels is None
        else _describe_classes([explorer.name_class(label) for label in labels], settings)
    ]
    sentences.append(
        NO_GAUGE.format(noun=noun) if unlike is None else film.describe_unlike(unlike, settings, noun)
    )
    return JSONResponse({"labels": labels or [], "unlike": unlike or [], "summary": " ".join(sentences)})


def _describe_classes(names: list[str], settings: Film) -> str:
    return "; ".join(film.describe_changes(names, settings) or [f"{names[0]} from beginning to end"]) + "."


def read_film(explorer: Explorer, payload: Payload) -> tuple[Film, Tensor]:
    """A film's settings and its keyframes (K, D); ValueError for a payload that describes none."""
    settings, keyframes = Film.from_settings(payload.get("film")), payload.get("keyframes")
    if not isinstance(keyframes, list):
        raise ValueError("keyframes is a list of latents.")
    if len(keyframes) > film.MAX_KEYFRAMES:
        raise ValueError(f"A film goes through 2 to {film.MAX_KEYFRAMES} latents, not {len(keyframes)}.")
    latents = [explorer.unpack({"fingerprint": payload.get("fingerprint"), "z": z}) for z in keyframes]
    if len(latents) < 2:
        raise ValueError("A film needs two keyframes.")
    budget.price_ways(settings, len(latents))
    return settings, torch.cat(latents)


def read_frames(explorer: Explorer, payload: Payload) -> tuple[Film, Tensor]:
    """A film's settings and its frames (N, C, H, W); ValueError for a payload that describes none."""
    settings, keyframes = read_film(explorer, payload)
    compute_ways(explorer, settings, keyframes)
    return settings, film.render_frames(explorer, settings, keyframes)


def compute_ways(explorer: Explorer, settings: Film, keyframes: Tensor) -> None:
    """Compute the shortest ways that a film takes, if it does, and keep them."""
    if settings.way == "geodesic":
        for _ in _find_geodesics(explorer, settings.split(keyframes)):
            pass


# ---------------------------------------------------------------------- the shortest way


def stream_geodesic(explorer: Explorer, payload: Payload) -> Response:
    """The shortest way between the keyframes of a film, as lines of JSON: {"done": share} after each step;
    at last the latents of each part, and how long each way is in pictures. Who closes the connection stops
    the work."""
    settings, keyframes = read_film(explorer, payload)
    paths.choose_way(explorer, "geodesic")
    lines = (json.dumps(line) + "\n" for line in find_way(explorer, settings.split(keyframes)))
    return StreamingResponse(lines, media_type=LINES)


def find_way(explorer: Explorer, parts: list[tuple[Tensor, Tensor]]) -> Iterator[dict[str, Any]]:
    """The lines of `stream_geodesic` for parts from a to b, each (D,)."""
    for done in _find_geodesics(explorer, parts):
        yield {"done": round(done, 3)}
    ways = [paths.find_geodesic(explorer, a, b).tolist() for a, b in parts]
    lengths = paths.measure_ways(explorer, parts)
    rows = [
        {"way": way, "title": paths.WAYS.get(way, ""), "length": length} for way, length in lengths.items()
    ]
    yield {"done": 1, "ways": ways, "lengths": rows, "space": paths.name_space(explorer)}


def _find_geodesics(explorer: Explorer, parts: list[tuple[Tensor, Tensor]]) -> Iterator[float]:
    """Compute and store what is not yet stored; yields the share in [0, 1] that is done after each step."""
    for number, (a, b) in enumerate(parts):
        if paths.get_stored(explorer, a, b) is not None:
            continue
        steps = paths.trace_geodesic(explorer, a, b)
        for step in steps:
            yield (number + step.number / geodesic.STEPS) / len(parts)
