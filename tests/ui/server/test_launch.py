"""The server's edges: what it refuses, and that it tells nobody more than it must."""

from __future__ import annotations

import http.client
import json
import re
from urllib.parse import urlsplit

import pytest

from ganlab.ui.server import launch
from ganlab.ui.server.models import Models


def request(
    server: str, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    address = urlsplit(server)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=300)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_as_many_connections_are_allowed_as_the_system_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    calls: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: calls.append(limits))
    endless = resource.RLIM_INFINITY
    for limits in (
        (1024, 4096),
        (1024, 10**6),
        (1024, endless),
        (4096, 4096),
        (10**6, 10**6),
        (endless, endless),
    ):
        monkeypatch.setattr(resource, "getrlimit", lambda _, limits=limits: limits)
        launch.allow_connections()
    assert calls == [(4096, 4096), (launch.MAX_OPEN, 10**6), (launch.MAX_OPEN, endless)]


def test_a_part_of_a_file_that_is_none_is_refused_in_a_sentence(server: str) -> None:
    path = "/ganlab/static/lib/film.js"
    for asked, status, said in (
        ("bytes=0-1", 206, b"//"),
        ("lines=1-2", 400, b"The header Range is written bytes=FIRST-LAST."),
        ("bytes=5-2", 400, b"The header Range is written bytes=FIRST-LAST."),
        ("bytes=99999999-", 416, b"This file does not have these bytes."),
    ):
        assert request(server, "GET", path, headers={"Range": asked}) == (status, said)


def test_the_raw_api_is_closed(server: str) -> None:
    body = json.dumps({"data": [4, 0, 1.0, ""]}).encode()
    for path in ("/gradio_api/run/sample", "/gradio_api/api/sample"):
        status, _ = request(server, "POST", path, body, {"Content-Type": "application/json"})
        assert status >= 400, path


def test_monitoring_and_files_are_closed(server: str) -> None:
    for path in (
        "/monitoring",
        "/gradio_api/monitoring/summary",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=app.py",
        "/gradio_api/file=checkpoints/mnist-bigan/config.json",
    ):
        status, text = request(server, "GET", path)
        assert status >= 400, (path, text[:200])


def test_the_page_names_no_outside_address(server: str) -> None:
    _, page = request(server, "GET", "/")
    assert b"fonts.googleapis.com" not in page
    assert b'"analytics_enabled":false' in page.replace(b" ", b"")


def test_safe_defaults() -> None:
    settings = launch.build_settings(Models("mnist-bigan"), "127.0.0.1", 7860)
    assert settings["share"] is False
    assert settings["show_error"] is False
    assert settings["enable_monitoring"] is False
    assert settings["strict_cors"] is True
    assert "allowed_paths" not in settings
    for module in launch.PRELOADED:
        assert f"ganlab/static/lib/{module}.js" in settings["head"]
        assert (launch.STATIC / "lib" / f"{module}.js").is_file()


def test_the_page_fetches_ahead_all_that_the_studio_imports() -> None:
    fetched = re.findall(r'href="ganlab/static/lib/([\w-]+)\.js"', launch.build_head())
    assert len(fetched) == len(set(fetched))
    assert {"studio", "sliders", "kernel"} <= set(fetched)  # by way of others
    assert "codemap" not in fetched
    for module in fetched:
        text = (launch.STATIC / "lib" / f"{module}.js").read_text(encoding="utf-8")
        imports = re.findall(r"^(?:import|export)\b[^;]*'\./([\w-]+)\.js';", text, re.MULTILINE)
        assert set(imports) <= set(fetched), module
