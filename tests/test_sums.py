"""Sums: whatever differs from what was published is refused by name, and fingerprints do not know of them."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest

from ganlab import model, sums
from ganlab.config import CheckpointError, ModelConfig
from ganlab.sums import compute, join, split
from tests.conftest import TINY
from train import sums as written

TEXT = TINY.to_json()
FILES = {"generator.safetensors": "a" * 64, "gallery/train.npz": "b" * 64}


def test_sums_come_back_and_are_no_part_of_the_description() -> None:
    text = join(TEXT, FILES)
    assert split(text, "here") == (TEXT, FILES)
    assert split(TEXT, "here") == (TEXT, {})
    config = ModelConfig.from_json(text, "here")
    assert config == TINY
    assert config.files == FILES
    assert config.to_json() == text
    assert "files" not in config.to_dict()


def test_any_byte_of_a_description_that_changes_is_noticed() -> None:
    content, rng = join(TEXT, FILES).encode(), random.Random(0)
    for place in range(len(content)):
        altered = bytearray(content)
        altered[place] ^= 1 << rng.randrange(8)
        with pytest.raises((CheckpointError, UnicodeDecodeError)):
            ModelConfig.from_json(altered.decode("utf-8"), "here")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"../a.json": "a" * 64}, "not '../a.json'"),
        ({"/etc/a.json": "a" * 64}, "not '/etc/a.json'"),
        ({"a\\b.json": "a" * 64}, "names files like"),
        ({"gallery/../a.json": "a" * 64}, "names files like"),
        ({"model.pkl": "a" * 64}, "not 'model.pkl'"),
        ({"pytorch_model.bin": "a" * 64}, "names files like"),
        ({".hidden.json": "a" * 64}, "names files like"),
        ({"a.json": "A" * 64}, "64 hexadecimal digits"),
        ({"a.json": "a" * 63}, "64 hexadecimal digits"),
        ({f"{n}.json": "a" * 64 for n in range(65)}, "at most 64 files, not 65"),
    ],
)
def test_a_description_names_files_of_its_folder_only(files: dict[str, str], message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        split(join(TEXT, files), "here")


def test_half_a_list_is_refused() -> None:
    fields = json.loads(TEXT)
    for extra in ({"files": {}}, {"sum": "a" * 64}, {"files": [], "sum": 3}, {"files": {"a.json": 3}}):
        with pytest.raises(CheckpointError, match="does not have its own sum"):
            split(json.dumps(fields | extra, indent=2) + "\n", "here")


def test_sums_leave_the_fingerprint_alone(tiny_folder: Path) -> None:
    before = model.load(str(tiny_folder)).fingerprint
    assert written.write(tiny_folder) == sorted(f"{name}.safetensors" for name in TINY.networks)
    after = model.load(str(tiny_folder))
    assert after.fingerprint == before
    assert after.config.files["encoder.safetensors"] == compute(
        (tiny_folder / "encoder.safetensors").read_bytes()
    )
    assert written.write(tiny_folder) == []


def test_a_changed_missing_or_foreign_file_is_named(tiny_folder: Path) -> None:
    written.write(tiny_folder)
    path, whole = tiny_folder / "encoder.safetensors", (tiny_folder / "encoder.safetensors").read_bytes()
    for content in (whole[:-1] + bytes([whole[-1] ^ 1]), whole[:-1], whole + b"\0", b""):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match=r"tiny/encoder\.safetensors is damaged or of another vers"):
            model.load(str(tiny_folder))
    path.unlink()
    with pytest.raises(CheckpointError, match=r"tiny/encoder\.safetensors is missing"):
        model.load(str(tiny_folder))
    path.write_bytes(whole)
    (tiny_folder / "metrics.json").write_text('{"training": {}}')
    with pytest.raises(CheckpointError, match=r"tiny/metrics\.json is no part of .*tiny"):
        model.load(str(tiny_folder))


def test_a_command_that_writes_keeps_the_sums_and_forgives_nothing(tiny_folder: Path) -> None:
    for name in ("map.safetensors", "light.safetensors", "README.md"):
        (tiny_folder / name).write_bytes(b"before")
    written.write(tiny_folder)
    (tiny_folder / "light.safetensors").write_bytes(b"damaged")
    (tiny_folder / "samples.png").write_bytes(b"foreign")
    with written.updating(tiny_folder):
        (tiny_folder / "map.safetensors").write_bytes(b"after")
        (tiny_folder / "metrics.json").write_bytes(b"{}")
        (tiny_folder / "README.md").unlink()
    files = sums.read_files(tiny_folder)[1]
    assert files["map.safetensors"] == compute(b"after")
    assert files["metrics.json"] == compute(b"{}")
    assert files["light.safetensors"] == compute(b"before")
    assert not files.keys() & {"README.md", "samples.png"}


def test_pictures_are_checked_where_their_gallery_has_sums(tiny_folder: Path, tmp_path: Path) -> None:
    shared = tmp_path / "galleries" / "dots"
    shared.mkdir(parents=True)
    (shared / "train.npz").write_bytes(b"pictures")
    assert sums.read_pictures(shared / "train.npz") == b"pictures"
    written.write(shared)
    shutil.copytree(shared, tiny_folder / "gallery")
    written.write(tiny_folder)
    for folder, name in ((shared, "galleries/dots/train.npz"), (tiny_folder / "gallery", "tiny/gallery/tra")):
        assert sums.read_pictures(folder / "train.npz") == b"pictures"
        (folder / "train.npz").write_bytes(b"Pictures")
        with pytest.raises(CheckpointError, match=f"^{name}.* is damaged"):
            sums.read_pictures(folder / "train.npz")
        (folder / "other.npz").write_bytes(b"pictures")
        with pytest.raises(CheckpointError, match=r"/other\.npz is no part of "):
            sums.read_pictures(folder / "other.npz")
        assert sums.read_pictures(folder / "absent.npz") is None
