"""A page of the app without a browser: it fetches what a browser does, and talks as Gradio's front end does.

Requests to /run/predict are put together from the page's own settings, as the front end does it: values of
the components that the handler reads, states as null, which event it was. Answers change these values.
"""

from __future__ import annotations

import asyncio
import contextlib
import html
import json
import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

import httpx

# Headers of the page, see ganlab/ui/server/visits.py: which version of the state it shows, and its own name.
VISIT, STATE, TAB = "x-ganlab-visit", "x-ganlab-state", "x-ganlab-tab"
RESTORING = "new"
SHELF = {"current": "data-item", "ends": "data-items", "kept": "data-kept"}
PATIENCE = httpx.Timeout(120, connect=30)
BUSY = 503  # with JSON: Gradio's queue, or the app, is full; the page asks again
TICKET = "x-ganlab-turn"  # names a request that may wait, see ganlab/ui/server/turns.py
TURNS = re.compile(r"/gradio_api/run/|^/ganlab/(?!static/|turn\b)\w+")  # addresses of what waits for turns
CALM = 1.0  # seconds without an answer before the page asks for its place
MAX_PAUSES = 30  # 2 s apart
MAX_RECONNECTS = 3
AS_A_BROWSER = {"Accept-Encoding": "gzip, deflate, br", "Sec-Fetch-Site": "same-origin"}


class RefusedError(Exception):
    """What a visitor would see as an error; its text says of what kind."""


class Page:
    """An open page of one visitor, who comes from an address of their own."""

    def __init__(self, url: str, address: str) -> None:
        self.url, self.session = url, secrets.token_hex(6)
        transport = httpx.AsyncHTTPTransport(verify=False, local_address=address)
        self.client = httpx.AsyncClient(
            base_url=url,
            transport=transport,
            timeout=PATIENCE,
            headers={**AS_A_BROWSER, "Origin": url, TAB: self.session},
            trust_env=False,
        )
        self.config: dict[str, Any] = {}
        self.values: dict[int, Any] = {}  # of components; states stay on the server
        self.states: set[int] = set()
        self.notices: set[int] = set()  # components in which errors of use are written
        self.tags: dict[str, str] = {}  # ETags of what the browser keeps
        self.query = ""
        self.pauses = 0  # times that the server was busy
        self.reconnects = 0  # times that it had closed a connection
        self.tickets = 0
        self.places: list[int] = []  # in the line, of requests that waited longer than a moment
        self.version = "0"  # of the state that the page shows
        self.restores = 0  # times that it put its state back
        self._heart: asyncio.Task[None] | None = None

    # ------------------------------------------------------------------ opening and closing

    async def open(self, assets: Iterable[str], query: str = "") -> None:
        """The document, its scripts and style sheets, six at a time as browsers do, and the heartbeat."""
        self.query = query
        document = await self.get(f"/{query}")
        config = document.text.split("gradio_config = ", 1)[1]
        self.config = json.JSONDecoder().raw_decode(config)[0]
        parts = self.config["components"]
        self.states = {part["id"] for part in parts if part["type"] == "state"}
        self.notices = {
            part["id"] for part in parts if "gl-notices" in (part["props"].get("elem_classes") or ())
        }
        self.values = {
            part["id"]: None if part["id"] in self.states else part["props"].get("value") for part in parts
        }
        turn = asyncio.Semaphore(6)

        async def fetch(path: str) -> None:
            async with turn:
                await self.get(path)

        await asyncio.gather(*(fetch(path) for path in assets if not self._keeps(path)))
        if self._heart is None:
            self._heart = asyncio.create_task(self._beat())

    def _keeps(self, path: str) -> bool:
        """Whether a browser takes a file that it has without asking: those of Gradio, named by their hash."""
        return path.startswith("/assets/") and path in self.tags

    async def _beat(self) -> None:
        with contextlib.suppress(httpx.HTTPError):
            async with self.client.stream(
                "GET", f"/gradio_api/heartbeat/{self.session}", timeout=httpx.Timeout(None, connect=30)
            ) as answer:
                async for _ in answer.aiter_raw():
                    pass

    async def close(self) -> None:
        if self._heart is not None:
            self._heart.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._heart
        await self.client.aclose()

    # ------------------------------------------------------------------ requests

    async def get(self, path: str) -> httpx.Response:
        """A file or an answer of a route of ours; one that the browser has is asked for by its tag."""
        headers = {"If-None-Match": self.tags[path]} if path in self.tags else {}
        answer = await self._insist("GET", path, headers=headers)
        if answer.status_code not in (200, 304):
            raise RefusedError(f"{answer.status_code} of {path.split('?')[0]}: {answer.text[:120]}")
        if tag := answer.headers.get("etag", "-" if path.startswith("/assets/") else ""):
            self.tags[path] = tag
        return answer

    async def post(self, path: str, body: Mapping[str, Any] | bytes) -> httpx.Response:
        """A request to a route of ours."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        answer = await self._insist("POST", path, content=content, headers={"Content-Type": kind})
        if answer.status_code != 200:
            raise RefusedError(f"{answer.status_code} of {path.split('?')[0]}: {answer.text[:120]}")
        return answer

    async def _insist(self, method: str, path: str, **settings: Any) -> httpx.Response:
        """An answer; while the server says that it is busy, the page asks again."""
        for _ in range(MAX_PAUSES):
            answer = await self._request(method, path, **settings)
            if answer.status_code != BUSY or "/gradio_api/" not in path:
                return answer
            self.pauses += 1
            await asyncio.sleep(2)
        return answer

    async def _request(self, method: str, path: str, **settings: Any) -> httpx.Response:
        """An answer; where the server had closed the connection meanwhile, by another, as browsers do."""
        self.tickets += 1
        ticket = f"{self.session}-{self.tickets}"
        waits = TURNS.search(path) is not None
        for _ in range(MAX_RECONNECTS):
            looking = asyncio.create_task(self._look(ticket)) if waits else None
            try:
                return await self._send(method, path, ticket if waits else "", **settings)
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                self.reconnects += 1
            except httpx.HTTPError as error:
                raise RefusedError(f"{type(error).__name__} of {path.split('?')[0]}") from None
            finally:
                if looking is not None:
                    looking.cancel()
        raise RefusedError(f"no answer of {path.split('?')[0]}")

    async def _send(self, method: str, path: str, ticket: str, **settings: Any) -> httpx.Response:
        headers = {**settings.pop("headers", {}), **({TICKET: ticket} if ticket else {})}
        return await self.client.request(method, path, headers=headers, **settings)

    async def _look(self, ticket: str) -> None:
        """Ask each second how many requests are before one that waits, as the page does to show it."""
        with contextlib.suppress(httpx.HTTPError, ValueError):
            while True:
                await asyncio.sleep(CALM)
                answer = await self.client.get("/ganlab/turn", params={"ticket": ticket})
                if answer.status_code == 200 and (before := answer.json()["before"]):
                    self.places.append(before)

    # ------------------------------------------------------------------ events

    def find(self, event: str, elem_id: str | None = None, number: int = 0) -> dict[str, Any]:
        """The handler of an event, of a component with an id, or of the `number`-th that sends it."""
        parts = {part["id"]: part["props"].get("elem_id") for part in self.config["components"]}
        matches = [
            (source, handler)
            for handler in self.config["dependencies"]
            for source, name in handler["targets"]
            if name == event and (elem_id is None or parts.get(source) == elem_id)
        ]
        source, handler = sorted(matches, key=lambda match: match[0])[number]
        return {"source": source, **handler}

    def value_of(self, elem_id: str) -> Any:
        """What a component shows."""
        (part,) = [part for part in self.config["components"] if part["props"].get("elem_id") == elem_id]
        return self.values[part["id"]]

    async def select(self, tab: str) -> None:
        """Open a tab, by its name in addresses."""
        names = [part for part in self.config["components"] if part["type"] == "tabitem"]
        (index,) = [i for i, part in enumerate(names) if part["props"].get("elem_id") == f"tab-{tab}"]
        label = names[index]["props"]["label"]
        await self.send("select", f"tab-{tab}", {"value": label, "index": index})

    async def send(
        self, event: str, elem_id: str | None = None, data: Any = None, *, value: Any = None, number: int = 0
    ) -> None:
        """An event, which carries `data`, of a component that holds `value` now; then what its answer sets
        off. RefusedError for what the visitor would see as an error."""
        handler = self.find(event, elem_id, number)
        if value is not None:
            self.values[handler["source"]] = value
        await self._call(handler, handler["source"], data)

    async def _call(self, handler: Mapping[str, Any], source: int | None, data: Any) -> None:
        settings = self.write_event(handler, source, {} if data is None else data)
        answer = await self._insist("POST", f"/gradio_api/run/predict{self.query}", **settings)
        if answer.headers.get(VISIT) == "lost" and self.version != RESTORING:
            await self.restore()
            return await self._call(handler, source, data)
        if answer.status_code != 200:
            raise RefusedError(f"{answer.status_code} of /run/predict: {answer.text[:120]}")
        result = answer.json()
        if "data" not in result:
            raise RefusedError(f"error of /run/predict: {str(result)[:120]}")
        self.version = answer.headers.get(STATE, self.version)
        await self._apply(handler, result["data"])

    async def restore(self) -> None:
        """Put back the state that the server does not have, as static/lib/visit.js does."""
        shelf = {name: self.read(f"gl-{name}", key) for name, key in SHELF.items()}
        where = {"tab": self.read("", "data-tab"), "model": self.read("", "data-choice")}
        data = {"kind": "restored", "restoring": True, **where}
        data |= {name: json.loads(text) for name, text in shelf.items()}
        data["checkpoint"] = self.read("gl-current", "data-fingerprint")
        handler = self.find("arrive")
        self.version = RESTORING
        self.restores += 1
        await self._call(handler, handler["source"], data)

    def read(self, name: str, attribute: str) -> str:
        """An attribute of what the page shows, of the first element that has a class, or of any."""
        texts = [text for text in self.values.values() if isinstance(text, str) and f" {attribute}=" in text]
        (found, *_) = [text for text in texts if f'class="{name}"' in text or not name]
        return html.unescape(found.split(f' {attribute}="', 1)[1].split('"', 1)[0])

    def write_event(self, handler: Mapping[str, Any], source: int | None, data: Any) -> dict[str, Any]:
        """Body and headers of an event."""
        body = {
            "data": [self.values.get(number) for number in handler["inputs"]],
            "event_data": data,
            "fn_index": handler["id"],
            "trigger_id": source,
            "session_hash": self.session,
        }
        mark = RESTORING if self.version == RESTORING else f"open {self.version}"
        headers = {"Content-Type": "application/json", "x-gradio-user": "app", VISIT: mark}
        return {"content": json.dumps(body).encode(), "headers": headers}

    async def _apply(self, handler: Mapping[str, Any], results: list[Any]) -> None:
        """Show an answer; send what follows it: a `then`, and the change of controls."""
        changed = []
        for number, result in zip(handler["outputs"], results, strict=True):
            if isinstance(result, dict) and result.get("__type__") == "update":
                if "value" not in result:
                    continue
                result = result["value"]
            if number not in self.states and self.values.get(number) != result:
                self.values[number] = result
                changed.append(number)
        for number in self.notices.intersection(changed):
            if self.values[number]:
                raise RefusedError(f"the page says: {re.sub('<[^>]*>', '', self.values[number])[:160]}")
        for follower in self.config["dependencies"]:
            if follower["trigger_after"] == handler["id"]:
                await self._call(follower, None, None)
            for source, name in follower["targets"]:
                if name == "change" and source in changed:
                    await self._call(follower, source, None)

    async def stream(self, event: str, elem_id: str, data: Any, most: float) -> int:
        """An event that is answered in parts, through Gradio's queue; how many came within `most` seconds,
        after which the visitor goes on to something else."""
        handler = self.find(event, elem_id)
        settings = self.write_event(handler, handler["source"], data)
        answer = await self._insist("POST", "/gradio_api/queue/join", **settings)
        if answer.status_code != 200:
            raise RefusedError(f"{answer.status_code} of /queue/join: {answer.text[:120]}")
        parts = 0
        with contextlib.suppress(asyncio.TimeoutError, TimeoutError):
            parts = await asyncio.wait_for(self._follow(handler), most)
        return parts

    async def _follow(self, handler: Mapping[str, Any]) -> int:
        parts = 0
        query = {"session_hash": self.session}
        async with self.client.stream("GET", "/gradio_api/queue/data", params=query) as answer:
            if answer.status_code != 200:
                raise RefusedError(f"{answer.status_code} of /queue/data")
            async for line in answer.aiter_lines():
                if not line.startswith("data:"):
                    continue
                message = json.loads(line[5:])
                if message["msg"] in ("process_completed", "unexpected_error") and not message.get("success"):
                    raise RefusedError(f"error of /queue/data: {str(message)[:160]}")
                if message["msg"] in ("process_generating", "process_completed"):
                    parts += 1
                if message["msg"] in ("process_completed", "close_stream"):
                    return parts
        return parts
