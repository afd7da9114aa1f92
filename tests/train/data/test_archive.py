"""Tiny ImageNet from its archive or from the folder that it unpacks to; it is never downloaded."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.pictures import encoded
from train.data import archive, datasets

CLASSES = ("bee", "king-penguin", "sports-car")
COUNTS = {"train": 3, "val": 2}


def jpeg(seed: int, side: int = 64, mode: str = "RGB") -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return encoded(Image.fromarray(pixels).resize((side, side)).convert(mode), "JPEG", quality=90)


def members(test: str = "val") -> dict[str, bytes]:
    """Names and files, not in the order that they are read in; every third picture is grey."""
    names = [
        f"{test if split == 'val' else split}/{name}/{number:03d}.jpg"
        for split, count in COUNTS.items()
        for name in CLASSES
        for number in range(count)
    ]
    return {name: jpeg(row, mode="RGB" if row % 3 else "L") for row, name in reversed([*enumerate(names)])}


def write_archive(root: Path, files: dict[str, bytes]) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    path = root / datasets.IMAGENET64_FILES.archive
    with tarfile.open(path, "w:xz") as packed:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    return path


def write_folder(root: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = root / datasets.IMAGENET64_FILES.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def expected(files: dict[str, bytes], split: str) -> torch.Tensor:
    """uint8 (N, 3, 64, 64) in the order of the names."""
    chosen = [content for name, content in sorted(files.items()) if name.startswith(split)]
    pictures = [np.array(Image.open(io.BytesIO(content)).convert("RGB")) for content in chosen]
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)


@pytest.mark.parametrize(("split", "part"), [("train", "train"), ("test", "val")])
def test_val_is_the_test_split_and_grey_pictures_become_colour(split: str, part: str, tmp_path: Path) -> None:
    files = members()
    write_archive(tmp_path, files)
    result = datasets.load("imagenet64", tmp_path, split)
    assert result.pixels.shape == (len(CLASSES) * COUNTS[part], 3, 64, 64)
    assert torch.equal(result.pixels, expected(files, part))
    assert result.pixels.is_contiguous()
    assert result.labels.tolist() == [label for label in range(3) for _ in range(COUNTS[part])]
    assert torch.equal(result.indices, torch.arange(len(result)))
    grey = (result.pixels[:, 0] == result.pixels[:, 1]).flatten(1).all(1)
    assert 0 < grey.sum() < len(result)


@pytest.mark.parametrize("test", ["val", "test"])
def test_the_unpacked_folder_gives_the_same(test: str, tmp_path: Path) -> None:
    write_archive(tmp_path / "a", members())
    write_folder(tmp_path / "b", members(test))
    for split in ("train", "test"):
        packed, unpacked = (datasets.load("imagenet64", tmp_path / name, split) for name in "ab")
        assert torch.equal(packed.pixels, unpacked.pixels)
        assert torch.equal(packed.labels, unpacked.labels)


def test_absent_data_says_where_it_belongs_and_is_not_downloaded(
    tmp_path: Path, no_download: list[str]
) -> None:
    with pytest.raises(ValueError, match=r"Tiny ImageNet \(50 classes\) is not in") as caught:
        datasets.load("imagenet64", tmp_path, "train")
    for part in ("imagenet64-50.tar.xz", "train/CLASS and val/CLASS", str(tmp_path), "--data-root"):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)
    assert no_download == []


@pytest.mark.parametrize("content", [b"", jpeg(0)[:300], jpeg(0, side=32), jpeg(0, mode="CMYK")])
def test_a_damaged_picture_is_named(content: bytes, tmp_path: Path) -> None:
    write_archive(tmp_path, members() | {"val/king-penguin/001.jpg": content})
    with pytest.raises(ValueError, match=r"king-penguin/001\.jpg in .* is no colour picture of 64x64"):
        datasets.load("imagenet64", tmp_path, "test")
    assert len(datasets.load("imagenet64", tmp_path, "train")) == 9


def test_an_archive_without_the_split_is_refused(tmp_path: Path) -> None:
    files = {name: content for name, content in members().items() if name.startswith("train")}
    write_archive(tmp_path, files)
    with pytest.raises(ValueError, match=r"holds no pictures such as val/bee/0000\.jpg"):
        datasets.load("imagenet64", tmp_path, "test")


def test_an_archive_has_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_archive(tmp_path, members() | {"train/bee/900.jpg": bytes(archive.MAX_MEMBER + 1)})
    assert len(datasets.load("imagenet64", tmp_path, "train")) == 9  # larger members are left out
    monkeypatch.setattr(archive, "MAX_ARCHIVE", 50_000)
    with pytest.raises(ValueError, match=r"is damaged .*unpacks to more than"):
        datasets.load("imagenet64", tmp_path, "train")
