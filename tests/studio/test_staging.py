"""Files take their names together or not at all."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from ganlab.studio.staging import OutputError, Staging, explain, write_whole


def test_files_and_folders_take_their_names_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("before")
    (tmp_path / "b").mkdir()
    with Staging() as staging:
        staging.reserve_file(tmp_path / "a").write_text("after")
        (staging.reserve_folder(tmp_path / "b") / "c").write_text("inside")
        assert (tmp_path / "a").read_text() == "before"
    assert (tmp_path / "a").read_text() == "after"
    assert (tmp_path / "b" / "c").read_text() == "inside"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


@pytest.mark.parametrize("failure", [KeyboardInterrupt, ValueError, OSError])
def test_an_exception_leaves_what_was_there(tmp_path: Path, failure: type[BaseException]) -> None:
    (tmp_path / "a").write_text("before")

    def write() -> None:
        with Staging() as staging:
            staging.reserve_file(tmp_path / "a").write_text("after")
            staging.reserve_folder(tmp_path / "b")
            raise failure

    with pytest.raises(OutputError if failure is OSError else failure):
        write()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "before"


def test_where_nothing_can_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"file/a cannot be written: there is no folder .*file\."):
        write_whole(tmp_path / "file" / "a", b"")
    with pytest.raises(OutputError, match="is a folder"):
        write_whole(tmp_path, b"")
    with pytest.raises(OutputError, match="/proc/a cannot be written: "):
        write_whole(Path("/proc/a"), b"")
    write_whole(tmp_path / "file", b"whole")
    assert (tmp_path / "file").read_bytes() == b"whole"


def test_errors_of_the_system_are_sentences() -> None:
    assert explain(OSError(errno.ENOSPC, "No space left")) == "The disk is full, so nothing was written."
    assert explain(OSError(errno.EACCES, "Permission denied", "a.png")) == "a.png: Permission denied."
    assert explain(OSError(errno.EIO, "I/O error", "/x/.ganlab-y/whole")) == "I/O error."
    assert explain(OSError("odd")) == "odd."
