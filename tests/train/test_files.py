"""Folders are replaced whole or not at all."""

from pathlib import Path

import pytest

from train.files import replace_folder


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
