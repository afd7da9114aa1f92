"""Data sets as tensors: idx files in, sentences out where they are not right, and no surprise download."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ganlab.gallery import Pictures
from tests.conftest import write_idx
from train import data


def test_idx_files_become_one_tensor(mnist_root: Path, digits: Pictures, no_download: list[str]) -> None:
    for split in ("train", "test"):
        found = data.load("mnist", mnist_root, split)
        assert found.pixels.dtype == torch.uint8
        assert found.pixels.shape == (500, 1, 28, 28)
        assert found.pixels.is_contiguous()
        assert torch.equal(found.pixels, digits.pixels)
        assert torch.equal(found.labels, digits.labels)
        assert found.labels.dtype == torch.int64
        assert torch.equal(found.indices, torch.arange(500))
    assert data.load("mnist", str(mnist_root), "train").pixels.shape == (500, 1, 28, 28)
    assert no_download == []


def test_the_splits_are_read_from_their_own_files(mnist_root: Path, digits: Pictures) -> None:
    raw = mnist_root / "MNIST" / "raw"
    write_idx(raw / "t10k-images-idx3-ubyte", digits.pixels[:7, 0])
    write_idx(raw / "t10k-labels-idx1-ubyte", digits.labels[:7])
    assert len(data.load("mnist", mnist_root, "train")) == 500
    assert len(data.load("mnist", mnist_root, "test")) == 7


def test_bytes_become_inputs_from_0_to_1() -> None:
    pixels = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    x = data.to_input(pixels)
    assert x.dtype == torch.float32
    assert torch.equal(x.flatten(), torch.arange(256).float() / 255)
    assert torch.equal(pixels.flatten(), torch.arange(256, dtype=torch.uint8))


@pytest.mark.parametrize(
    ("dataset", "split", "message"),
    [
        ("imagenet", "train", r"Data set 'imagenet' not found; available = \['mnist'"),
        ("mnist", "validation", "splits train and test, not 'validation'"),
    ],
)
def test_unknown_names_are_refused(dataset: str, split: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        data.load(dataset, tmp_path, split)


def test_absent_data_says_where_it_belongs(tmp_path: Path, no_download: list[str]) -> None:
    root = tmp_path / "nothing"
    with pytest.raises(ValueError, match="could not be fetched") as caught:
        data.load("mnist", root, "train")
    message = str(caught.value)
    assert str(root / "MNIST" / "raw") in message
    assert "--data-root" in message
    assert "GANLAB_DATA" in message
    assert "\n" not in message
    assert no_download  # it was tried, and only then given up


def test_one_absent_file_is_as_good_as_none(mnist_root: Path, no_download: list[str]) -> None:
    (mnist_root / "MNIST" / "raw" / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(ValueError, match="could not be fetched"):
        data.load("mnist", mnist_root, "train")


@pytest.mark.parametrize(
    "content", [b"", b"\0\0\x08\x03", b"not an idx file at all", b"\x1f\x8b" + bytes(30)]
)
def test_a_damaged_file_gets_one_sentence(mnist_root: Path, content: bytes, no_download: list[str]) -> None:
    (mnist_root / "MNIST" / "raw" / "train-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(ValueError, match="MNIST is not whole in") as caught:
        data.load("mnist", mnist_root, "train")
    assert "\n" not in str(caught.value)
    assert "(a file is damaged)" in str(caught.value)


def test_a_file_cut_short_gets_one_sentence(mnist_root: Path, no_download: list[str]) -> None:
    path = mnist_root / "MNIST" / "raw" / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="MNIST is not whole in"):
        data.load("mnist", mnist_root, "train")


def test_pictures_and_labels_must_be_as_many(mnist_root: Path, digits: Pictures) -> None:
    write_idx(mnist_root / "MNIST" / "raw" / "train-labels-idx1-ubyte", digits.labels[:499])
    with pytest.raises(ValueError, match="500 pictures but 499 labels"):
        data.load("mnist", mnist_root, "train")
