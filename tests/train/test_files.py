"""Folders are replaced whole or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ganlab.files import WriteError
from train.files import replace_folder, restoring, scratch, write_atomically

ROOT = Path(__file__).parents[2]


def folder_with(path: Path, content: str) -> Path:
    path.mkdir()
    (path / "file").write_text(content)
    return path


def test_a_folder_takes_the_place_of_another(tmp_path):
    target, backup = folder_with(tmp_path / "target", "old"), tmp_path / "backup"
    replace_folder(target, folder_with(tmp_path / "new", "new"), backup)
    assert (target / "file").read_text() == "new"
    assert (backup / "file").read_text() == "old"


def test_a_folder_comes_back_where_its_replacement_fails(tmp_path):
    target = folder_with(tmp_path / "target", "old")
    with pytest.raises(OSError):  # noqa: PT011
        replace_folder(target, tmp_path / "missing", tmp_path / "backup")
    assert (target / "file").read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def list_content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*")}


@pytest.mark.parametrize("linked", [True, False])
@pytest.mark.parametrize("error", [WriteError(Path("a"), OSError(28, "full")), KeyboardInterrupt()])
def test_after_an_error_each_file_of_a_folder_is_as_it_was(error, linked, tmp_path, monkeypatch):
    folder = tmp_path / "checkpoint"
    (folder / "gallery").mkdir(parents=True)
    for name in ("config.json", "metrics.json", "gallery/train.npz"):
        write_atomically(folder / name, name)
    before = list_content(folder)
    if not linked:  # as on disks of other systems
        monkeypatch.setattr(os, "link", lambda *names: (_ for _ in ()).throw(OSError(95, "not supported")))

    def change(failing: bool) -> None:
        with restoring(folder):
            write_atomically(folder / "metrics.json", "new")
            write_atomically(folder / "gallery" / "train.npz", "new")
            write_atomically(folder / "gallery" / "test.npz", "new")
            (folder / "config.json").unlink()
            if failing:
                raise error

    with pytest.raises(type(error)):
        change(failing=True)
    assert list_content(folder) == before
    change(failing=False)
    changed = {"metrics.json", "gallery/train.npz", "gallery/test.npz"}
    assert list_content(folder) == dict.fromkeys(changed, b"new")
    assert list(tmp_path.iterdir()) == [folder]


def test_a_folder_that_was_not_there_is_gone_after_an_error(tmp_path):
    def fail() -> None:
        with restoring(tmp_path / "new"):
            write_atomically(tmp_path / "new" / "file.txt", "")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert list(tmp_path.iterdir()) == []


HOLDING = """
import sys, time
from pathlib import Path
from train.files import scratch
with scratch(Path(sys.argv[1]), "publish") as room:
    (room / "new").mkdir()
    print(room.name, flush=True)
    time.sleep(600)
"""


def hold(root: Path) -> "tuple[subprocess.Popen[str], Path]":
    """A process that has a scratch folder in `root`, and that folder."""
    command = [sys.executable, "-c", HOLDING, str(root)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    return process, root / process.stdout.readline().strip()


def test_what_a_killed_process_leaves_is_removed_by_the_next(tmp_path):
    pytest.importorskip("fcntl")
    (foreign := tmp_path / ".ganlab-notes").mkdir()
    living, kept = hold(tmp_path)
    killed, left = hold(tmp_path)
    try:
        killed.kill()
        killed.wait()
        assert left.is_dir()
        with scratch(tmp_path, "judge") as room:
            assert sorted(tmp_path.iterdir()) == sorted([foreign, kept, room])  # not what another works in
    finally:
        living.kill()
        living.wait()
    with scratch(tmp_path, "before"):
        pass
    assert list(tmp_path.iterdir()) == [foreign]


def test_scratch_folders_lie_in_each_other(tmp_path):
    """The figures of a checkpoint that is being published are written whole or not at all too."""
    with scratch(tmp_path, "publish") as outer, scratch(outer, "before") as inner:
        assert inner.parent == outer
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_that_a_killed_process_was_replacing_is_there_again(tmp_path):
    """Killed after the old one was put aside and before the new one, which was complete, took its name."""
    pytest.importorskip("fcntl")
    killed, left = hold(tmp_path)
    killed.kill()
    killed.wait()
    folder_with(left / "before", "old")
    (left / "new" / "file").write_text("new")
    with scratch(tmp_path, "publish"):
        pass
    assert list(tmp_path.iterdir()) == [tmp_path / "new"]
    assert (tmp_path / "new" / "file").read_text() == "new"
