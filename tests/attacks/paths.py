"""Names of files that lie elsewhere, wherever the app takes an address, a name or a picture."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from ganlab.ui.html.markup import STATIC

ROUTES = (
    "/",
    "/ganlab/static/",
    "/ganlab/static/lib/",
    "/ganlab/",
    "/assets/",
    "/static/",
    "/svelte/",
    "/gradio_api/",
    "/gradio_api/file=",
    "/gradio_api/file/",
    "/file=",
    "/gradio_api/static/",
    "/gradio_api/stream/",
    "/gradio_api/proxy=",
    "/gradio_api/custom_component/",
)
QUERIES = (
    "/ganlab/generator?model=",
    "/ganlab/training?index=0&model=",
    "/ganlab/judge?model=",
    "/?model=",
    "/?recipe=",
    "/ganlab/picture?model=mnist-bigan&recipe=",
)
UP = "../" * 12
BUNDLED = "mnist-bigan"


class Trick(NamedTuple):
    """A request: what is fetched, or with a body, what is sent."""

    target: str
    body: Any = None


def list_tricks(secret: Path, every: int = 1) -> Iterator[Trick]:
    """Requests for a secret file and for files of this machine; all, or every n-th."""
    for row, trick in enumerate(_list_all(secret)):
        if row % every == 0:
            yield trick


def _list_all(secret: Path) -> Iterator[Trick]:
    near = os.path.relpath(secret, STATIC / "lib")
    files = [str(secret), near, "/etc/passwd", "app.py", "../app.py", "checkpoints/mnist-bigan/config.json"]
    for route in ROUTES:
        for file in files:
            for written in dress(file):
                yield Trick(route + written)
    for query in QUERIES:
        for file in (str(secret.parent), str(secret), near, "/etc", "/etc/passwd", "file:///etc/passwd"):
            for written in (quote(file, safe=""), file.replace("/", "%5c"), quote(quote(file, safe=""))):
                yield Trick(query + written)
    for name in (str(secret), "/etc/passwd", f"{UP}etc/passwd", "file:///etc/passwd", "\\\\host\\share"):
        for part in (name, {"path": name}, [name], {"path": name, "meta": {"_type": "gradio.FileData"}}):
            yield Trick("/ganlab/view", {"model": BUNDLED, "upload": part, "polarity": "auto"})
            yield Trick("/ganlab/film", {"model": part, "keyframes": [[0], [0]], "film": {}, "kind": "gif"})
            yield Trick("/ganlab/ribbon", {"model": BUNDLED, "fingerprint": part, "keyframes": []})


def dress(file: str) -> Iterator[str]:
    """A file's name in the ways in which servers were deceived."""
    up = f"{UP}{file.lstrip('/')}"
    yield from (file, up, quote(file, safe=""), quote(up, safe=""), up.replace("../", "%2e%2e/"))
    yield from (up.replace("../", "..%2f"), up.replace("/", "%5c"), quote(quote(up, safe="")))
    yield from (
        up.replace("../", "....//"),
        up.replace("../", "..;/"),
        f"{file}%00.js",
        f"/{file}",
        f"./{up}",
    )
