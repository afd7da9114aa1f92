"""Hostile files and path tricks: nothing crashes, nothing grows, nothing is read that was not offered."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from tests.attacks import hostile, paths
from tests.attacks.figures import Figure, at_most
from tests.attacks.page import STATE, Page
from tests.attacks.server import Server, serve

SECRET = "the-secret-of-another-folder-5f1c"
READ = re.compile(rf"{SECRET}|root:.?:0:0:|def main\(arguments".encode())  # of files that nobody offers
# What only Python says.
PYTHON = re.compile(rb"Traceback|NoneType|object has no attribute|\w+Error[:(]|line \d+, in |site-packages")
MAX_GROWTH = 320  # MB, of the server, while all files are sent: it keeps 256 MB of pictures for their pages
ADDRESS = "127.0.0.77"
UPLOAD = "/ganlab/upload?preview=no"
MODEL = "mnist-bigan-plus"
BY_PAD = 5  # every n-th file is sent by the pad too
SHORT = 45  # every n-th file and trick in the short form
PATIENCE = 60  # seconds


class Answer(NamedTuple):
    """Status 0: none came."""

    status: int
    content: bytes
    seconds: float
    target: str


def attack(short: bool) -> list[Figure]:
    """All files, then all path tricks."""
    every = SHORT if short else 1
    with serve() as server, tempfile.TemporaryDirectory() as folder:
        secret = Path(folder) / "secret.txt"
        secret.write_text(SECRET)
        return asyncio.run(_attack(server, secret, every))


async def _attack(server: Server, secret: Path, every: int) -> list[Figure]:
    before = await encode_digit(server)
    start, most = server.memory(), [0]
    files = [answer async for answer in send_files(server, every, start, most)]
    tricks = [
        await send(server, trick.target, None if trick.body is None else json.dumps(trick.body).encode())
        for trick in paths.list_tricks(secret, every)
    ]
    answers = [*files, *tricks]
    crashes = [answer for answer in answers if answer.status == 0 or answer.status >= 500]
    reads = [answer for answer in answers if READ.search(answer.content)]
    lost = sum(answer.status == 409 for answer in answers)
    python = [answer for answer in answers if answer.status >= 400 and PYTHON.search(answer.content)]
    log = len(re.findall("Traceback", server.log()))
    for answer in [*crashes, *reads, *python][:10]:
        print("  ", answer.status, answer.target[:80], answer.content[:160], flush=True)
    print("  statuses:", dict(Counter(answer.status for answer in answers)), flush=True)
    same = await encode_digit(server) == before
    return [
        Figure("hostile files sent", len(files)),
        Figure("path tricks", len(tricks)),
        Figure("no answer, or a status of 500 and above", len(crashes), "", 0, not crashes),
        Figure("answers that hold a file nobody offers", len(reads), "", 0, not reads),
        Figure("refusals in Python's own words", len(python), "", 0, not python),
        Figure("stack traces in the server's log", log, "", 0, log == 0),
        Figure("events refused as another page's", lost, "", 0, lost == 0),
        Figure("longest answer", max(answer.seconds for answer in files), "s"),
        at_most("growth of memory at most", most[0] / 1e6, "MB", MAX_GROWTH),
        Figure("a digit is encoded as before", "yes" if same else "no", "", "yes", same),
    ]


async def send_files(server: Server, every: int, start: int, most: list[int]) -> AsyncIterator[Answer]:
    """The answer to each file by the upload route, and of some by the pad; notes how memory grows."""
    page = Page(server.url, ADDRESS)
    await page.open(())
    try:
        for row, file in enumerate(hostile.list_files(every)):
            yield await send(server, UPLOAD, file.content)
            if row % BY_PAD == 0:
                yield await send_by_pad(page, file.content)
            if row % 10 == 0:
                most[0] = max(most[0], server.memory() - start)
    finally:
        await page.close()


async def send_by_pad(page: Page, content: bytes) -> Answer:
    """A file as a drawing, in the way of the page."""
    handler = page.find("picture")
    uri = "data:image/png;base64," + base64.b64encode(content).decode()
    page.values[handler["source"]] = {"kind": "draw", "picture": uri, "key": "hostile"}
    body = page.write_event(handler, handler["source"], {})
    began = time.monotonic()
    answer = await page.client.post("/gradio_api/run/predict", **body)
    page.version = answer.headers.get(STATE, page.version)
    return Answer(answer.status_code, answer.content, time.monotonic() - began, "the pad")


async def encode_digit(server: Server) -> bytes:
    """What the app makes of a picture that is right."""
    answer = await send(server, UPLOAD, hostile.draw_file("PNG"))
    part = {"model": MODEL, "upload": json.loads(answer.content)["upload"], "polarity": "auto"}
    return (await send(server, "/ganlab/view", json.dumps(part).encode())).content


async def send(server: Server, target: str, body: bytes | None = None) -> Answer:
    """A request whose target is sent as it is: libraries would put it right."""
    began, parts = time.monotonic(), urlsplit(server.url)
    host = f"{parts.hostname}:{parts.port}"
    method = "GET" if body is None else "POST"
    lines = [f"{method} {target.replace(' ', '%20')} HTTP/1.1", f"Host: {host}", "Connection: close"]
    if body is not None:
        kind = "application/octet-stream" if "/upload" in target else "application/json"
        lines += [f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    content = b""
    with contextlib.suppress(OSError, asyncio.TimeoutError):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, local_addr=(ADDRESS, 0))
        with contextlib.closing(writer):
            writer.write("\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + (body or b""))
            with contextlib.suppress(ConnectionError):
                await writer.drain()
            content = await asyncio.wait_for(reader.read(), PATIENCE)
    status = re.match(rb"HTTP/1\.1 (\d+)", content)
    _, _, content = content.partition(b"\r\n\r\n")
    return Answer(int(status[1]) if status else 0, content, time.monotonic() - began, target)
