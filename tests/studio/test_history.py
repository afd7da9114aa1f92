"""Histories of runs: read as they were written, and safe whatever else lies there."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganlab import tensor_files
from ganlab.studio import history, history_source
from ganlab.studio.history_source import Folder, HistoryError, Site, open_source
from tests.histories import CERTAIN, write_history, write_lines, write_status


class Quiet(SimpleHTTPRequestHandler):
    """Serves files, leads to another site under /moved, and says nothing of it."""

    def do_GET(self) -> None:
        if self.path.startswith("/moved/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/moved"))
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    run = write_history(tmp_path / "run", moments=4, lost=True)
    for folder in (run, run / "history"):
        answer = history.read_history(open_source(str(folder)))
        assert answer["about"]["method"] == "bigan"
        assert answer["about"]["labels"][:3] == (0, 1, 2)
        assert [row["step"] for row in answer["moments"]] == [0, 100, 200, 300]
        assert answer["scalars"][2]["d_real"] == 2.0
        assert answer["scalars"][2]["loss"] == {"discriminator": 0.7, "generator_encoder": 0.7}
        assert answer["events"] == [{"step": 250, "epoch": 2.5, "kind": "certain", "text": CERTAIN}]
        assert answer["status"]["state"] == "finished"
    tensors, metadata = tensor_files.unpack(history.pack_moments(Folder(run), after=100))
    assert metadata == {"steps": "[200, 300]", "whole": "true"}
    assert "inputs" not in tensors  # which the page has already
    assert tensors["200/samples"].shape == (16, 1, 28, 28)
    assert tensors["200/samples"][3].unique().tolist() == [23]
    assert tensors["300/positions"][:, 0].unique().tolist() == [1500]  # around 0
    assert tensors["300/decisions"].unique().tolist() == [128 + 60]
    first, _ = tensor_files.unpack(history.pack_moments(Folder(run)))
    assert first["inputs"].shape == (8, 1, 28, 28)


def test_only_what_has_changed_is_answered(tmp_path: Path) -> None:
    run = write_history(tmp_path / "run", state="running")
    source = Folder(run)
    mark = history.read_history(source)["mark"]
    write_status(run, "running", 510, 600)
    again = history.read_history(source, mark)
    assert again == {"mark": mark, "status": again["status"]}
    assert again["status"]["step"] == 510
    with (run / "history" / "events.jsonl").open("a") as file:
        file.write('{"step": 510, "epoch": 5.1, "kind": "nan", "text": "A loss is no number."}\n{"step":')
    changed = history.read_history(source, mark)
    assert [event["kind"] for event in changed["events"]] == ["nan"]  # the line in part is not there yet
    write_status(run, "running", 510, 600, updated=time.time() - 100)
    assert 99 <= history.read_status(source)["silent"] <= 110
    write_status(run, "finished", 510, 600, updated=time.time() - 100)
    assert history.read_status(source)["silent"] == 0


def test_a_site_is_read_alike_and_never_leads_elsewhere(tmp_path: Path, site: str) -> None:
    run = write_history(tmp_path / "run")
    here = history.read_history(Folder(run))
    there = history.read_history(Site(f"{site}/run/"))
    assert {**there, "mark": ""} == {**here, "mark": ""}
    source = Site(f"{site}/run")
    assert history.read_history(source, there["mark"]).keys() == {"mark", "status"}
    (tensors, _), (expected, _) = (
        tensor_files.unpack(history.pack_moments(each)) for each in (source, Folder(run))
    )
    assert tensors.keys() == expected.keys()
    assert all(bool((tensors[name] == expected[name]).all()) for name in expected)
    with pytest.raises(HistoryError, match="has no history"):
        history.read_history(Site(f"{site}/none"))
    with pytest.raises(HistoryError, match="answers 302 where about"):
        history.read_history(Site(f"{site}/moved/run"))
    with pytest.raises(HistoryError, match="only watched"):
        history.write_wish(source, "stop")


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "ftp://a.example/run",
        "http://",
        "http://u:p@a.example/",
        "http://a.example/?q=1",
        "http://a.example:0/",
        "https://a.example/#x",
        "http://[::1",
        "http://a.example/" + "x" * 600,
    ],
)
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(HistoryError, match="begins with http"):
        open_source(address)


def test_a_site_that_does_not_answer_or_never_ends(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HistoryError, match="does not answer where about"):
        history.read_history(Site("http://127.0.0.1:9/run"))
    monkeypatch.setattr(history_source, "MAX_SECONDS", -1.0)
    with pytest.raises(HistoryError, match="too slow"):
        Site(site).read("../", 10**6)


def test_there_is_no_run_without_a_history(tmp_path: Path) -> None:
    for name in (str(tmp_path), "", "no/such", "a\0b", "~nobody/x", "x" * 5000):
        with pytest.raises(HistoryError, match="There is no run with a history"):
            open_source(name)
    assert history.find_run("run", tmp_path) is None
    write_history(tmp_path / "run")
    assert history.find_run("run", tmp_path) is not None
    for name in ("../run", "/run", "", ".", "run/", "run\0", "x" * 5000):
        assert history.find_run(name, tmp_path) is None


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ("[]", "missing or damaged"),
        ('{"version": 2}', "another version"),
        ('{"version": 1, "shape": [1, 28]}', "no shape"),
        ('{"version": 1, "shape": [1, 28, -1]}', "no shape"),
        ('{"version": 1, "shape": [2, 28, 28]}', "are not shown"),
        ('{"version": 1, "shape": [1, 99999, 28]}', "are not shown"),
        ("[" * 100_000, "missing or damaged"),
        (" " * 500_000, "over the limit"),
    ],
)
def test_another_description_is_a_sentence(tmp_path: Path, about: str, words: str) -> None:
    run = write_history(tmp_path / "run", moments=1)
    (run / "history" / "about.json").write_text(about, encoding="utf-8")
    with pytest.raises(HistoryError, match=words):
        history.read_history(Folder(run))


def test_what_has_another_form_is_left_out(tmp_path: Path) -> None:
    run = write_history(tmp_path / "run", moments=3, labels="none", classes=[1, {}, "x"], players=[5, "a"])
    folder = run / "history"
    rows: list[Any] = [
        {"step": 5, "d_real": "x", "loss": [1], "epoch": None},
        {"step": -1},
        {"step": True},
        7,
    ]
    write_lines(folder / "scalars.jsonl", rows)
    with (folder / "scalars.jsonl").open("ab") as file:
        file.write(b'{"step": 6, "d_real": NaN}\n\xff\xfe\n{"step": 7, "d_real": 1e999}\n')
    (folder / "status.json").write_text('{"state": {"a": 1}, "step": "x", "updated": "soon"}')
    answer = history.read_history(Folder(run))
    assert answer["about"]["labels"] is None
    assert answer["about"]["classes"] == ("", "", "x")
    assert [(row["step"], row["d_real"]) for row in answer["scalars"]] == [(5, None), (7, None)]
    assert answer["status"]["state"] == ""
    json.dumps(answer, allow_nan=False)
    np.savez(
        folder / "moments" / "000100.npz", samples=np.zeros((16, 3, 9, 9), np.uint8), decisions=np.zeros(4)
    )
    (folder / "moments" / "000200.npz").unlink()  # it is being written
    tensors, metadata = tensor_files.unpack(history.pack_moments(Folder(run)))
    assert metadata["steps"] == "[0, 100]"
    assert not [name for name in tensors if name.startswith("100/")]
    (folder / "moments" / "000100.npz").write_bytes(b"PK nonsense")
    (folder / "moments" / "000200.npz").write_bytes((folder / "moments" / "000000.npz").read_bytes())
    assert tensor_files.unpack(history.pack_moments(Folder(run)))[1]["steps"] == "[0, 200]"
    rows = [{"step": 100, "epoch": 1.0, "scale": 0.1}]
    write_lines(folder / "moments.jsonl", rows)  # there are no others
    with pytest.raises(HistoryError, match=r"moments/000100.npz of this history cannot be read: it is no"):
        history.pack_moments(Folder(run))


def test_a_long_history_comes_in_parts_and_thinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write_history(tmp_path / "run", moments=5)
    monkeypatch.setattr(history, "MAX_SENT", 60_000)  # two moments
    after, steps = -1, []
    while True:
        _, metadata = tensor_files.unpack(history.pack_moments(Folder(run), after))
        steps += json.loads(metadata["steps"])
        if metadata["whole"] == "true":
            break
        after = steps[-1]
    assert steps == [0, 100, 200, 300, 400]
    assert list(history.thin(list(range(1000)), 3)) == [0, 500, 999]
    monkeypatch.setattr(history, "MAX_MOMENTS", 3)
    assert [row["step"] for row in history.read_history(Folder(run))["moments"]] == [0, 200, 400]


def test_a_run_is_asked_by_a_file(tmp_path: Path) -> None:
    run = write_history(tmp_path / "run", state="running")
    history.write_wish(Folder(run), "pause")
    assert json.loads((run / "history" / "control.json").read_text()) == {"wish": "pause"}
    with pytest.raises(HistoryError, match="run, pause, stop, not to 'delete'"):
        history.write_wish(Folder(run), "delete")
    with pytest.raises(HistoryError, match="has no history"):
        history.write_wish(Folder(tmp_path), "stop")
    assert not (tmp_path / "control.json").exists()
