"""Models from the Hub: its real client against a small server that answers as the Hub does, or badly.

What else can go wrong is attacked by tests/attacks/hub.py.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ganlab import download, fetch, hub, model
from ganlab.config import CheckpointError
from tests import fake_hub
from tests.conftest import TINY
from tests.fake_hub import Hub
from train import sums

WEIGHTS = [f"{name}.safetensors" for name in sorted(TINY.networks)]


@pytest.fixture
def server(tiny_folder: Path, tmp_path: Path) -> Iterator[Hub]:
    """A Hub with user/tiny, which has no sums, and no other models."""
    (tiny_folder / "README.md").write_text("# Tiny")
    (tiny_folder / "model.pkl").write_bytes(b"never asked for")
    (tiny_folder / "gallery").mkdir()
    (tiny_folder / "gallery" / "train.npz").write_bytes(b"pictures")
    with fake_hub.serving(tmp_path / "home") as server:
        server.put_folder("user/tiny", tiny_folder)
        yield server


def read_files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def refuse(name: str) -> str:
    """The sentence with which a name is refused."""
    with pytest.raises(CheckpointError) as failure:
        hub.resolve(name)
    assert "\n" not in str(failure.value)
    return str(failure.value)


@pytest.mark.slow
def test_a_hub_id_is_fetched_checked_and_kept(server: Hub, tiny_folder: Path) -> None:
    heard: list[str] = []
    folder = hub.resolve("user/tiny", report=heard.append)
    fetched = sorted(["README.md", "config.json", "gallery/train.npz", *WEIGHTS])
    assert read_files(folder) == fetched
    assert model.load(str(folder)).fingerprint == model.load(str(tiny_folder)).fingerprint
    assert heard[0] == "its config"
    assert "generator.safetensors, file 1 of " in heard[1]
    assert server.paths[0] == "/user/tiny/resolve/main/config.json"  # before anything that it names
    assert not any("model.pkl" in path for path in server.paths)
    nowhere = "is neither a folder here nor a Hub repository that can be reached"
    assert f"user/tiny@v9 {nowhere}: it has no such revision" in refuse("user/tiny@v9")

    # Without a network: what was fetched still loads, all else gets one sentence.
    server.close()
    pinned = f"user/tiny@{next(iter(server.commits['user/tiny']))}"
    assert hub.resolve(pinned) == folder
    assert refuse("user/absent").startswith(f"user/absent {nowhere}: the Hub is not reached; available here")


@pytest.mark.parametrize(
    "name",
    ["user/tiny@../../refs", "user/tiny@a/../b", "user/..", "../user/tiny", "user/tiny@", "user/tiny@-\n",
     "ü/x", "user/tiny@" + "a/" * 9, "user/tiny/more"],
)  # fmt: skip
def test_what_is_no_hub_id_is_asked_of_no_hub(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "download", lambda *_: pytest.fail("the Hub is asked"))
    assert not hub.is_hub_id(name)
    assert refuse(name)


def test_an_id_may_name_a_branch_a_tag_a_commit_or_a_request() -> None:
    for name in (
        "user/repo",
        "user/repo@main",
        "user/repo.v2@v1.0",
        f"user/repo@{'a' * 40}",
        "u/r@refs/pr/1",
    ):
        assert hub.is_hub_id(name)


def test_a_file_is_taken_up_to_its_limit_only(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(download.LIMITS, ".npz", 7)
    assert refuse("user/tiny").endswith("gallery/train.npz has 0.0 MB, and at most 0 are taken.")


def test_limits_of_writing_are_the_systems(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    with pytest.raises(OSError, match="large") as failure, fetch.limited_writes(10):
        (tmp_path / "large").write_bytes(bytes(11))
    assert fetch.explain(failure.value, "x.npz") == (fetch.LARGE, "x.npz is larger than the Hub said")
    (tmp_path / "large").write_bytes(bytes(11))


@pytest.mark.skipif(sys.platform == "win32", reason="it is ended in another way there")
def test_the_process_ends_with_its_input_where_interrupts_are_ignored() -> None:
    """As whatever a shell script starts in the background inherits."""
    command = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, fetch.__file__]
    assert subprocess.run(command, stdin=subprocess.DEVNULL, timeout=60).returncode == 0


# ---------------------------------------------------------------------- sums


@pytest.fixture
def summed(server: Hub, tiny_folder: Path) -> Path:
    """user/summed on the Hub names its files and their sums, and holds one more that it does not name."""
    sums.write(tiny_folder)
    (tiny_folder / "notes.json").write_text("{}")
    server.put_folder("user/summed", tiny_folder)
    return tiny_folder


def test_only_files_that_the_config_names_are_fetched(server: Hub, summed: Path) -> None:
    folder = hub.resolve("user/summed")
    assert read_files(folder) == sorted(["README.md", "config.json", "gallery/train.npz", *WEIGHTS])
    weights = (folder / "encoder.safetensors").resolve()
    sound = weights.read_bytes()
    # Copies that were damaged are fetched anew; else it is only asked whether the branch has moved.
    weights.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    config = (folder / "config.json").resolve()
    config.write_bytes(config.read_bytes().replace(b"uniform", b"unifors"))
    del server.requests[:]
    assert (hub.resolve("user/summed") / "encoder.safetensors").read_bytes() == sound
    assert {path.rpartition("/")[2] for path in server.paths} == {"config.json", "encoder.safetensors"}
    assert model.load(str(folder)).fingerprint == model.load(str(summed)).fingerprint


def test_what_is_not_the_file_that_was_published_is_refused_by_name(
    server: Hub, summed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.faults["encoder.safetensors"] = fake_hub.CHANGED
    assert refuse("user/summed") == (
        "user/summed cannot be used: encoder.safetensors is not the file that config.json names."
    )
    server.faults.clear()
    monkeypatch.setattr(download, "MAX_BYTES", 1000)
    assert "user/summed has over 0 MB" in refuse("user/summed")
