"""Files of galleries: what is written is read; what is damaged or does not fit is refused in a sentence."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor

from ganlab import features
from ganlab import gallery as galleries
from ganlab.config import CheckpointError
from ganlab.explorer import Explorer
from ganlab.gallery import Gallery, Pictures, load_pictures, save_pictures
from ganlab.model import LatentModel, load
from tests.conftest import TINY


def test_pictures_survive_their_file(digits: Pictures, tmp_path: Path) -> None:
    some = Pictures(digits.pixels[::7], digits.labels[::7], digits.indices[::7])
    save_pictures(tmp_path / "some.npz", some)
    again = load_pictures(tmp_path / "some.npz")
    assert torch.equal(again.pixels, some.pixels)
    assert torch.equal(again.labels, some.labels)
    assert torch.equal(again.indices, some.indices)
    assert again.labels.dtype == again.indices.dtype == torch.int64
    assert load_pictures(tmp_path / "some.npz") is again  # one copy for all models


def test_inputs_are_floats_from_0_to_1(digits: Pictures) -> None:
    x = digits.inputs(slice(0, 3))
    assert x.shape == (3, 1, 28, 28)
    assert x.dtype == torch.float32
    assert float(x.min()) == 0.0
    assert float(x.max()) == 1.0
    assert torch.equal((x * 255).round().byte(), digits.pixels[:3])


def damaged(name: str, path: Path) -> None:
    pixels, labels = np.zeros((3, 1, 28, 28), np.uint8), np.zeros(3, np.uint8)
    whole: dict[str, Any] = {"pixels": pixels, "labels": labels, "indices": np.arange(3)}
    changes: dict[str, dict[str, Any]] = {
        "float pixels": {"pixels": pixels.astype(np.float32)},
        "flat pixels": {"pixels": pixels.reshape(3, -1)},
        "too few labels": {"labels": labels[:2]},
        "too many indices": {"indices": np.arange(4)},
        "labels in a square": {"labels": np.zeros((3, 3), np.uint8)},
        "labels without end": {"labels": np.uint8(3)},
        "labels of text": {"labels": np.array(["a", "b", "c"])},
        "labels of objects": {"labels": np.array([None, {}, []], dtype=object)},
        "fractions as labels": {"labels": np.full(3, 0.5)},
    }
    if name in changes:
        np.savez_compressed(path, **(whole | changes[name]))
    elif name == "no labels":
        np.savez_compressed(path, pixels=pixels, indices=np.arange(3))
    elif name == "a bare array":
        with path.open("wb") as file:
            np.save(file, pixels)
    else:
        rng = np.random.default_rng(0)
        np.savez_compressed(path, **(whole | {"pixels": rng.integers(0, 255, (3, 1, 28, 28), np.uint8)}))
        content = bytearray(path.read_bytes())
        if name == "cut short":
            content = content[: len(content) // 2]
        elif name == "altered":
            content[300:340] = bytes(40)
        elif name == "empty":
            content = bytearray()
        elif name == "text":
            content = bytearray(b"pictures")
        path.write_bytes(content)


@pytest.mark.parametrize(
    "name",
    [
        "float pixels",
        "flat pixels",
        "too few labels",
        "too many indices",
        "labels in a square",
        "labels without end",
        "labels of text",
        "labels of objects",
        "fractions as labels",
        "no labels",
        "a bare array",
        "cut short",
        "altered",
        "empty",
        "text",
    ],
)
def test_a_damaged_file_is_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    path = tmp_path / "train.npz"
    damaged(name, path)
    with pytest.raises(CheckpointError, match=r"^The gallery train\.npz cannot be read: .*\.$"):
        load_pictures(path)


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"The gallery absent\.npz cannot be read"):
        load_pictures(tmp_path / "absent.npz")


def test_pictures_of_another_shape_are_refused(tiny_model: LatentModel) -> None:
    small = Pictures(torch.zeros(2, 1, 8, 8, dtype=torch.uint8), torch.zeros(2).long(), torch.arange(2))
    expected = re.escape("The gallery's pictures are (1, 8, 8), tiny wants (1, 28, 28).")
    with pytest.raises(CheckpointError, match=expected):
        Gallery(tiny_model, small)


@pytest.fixture
def own_gallery(tiny_folder: Path, digits: Pictures) -> Path:
    (tiny_folder / "gallery").mkdir()
    save_pictures(tiny_folder / "gallery" / galleries.TRAIN_FILE, digits)
    return tiny_folder


def test_a_checkpoint_may_hold_its_gallery_and_its_codes(own_gallery: Path) -> None:
    model = load(str(own_gallery))
    gallery = Gallery.load(model)
    assert gallery is not None
    assert len(gallery) == 500
    gallery.save(own_gallery)
    again = Gallery.load(model)
    assert again is not None
    assert torch.equal(again.codes, features.restore_codes(features.compress_codes(gallery.codes)))
    levels = (gallery.codes.amax(0) - gallery.codes.amin(0)) / features.LEVELS
    assert ((again.codes - gallery.codes).abs() <= 0.51 * levels).all()


def test_with_a_latent_map_codes_are_the_encoders_and_latents_are_stored_beside_them(
    mapped: Explorer, digits: Pictures
) -> None:
    model = mapped.model
    assert model.folder is not None
    (model.folder / "gallery").mkdir()
    save_pictures(model.folder / "gallery" / galleries.TRAIN_FILE, digits)
    gallery = Gallery.load(model)
    assert gallery is not None
    x = digits.inputs(slice(None))
    torch.testing.assert_close(gallery.codes, model.networks["encoder"](x), rtol=0, atol=1e-5)
    torch.testing.assert_close(gallery.latents, mapped.encode(x), rtol=0, atol=1e-4)
    assert (gallery.latents - gallery.codes).abs().max() > 0.1
    explorer = Explorer(model, gallery)
    assert explorer.neighbours_of_latent(gallery.latents[7], 1, "code")[0].index == digits.indices[7]
    assert explorer.neighbours(x[7:8], 1, "code")[0].distance < 1e-4
    gallery.save(model.folder)
    again = Gallery.load(model)
    assert again is not None
    stored = features.restore_codes(features.compress_codes(gallery.latents))
    assert torch.equal(again.latents, stored)
    assert not torch.equal(again.latents, gallery.latents)  # they were read from the file
    (model.folder / galleries.CODES_FILE).unlink()
    without = Gallery.load(model)  # codes of these latents, without the encoder
    assert without is not None
    assert model.latent_map is not None
    torch.testing.assert_close(without.codes, model.latent_map(stored))


def test_codes_of_other_weights_are_computed_anew(own_gallery: Path) -> None:
    model = load(str(own_gallery))
    codes = features.compress_codes(torch.zeros(500, 4))
    for metadata in ({"fingerprint": "0" * 16}, None):
        safetensors.torch.save_file(codes, own_gallery / galleries.CODES_FILE, metadata)
        gallery = Gallery.load(model)
        assert gallery is not None
        assert float(gallery.codes.abs().max()) > 0
    safetensors.torch.save_file(codes, own_gallery / galleries.CODES_FILE, {"fingerprint": "0" * 16})
    renamed = dataclasses.replace(model, config=dataclasses.replace(model.config, aliases=("0" * 16,)))
    gallery = Gallery.load(renamed)  # of earlier weights that made the same latents
    assert gallery is not None
    assert float(gallery.codes.abs().max()) < 1e-9


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (features.compress_codes(torch.zeros(499, 4)), "does not fit its gallery"),
        (features.compress_codes(torch.zeros(500, 5)), "does not fit its gallery"),
        (features.compress_codes(torch.zeros(500, 4)) | {"low": torch.zeros(3)}, "does not fit its gallery"),
        ({"other": torch.zeros(500, 4)}, "does not fit its gallery"),
        (None, "is damaged"),
    ],
)
def test_stored_codes_that_do_not_fit_are_refused(
    own_gallery: Path, stored: dict[str, Tensor] | None, message: str
) -> None:
    path, model = own_gallery / galleries.CODES_FILE, load(str(own_gallery))
    if stored is None:
        path.write_bytes(b"codes")
    else:
        safetensors.torch.save_file(stored, path, {"fingerprint": model.fingerprint})
    with pytest.raises(CheckpointError, match=rf"gallery\.safetensors of tiny {message}"):
        Gallery.load(model)


def test_without_a_gallery_there_is_none(tiny_model: LatentModel) -> None:
    assert Gallery.load(tiny_model) is None
    assert galleries.load_test_pictures(tiny_model) is None


def test_the_shared_gallery_is_named_by_a_plain_name_only(
    tiny_model: LatentModel, tmp_path: Path, digits: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "galleries"
    for folder in (shared / "mnist", tmp_path / "outside"):
        folder.mkdir(parents=True)
        save_pictures(folder / galleries.TEST_FILE, digits)
    monkeypatch.setattr(galleries, "GALLERIES", shared)

    def named(name: str) -> Pictures | None:
        config = dataclasses.replace(TINY, gallery=name)
        return galleries.load_test_pictures(dataclasses.replace(tiny_model, config=config))

    pictures = named("mnist")
    assert pictures is not None
    assert torch.equal(pictures.pixels, digits.pixels)
    for name in ("../outside", str(tmp_path / "outside"), "..", "", "absent"):
        assert named(name) is None
