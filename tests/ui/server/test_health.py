"""/health and /metrics: what they tell, and whom."""

from __future__ import annotations

import importlib.util
import json
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from ganlab.ui.server import health
from ganlab.ui.server.models import Models
from tests.ui.server.test_launch import request

HERE, OUTSIDE = "127.0.0.1", "203.0.113.5"


def build(folder: Any, **settings: Any) -> Starlette:
    """A small app behind both, with the parts of Gradio's that the figures are read from."""
    models = Models(str(folder))
    metrics = health.build_metrics(models, {"/ganlab/samples"}, required=False)

    def answer(request: Any) -> PlainTextResponse:
        return PlainTextResponse("no", status_code=404 if "none" in request.url.path else 200)

    app = Starlette(
        routes=[Route("/{path:path}", answer, methods=["GET", "POST"])],
        middleware=[
            Middleware(health.Meter, metrics),
            Middleware(health.Health, models, metrics, **settings),
        ],
    )
    app.state_holder = SimpleNamespace(session_data={"ann": 1, "bob": 2})  # type: ignore[attr-defined]
    app.get_blocks = lambda: SimpleNamespace(_queue=[1])  # type: ignore[attr-defined]
    return app


def read(text: str) -> dict[str, float]:
    """Values by name and labels."""
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_health_names_the_model_and_not_its_folder(tiny_folder: Any) -> None:
    answer = TestClient(build(tiny_folder), client=(HERE, 1)).get("/health")
    assert answer.json()["ready"] is True
    assert answer.json()["model"] == "tiny"
    assert str(tiny_folder.parent) not in answer.text


@pytest.mark.parametrize("path", [health.HEALTH, health.METRICS])
def test_others_do_not_see_that_they_are_there(tiny_folder: Any, path: str) -> None:
    app, behind = build(tiny_folder), build(tiny_folder, shut=True)
    assert TestClient(app, client=(HERE, 1)).get(path).status_code == 200
    assert TestClient(app, client=(OUTSIDE, 1)).get(path).status_code == 404
    assert TestClient(app, client=(HERE, 1)).get(path, headers={"Via": "proxy"}).status_code == 404
    assert TestClient(behind, client=(HERE, 1)).get(path).status_code == 404
    public = TestClient(build(tiny_folder, public=True, shut=True), client=(OUTSIDE, 1))
    assert public.get(path).status_code == 200
    assert public.head(path).status_code == 200
    assert public.post(path).status_code == 405


def test_requests_are_counted_by_few_names(tiny_folder: Any) -> None:
    client = TestClient(build(tiny_folder), client=(HERE, 1))
    for path in ("/ganlab/samples?seed=1", "/ganlab/samples?seed=2", "/none/1", "/none/2", "/ganlab/other"):
        client.get(path)
    client.post("/gradio_api/run/predict")
    client.get("/gradio_api/heartbeat/secret-session")
    text = client.get("/metrics").text
    figures = read(text)
    assert figures["ganlab_requests_total ganlab/samples 200"] == 2
    assert figures["ganlab_requests_total other 404"] == 2
    assert figures["ganlab_requests_total other 200"] == 1
    assert figures["ganlab_requests_total run/predict 200"] == 1
    assert figures["ganlab_requests_total heartbeat 200"] == 1
    assert figures["ganlab_request_seconds_count ganlab/samples"] == 2
    assert "ganlab_request_seconds_count heartbeat" not in figures
    assert "secret" not in text
    assert figures["ganlab_sessions"] == 2
    assert figures["ganlab_queue_waiting"] == 1
    assert figures["ganlab_waiting clicks"] == figures["ganlab_working long"] == 0
    assert figures["ganlab_models_loaded"] == figures["ganlab_model_loads_total"] == 1
    assert figures["process_resident_memory_bytes"] > 1e6


def test_a_visitor_who_leaves_is_counted_too(tiny_folder: Any) -> None:
    app = build(tiny_folder)

    def leave(request: Any) -> None:
        raise ConnectionError

    app.router.routes[:] = [Route("/{path:path}", leave)]
    client = TestClient(app, client=(HERE, 1), raise_server_exceptions=False)
    client.get("/")
    figures = read(client.get("/metrics").text)
    assert figures["ganlab_requests_total page 499"] == 1


def test_without_the_package_it_is_named(tiny_folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    client = TestClient(build(tiny_folder), client=(HERE, 1))
    assert client.get("/health").status_code == 200
    assert "pip install" in client.get("/metrics").text
    with pytest.raises(ValueError, match=r"--metrics.*pip install"):
        health.build_metrics(Models(str(tiny_folder)), set(), required=True)


def test_the_app_has_both(server: str) -> None:
    status, text = request(server, "GET", "/health")
    assert (status, json.loads(text)["model"]) == (200, "mnist-bigan")
    request(server, "GET", "/ganlab/samples?model=mnist-bigan&count=1&seed=1")
    status, text = request(server, "GET", "/metrics")
    figures = read(text.decode())
    assert figures["ganlab_requests_total ganlab/samples 200"] >= 1
    assert "ganlab_sessions" in figures
