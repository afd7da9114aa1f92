"""Galleries: balanced, with exactly the pixels of the data set, or named as what stands in for it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ganlab import gallery as galleries
from ganlab.explorer import Explorer
from ganlab.gallery import TEST_FILE, TRAIN_FILE, Gallery
from ganlab.hub import CHECKPOINTS
from ganlab.model import load
from ganlab.pictures import Pictures, load_pictures
from tests.conftest import untrained_model, write_mnist
from tests.test_architecture import tracked
from tests.test_pictures import draw
from tests.train.data import test_archive, test_cifar10
from train.data import datasets, gallery


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of shared galleries, empty."""
    monkeypatch.setattr(galleries, "GALLERIES", tmp_path / "galleries")
    return tmp_path / "galleries"


def test_a_choice_is_balanced_as_far_as_the_classes_reach() -> None:
    labels = torch.tensor([0] * 50 + [1] * 5 + [2] * 30)
    rows = gallery.choose_balanced(labels, 45)
    assert labels[rows].bincount().tolist() == [20, 5, 20]
    assert labels[rows[:15]].bincount().tolist() == [5, 5, 5]  # any beginning is balanced too
    assert len(set(rows.tolist())) == 45
    chosen = rows[labels[rows] == 0]
    assert int(chosen.max() - chosen.min()) > 40  # spread over the class
    assert gallery.choose_balanced(labels, 1000).sort().values.tolist() == list(range(85))


@pytest.mark.parametrize("source", ["archive", "folder"])
def test_cifar10_is_stored_with_exactly_its_pixels(source: str, tmp_path: Path, shared: Path) -> None:
    write = {"archive": test_cifar10.write_archive, "folder": test_cifar10.write_folder}[source]
    write(tmp_path, test_cifar10.members())
    assert gallery.main(["cifar10", "--data-root", str(tmp_path)]) == 0
    for split, file in (("train", TRAIN_FILE), ("test", TEST_FILE)):
        kept, whole = load_pictures(shared / "cifar10" / file), datasets.load("cifar10", tmp_path, split)
        assert torch.equal(kept.pixels, whole.pixels[kept.indices])
        assert torch.equal(kept.labels, whole.labels[kept.indices])
        assert kept.labels[:3].tolist() == [0, 1, 2]
        assert kept.classes == whole.classes == test_cifar10.CLASSES
    about = (shared / "cifar10" / "README.md").read_text()
    assert "12 of the 50,000 training pictures" in about
    assert "Krizhevsky" in about


def test_tiny_imagenet_is_made_on_each_machine(tmp_path: Path, shared: Path) -> None:
    test_archive.write_archive(tmp_path, test_archive.members())
    assert gallery.main(["imagenet64", "--data-root", str(tmp_path)]) == 0
    kept, whole = (
        load_pictures(shared / "imagenet64" / TRAIN_FILE),
        datasets.load("imagenet64", tmp_path, "train"),
    )
    assert torch.equal(kept.pixels, whole.pixels[kept.indices])  # grey files too
    assert kept.classes == ("bee", "king penguin", "sports car")


def test_the_bundled_gallery_holds_many_of_each_class() -> None:
    folder = CHECKPOINTS / "galleries" / "cifar10"
    train, test = (load_pictures(folder / file) for file in (TRAIN_FILE, TEST_FILE))
    assert train.pixels.shape == (10_000, 3, 32, 32)
    assert train.labels.bincount().tolist() == [1_000] * 10
    assert test.labels.bincount().tolist() == [50] * 10
    assert train.classes[6] == test.classes[6] == "frog"
    assert sum((folder / file).stat().st_size for file in (TRAIN_FILE, TEST_FILE)) < 3_500_000


def test_what_may_not_be_passed_on_is_no_part_of_the_repository() -> None:
    assert not datasets.DATASETS["imagenet64"].bundled
    assert "/checkpoints/galleries/imagenet64/" in (CHECKPOINTS.parent / ".gitignore").read_text().split()
    assert not [path for path in tracked() if path.is_relative_to(CHECKPOINTS / "galleries" / "imagenet64")]


# ---------------------------------------------------------------------- of a checkpoint


def test_a_stand_in_is_the_models_own_reconstructions(
    tmp_path: Path, digits: Pictures, shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_mnist(tmp_path / "data", digits)
    folder = Path(untrained_model(tmp_path / "tiny", gallery="mnist"))
    assert gallery.main([str(folder), "--stand-in", "--data-root", str(tmp_path / "data")]) == 0
    assert "stand-in-train.npz: 500 pictures" in capsys.readouterr().out
    model = load(str(folder))
    explorer = Explorer(model, Gallery.load(model, stand_ins=True))
    assert explorer.gallery is not None
    pictures = explorer.gallery.pictures
    assert pictures.kind == "reconstructions"
    expected = explorer.reconstruct(digits.inputs(pictures.indices))
    assert float((pictures.inputs(slice(None)) - expected).abs().mean()) < 0.02  # JPEG
    assert torch.equal(pictures.labels, digits.labels[pictures.indices])
    assert explorer.examples is not None
    assert (explorer.examples.kind, len(explorer.examples)) == ("reconstructions", gallery.STAND_IN_EXAMPLES)
    assert galleries.load_test_pictures(model) is None
    assert explorer.gallery._codes is not None  # they are stored beside the pictures, and nowhere else
    assert not (folder / galleries.CODES_FILE).exists()


def test_without_an_encoder_samples_stand_in(gan_model: str, tmp_path: Path) -> None:
    folder = Path(untrained_model(tmp_path / "gan", networks=("generator",)))
    files = gallery.build_stand_in(folder, "nowhere", count=20)
    (pictures,) = (load_pictures(file) for file in files)
    assert (pictures.kind, len(pictures), pictures.are_labelled) == ("samples", 20, False)


@pytest.mark.parametrize("lossless", [True, False])
def test_a_checkpoints_own_pictures_fit_a_file(
    lossless: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = draw(90, size=32)
    if not lossless:
        monkeypatch.setattr(gallery, "MAX_LOSSLESS", 1000)
        monkeypatch.setattr(gallery, "MAX_OWN_BYTES", 60_000)
    kept = gallery.build_own(tmp_path, train, draw(6, size=32))
    where = (kept.indices - 100).tolist()
    if lossless:
        assert torch.equal(kept.pixels, train.pixels[where])
        assert len(kept) == 90
    else:
        assert 30 < len(kept) < 90
        assert int(kept.labels.bincount().max() - kept.labels.bincount().min()) <= 1
        assert float((kept.pixels.float() - train.pixels[where].float()).abs().mean()) < 6
        assert (tmp_path / "gallery" / TRAIN_FILE).stat().st_size < 60_000
    assert kept.classes == train.classes
    assert len(load_pictures(tmp_path / "gallery" / TEST_FILE)) == 6


@pytest.mark.parametrize("name", ["fashion-mnist", "nothing-of-this-name"])
def test_other_names_get_a_sentence(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert gallery.main([name]) == 2
    said = capsys.readouterr().err
    assert "available = ['mnist', 'cifar10', 'imagenet64']" in said
    assert said.count("\n") == 1
