"""Whether the server is well (/health), and what it does in figures (/metrics, for Prometheus).

Both answer whoever asks from this machine directly; others only where the app was started with --metrics.
Neither names a visitor, a folder or what anybody sent.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, PlainTextResponse, Response

import ganlab
from ganlab.ui.server.models import Models
from ganlab.ui.server.proxy import FORWARDING, App, Message, Receive, Send, is_local

if TYPE_CHECKING:
    from ganlab.ui.server.metrics import Metrics

HEALTH, METRICS = "/health", "/metrics"
NEEDED = "/metrics needs the package prometheus-client: pip install 'ganlab[metrics]'."
LEFT = 499  # in place of a status, for a visitor who left before there was one


def build_metrics(models: Models, paths: set[str], required: bool) -> Metrics | None:
    """The figures of a server with the routes `paths`; None without the package that writes them, or
    ValueError where they are `required`."""
    if importlib.util.find_spec("prometheus_client") is None:
        if required:
            raise ValueError(f"--metrics: {NEEDED}")
        return None
    from ganlab.ui.server.metrics import Metrics

    return Metrics(models, paths)


class Meter:
    """Counts requests, how they were answered and how long that took (ASGI)."""

    def __init__(self, app: App, metrics: Metrics | None) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self.metrics is None:
            return await self.app(scope, receive, send)
        status, began = LEFT, time.perf_counter()

        async def send_noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_noted)
        finally:
            self.metrics.note(name_path(scope), status, time.perf_counter() - began)


class Health:
    """Answers HEALTH and METRICS; to those who may not see them, as if they were not there (ASGI).

    `shut`: a proxy may stand before the server that says nothing of its visitors, so that nobody is known to
    be at this machine. `public`: everybody may see them."""

    def __init__(
        self, app: App, models: Models, metrics: Metrics | None, public: bool = False, shut: bool = False
    ) -> None:
        self.app, self.metrics, self.public, self.shut = app, metrics, public, shut
        self.model = models.get(models.default).config.name  # its name, which is not where it lies
        self.answers: dict[str, Callable[[Message], Response]] = {
            HEALTH: self._describe,
            METRICS: self._write_metrics,
        }

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        answer = self.answers.get(name_path(scope)) if scope["type"] == "http" else None
        if answer is None:
            return await self.app(scope, receive, send)
        if not self.public and (self.shut or not is_direct(scope)):
            response: Response = PlainTextResponse("Not Found", status_code=404)
        elif scope["method"] not in ("GET", "HEAD"):
            response = PlainTextResponse(
                "This answers GET only.", status_code=405, headers={"Allow": "GET, HEAD"}
            )
        else:
            response = answer(scope)
        await response(scope, receive, send)

    def _describe(self, scope: Message) -> Response:
        """This answers as soon as pages are served: the model is loaded before."""
        return JSONResponse({"ready": True, "model": self.model, "version": ganlab.__version__})

    def _write_metrics(self, scope: Message) -> Response:
        if self.metrics is None:
            return PlainTextResponse(NEEDED, status_code=404)
        return Response(self.metrics.write(scope["app"]), media_type=self.metrics.media_type)


def name_path(scope: Message) -> str:
    """A request's path below the root path."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", "").rstrip("/")) or "/"


def is_direct(scope: Message) -> bool:
    """Whether a request comes from this machine, and through no proxy that says so."""
    return is_local(scope.get("client")) and not any(name in FORWARDING for name, _ in scope["headers"])
