"""Runs in training over HTTP: who may read, start and stop which."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from ganlab import tensor_files
from ganlab.ui.server import runs, training
from ganlab.ui.server.models import Models
from ganlab.ui.server.runs import Runs
from tests.histories import write_history, write_status

HOSTILE = (  # names of runs
    "", "none", "..", "~", "/etc/passwd", "../own/mine", "bigan/../../own/mine", "bigan/", "bigan\x00",
    "9" * 9999, "file:///etc/passwd", "http://127.0.0.1:1/run",
)  # fmt: skip


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Models:
    """Of a server with one bundled run, and one that was trained on this machine."""
    monkeypatch.setattr(runs, "BUNDLED", tmp_path / "bundled")
    monkeypatch.setattr(runs, "RUNS", tmp_path / "own")
    monkeypatch.setattr(training, "kept", training.KeptContent(training.MAX_KEPT))
    write_history(tmp_path / "bundled" / "bigan")
    write_history(tmp_path / "own" / "mine", seed=5, state="running")
    return Models("mnist-bigan")


@pytest.fixture
def client(models: Models) -> TestClient:
    return TestClient(Starlette(routes=training.list_routes(models)))


class FakeProcess:
    """A training process that only remembers its command."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.command, self.environment, self.began = command, environment, time.time()
        self.is_alive = True

    def wait(self) -> None:
        self.is_alive = False

    def explain(self) -> str:
        return "The data set is not there."


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[FakeProcess]]:
    begun: list[FakeProcess] = []

    def begin(*args: Any) -> FakeProcess:
        begun.append(FakeProcess(*args))
        return begun[-1]

    monkeypatch.setattr(runs, "Process", begin)
    yield begun
    for process in begun:
        process.is_alive = False


def test_everybody_sees_bundled_runs_and_nothing_else(models: Models, client: TestClient) -> None:
    models.restrict()
    answer = client.get("/ganlab/runs").json()
    assert answer["runs"] == [{"name": "bigan", "bundled": True}]
    assert not answer["any"]
    assert answer["absence"] == runs.PUBLIC
    history = client.get("/ganlab/history", params={"run": "bigan"}).json()
    assert history["controls"] == []
    assert len(history["moments"]) == 6
    content = client.get("/ganlab/moments", params={"run": "bigan", "after": "300"}).content
    assert tensor_files.unpack(content)[1]["steps"] == "[400, 500]"
    own = str(runs.RUNS / "mine")
    linked = runs.BUNDLED / "linked"
    linked.symlink_to(runs.RUNS / "mine" / "history")  # no run: its history would be a folder in it
    for name in ("mine", own, f"{own}/history", "linked", *HOSTILE):
        for path in ("/ganlab/history", "/ganlab/moments"):
            refused = client.get(path, params={"run": name})
            assert (refused.status_code, refused.text) == (404, "This server shows bigan only.")
        for wish in ("run", "pause", "stop"):
            refused = client.post("/ganlab/train", json={"wish": wish, "run": name})
            assert (refused.status_code, refused.text) == (400, runs.PUBLIC)
    refused = client.post("/ganlab/train", json={"wish": "start", "seed": 0, "epochs": 1})
    assert (refused.status_code, refused.text) == (400, runs.PUBLIC)
    assert not (runs.RUNS / "mine" / "history" / "control.json").exists()


def test_the_person_at_the_machine_sees_all_and_asks_a_run(client: TestClient) -> None:
    answer = client.get("/ganlab/runs").json()
    assert [run["name"] for run in answer["runs"]] == ["mine", "bigan"]
    assert answer["any"]
    history = client.get("/ganlab/history", params={"run": "mine"}).json()
    assert history["about"]["seed"] == 5
    assert history["controls"] == ["pause", "stop"]
    seen = {"run": "mine", "seen": history["mark"]}
    assert "about" not in client.get("/ganlab/history", params=seen).json()
    assert client.post("/ganlab/train", json={"wish": "pause", "run": "mine"}).json() == {"run": "mine"}
    control = runs.RUNS / "mine" / "history" / "control.json"
    assert json.loads(control.read_text()) == {"wish": "pause"}
    write_status(runs.RUNS / "mine", "paused", 1, 2)
    assert client.get("/ganlab/history", params=seen).json()["controls"] == ["run", "stop"]
    assert client.post("/ganlab/train", json={"wish": "run", "run": "mine"}).status_code == 200
    assert json.loads(control.read_text()) == {"wish": "run"}
    by_folder = client.get("/ganlab/history", params={"run": str(runs.RUNS / "mine")})
    assert by_folder.json()["about"]["seed"] == 5
    write_status(runs.RUNS / "mine", "stopped", 1, 2)
    refused = client.post("/ganlab/train", json={"wish": "run", "run": "mine"})
    assert (refused.status_code, refused.text) == (400, runs.NOT_OURS)
    refused = client.post("/ganlab/train", json={"wish": "stop", "run": "bigan"})
    assert (refused.status_code, refused.text) == (400, "This run came with the app and ended long ago.")


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({"wish": "delete", "run": "mine"}, "wish is one of"),
        ({"wish": ["stop"], "run": "mine"}, "wish is one of"),
        ({"wish": "stop", "run": 5}, "run is text"),
        ({"wish": "stop", "run": "none"}, "There is no run"),
        ({"wish": "stop", "run": "ftp://a"}, "begins with http"),
        ({"wish": "start", "seed": 0, "epochs": 0}, "1 to 20 epochs"),
        ({"wish": "start", "seed": -1, "epochs": 1}, "a seed from 0"),
        ({"wish": "start", "seed": 0.5, "epochs": 1}, "seed is a whole number"),
        ({"wish": "start", "seed": "0; rm", "epochs": 1}, "seed is a whole number"),
        ({"wish": "start", "seed": 0}, "epochs is a whole number"),
        ({"wish": "start", "seed": 0, "epochs": 1, "command": "x"}, "There is no command here"),
    ],
)
def test_wrong_wishes_are_refused(
    client: TestClient, processes: list[FakeProcess], payload: dict[str, Any], words: str
) -> None:
    answer = client.post("/ganlab/train", json=payload)
    assert answer.status_code == 400
    assert words in answer.text
    assert processes == []


def test_queries_are_read_strictly(client: TestClient) -> None:
    for path, words in (
        ("/ganlab/runs?x=1", "There is no x here"),
        ("/ganlab/history?run=a&run=b", "more than once"),
        ("/ganlab/moments?run=bigan&after=-2", "after is a step"),
        ("/ganlab/moments?run=bigan&after=" + "9" * 30, "after is a step"),
    ):
        answer = client.get(path)
        assert answer.status_code == 404
        assert words in answer.text
    assert client.post("/ganlab/train", content=b"{}").status_code == 415


def test_a_run_is_started_watched_and_resumed(client: TestClient, processes: list[FakeProcess]) -> None:
    name = client.post("/ganlab/train", json={"wish": "start", "seed": 7, "epochs": 2}).json()["run"]
    (process,) = processes
    expected = ["-m", "train", "bigan", "--dataset", "mnist", "--seed", "7", "--epochs", "2"]
    expected += ["--decay-epochs", "0", "--out", str(runs.RUNS / name), "--watch-share", "0.05"]
    assert process.command == [sys.executable, *expected]
    assert (Path(process.environment["PYTHONPATH"].split(":")[0]) / "train" / "__main__.py").is_file()
    assert {"name": name, "bundled": False} in client.get("/ganlab/runs").json()["runs"]
    ask = lambda: client.get("/ganlab/history", params={"run": name}).json()  # noqa: E731
    assert ask()["status"]["state"] == "starting"
    again = client.post("/ganlab/train", json={"wish": "start", "seed": 7, "epochs": 2})
    assert (again.status_code, again.text) == (400, runs.BUSY)
    write_history(runs.RUNS / name, seed=7, epochs=2, state="stopped")
    assert ask()["status"]["state"] == "stopped"
    assert ask()["controls"] == ["run"]
    assert client.post("/ganlab/train", json={"wish": "run", "run": name}).status_code == 200
    assert not process.is_alive  # it had stopped, and its end was waited for
    assert processes[1].command == [*process.command, "--resume"]
    processes[1].began = time.time() + 5  # what the status says is of before
    assert ask()["status"]["state"] == "starting"
    processes[1].is_alive = False
    assert ask()["status"] | {"updated": 0} == {
        "state": "failed", "error": "The data set is not there.", "step": 500, "steps": 500, "silent": 0,
        "updated": 0,
    }  # fmt: skip


def test_what_a_process_said_last_is_the_reason(models: Models) -> None:
    said = "import sys; print('epoch 1'); sys.exit('error: there is no MNIST in data.')"
    failed, silent = (
        runs.Process([sys.executable, "-Sc", code], {}) for code in (said, "raise SystemExit(3)")
    )
    for process in (failed, silent):
        process.popen.wait(60)
        assert not process.is_alive
    assert failed.explain() == "there is no MNIST in data."
    assert silent.explain() == "The training process ended with code 3."
    waiting = runs.Process([sys.executable, "-Sc", "import time; time.sleep(600)"], {})
    offer = Runs(models)
    offer._processes["live-1"] = waiting
    offer.close()
    assert not waiting.is_alive


def test_without_its_packages_nothing_is_started(
    client: TestClient, processes: list[FakeProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs.importlib.util, "find_spec", lambda name: None)
    assert client.get("/ganlab/runs").json()["absence"] == runs.NO_TRAINING
    answer = client.post("/ganlab/train", json={"wish": "start", "seed": 0, "epochs": 1})
    assert (answer.status_code, answer.text) == (400, runs.NO_TRAINING)
    assert processes == []
