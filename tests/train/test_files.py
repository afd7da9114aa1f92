"""Files and folders are replaced whole or not at all."""

import json
from pathlib import Path

import pytest

from train.files import open_atomically, replace_folder, write_atomically, write_json


def test_a_file_is_written_and_replaced(tmp_path):
    path = tmp_path / "card.md"
    for text in ("first\n", "zweite: ü\n"):
        write_atomically(path, text)
        assert path.read_bytes() == text.encode()  # UTF-8, and \n on every system
    assert list(tmp_path.iterdir()) == [path]


def test_json_ends_with_a_newline(tmp_path):
    write_json(tmp_path / "a.json", {"a": [1, 2.5]})
    text = (tmp_path / "a.json").read_text()
    assert json.loads(text) == {"a": [1, 2.5]}
    assert text.endswith("}\n")


def test_the_old_file_stands_until_the_new_one_is_complete(tmp_path):
    path = tmp_path / "resume.pt"
    path.write_bytes(b"old")
    with open_atomically(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


def test_an_error_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    path = tmp_path / "resume.pt"
    path.write_bytes(b"old")

    def fail() -> None:
        with open_atomically(path) as file:
            file.write(b"half")
            raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        fail()
    with pytest.raises(TypeError):
        write_json(path, {"not JSON": object()})
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


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
