"""Doors that should be closed: other names, other sites' pages, routes that nobody needs, bare answers."""

from __future__ import annotations

import httpx

from tests.attacks.figures import Figure, at_most
from tests.attacks.requests import connect
from tests.attacks.server import serve

PATHS = ("/", "/config", "/theme.css", "/ganlab/map?model=mnist-bigan", "/gradio_api/info")
NAMES = (
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example:7860",
    "192.168.1.5",
    "[2001:db8::1]",
    "x@y",
    "",
)
SITES = (
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:8888"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
)
WORK = (
    "/ganlab/generator?model=user/repo",
    "/ganlab/samples?model=mnist-bigan&count=1&seed=1",
    "/gradio_api/heartbeat/x",
)
# Routes that nobody needs, with other ways to write some of them. Whatever the method, they give 404.
CLOSED = (
    "/gradio_api/upload",
    "/gradio_api/upload/",
    "//gradio_api/upload",
    "/gradio_api//upload",
    "/gradio_api/%75pload",
    "/x/../gradio_api/upload",
    "/gradio_api/upload_progress?upload_id=1",
    "/gradio_api/file=app.py",
    "/gradio_api/file=/etc/passwd",
    "/gradio_api/file/app.py",
    "/gradio_api/proxy=https://a.example",
    "/gradio_api/stream/x",
    "/gradio_api/stream/a/b/c/playlist.m3u8",
    "/gradio_api/custom_component/a/b/c/d",
    "/gradio_api/component_server",
    "/gradio_api/heartbeat/" + "a" * 65,  # no session has such a name
    "/gradio_api/reset",
    "/gradio_api/deep_link",
    "/gradio_api/vibe-edit",
    "/gradio_api/process_recording",
    "/gradio_api/run/other",
    "/gradio_api/run/predict/",
    "/gradio_api/runs",
    "/gradio_api/api/predict",
    "/gradio_api/queue/join/",
    "/gradio_api/queue/status",
    "/gradio_api/user",
    "/gradio_api/token",
    "/gradio_api/dev/reload",
    "/gradio_api/profiling/summary",
    "/login",
    "/logout",
    "/monitoring",
    "/monitoring/summary",
    "/openapi.json",
    "/docs",
    "/.env",
)
MARKS = (
    "content-security-policy",
    "x-content-type-options",
    "referrer-policy",
    "cross-origin-resource-policy",
)
PICTURES = 4  # files of 1 MB that are pushed at the closed upload


def attack(short: bool) -> list[Figure]:
    """The short form is the same: it takes a second."""
    with serve() as server, connect(server) as client:
        calls = [
            *(("GET", path, {"Host": name}) for path in PATHS for name in NAMES),
            *(("GET", path, site) for path in WORK for site in SITES),
            *(
                ("POST", path, site)
                for path in ("/ganlab/upload", "/gradio_api/run/predict")
                for site in SITES
            ),
        ]
        entered = [call for call in calls if ask(client, *call).status_code != 403]
        opened = [
            path
            for path in CLOSED
            for method in ("GET", "POST")
            if ask(client, method, path).status_code != 404
        ]
        files = {"files": ("a.exe", b"x" * 1_000_000)}
        stored = sum(
            client.post("/gradio_api/upload", files=files).status_code != 404 for _ in range(PICTURES)
        )
        answers = [client.get(path) for path in ("/", "/theme.css", "/no-such", "/ganlab/map?model=x")]
        bare = sum(mark not in answer.headers for answer in answers for mark in MARKS)
    print(*entered, *opened, sep="\n")
    return [
        Figure("requests under other names or from other sites", len(calls)),
        at_most("of them that came in", len(entered), "", 0),
        Figure("routes that nobody needs", len(CLOSED)),
        at_most("of them that are open", len(opened), "", 0),
        at_most("files that the upload route took", stored, "", 0),
        at_most("headers that answers lack", bare, "", 0),
    ]


def ask(
    client: httpx.Client, method: str, path: str, headers: dict[str, str] | None = None
) -> httpx.Response:
    return client.request(method, path, headers=headers, content=b"" if method == "POST" else None)
