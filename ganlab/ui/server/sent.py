"""Uploads that a page sends once and then names, with another part of them each time."""

from __future__ import annotations

import base64
import contextlib
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from ganlab import images
from ganlab.ui.server import reading

MAX_KEPT = 256_000_000  # bytes of all pictures, decoded: ten of 8 megapixels
MAX_AGE = 3600  # seconds since a picture was last used
NAME = re.compile(r"[\w-]{22}", re.ASCII)
QUALITY = 90  # of a JPEG that shows a page a picture which its browser cannot


class LostPictureError(ValueError):
    """A picture that the server does not have any more; the page sends it again."""


class SentPictures:
    """Decoded uploads by names that nobody can guess. Those not used for longest make room. Thread-safe."""

    def __init__(self, max_bytes: int = MAX_KEPT, now: Callable[[], float] = time.monotonic) -> None:
        self._max_bytes, self._now = max_bytes, now
        self._pictures: OrderedDict[str, tuple[float, np.ndarray]] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, pixels: np.ndarray) -> str:
        """Keep a picture that `images.read_pixels` has read; its name."""
        name = secrets.token_urlsafe(16)
        with self._lock:
            self._pictures[name] = self._now(), pixels
            self._drop()
        return name

    def add_again(self, name: str, pixels: np.ndarray) -> None:
        """Keep a picture under the name that it had, which is another's if it is taken."""
        with self._lock:
            self._pictures.setdefault(name, (self._now(), pixels))
            self._drop()

    def __contains__(self, name: object) -> bool:
        with self._lock:
            return name in self._pictures

    def get(self, name: object) -> np.ndarray:
        """The picture of a name; LostPictureError where there is none."""
        with self._lock:
            self._drop()
            if not isinstance(name, str) or name not in self._pictures:
                raise LostPictureError("This picture is not here any more; choose its file again.")
            pixels = self._pictures[name][1]
            self._pictures[name] = self._now(), pixels
            self._pictures.move_to_end(name)
            return pixels

    def _drop(self) -> None:
        """What is too old, and then what is too much; the newest stays."""
        total = sum(pixels.nbytes for _, pixels in self._pictures.values())
        while self._pictures:
            used, pixels = next(iter(self._pictures.values()))
            crowded = total > self._max_bytes and len(self._pictures) > 1
            if not crowded and self._now() - used <= MAX_AGE:
                return
            self._pictures.popitem(last=False)
            total -= pixels.nbytes


SENT = SentPictures()  # of all visitors: whoever knows a picture's name has sent it


def list_missing(event: dict[str, Any]) -> list[str]:
    """Names of pictures in a page's event that are not here: another process has them, or they were
    dropped."""
    data = event.get("data")
    values = [event.get("event_data"), *(data if isinstance(data, list) else ())]
    names = [value.get("upload") for value in values if isinstance(value, dict)]
    return [name for name in names if isinstance(name, str) and name not in SENT]


def take_again(event: dict[str, Any]) -> None:
    """Keep the pictures that a page sends along with an event since they were missing: {"uploads": {name:
    base64}}. What is no picture is left out; the event's handler says what is wrong."""
    sent = event.get("uploads")
    if not isinstance(sent, dict):
        return
    for name in list_missing(event):
        if NAME.fullmatch(name) and isinstance(content := sent.get(name), str):
            with contextlib.suppress(ValueError):
                SENT.add_again(name, images.read_pixels(base64.b64decode(content, validate=True)))


async def receive_upload(request: Request) -> Response:
    """The route that takes a picture's file as its body: its name here, and its size in pixels, upright. A
    page adds `preview` to the query: "yes" asks for the picture too, which its browser cannot show; and a
    file that is no picture is then {"refused": sentence}, since browsers report a status 400 as an error."""
    try:
        reading.check_query(request, ("preview",))
        reading.check_file_type(request.headers.get("content-type"))
    except ValueError as error:
        status = 415 if isinstance(error, reading.ContentTypeError) else 400
        return PlainTextResponse(reading.speak(error), status_code=status)
    content, preview = await request.body(), request.query_params.get("preview")
    try:
        pixels = await run_in_threadpool(images.read_pixels, content)
    except ValueError as error:
        if preview:
            return JSONResponse({"refused": reading.speak(error)})
        return PlainTextResponse(reading.speak(error), status_code=400)
    answer = {"upload": SENT.add(pixels), "width": pixels.shape[1], "height": pixels.shape[0]}
    if preview == "yes":
        answer["preview"] = await run_in_threadpool(_preview, pixels)
    return JSONResponse(answer)


def _preview(pixels: np.ndarray) -> str:
    """A picture that was read as a data: URI of a JPEG."""
    bytes_ = pixels if pixels.dtype == np.uint8 else (pixels * 255).round().astype(np.uint8)
    planes = torch.from_numpy(np.atleast_3d(bytes_).transpose(2, 0, 1).copy())
    (content,) = images.encode_jpegs(planes[None], QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(content).decode()
