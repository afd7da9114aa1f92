"""Data sets as tensors: idx files in, sentences out where they are not right, and no surprise download."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ganlab.gallery import Pictures
from ganlab.images import PREPARATIONS
from tests.conftest import write_idx
from train.data import datasets

KINDS = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST", "kmnist": "KMNIST"}
EMNIST = {"emnist": "balanced", "emnist-letters": "letters", "emnist-digits": "digits"}


def test_idx_files_become_one_tensor(mnist_root: Path, digits: Pictures, no_download: list[str]) -> None:
    for split in ("train", "test"):
        result = datasets.load("mnist", mnist_root, split)
        assert result.pixels.dtype == torch.uint8
        assert result.pixels.shape == (500, 1, 28, 28)
        assert result.pixels.is_contiguous()
        assert torch.equal(result.pixels, digits.pixels)
        assert torch.equal(result.labels, digits.labels)
        assert result.labels.dtype == torch.int64
        assert torch.equal(result.indices, torch.arange(500))
    assert datasets.load("mnist", str(mnist_root), "train").pixels.shape == (500, 1, 28, 28)
    assert no_download == []


def test_the_splits_are_read_from_their_own_files(mnist_root: Path, digits: Pictures) -> None:
    raw = mnist_root / "MNIST" / "raw"
    write_idx(raw / "t10k-images-idx3-ubyte", digits.pixels[:7, 0])
    write_idx(raw / "t10k-labels-idx1-ubyte", digits.labels[:7])
    assert len(datasets.load("mnist", mnist_root, "train")) == 500
    assert len(datasets.load("mnist", mnist_root, "test")) == 7


@pytest.mark.parametrize("dataset", ["fashion-mnist", "kmnist"])
def test_each_of_the_family_has_its_own_folder(
    dataset: str, mnist_root: Path, digits: Pictures, no_download: list[str]
) -> None:
    with pytest.raises(ValueError, match="is incomplete in"):
        datasets.load(dataset, mnist_root, "train")
    no_download.clear()
    for split, kept in (("train", slice(0, 9)), ("t10k", slice(9, 12))):
        raw = mnist_root / KINDS[dataset] / "raw"
        write_idx(raw / f"{split}-images-idx3-ubyte", digits.pixels[kept, 0])
        write_idx(raw / f"{split}-labels-idx1-ubyte", digits.labels[kept])
    for split, kept in (("train", slice(0, 9)), ("test", slice(9, 12))):
        result = datasets.load(dataset, mnist_root, split)
        assert torch.equal(result.pixels, digits.pixels[kept])
        assert torch.equal(result.labels, digits.labels[kept])
    assert no_download == []


@pytest.mark.parametrize("dataset", list(EMNIST))
def test_emnist_stands_upright(
    dataset: str, tmp_path: Path, digits: Pictures, no_download: list[str]
) -> None:
    """Its files hold each picture column by column, and letters count from 1."""
    raw, part = tmp_path / "EMNIST" / "raw", EMNIST[dataset]
    first = 1 if part == "letters" else 0
    for split, kept in (("train", slice(0, 20)), ("test", slice(20, 25))):
        write_idx(raw / f"emnist-{part}-{split}-images-idx3-ubyte", digits.pixels[kept, 0].transpose(1, 2))
        write_idx(raw / f"emnist-{part}-{split}-labels-idx1-ubyte", digits.labels[kept] + first)
        result = datasets.load(dataset, tmp_path, split)
        assert torch.equal(result.pixels, digits.pixels[kept])
        assert result.pixels.is_contiguous()
        assert torch.equal(result.labels, digits.labels[kept])
        assert torch.equal(result.indices, torch.arange(len(result)))
    assert no_download == []


def test_bytes_become_inputs_from_0_to_1() -> None:
    pixels = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    x = datasets.to_input(pixels)
    assert x.dtype == torch.float32
    assert torch.equal(x.flatten(), torch.arange(256).float() / 255)
    assert torch.equal(pixels.flatten(), torch.arange(256, dtype=torch.uint8))


@pytest.mark.parametrize(
    ("dataset", "split", "message"),
    [
        (
            "imagenet",
            "train",
            r"Data set 'imagenet' not found; available = \['mnist'.*of tar files\.$",
        ),
        (
            "no/such/place",
            "train",
            r"'no/such/place' not found; available = .*of tar files\.$",
        ),
        ("mnist", "validation", "splits train and test, not 'validation'"),
    ],
)
def test_unknown_names_are_refused(dataset: str, split: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        datasets.load(dataset, tmp_path, split)


@pytest.mark.parametrize(
    ("dataset", "wanted", "message"),
    [
        ("mnist", {"size": 32}, "Pictures of MNIST are 28x28 with 1 channel: only those of a folder"),
        ("mnist", {"channels": 3}, "Pictures of MNIST are 28x28 with 1 channel:"),
        ("cifar10", {"size": 64}, "Pictures of CIFAR-10 are 32x32 with 3 channels:"),
        ("cifar10", {"channels": 1}, "Pictures of CIFAR-10 are 32x32 with 3 channels:"),
        (".", {"size": 0}, "at least 1 pixel wide, not 0"),
        (".", {"channels": 2}, "1 or 3 channels, not 2"),
    ],
)
def test_another_size_is_refused(
    dataset: str, wanted: dict[str, int], message: str, tmp_path: Path, no_download: list[str]
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        datasets.load(dataset, tmp_path, "train", **wanted)
    assert "\n" not in str(caught.value)
    assert no_download == []


def test_its_own_size_may_be_named(mnist_root: Path) -> None:
    assert len(datasets.load("mnist", mnist_root, "train", size=28, channels=1)) == 500


@pytest.mark.parametrize("dataset", [*KINDS, *EMNIST])
def test_absent_data_says_where_it_belongs(dataset: str, tmp_path: Path, no_download: list[str]) -> None:
    root = tmp_path / "nothing"
    with pytest.raises(ValueError, match="could not be downloaded") as caught:
        datasets.load(dataset, root, "train")
    message = str(caught.value)
    assert message.startswith(datasets.get_title(dataset, root) + " is incomplete in")
    assert str(root / KINDS.get(dataset, "EMNIST") / "raw") in message
    assert "--data-root" in message
    assert "GANLAB_DATA" in message
    assert "\n" not in message
    assert no_download  # it was tried, and only then given up


def test_one_absent_file_is_as_good_as_none(mnist_root: Path, no_download: list[str]) -> None:
    (mnist_root / "MNIST" / "raw" / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(ValueError, match="could not be downloaded"):
        datasets.load("mnist", mnist_root, "train")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0\x08\x03",
        b"not an idx file at all",
        b"\x1f\x8b" + bytes(30),
        b"\0\0\x0c\x01\0\0\0\x01\0\0\0\x07",  # whole, but of numbers of 32 bits
    ],
)
def test_a_damaged_file_gets_one_sentence(mnist_root: Path, content: bytes, no_download: list[str]) -> None:
    (mnist_root / "MNIST" / "raw" / "train-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(ValueError, match="MNIST is incomplete in") as caught:
        datasets.load("mnist", mnist_root, "train")
    assert "\n" not in str(caught.value)
    assert "(a file is damaged)" in str(caught.value)


def test_a_file_cut_short_gets_one_sentence(mnist_root: Path, no_download: list[str]) -> None:
    path = mnist_root / "MNIST" / "raw" / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="MNIST is incomplete in"):
        datasets.load("mnist", mnist_root, "train")


def test_pictures_and_labels_must_be_as_many(mnist_root: Path, digits: Pictures) -> None:
    write_idx(mnist_root / "MNIST" / "raw" / "train-labels-idx1-ubyte", digits.labels[:499])
    with pytest.raises(ValueError, match="500 pictures but 499 labels"):
        datasets.load("mnist", mnist_root, "train")


def test_pictures_of_another_size_are_not_mnist(mnist_root: Path, digits: Pictures) -> None:
    write_idx(mnist_root / "MNIST" / "raw" / "train-images-idx3-ubyte", digits.pixels[:, 0, :, :20])
    with pytest.raises(ValueError, match=r"pictures of shape \(1, 28, 20\), not \(1, 28, 28\)"):
        datasets.load("mnist", mnist_root, "train")


def test_titles_and_preparations(tmp_path: Path) -> None:
    expected = {
        "mnist": ("MNIST", "digit"),
        "fashion-mnist": ("Fashion-MNIST", "picture"),
        "kmnist": ("KMNIST", "digit"),
        "emnist": ("EMNIST", "digit"),
        "emnist-letters": ("EMNIST Letters", "digit"),
        "emnist-digits": ("EMNIST Digits", "digit"),
        "cifar10": ("CIFAR-10", "picture"),
        "imagenet64": ("Tiny ImageNet (50 classes)", "picture"),
        f"{tmp_path}/my cats/": ("my cats", "picture"),
    }
    assert expected.keys() >= datasets.DATASETS.keys()
    for dataset, (title, preparation) in expected.items():
        assert datasets.get_title(dataset, tmp_path) == title
        assert datasets.get_preparation(dataset) == preparation
        assert preparation in PREPARATIONS
