"""CIFAR-10 from torchvision's files, from the archive of JPEG files, from a folder, or from nowhere."""

from __future__ import annotations

import hashlib
import io
import lzma
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import CIFAR10

from tests.pictures import encoded
from train.data import archive, datasets

ARCHIVE = datasets.CIFAR10_FILES.archive
CLASSES = ("cat", "dog", "frog")
PER_CLASS = {"train": 4, "test": 2}


@pytest.fixture(autouse=True)
def offline(no_download: list[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The attempts to download, all of which fail."""

    def refuse(url: str, *args: Any, **kwargs: Any) -> None:
        no_download.append(url)
        raise OSError("no network")

    monkeypatch.setattr("torchvision.datasets.cifar.download_and_extract_archive", refuse)
    return no_download


def jpeg(seed: int, side: int = 32, mode: str = "RGB") -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return encoded(Image.fromarray(pixels).resize((side, side)).convert(mode), "JPEG", quality=90)


def members() -> dict[str, bytes]:
    """Names and files, not in the order that they are read in."""
    names = [
        f"{split}/{name}/{number:04d}.jpg"
        for split, count in PER_CLASS.items()
        for name in CLASSES
        for number in range(count)
    ]
    return {name: jpeg(names.index(name)) for name in reversed(names)}


def write_archive(root: Path, files: dict[str, bytes], extra: tuple[tarfile.TarInfo, ...] = ()) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    with tarfile.open(root / ARCHIVE, "w:xz") as archive:
        for member in extra:
            archive.addfile(member, io.BytesIO(bytes(member.size)))
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return root / ARCHIVE


def write_folder(root: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = root / datasets.CIFAR10_FILES.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def write_batches(root: Path, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """pixels uint8 (7, 3, 32, 32) as five training batches of one picture and a test batch of two."""
    folder = root / datasets.CIFAR10_BATCHES
    folder.mkdir(parents=True)

    def write(name: str, content: dict[str, Any]) -> str:
        (folder / name).write_bytes(pickle.dumps(content))
        return hashlib.md5((folder / name).read_bytes()).hexdigest()

    def batch(name: str, rows: slice) -> list[str]:
        some = pixels[rows].reshape(-1, 3072)
        return [name, write(name, {"data": some, "labels": list(range(10))[rows]})]

    train = [batch(f"data_batch_{n + 1}", slice(n, n + 1)) for n in range(5)]
    monkeypatch.setattr(CIFAR10, "train_list", train)
    monkeypatch.setattr(CIFAR10, "test_list", [batch("test_batch", slice(5, 7))])
    meta = {"filename": "batches.meta", "key": "label_names"}
    meta["md5"] = write("batches.meta", {"label_names": list(CLASSES)})
    monkeypatch.setattr(CIFAR10, "meta", meta)


def expected(files: dict[str, bytes], split: str) -> torch.Tensor:
    """uint8 (N, 3, 32, 32) in the order of the names."""
    chosen = [content for name, content in sorted(files.items()) if name.startswith(split)]
    return torch.stack([torch.tensor(np.array(Image.open(io.BytesIO(c)))).permute(2, 0, 1) for c in chosen])


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_archive_is_read_in_the_order_of_names(split: str, tmp_path: Path, offline: list[str]) -> None:
    files = members()
    write_archive(tmp_path, files)
    result = datasets.load("cifar10", tmp_path, split)
    assert torch.equal(result.pixels, expected(files, split))
    assert result.pixels.is_contiguous()
    assert result.labels.tolist() == [label for label in range(3) for _ in range(PER_CLASS[split])]
    assert torch.equal(result.indices, torch.arange(len(result)))
    assert [path.name for path in tmp_path.iterdir()] == [ARCHIVE]  # nothing is unpacked
    assert datasets.get_title("cifar10", tmp_path) == "CIFAR-10 (JPEG)"
    assert offline == []


def test_the_labels_of_a_split_do_not_hang_on_its_own_classes(tmp_path: Path) -> None:
    files = {name: content for name, content in members().items() if not name.startswith("test/cat")}
    write_archive(tmp_path, files)
    assert datasets.load("cifar10", tmp_path, "test").labels.tolist() == [1, 1, 2, 2]


def test_the_folder_and_the_archive_give_the_same(tmp_path: Path) -> None:
    files = members()
    write_archive(tmp_path / "a", files)
    write_folder(tmp_path / "b", files)
    for split in ("train", "test"):
        archive, folder = (datasets.load("cifar10", tmp_path / name, split) for name in "ab")
        assert torch.equal(archive.pixels, folder.pixels)
        assert torch.equal(archive.labels, folder.labels)
    assert datasets.get_title("cifar10", tmp_path / "b") == "CIFAR-10 (JPEG)"


def test_a_folder_of_lossless_files_is_not_called_jpeg(tmp_path: Path) -> None:
    files = {
        name.replace("jpg", "png"): encoded(Image.open(io.BytesIO(content)), "PNG")
        for name, content in members().items()
    }
    write_folder(tmp_path, files)
    assert torch.equal(datasets.load("cifar10", tmp_path, "train").pixels, expected(files, "train"))
    assert datasets.get_title("cifar10", tmp_path) == "CIFAR-10"


def test_the_original_goes_before_its_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (7, 3, 32, 32), dtype=np.uint8)
    write_archive(tmp_path, members())
    write_folder(tmp_path, members())
    write_batches(tmp_path, pixels, monkeypatch)
    for split, rows in (("train", slice(0, 5)), ("test", slice(5, 7))):
        result = datasets.load("cifar10", tmp_path, split)
        assert torch.equal(result.pixels, torch.from_numpy(pixels[rows]))
        assert result.pixels.is_contiguous()
        assert result.labels.tolist() == list(range(10))[rows]
        assert result.labels.dtype == torch.int64
    assert datasets.get_title("cifar10", tmp_path) == "CIFAR-10"


def test_an_altered_batch_is_never_unpickled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offline: list[str]
) -> None:
    write_batches(tmp_path, np.zeros((7, 3, 32, 32), np.uint8), monkeypatch)
    marker = tmp_path / "ran"
    hostile = f"cos\nmkdir\n(V{marker}\ntR.".encode()
    pickle.loads(hostile)
    marker.rmdir()  # it does run where it is unpickled
    (tmp_path / datasets.CIFAR10_BATCHES / "data_batch_3").write_bytes(hostile)
    with pytest.raises(ValueError, match="CIFAR-10 is incomplete in"):
        datasets.load("cifar10", tmp_path, "train")
    assert not marker.exists()
    assert offline


def test_absent_data_says_where_it_belongs(tmp_path: Path, offline: list[str]) -> None:
    with pytest.raises(ValueError, match=r"could not be downloaded \(no network\)") as caught:
        datasets.load("cifar10", tmp_path, "train")
    message = str(caught.value)
    for part in (
        datasets.CIFAR10_BATCHES,
        ARCHIVE,
        str(tmp_path),
        "--data-root",
        "GANLAB_DATA",
    ):
        assert part in message
    assert "\n" not in message
    assert offline


def test_only_plain_members_of_the_expected_names_are_read(tmp_path: Path) -> None:
    link = tarfile.TarInfo("train/cat/0100.jpg")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
    hard = tarfile.TarInfo("train/cat/0101.jpg")
    hard.type, hard.linkname = tarfile.LNKTYPE, "train/cat/0000.jpg"
    pipe = tarfile.TarInfo("train/cat/0102.jpg")
    pipe.type = tarfile.FIFOTYPE
    large = tarfile.TarInfo("train/cat/0103.jpg")
    large.size = archive.MAX_MEMBER + 1
    names = ("../train/cat/0104.jpg", "/train/cat/0105.jpg", "train/../0106.jpg", "train/cat/a.jpg", "README")
    files = members()
    write_archive(tmp_path / "in", files | dict.fromkeys(names, b"no picture"), (link, hard, pipe, large))
    result = datasets.load("cifar10", tmp_path / "in", "train")
    assert torch.equal(result.pixels, expected(files, "train"))
    assert [path.name for path in tmp_path.rglob("*")] == ["in", ARCHIVE]


def test_an_archive_that_unpacks_without_end_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stuffing = tarfile.TarInfo("stuffing")
    stuffing.size = 3_000_000
    path = write_archive(tmp_path, members(), (stuffing,))
    assert len(datasets.load("cifar10", tmp_path, "test")) == 6
    monkeypatch.setattr(archive, "MAX_ARCHIVE", 2_000_000)
    with pytest.raises(ValueError, match=r"is damaged .*unpacks to more than 2 MB") as caught:
        datasets.load("cifar10", tmp_path, "test")
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("damage", ["cut", "not xz", "not tar", "altered", "no pictures"])
def test_a_damaged_archive_gets_one_sentence(damage: str, tmp_path: Path) -> None:
    path = write_archive(tmp_path, members() if damage != "no pictures" else {"README": b"hello"})
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(
        {
            "cut": content[:middle],
            "not xz": b"PK\3\4" + bytes(100),
            "not tar": lzma.compress(b"hello" * 1000),
            "altered": content[:middle] + bytes(64) + content[middle + 64 :],
            "no pictures": content,
        }[damage]
    )
    with pytest.raises(ValueError, match="download it again") as caught:
        datasets.load("cifar10", tmp_path, "train")
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xd8\xff\xe0 cut", jpeg(0)[:300], jpeg(0, side=1), jpeg(0, side=33), jpeg(0, mode="CMYK")],
)
def test_a_damaged_picture_is_named(content: bytes, tmp_path: Path) -> None:
    write_archive(tmp_path, members() | {"train/dog/0002.jpg": content})
    with pytest.raises(ValueError, match=r"train/dog/0002\.jpg in .* is no colour picture of 32x32"):
        datasets.load("cifar10", tmp_path, "train")
    assert len(datasets.load("cifar10", tmp_path, "test")) == 6
