"""Pictures with named classes, and their files: without loss, or as JPEG files with one common header."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ganlab import gallery as galleries
from ganlab import images
from ganlab.config import CheckpointError
from ganlab.explorer import Explorer
from ganlab.gallery import STAND_IN, TRAIN_FILE, Gallery, explain_absence
from ganlab.model import LatentModel, load
from ganlab.pictures import Pictures, load_pictures, name_label, save_pictures

CLASSES = ("frog", "king penguin", "sports car")


def draw(count: int = 12, size: int = 16, channels: int = 3, seed: int = 0) -> Pictures:
    """Smooth random pictures of three classes, in turn."""
    rng = np.random.default_rng(seed)
    small = torch.from_numpy(rng.integers(0, 256, (count, channels, 4, 4), dtype=np.uint8))
    pixels = (
        torch.nn.functional.interpolate(small.float(), size=size, mode="bilinear").round().to(torch.uint8)
    )
    return Pictures(pixels, torch.arange(count) % 3, torch.arange(count) + 100, CLASSES)


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_files_keep_exactly_the_pixels_that_they_decode_to(channels: int, tmp_path: Path) -> None:
    pictures = draw(channels=channels)
    files = list(images.encode_jpegs(pictures.pixels, 90))
    save_pictures(tmp_path / "some.npz", pictures, files)
    again = load_pictures(tmp_path / "some.npz")
    expected = torch.from_numpy(images.decode_jpegs(files, (12, 16, 16, channels))).permute(0, 3, 1, 2)
    assert torch.equal(again.pixels, expected)
    assert again.pixels.is_contiguous()
    assert float((again.pixels.float() - pictures.pixels.float()).abs().mean()) < 6
    assert (again.labels.tolist(), again.indices.tolist()) == (
        pictures.labels.tolist(),
        pictures.indices.tolist(),
    )
    assert (again.classes, again.kind) == (CLASSES, "data")
    with np.load(tmp_path / "some.npz") as stored:  # the header of all files is there once
        assert len(stored["header"]) > 300
        assert len(stored["files"]) + 12 * len(stored["header"]) == sum(map(len, files))


def test_grey_files_among_colours_become_colours(tmp_path: Path) -> None:
    pictures = draw()
    files = list(images.encode_jpegs(pictures.pixels, 90))
    files[5] = next(images.encode_jpegs(pictures.pixels[5:6, :1], 90))
    save_pictures(tmp_path / "some.npz", pictures, files)
    pixels = load_pictures(tmp_path / "some.npz").pixels
    assert pixels.shape == (12, 3, 16, 16)
    assert torch.equal(pixels[5, 0], pixels[5, 2])


def damage(stored: dict[str, Any], how: str) -> dict[str, Any]:
    other = next(images.encode_jpegs(draw(size=32).pixels, 90))
    return {
        "cut": stored | {"files": stored["files"][:-9]},
        "no picture": stored | {"files": stored["files"] // 2, "header": stored["header"][:2]},
        "another size": stored
        | {"header": np.frombuffer(other[:4], np.uint8), "files": np.frombuffer(other[4:] * 12, np.uint8)}
        | {"lengths": np.full(12, len(other) - 4)},
        "too large": stored | {"shape": np.array([3, 30_000, 30_000])},
        "five channels": stored | {"shape": np.array([5, 16, 16])},
        "no shape": {key: value for key, value in stored.items() if key != "shape"},
        "a class without a name": stored | {"classes": np.array(CLASSES[:2])},
        "a name with a line end": stored | {"classes": np.array(["a", "b\n", "c"])},
        "a name too long": stored | {"classes": np.array(["a", "b", "c" * 61])},
        "another kind": stored | {"kind": np.array("paintings")},
    }[how]


@pytest.mark.parametrize(
    "how",
    [
        "cut",
        "no picture",
        "another size",
        "too large",
        "five channels",
        "no shape",
        "a class without a name",
        "a name with a line end",
        "a name too long",
        "another kind",
    ],
)
def test_a_damaged_file_is_refused_in_one_sentence(how: str, tmp_path: Path) -> None:
    pictures, path = draw(), tmp_path / "train.npz"
    save_pictures(path, pictures, list(images.encode_jpegs(pictures.pixels, 90)))
    with np.load(path) as file:
        stored = dict(file)
    with path.open("wb") as target:
        np.savez(target, **damage(stored, how))
    with pytest.raises(CheckpointError, match=r"The gallery train\.npz ") as caught:
        load_pictures(path)
    assert "\n" not in str(caught.value)


def test_more_than_256_classes_keep_their_labels(tmp_path: Path) -> None:
    pictures = dataclasses.replace(draw(), labels=torch.arange(12) * 100, classes=())
    save_pictures(tmp_path / "some.npz", pictures)
    assert load_pictures(tmp_path / "some.npz").labels.tolist() == pictures.labels.tolist()


def test_labels_have_names_or_are_their_own() -> None:
    assert [name_label(CLASSES, label) for label in (0, 2, 3, -1)] == ["frog", "sports car", "3", "-1"]
    assert name_label((), 7) == "7"
    assert draw().are_labelled
    digits = dataclasses.replace(draw(), classes=())
    assert digits.are_labelled
    assert not dataclasses.replace(digits, labels=torch.zeros(12, dtype=torch.long)).are_labelled


def test_a_selection_is_known_by_its_digest() -> None:
    pictures = draw()
    assert pictures.digest == draw(seed=1).digest  # whatever the decoder made of the pixels
    others = (pictures.take(slice(1, None)), dataclasses.replace(pictures, kind="samples"))
    assert len({pictures.digest, *(other.digest for other in others)}) == 3


# ---------------------------------------------------------------------- galleries


@pytest.fixture
def tiny_gallery(tiny_model: LatentModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the shared gallery that tiny_model names; it does not exist yet."""
    monkeypatch.setattr(galleries, "GALLERIES", tmp_path / "galleries")
    assert tiny_model.config.gallery is None
    return tmp_path / "galleries" / "secret"


def named(model: LatentModel) -> LatentModel:
    return dataclasses.replace(model, config=dataclasses.replace(model.config, gallery="secret"))


def test_real_pictures_go_before_what_stands_in_for_them(tiny_model: LatentModel, tiny_gallery: Path) -> None:
    model = named(tiny_model)
    assert model.folder is not None
    real = draw(size=28, channels=1)
    (model.folder / "gallery").mkdir()
    path = model.folder / "gallery" / (STAND_IN + TRAIN_FILE)
    save_pictures(path, dataclasses.replace(real, kind="reconstructions"))
    assert Gallery.load(model) is None  # nobody measures by them
    shown = Gallery.load(model, stand_ins=True)
    assert shown is not None
    assert shown.pictures.kind == "reconstructions"
    shown.save(model.folder)
    tiny_gallery.mkdir(parents=True)
    save_pictures(tiny_gallery / TRAIN_FILE, real)
    for stand_ins in (False, True):
        gallery = Gallery.load(model, stand_ins)
        assert gallery is not None
        assert gallery.pictures.kind == "data"
        gallery.points("code")  # codes of other pictures are left alone, not refused
        assert gallery._codes is None
    gallery.save(model.folder)
    again = Gallery.load(model)
    assert again is not None
    assert again._codes is not None


def test_an_absent_gallery_says_what_makes_it(tiny_model: LatentModel, tiny_gallery: Path) -> None:
    assert explain_absence(tiny_model) == "this model comes without a gallery"
    assert "python -m train.gallery secret makes them" in explain_absence(named(tiny_model))
    explorer = Explorer(named(tiny_model))
    with pytest.raises(ValueError, match=r"python -m train\.gallery secret makes them"):
        explorer.neighbours(torch.zeros(1, 1, 28, 28))
    for kind in ("principal", "classes"):
        assert "python -m train.gallery secret" in explorer.directions.explain_absence(kind)


def test_neighbours_have_names(tiny_folder: Path) -> None:
    model = load(str(tiny_folder))
    pictures = draw(size=28, channels=1)
    near = Explorer(model, Gallery(model, pictures)).neighbours(pictures.inputs(slice(1, 2)), 3, "pixels")
    assert (near[0].label, near[0].name) == (1, "king penguin")
    bare = dataclasses.replace(pictures, classes=(), labels=torch.zeros(12, dtype=torch.long))
    unlabelled = Explorer(model, Gallery(model, bare))
    assert unlabelled.neighbours(pictures.inputs(slice(1, 2)), 1, "pixels")[0].name == ""
    assert unlabelled.directions.explain_absence("classes") == "these pictures have no classes"
