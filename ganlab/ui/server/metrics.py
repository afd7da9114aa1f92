"""What the server does, in figures that Prometheus reads. Needs the package prometheus-client."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from ganlab.ui.server import budget
from ganlab.ui.server.models import Models

BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)  # seconds
API = re.compile(r"/gradio_api/(run/predict|run|api|call|queue/join|queue/data|heartbeat|upload|mcp|file)\b")
FILES = re.compile(r"/(assets|static|svelte|ganlab/static)/|/(theme\.css|favicon\.ico|manifest\.json)$")
LINES = {
    "clicks": budget.QUICK,
    "long": budget.LONG,
    "maps": budget.MAPS,
    "parts": budget.PARTS,
    "bodies": budget.BODIES,
}
# What stays open for as long as a page does is counted, but says nothing of how quick the server is.
OPEN = {"heartbeat", "queue/data"}


class Metrics:
    """The figures of one process. `paths` are those of our own routes."""

    media_type = CONTENT_TYPE_LATEST

    def __init__(self, models: Models, paths: Iterable[str]) -> None:
        self.paths = frozenset(paths)
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "ganlab_requests", "Requests by route and status.", ["route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "ganlab_request_seconds",
            "From a request to the end of its answer.",
            ["route"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        ProcessCollector(registry=self.registry)  # memory, seconds of computing, open files
        self.state = State(models)
        self.registry.register(self.state)

    def note(self, path: str, status: int, seconds: float) -> None:
        """A request to a path (below the root path) was answered."""
        route = self.name_route(path)
        self.requests.labels(route, str(status)).inc()
        if route not in OPEN:
            self.seconds.labels(route).observe(seconds)

    def name_route(self, path: str) -> str:
        """A path as one of few names, however many paths anybody asks for."""
        if path in self.paths:
            return path.lstrip("/")
        if match := API.match(path):
            return match[1]
        if FILES.match(path):
            return "files"
        return "page" if path == "/" else "other"

    def write(self, server: Any) -> bytes:
        """All figures in Prometheus's text format; `server` is Gradio's."""
        self.state.server = server
        return generate_latest(self.registry)


class State(Collector):
    """What is there now."""

    def __init__(self, models: Models) -> None:
        self.models, self.server = models, None

    def collect(self) -> Iterator[Metric]:
        server: Any = self.server
        if server is None:  # when it is registered
            return
        queue = server.get_blocks()._queue
        yield GaugeMetricFamily(
            "ganlab_sessions", "Pages whose state is kept.", len(server.state_holder.session_data)
        )
        yield GaugeMetricFamily("ganlab_queue_waiting", "Events that wait in Gradio's queue.", len(queue))
        waiting = GaugeMetricFamily("ganlab_waiting", "Requests that wait, by line.", labels=["line"])
        working = GaugeMetricFamily("ganlab_working", "Requests at work, by line.", labels=["line"])
        for name, line in LINES.items():
            waiting.add_metric([name], line.waiting)
            working.add_metric([name], len(line.working))
        yield from (waiting, working)
        loaded, loads = self.models.count_loaded()
        yield GaugeMetricFamily("ganlab_models_loaded", "Models in memory.", loaded)
        yield CounterMetricFamily("ganlab_model_loads", "Models that were loaded since the start.", loads)
