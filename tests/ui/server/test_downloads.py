"""Models on their way from the Hub: who waits for them, and what the others get."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ganlab import hub
from ganlab.config import CheckpointError
from ganlab.ui.server import downloads as module
from ganlab.ui.server.downloads import Downloads
from ganlab.ui.server.models import Models

LONG = 300.0  # seconds, for what takes none unless it fails


class SlowHub:
    """Takes the place of `hub.resolve`: "user/slow..." arrives when it may, "user/absent" never does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls: list[tuple[str, bool]] = []
        self.started, self.finish = threading.Semaphore(0), threading.Event()

    def resolve(self, name: str, offline: bool = False, report: Callable[[str], object] = print) -> Path:
        if not hub.is_hub_id(name):
            return Path(name)
        self.calls.append((name, offline))
        if name == "user/absent" or offline:
            raise CheckpointError(f"{name} is not there.")
        report("weights, file 2 of 3")
        self.started.release()
        assert self.finish.wait(LONG)
        return self.folder


@pytest.fixture
def slow(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> SlowHub:
    slow = SlowHub(tiny_folder)
    monkeypatch.setattr(hub, "resolve", slow.resolve)
    return slow


def test_only_who_starts_a_download_waits_for_it(slow: SlowHub) -> None:
    models = Models("mnist-bigan")
    ready = models.get("mnist-bigan")
    with ThreadPoolExecutor(2) as pool:
        try:
            first = pool.submit(models.get, "user/slow", LONG)
            assert slow.started.acquire(timeout=LONG)
            for download in (True, False):
                with pytest.raises(
                    CheckpointError, match=r"^user/slow is being downloaded \(weights, file 2 of 3"
                ):
                    models.get("user/slow", LONG, download)
            assert models.get("mnist-bigan") is ready
            assert "mnist-bigan" in models.list_names()
            second = pool.submit(models.get, "user/slow-too", LONG)
            assert slow.started.acquire(timeout=LONG)
            with pytest.raises(CheckpointError, match="has to wait: 2 models are being downloaded already"):
                models.get("user/slow-three")
            assert not first.done()
        finally:
            slow.finish.set()
        assert first.result(LONG).config.name == second.result(LONG).config.name == "tiny"
    assert models.get("user/slow") is first.result()
    assert [name for name, _ in slow.calls] == ["user/slow", "user/slow-too"]


def test_who_does_not_want_to_wait_is_told_how_far_it_is(slow: SlowHub, tiny_folder: Path) -> None:
    downloads = Downloads()
    with pytest.raises(CheckpointError, match="s so far"):
        downloads.get("user/slow", patience=0)
    slow.finish.set()
    assert downloads.get("user/slow-too", patience=LONG) == tiny_folder


def test_a_failure_is_repeated_for_a_while_and_then_tried_again(
    slow: SlowHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    downloads = Downloads()
    for _ in range(3):
        with pytest.raises(CheckpointError, match="user/absent is not there"):
            downloads.get("user/absent", LONG)
    assert len(slow.calls) == 1
    monkeypatch.setattr(module, "MAX_AGE", -1.0)
    with pytest.raises(CheckpointError, match="user/absent is not there"):
        downloads.get("user/absent", LONG)
    assert len(slow.calls) == 2


def test_what_a_page_fetches_starts_no_download(slow: SlowHub) -> None:
    models = Models("mnist-bigan")
    with pytest.raises(CheckpointError, match="user/slow is not open on this server: choose it among the"):
        models.get("user/slow", download=False)
    assert slow.calls == [("user/slow", True)]
    slow.finish.set()
    assert models.get("user/slow").config.name == "tiny"  # that it was not here says nothing of the Hub


def test_what_has_arrived_is_loaded_again_without_the_hub(
    slow: SlowHub, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganlab.ui.server.models.MAX_LOADED", 1)
    slow.finish.set()
    models = Models("user/slow")
    fingerprint = models.get("user/slow").fingerprint
    models.get("mnist-bigan")
    assert models.get("user/slow").fingerprint == models.get(fingerprint).fingerprint
    assert len(slow.calls) == 1
    # Damaged where it lies: it is fetched anew.
    models.get("mnist-bigan")
    weights = (tiny_folder / "generator.safetensors").read_bytes()
    (tiny_folder / "generator.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"generator\.safetensors"):
        models.get("user/slow")
    (tiny_folder / "generator.safetensors").write_bytes(weights)
    assert models.get("user/slow").fingerprint == fingerprint
    assert len(slow.calls) == 2


def test_a_default_that_the_hub_does_not_have_is_refused_for_the_hubs_reason(
    slow: SlowHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolve(name: str, offline: bool = False, report: object = None) -> Path:
        raise hub.AbsentError(f"{name}: " + ("nothing is kept here." if offline else "no such revision."))

    monkeypatch.setattr(hub, "resolve", resolve)
    with pytest.raises(hub.AbsentError, match="user/absent: no such revision"):
        Models("user/absent").open_default()
