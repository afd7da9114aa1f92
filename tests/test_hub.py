"""Models from the Hub: its real client against a small server that answers as the Hub does."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ganlab import model
from tests.conftest import TINY

ROOT = Path(model.__file__).resolve().parent.parent


class Hub:
    """Serves one repository as the Hub would, and records the requests."""

    sha = "0123456789abcdef0123456789abcdef01234567"

    def __init__(self, folder: Path) -> None:
        self.files = {
            p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
        }
        self.requests: list[str] = []
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                hub.answer(self, body=True)

            def do_HEAD(self) -> None:
                hub.answer(self, body=False)

            def log_message(self, *arguments: object) -> None: ...

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, request: http.server.BaseHTTPRequestHandler, body: bool) -> None:
        path = request.path.split("?")[0]
        self.requests.append(path)
        headers = {"X-Repo-Commit": self.sha}
        revisions = ("main", "v1", self.sha)
        if path in [f"/api/models/user/tiny/revision/{revision}" for revision in revisions]:
            siblings = [{"rfilename": name} for name in self.files]
            content = json.dumps({"id": "user/tiny", "sha": self.sha, "siblings": siblings}).encode()
        elif path == f"/api/models/user/tiny/tree/{self.sha}":
            content = json.dumps(
                [
                    {"type": "file", "path": name, "size": len(data), "oid": f"{index:040x}"}
                    for index, (name, data) in enumerate(self.files.items())
                ]
            ).encode()
        elif path.startswith(f"/user/tiny/resolve/{self.sha}/"):
            content = self.files[path.removeprefix(f"/user/tiny/resolve/{self.sha}/")]
            headers["ETag"] = f'"{len(content)}-{path}"'.replace("/", "-")
        else:
            code = "RevisionNotFound" if "user/tiny" in path else "RepoNotFound"
            request.send_response(404)
            request.send_header("X-Error-Code", code)
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        request.send_response(200)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        if body:
            request.wfile.write(content)


@pytest.fixture
def hub(tiny_folder: Path) -> Iterator[Hub]:
    (tiny_folder / "README.md").write_text("# Tiny")
    (tiny_folder / "model.pkl").write_bytes(b"never asked for")
    (tiny_folder / "gallery").mkdir()
    (tiny_folder / "gallery" / "train.npz").write_bytes(b"pictures")
    server = Hub(tiny_folder)
    yield server
    server.server.shutdown()
    server.server.server_close()


LOAD_ALL = """
import json, sys
from ganlab import model
from ganlab.config import CheckpointError
answers = []
for name in sys.argv[1:]:
    try:
        loaded = model.load(name)
        paths = [path for path in loaded.folder.rglob("*") if path.is_file()]
        files = sorted(path.relative_to(loaded.folder).as_posix() for path in paths)
        answers.append([loaded.fingerprint, files])
    except CheckpointError as error:
        answers.append(str(error))
print(json.dumps(answers))
"""


def load_in_a_new_process(home: Path, endpoint: str, *names: str) -> list[Any]:
    # The client reads its settings when it is imported, so it needs a process of its own.
    environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    environment |= {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1"}
    environment |= {"PYTHONPATH": str(ROOT), "HF_HUB_DISABLE_XET": "1"}
    environment.pop("HF_HUB_OFFLINE", None)
    done = subprocess.run(
        [sys.executable, "-c", LOAD_ALL, *names],
        env=environment,
        cwd=home.parent,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    answers: list[Any] = json.loads(done.stdout)
    return answers


@pytest.mark.slow
def test_a_hub_id_is_fetched_checked_and_kept(hub: Hub, tiny_folder: Path, tmp_path: Path) -> None:
    here = model.load(str(tiny_folder)).fingerprint
    pinned = f"user/tiny@{hub.sha}"
    answers = load_in_a_new_process(
        tmp_path / "home", hub.url, "user/tiny", "user/tiny@v1", pinned, "user/tiny@v9", "user/other"
    )
    weights = [f"{name}.safetensors" for name in sorted(TINY.networks)]
    fetched = sorted(["README.md", "config.json", "gallery/train.npz", *weights])
    assert answers[:3] == [[here, fetched]] * 3
    for answer in answers[3:]:
        assert "neither a folder here nor a Hub repository that can be reached" in answer
        assert "\n" not in answer
    assert answers[3].startswith("user/tiny@v9 ")
    assert answers[4].startswith("user/other ")
    assert not any("model.pkl" in path for path in hub.requests)

    # Without a network: what was fetched still loads, all else gets one sentence.
    hub.server.shutdown()
    hub.server.server_close()
    kept, absent = load_in_a_new_process(tmp_path / "home", hub.url, pinned, "user/absent")
    assert kept == [here, fetched]
    assert absent.startswith("user/absent is neither a folder here nor a Hub repository")
    assert "\n" not in absent
