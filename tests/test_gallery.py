"""Nearest neighbours against brute force in float64, on real digits."""

from __future__ import annotations

import dataclasses
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ganlab import gallery as galleries
from ganlab import nearest, networks
from ganlab.gallery import Gallery, Pictures
from ganlab.model import LatentModel
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
    monkeypatch.setattr(nearest, "CHUNK", chunk)
    monkeypatch.setattr(galleries, "CHUNK", chunk)
    points = gallery.embed(others(gallery, digits), space)
    distances, rows = gallery.search(points, space, k=12)
    everything = brute_force(points, space_of(gallery, space))
    expected = everything.sort(dim=1)
    torch.testing.assert_close(distances.double(), expected.values[:, :12], rtol=1e-5, atol=1e-6)
    # the row that is named is the one at that distance, and no row is named twice
    torch.testing.assert_close(distances.double(), everything.gather(1, rows), rtol=1e-5, atol=1e-6)
    assert all(len(set(row)) == 12 for row in rows.tolist())
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
        ((first, second, third),) = gallery.neighbours(gallery.embed(x, space), space, k=3)
        assert first.index == int(gallery.pictures.indices[row])
        assert first.distance < 1e-5
        assert first.distance < second.distance <= third.distance


def test_equal_pictures_are_ordered_by_their_row(
    tiny_model: LatentModel, digits: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    twice = Pictures(*(torch.cat([t[:50], t[:50]]) for t in (digits.pixels, digits.labels, digits.indices)))
    gallery = Gallery(tiny_model, twice)
    for chunk in (30, 64, 8192):
        monkeypatch.setattr(nearest, "CHUNK", chunk)
        distances, rows = gallery.search(digits.inputs(slice(0, 50)).flatten(1), "pixels", k=2)
        assert torch.equal(rows, torch.arange(50)[:, None] + torch.tensor([0, 50]))
        assert not distances.any()


def test_the_index_is_the_data_sets_own(gallery: Gallery, digits: Pictures) -> None:
    points = others(gallery, digits)[:5].flatten(1)
    for point, neighbours in zip(points, gallery.neighbours(points, "pixels", k=4), strict=True):
        assert len(neighbours) == 4
        for neighbour in neighbours:
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
    with pytest.raises(ValueError, match=rf"k is a whole number from 1 to the gallery's 400, not {k}\."):
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
    started, original, results = [], gallery._embed_all, []

    def slow(space: str) -> Tensor:
        started.append(space)
        time.sleep(0.05)
        return original(space)

    monkeypatch.setattr(gallery, "_embed_all", slow)
    ready, spaces = threading.Barrier(12), ["features", "code", "untrained"]

    def ask(space: str) -> None:
        ready.wait()
        results.append((space, gallery.points(space)))

    threads = [threading.Thread(target=ask, args=(space,)) for space in spaces * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=300)
    assert sorted(started) == sorted(spaces)
    assert len(results) == 12
    for space in spaces:
        assert len({id(points) for which, points in results if which == space}) == 1


@pytest.mark.parametrize(("of_same_gallery", "space"), [(True, "pixels"), (False, "code")])
def test_a_space_that_takes_long_does_not_hold_up_the_others(
    tiny_model: LatentModel,
    digits: Pictures,
    monkeypatch: pytest.MonkeyPatch,
    of_same_gallery: bool,
    space: str,
) -> None:
    gallery = Gallery(tiny_model, digits)
    other = gallery if of_same_gallery else Gallery(tiny_model, digits)
    started, finish, original = threading.Event(), threading.Event(), gallery._embed_all

    def slow(space: str) -> Tensor:
        started.set()
        assert finish.wait(300)
        return original(space)

    monkeypatch.setattr(gallery, "_embed_all", slow)
    with ThreadPoolExecutor(2) as pool:
        try:
            computing = pool.submit(gallery.points, "code")
            assert started.wait(300)
            assert len(pool.submit(other.points, space).result(60)) == len(digits)
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
    monkeypatch.setattr(galleries, "_CACHE", nearest.SpaceCache(2))
    computed: dict[tuple[int, str], weakref.ref[Tensor]] = {}
    beside: list[int] = []  # spaces in memory while another one is computed

    def alive() -> set[tuple[int, str]]:
        return {name for name, points in computed.items() if points() is not None}

    class Watched(Gallery):
        def _embed_all(self, space: str) -> Tensor:
            beside.append(len(alive()))
            points = super()._embed_all(space)
            computed[id(self), space] = weakref.ref(points)
            return points

    first, second = Watched(tiny_model, digits), Watched(tiny_model, digits)
    for gallery in (first, second):
        for space in ("features", "untrained", "discriminator"):
            assert gallery.points(space).shape == (500, 16)
    assert alive() == {(id(second), "untrained"), (id(second), "discriminator")}
    second.points("untrained")  # used again: the other one is now the oldest
    first.points("features")
    assert alive() == {(id(second), "untrained"), (id(first), "features")}
    assert max(beside) == 1
    expected = tiny_model.encoder.hidden(digits.inputs(slice(None)))
    torch.testing.assert_close(second.points("features"), expected, rtol=0, atol=1e-5)
    del second, gallery  # and its points, as soon as room is needed
    first.points("discriminator")
    assert {owner for owner, _ in alive()} == {id(first)}


def test_a_gallery_never_gets_the_points_of_a_dead_one(tiny_model: LatentModel, digits: Pictures) -> None:
    cache = nearest.SpaceCache(2)
    dead, living = Gallery(tiny_model, digits), Gallery(tiny_model, digits)
    wrong, right = (nearest.Points.from_rows(torch.full((1, 1), value)) for value in (0.0, 1.0))
    cache._entries[id(living), "features"] = weakref.ref(dead), wrong  # an address that is used again
    del dead
    assert cache.get((living, "features"), lambda: right) is right


def test_no_progress_is_left_where_a_picture_could_not_be_encoded(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = Gallery(gallery.model, gallery.pictures)

    def fail(x: Tensor, space: str) -> Tensor:
        assert fresh.progress == (0, 400)
        raise ValueError("no memory")

    monkeypatch.setattr(fresh, "embed", fail)
    with pytest.raises(ValueError, match="no memory"):
        _ = fresh.codes
    assert fresh.progress is None
