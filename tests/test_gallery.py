"""Nearest neighbours against brute force in float64, on real digits."""

from __future__ import annotations

import dataclasses
import re
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor
from torch.nn import functional as F

from ganlab import gallery as galleries
from ganlab import networks
from ganlab.config import CheckpointError
from ganlab.gallery import Gallery, Pictures, load_pictures, save_pictures
from ganlab.model import LatentModel, load
from tests.conftest import TINY

SPACES = ("features", "code", "discriminator", "pixels", "untrained")  # of a model with E and a joint D


@pytest.fixture
def gallery(digits: Pictures) -> Gallery:
    """400 digits in an order of their own, so that a row is not the data set's index."""
    nets = networks.build(TINY)
    networks.initialise(nets, seed=0)
    networks.calibrate(nets["encoder"], [(digits.inputs(slice(None)),)])
    nets["encoder"].get_parameter("output.weight").data.mul_(20)  # codes as far apart as a trained net's
    tiny_model = LatentModel(TINY, nets, "fingerprint")
    order = torch.randperm(500, generator=torch.Generator().manual_seed(0))[:400]
    shuffled = Pictures(digits.pixels[order], digits.labels[order], digits.indices[order])
    return Gallery(tiny_model, shuffled)


def others(gallery: Gallery, digits: Pictures) -> Tensor:
    """The 100 digits that are not in the gallery, as inputs."""
    absent = torch.ones(500, dtype=torch.bool)
    absent[gallery.pictures.indices] = False
    return digits.inputs(absent.nonzero().flatten())


def space_of(gallery: Gallery, space: str) -> Tensor:
    return gallery.embed(gallery.pictures.inputs(slice(None)), space)


def brute_force(points: Tensor, rows: Tensor) -> Tensor:
    return torch.cdist(points.double(), rows.double(), compute_mode="donot_use_mm_for_euclid_dist")


@pytest.mark.parametrize("chunk", [33, 100, 8192])
@pytest.mark.parametrize("space", SPACES)
def test_the_nearest_are_those_of_brute_force(
    gallery: Gallery, digits: Pictures, space: str, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(galleries, "CHUNK", chunk)
    points = gallery.embed(others(gallery, digits), space)
    distances, rows = gallery.search(points, space, k=12)
    everything = brute_force(points, space_of(gallery, space))
    expected = everything.sort(dim=1)
    torch.testing.assert_close(distances.double(), expected.values[:, :12], rtol=1e-5, atol=1e-6)
    # the row that is named is the one at that distance, and no row is named twice
    torch.testing.assert_close(distances.double(), everything.gather(1, rows), rtol=1e-5, atol=1e-6)
    assert all(len(set(found)) == 12 for found in rows.tolist())
    apart = (expected.values[:, 1:13] - expected.values[:, :12]).min(1).values > 1e-5
    assert apart.float().mean() > 0.5
    assert torch.equal(rows[apart], expected.indices[apart, :12])


@pytest.mark.parametrize("space", SPACES)
def test_a_picture_of_the_gallery_finds_itself_at_distance_zero(gallery: Gallery, space: str) -> None:
    points = {"features": gallery.features, "code": gallery.codes}.get(space, space_of(gallery, space))
    distances, rows = gallery.search(points, space, k=1)
    assert torch.equal(rows[:, 0], torch.arange(400))
    assert not distances.any()


@pytest.mark.parametrize("space", SPACES)
def test_a_single_upload_of_a_gallery_picture_finds_itself_first(gallery: Gallery, space: str) -> None:
    # Alone it passes through other matrix kernels than in a block: equal only up to rounding.
    for row in (0, 123, 399):
        x = gallery.pictures.inputs(slice(row, row + 1))
        (found,) = gallery.neighbours(gallery.embed(x, space), space, k=3)
        assert found[0].index == int(gallery.pictures.indices[row])
        assert found[0].distance < 1e-5
        assert found[0].distance < found[1].distance <= found[2].distance


def test_equal_pictures_are_ordered_by_their_row(
    tiny_model: LatentModel, digits: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    twice = Pictures(*(torch.cat([t[:50], t[:50]]) for t in (digits.pixels, digits.labels, digits.indices)))
    gallery = Gallery(tiny_model, twice)
    for chunk in (30, 64, 8192):
        monkeypatch.setattr(galleries, "CHUNK", chunk)
        distances, rows = gallery.search(digits.inputs(slice(0, 50)).flatten(1), "pixels", k=2)
        assert torch.equal(rows, torch.arange(50)[:, None] + torch.tensor([0, 50]))
        assert not distances.any()


def test_the_index_is_the_data_sets_own(gallery: Gallery, digits: Pictures) -> None:
    points = others(gallery, digits)[:5].flatten(1)
    for point, found in zip(points, gallery.neighbours(points, "pixels", k=4), strict=True):
        assert len(found) == 4
        for neighbour in found:
            original = digits.inputs(slice(neighbour.index, neighbour.index + 1))[0]
            assert torch.equal(neighbour.image, original)
            assert neighbour.image.shape == (1, 28, 28)
            assert neighbour.label == int(digits.labels[neighbour.index])
            expected = float((original.flatten().double() - point.double()).norm())
            assert neighbour.distance == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("k", [1, 399, 400])
def test_k_may_be_all_of_the_gallery(gallery: Gallery, digits: Pictures, k: int) -> None:
    distances, rows = gallery.search(others(gallery, digits)[:2].flatten(1), "pixels", k)
    assert distances.shape == rows.shape == (2, k)
    assert bool((distances[:, 1:] >= distances[:, :-1]).all())


@pytest.mark.parametrize("k", [0, -1, 401])
def test_any_other_k_is_refused(gallery: Gallery, k: int) -> None:
    with pytest.raises(ValueError, match=rf"k lies between 1 and the gallery's 400, not {k}\."):
        gallery.search(torch.zeros(1, 784), "pixels", k)


def test_an_unknown_space_is_refused_with_those_there_are(gallery: Gallery) -> None:
    with pytest.raises(
        ValueError, match=r"Space 'colour' not found; available = \['features', 'code', 'discriminator'"
    ):
        gallery.search(torch.zeros(1, 784), "colour", 1)
    with pytest.raises(ValueError, match="Space 'colour' not found"):
        gallery.embed(torch.zeros(1, 1, 28, 28), "colour")


def test_a_model_without_an_encoder_compares_pixels_only(tiny_model: LatentModel, digits: Pictures) -> None:
    generator = {"generator": tiny_model.networks["generator"]}
    gallery = Gallery(dataclasses.replace(tiny_model, networks=generator), digits)
    assert "pixels" in gallery.spaces
    assert not {"features", "code"} & set(gallery.spaces)
    assert gallery.search(digits.inputs(slice(7, 8)).flatten(1), "pixels", 1)[1].tolist() == [[7]]
    with pytest.raises(ValueError, match="Space 'code' not found"):
        gallery.search(torch.zeros(1, 4), "code", 1)


def test_searching_for_nothing_finds_nothing(gallery: Gallery) -> None:
    distances, rows = gallery.search(torch.empty(0, 784), "pixels", 3)
    assert distances.shape == rows.shape == (0, 3)


# ------------------------------------------------------------------ codes and features


def test_features_and_codes_are_the_encoders(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(galleries, "CHUNK", 64)
    x, encoder = gallery.pictures.inputs(slice(None)), gallery.model.encoder
    torch.testing.assert_close(gallery.features, encoder.hidden(x), rtol=0, atol=1e-5)
    torch.testing.assert_close(gallery.codes, encoder(x), rtol=0, atol=1e-5)
    assert gallery.features.shape == (400, 16)
    assert gallery.codes.shape == (400, 4)


def test_stored_codes_are_used_instead_of_the_encoder(tiny_model: LatentModel, digits: Pictures) -> None:
    stored = torch.arange(500.0)[:, None].repeat(1, 4)
    gallery = Gallery(tiny_model, digits, stored)
    assert torch.equal(gallery.codes, stored)
    assert gallery.search(torch.full((1, 4), 321.2), "code", 2)[1].tolist() == [[321, 322]]


def test_threads_that_ask_at_once_compute_a_space_once(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, original, results = [], gallery._of_all, []

    def slow(space: str) -> Tensor:
        started.append(space)
        time.sleep(0.05)
        return original(space)

    monkeypatch.setattr(gallery, "_of_all", slow)
    ready, spaces = threading.Barrier(12), ["features", "code", "untrained"]

    def ask(space: str) -> None:
        ready.wait()
        results.append((space, gallery.points(space)))

    threads = [threading.Thread(target=ask, args=(space,)) for space in spaces * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert sorted(started) == sorted(spaces)
    assert len(results) == 12
    for space in spaces:
        assert len({id(points) for which, points in results if which == space}) == 1


def test_a_space_that_takes_long_does_not_hold_up_the_others(
    tiny_model: LatentModel, digits: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = Gallery(tiny_model, digits)
    started, finish, original = threading.Event(), threading.Event(), gallery._of_all

    def slow(space: str) -> Tensor:
        if space == "untrained":
            started.set()
            assert finish.wait(60)
        return original(space)

    monkeypatch.setattr(gallery, "_of_all", slow)
    with ThreadPoolExecutor(2) as pool:
        try:
            computing = pool.submit(gallery.points, "untrained")
            assert started.wait(60)
            assert len(pool.submit(gallery.points, "pixels").result(60)) == len(digits)
            assert not computing.done()
        finally:
            finish.set()
        assert len(computing.result(60)) == len(digits)


# ------------------------------------------------------------------ what D and an untrained E see


def test_untrained_is_the_encoder_as_training_starts_it(gallery: Gallery) -> None:
    nets = networks.build(TINY)
    networks.initialise(nets, seed=0)
    E, x = nets["encoder"], gallery.pictures.inputs(slice(None))
    with torch.inference_mode():
        h = F.leaky_relu(F.linear(x.flatten(1), E.get_parameter("first.weight")), 0.2)
        h = F.linear(h, E.get_parameter("second.weight"))
        expected = F.leaky_relu((h - h.mean(0)) / (h.var(0) + 1e-8).sqrt(), 0.2)  # over the gallery
    torch.testing.assert_close(gallery.points("untrained"), expected, rtol=1e-4, atol=1e-4)
    assert gallery.untrained.get_parameter("output.weight").any()


def test_the_discriminator_sees_pictures_or_pictures_with_their_codes(
    gallery: Gallery, digits: Pictures
) -> None:
    x, joint = gallery.pictures.inputs(slice(None)), gallery.model.networks["joint_discriminator"]
    E = gallery.model.encoder
    assert isinstance(joint, networks.JointDiscriminator)
    torch.testing.assert_close(gallery.points("discriminator"), joint.hidden(x, E(x)), rtol=0, atol=1e-5)
    assert not torch.allclose(joint.hidden(x, E(x)), joint.hidden(x, 0 * E(x)), atol=1e-3)

    alone = dataclasses.replace(TINY, networks=("generator", "discriminator"))
    nets = networks.build(alone)
    networks.initialise(nets, seed=1)
    plain = Gallery(LatentModel(alone, nets, "fingerprint"), digits)
    assert plain.spaces == ("discriminator", "pixels")
    D = nets["discriminator"]
    assert isinstance(D, networks.Discriminator)
    expected = D.hidden(digits.inputs(slice(None)))
    torch.testing.assert_close(plain.points("discriminator"), expected, rtol=0, atol=1e-5)
    with pytest.raises(ValueError, match="Space 'untrained' not found"):
        plain.points("untrained")


# ------------------------------------------------------------------ points kept for all models


def test_only_the_last_few_large_spaces_are_kept(
    tiny_model: LatentModel, digits: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(galleries, "_LARGE", galleries._Kept(galleries.SPARE_SPACES))
    made: dict[tuple[int, str], weakref.ref[Tensor]] = {}
    beside: list[int] = []  # spaces in memory while another one is made

    def alive() -> set[tuple[int, str]]:
        return {name for name, points in made.items() if points() is not None}

    class Watched(Gallery):
        def _of_all(self, space: str) -> Tensor:
            beside.append(len(alive()))
            points = super()._of_all(space)
            made[id(self), space] = weakref.ref(points)
            return points

    one, two = Watched(tiny_model, digits), Watched(tiny_model, digits)
    for gallery in (one, two):
        for space in ("features", "untrained", "discriminator"):
            assert gallery.points(space).shape == (500, 16)
    assert alive() == {(id(two), "untrained"), (id(two), "discriminator")}
    two.points("untrained")  # used again: the other one is now the oldest
    one.points("features")
    assert alive() == {(id(two), "untrained"), (id(one), "features")}
    assert max(beside) == galleries.SPARE_SPACES - 1
    expected = tiny_model.encoder.hidden(digits.inputs(slice(None)))
    torch.testing.assert_close(two.points("features"), expected, rtol=0, atol=1e-5)
    del two, gallery  # with its points, as soon as room is wanted
    one.points("discriminator")
    assert {owner for owner, _ in alive()} == {id(one)}


def test_a_gallery_never_gets_the_points_of_a_dead_one(tiny_model: LatentModel, digits: Pictures) -> None:
    kept = galleries._Kept(2)
    dead, living = Gallery(tiny_model, digits), Gallery(tiny_model, digits)
    wrong, right = (galleries.Points.of(torch.full((1, 1), value)) for value in (0.0, 1.0))
    kept._made[id(living), "features"] = weakref.ref(dead), wrong  # an address that is used again
    del dead
    assert kept.get((living, "features"), lambda: right) is right


# ------------------------------------------------------------------ files


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
    with pytest.raises(CheckpointError, match=r"The gallery train\.npz (cannot be read|must hold)"):
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


def test_a_checkpoint_brings_its_gallery_and_its_codes(own_gallery: Path) -> None:
    model = load(str(own_gallery))
    found = Gallery.load(model)
    assert found is not None
    assert len(found) == 500
    computed = found.codes
    half = {"codes": computed.half()}
    safetensors.torch.save_file(half, own_gallery / galleries.CODES_FILE)
    again = Gallery.load(model)
    assert again is not None
    assert torch.equal(again.codes, computed.half().float())


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        ({"codes": torch.zeros(499, 4)}, "does not fit its gallery"),
        ({"codes": torch.zeros(500, 5)}, "does not fit its gallery"),
        ({"other": torch.zeros(500, 4)}, "does not fit its gallery"),
        (None, "is damaged"),
    ],
)
def test_stored_codes_that_do_not_fit_are_refused(
    own_gallery: Path, stored: dict[str, Tensor] | None, message: str
) -> None:
    path = own_gallery / galleries.CODES_FILE
    if stored is None:
        path.write_bytes(b"codes")
    else:
        safetensors.torch.save_file(stored, path)
    with pytest.raises(CheckpointError, match=rf"gallery\.safetensors of tiny {message}"):
        Gallery.load(load(str(own_gallery)))


def test_without_a_gallery_there_is_none(tiny_model: LatentModel) -> None:
    assert Gallery.load(tiny_model) is None
    assert galleries.load_test_pictures(tiny_model) is None


def test_the_shared_gallery_is_found_by_name_and_only_by_a_plain_one(
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

    found = named("mnist")
    assert found is not None
    assert torch.equal(found.pixels, digits.pixels)
    for name in ("../outside", str(tmp_path / "outside"), "..", "", "absent"):
        assert named(name) is None
