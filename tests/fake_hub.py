"""A local server that answers the Hub's client as the Hub does, and badly where it is wanted.

It holds repositories as files by name, takes commits, and records what it is asked for.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import http.server
import json
import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

# What can be wrong with an answer: none comes; a byte comes now and then; it is an error of the Hub's, or
# says no; it ends in the middle; it is a page; it announces gigabytes; it goes on without end though it
# announced little, or unpacks to that; it is other bytes than before; its tag is a path; it lies at another
# host, as the Hub's large files do; it redirects for ever.
SILENT, DRIP, ERROR, REFUSAL, HALF, HTML, HUGE, ENDLESS, BOMB, CHANGED, PATH, ELSEWHERE, LOOP = (
    "silent", "drip", "error", "refusal", "half", "html", "huge", "endless", "bomb", "changed", "path",
    "elsewhere", "loop",
)  # fmt: skip
BOMB_CONTENT = gzip.compress(bytes(6_000_000))
PAGE = b"<!doctype html><title>Sign in</title><p>Welcome to the network of this hotel"


class Request(NamedTuple):
    """What was asked for, and by whom."""

    method: str
    path: str
    token: str  # the header Authorization


class Hub:
    """The server. `faults` maps the end of a path to what is wrong with its answers; "" is all of them."""

    def __init__(self) -> None:
        self.files: dict[str, dict[str, bytes]] = {}  # by repository, of its newest commit
        self.commits: dict[str, dict[str, dict[str, bytes]]] = {}  # by repository and commit
        self.faults: dict[str, str] = {}
        self.requests: list[Request] = []
        self.objects: dict[str, bytes] = {}  # large files by their sum
        self.elsewhere: Hub | None = None  # the host of large files
        self.closing = threading.Event()
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self) -> None:
                hub.answer(self)

            do_GET = do_HEAD = do_POST = do_PUT = answer  # noqa: N815

            def log_message(self, *arguments: object) -> None: ...

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Stop answering: from now on no Hub is reached."""
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()

    def put(self, repo: str, files: Mapping[str, bytes]) -> str:
        """A commit that leaves these files in a repository; its 40 digits."""
        content = repr(sorted(files.items())).encode()
        commit = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        self.files[repo] = dict(files)
        self.commits.setdefault(repo, {})[commit] = self.files[repo]
        return commit

    def put_folder(self, repo: str, folder: Path) -> str:
        """A commit of a folder's files."""
        paths = [path for path in folder.rglob("*") if path.is_file()]
        return self.put(repo, {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths})

    @property
    def paths(self) -> list[str]:
        """The paths asked for."""
        return [request.path for request in self.requests]

    # ------------------------------------------------------------------ answers

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        path = request.path.split("?")[0]
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        self.requests.append(Request(request.command, path, request.headers.get("Authorization", "")))
        fault = next((fault for end, fault in self.faults.items() if path.endswith(end)), "")
        try:
            if fault == SILENT:
                self.closing.wait(60)
            elif fault == ERROR:
                self.send(request, 500, b"")
            elif fault == REFUSAL:
                self.send(request, 403, b"")
            elif fault == LOOP:
                self.send(request, 302, b"", {"Location": path})
            elif matched := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
                self.send_file(request, *matched.groups(), fault=fault)
            elif fault == HTML:
                self.send(request, 200, PAGE, {"Content-Type": "text/html"})
            elif request.command == "GET" and path[1:] in self.objects:
                self.send(request, 200, self.objects[path[1:]])
            else:
                self.send(request, *self.take(request.command, path, body))
        except (ConnectionError, TimeoutError):  # the client has left
            request.close_connection = True

    def send_file(
        self, request: http.server.BaseHTTPRequestHandler, repo: str, revision: str, name: str, fault: str
    ) -> None:
        """A file of a revision, with what is wrong with it."""
        if repo not in self.commits:
            return self.send(request, 404, b"", {"X-Error-Code": "RepoNotFound"})
        *_, newest = self.commits[repo]
        commit = newest if revision in ("main", "v1") else revision
        if commit not in self.commits[repo]:
            return self.send(request, 404, b"", {"X-Error-Code": "RevisionNotFound"})
        headers = {"X-Repo-Commit": commit}
        if (content := self.commits[repo][commit].get(name)) is None:
            return self.send(request, 404, b"", {"X-Error-Code": "EntryNotFound", **headers})
        headers["ETag"] = f'"{hashlib.sha256(content).hexdigest()}"'
        if fault == ELSEWHERE:
            assert self.elsewhere is not None
            digest = hashlib.sha256(content).hexdigest()
            self.elsewhere.objects[digest] = content
            linked = {"X-Linked-ETag": f'"{digest}"', "X-Linked-Size": str(len(content))}
            location = f"{self.elsewhere.url}/{digest}"
            return self.send(request, 302, b"", {**headers, **linked, "Location": location})
        if fault == HTML:
            return self.send(request, 200, PAGE, {"Content-Type": "text/html"})
        if fault == PATH:
            headers["ETag"] = '"../../../../written"'
        if fault == BOMB and request.command == "GET":
            return self.send(request, 200, BOMB_CONTENT, {**headers, "Content-Encoding": "gzip"})
        if fault == CHANGED:
            content = bytes([content[0] ^ 1]) + content[1:]
        return self.send(request, 200, content, headers, fault)

    def send(
        self,
        request: http.server.BaseHTTPRequestHandler,
        status: int,
        content: bytes,
        headers: Mapping[str, str] | None = None,
        fault: str = "",
    ) -> None:
        """Headers and content, the latter in the way of the fault."""
        size = 50_000_000_000 if fault == HUGE else len(content)
        reading = request.command == "HEAD" or fault != ENDLESS
        request.send_response(status)
        for name, value in {**(headers or {}), **({"Content-Length": str(size)} if reading else {})}.items():
            request.send_header(name, value)
        request.end_headers()
        if request.command == "HEAD":
            return
        if fault == HALF:
            content = content[: len(content) // 2]
        for part in self.spread(content, fault):
            request.wfile.write(part)
            request.wfile.flush()

    def spread(self, content: bytes, fault: str) -> Iterator[bytes]:
        """The content piece by piece: all at once, or a byte now and then, or followed by zeros without
        end."""
        if fault == DRIP:
            for byte in content:
                yield bytes([byte])
                if self.closing.wait(0.1):
                    return
        yield content
        while fault == ENDLESS and not self.closing.is_set():
            yield bytes(2**20)

    # ------------------------------------------------------------------ commits

    def take(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """The status and content for what the client asks when it makes a repository and commits to it."""
        if method == "PUT":
            self.objects[path[1:]] = body
            return 200, b""
        sent = json.loads(body) if body[:1] in (b"{", b"[") and b"\n{" not in body else None
        if path == "/api/repos/create" and isinstance(sent, dict):
            repo = f"{sent.get('organization') or 'someone'}/{sent['name']}"
            if repo not in self.files:
                self.put(repo, {".gitattributes": b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n"})
            return 200, self.write({"url": f"{self.url}/{repo}", "name": repo})
        if path == "/api/validate-yaml":
            return 200, self.write({"errors": [], "warnings": []})
        if path.endswith("/info/lfs/objects/batch") and isinstance(sent, dict):
            return 200, self.write({"transfer": "basic", "objects": [*map(self.invite, sent["objects"])]})
        if matched := re.fullmatch(r"/api/models/([^/]+/[^/]+)/(\w+)(/.*)?", path):
            repo, action, _ = matched.groups()
            if repo in self.files:
                return self.change(repo, action, sent, body)
        return 404, b""

    def change(self, repo: str, action: str, sent: Any, body: bytes) -> tuple[int, bytes]:
        """What the client asks of a repository before and when it commits."""
        files = self.files[repo]
        *_, newest = self.commits[repo]
        if action == "revision":
            siblings = [{"rfilename": name} for name in files]
            return 200, self.write({"id": repo, "sha": newest, "siblings": siblings})
        if action == "tree":
            rows = [
                {"type": "file", "path": name, "size": len(files[name]), "oid": "0" * 40} for name in files
            ]
            return 200, self.write(rows)
        if action == "preupload":
            modes = {True: "lfs", False: "regular"}
            rows = [
                {"path": file["path"], "uploadMode": modes[file["path"].endswith((".safetensors", ".npz"))]}
                for file in sent["files"]
            ]
            return 200, self.write({"files": [{**row, "shouldIgnore": False, "oid": None} for row in rows]})
        if action == "commit":
            commit = self.put(repo, self.apply(files, body))
            oid = {"commitOid": commit, "commitUrl": f"{self.url}/{repo}/commit/{commit}", "hookOutput": ""}
            return 200, self.write(oid)
        return 404, b""

    def invite(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Where a large file is to be put."""
        return {**wanted, "actions": {"upload": {"href": f"{self.url}/{wanted['oid']}"}}}

    def apply(self, files: Mapping[str, bytes], body: bytes) -> dict[str, bytes]:
        """A repository's files after a commit, which is a line of JSON an operation."""
        after = dict(files)
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                after[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                after[value["path"]] = self.objects[value["oid"]]
            elif line["key"] == "deletedFile":
                del after[value["path"]]
        return after

    @staticmethod
    def write(value: object) -> bytes:
        return json.dumps(value).encode()


@contextmanager
def serving(home: Path, timeout: int = 1) -> Iterator[Hub]:
    """A Hub that downloads ask meanwhile, with a cache in `home`: the client runs in a process of its own and
    reads the environment. `timeout` is in seconds, each for the headers and for the next bytes."""
    hub = Hub()
    settings = {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(home),
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_ETAG_TIMEOUT": str(timeout),
        "HF_HUB_DOWNLOAD_TIMEOUT": str(timeout),
        "NO_PROXY": "127.0.0.1,localhost",
    }
    with mock.patch.dict(os.environ, settings):
        try:
            yield hub
        finally:
            if not hub.closing.is_set():
                hub.close()
