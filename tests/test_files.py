"""Files are replaced whole or not at all, and what keeps them from it is one sentence."""

import errno
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ganlab import images, tensor_files
from ganlab.files import WriteError, find_os_error, open_atomically, write_atomically, write_bytes, write_json
from ganlab.pictures import Pictures, save_pictures
from tests.disks import full_disk


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


def save_torch(path: Path) -> None:
    with open_atomically(path) as file:
        torch.save({"a": torch.zeros(10_000)}, file)  # raises an error of its own, not the system's


def save_zip(path: Path) -> None:
    with open_atomically(path) as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a", bytes(10_000))


PIXELS = torch.randint(0, 255, (20, 1, 28, 28), generator=torch.Generator().manual_seed(0)).byte()
WRITERS: dict[str, Callable[[Path], Any]] = {
    "text": lambda path: write_atomically(path, "x" * 10_000),
    "json": lambda path: write_json(path, ["x" * 10_000]),
    "bytes": lambda path: write_bytes(path, bytes(10_000)),
    "torch": save_torch,
    "zip": save_zip,
    "tensors": lambda path: tensor_files.write(path, {"a": torch.zeros(10_000)}),
    "pictures": lambda path: save_pictures(path, Pictures(PIXELS, torch.zeros(20), torch.arange(20))),
    "png": lambda path: images.save(images.to_pil(torch.rand(3, 99, 99)), path.with_suffix(".png")),
    "jpeg": lambda path: images.save(images.to_pil(torch.rand(3, 99, 99)), path.with_suffix(".jpg")),
}


@pytest.mark.parametrize("room", [0, 2_000])
@pytest.mark.parametrize("kind", WRITERS)
def test_a_full_disk_is_one_sentence_and_leaves_the_old_file_alone(kind, room, tmp_path):
    path = tmp_path / "file"
    for name in ("file", "file.png", "file.jpg"):
        (tmp_path / name).write_bytes(b"old")
    with full_disk(room), pytest.raises(WriteError) as caught:
        WRITERS[kind](path)
    assert str(caught.value).endswith(" could not be written: the disk is full.")
    assert str(tmp_path / "file") in str(caught.value)
    assert caught.value.full
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == dict.fromkeys(
        ("file", "file.png", "file.jpg"), b"old"
    )
    WRITERS[kind](path)  # once there is room
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "the disk is full"),
        (errno.EROFS, "the disk is read-only"),
        (errno.EACCES, "there is no permission"),
        (errno.EIO, "the disk failed"),
        (errno.EISDIR, "is a directory"),
    ],
)
def test_each_reason_is_a_sentence(number, reason, tmp_path):
    with pytest.raises(WriteError) as caught, open_atomically(tmp_path / "file"):
        raise OSError(number, os.strerror(number))
    assert str(caught.value) == f"{tmp_path / 'file'} could not be written: {reason}."


def test_other_errors_stay_what_they_are(tmp_path):
    with pytest.raises(KeyError), open_atomically(tmp_path / "file"):
        raise KeyError("mine")
    assert find_os_error(ValueError("mine")) is None
    with pytest.raises(WriteError, match="inner"), open_atomically(tmp_path / "outer"):
        write_bytes(tmp_path / "none" / "inner", b"")  # names the file that it is about


def test_a_power_failure_finds_the_content_before_the_name(tmp_path, monkeypatch):
    names = []
    monkeypatch.setattr(os, "fsync", lambda handle: names.append(sorted(p.name for p in tmp_path.iterdir())))
    write_bytes(tmp_path / "file", b"content")
    assert names == [["file.partial"], ["file"]]  # the file before it is renamed, the folder after it
