"""Directions through the latent space against eigenvectors, planted structure and what a step does."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import ganlab
from ganlab import directions, latent, networks, sensitivity, tensor_files
from ganlab.code_statistics import TENSORS
from ganlab.config import CheckpointError
from ganlab.directions import CodeStatistics, Directions
from ganlab.explorer import Explorer
from ganlab.model import LatentModel
from tests.conftest import TINY


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def model(
    family: str, names: tuple[str, ...] = ("generator",), latent_dim: int = 6, **settings: Any
) -> LatentModel:
    config = dataclasses.replace(
        TINY, family=family, networks=names, latent_dim=latent_dim, width=32, **settings
    )
    nets = networks.build(config)
    networks.initialise(nets, seed=0)
    return LatentModel(config, {name: net.eval() for name, net in nets.items()}, "0" * 16)


@pytest.mark.parametrize("family", networks.FAMILIES)
def test_no_other_direction_changes_the_first_layers_more(family: str) -> None:
    """For closed forms: what the layers that z enters get from a step is largest along the first one,
    and then along each among those orthogonal to the ones before."""
    layers = model(family, blocks=int(family == "residual")).fold_generator()
    gains, vectors = sensitivity.compute_closed_form(layers)
    torch.testing.assert_close(vectors @ vectors.T, torch.eye(6).double(), atol=1e-5, rtol=0)

    def measure_gain(steps: Tensor) -> Tensor:
        entered = [layers[0].weight, *(layer.skip for layer in layers if layer.skip is not None)]
        return torch.cat([steps @ weight.double() for weight in entered], 1).norm(dim=1)

    torch.testing.assert_close(measure_gain(vectors).square(), gains)
    assert (gains[:-1] >= gains[1:] - 1e-9).all()
    others = noise(500, 6).double()
    for rank in range(6):
        left = others - others @ vectors[:rank].T @ vectors[:rank]
        unit = left / left.norm(dim=1, keepdim=True)
        assert (measure_gain(unit).square() <= gains[rank] + 1e-6).all()


def test_a_step_of_a_closed_form_is_the_codes_deviation() -> None:
    codes = noise(2000, 6) * torch.tensor([1.0, 2, 3, 4, 5, 6])
    closed_form = sensitivity.compute_closed_form(model("conv", prior="normal").fold_generator())
    for direction in directions.list_closed_form(*closed_form, torch.cov(codes.T)):
        along = codes @ direction.vector
        assert direction.deviation == pytest.approx(float(along.std()), rel=1e-3)


def mapped_model() -> LatentModel:
    """A generator behind a latent map that is neither the identity nor linear."""
    names = ("generator", "latent_map")
    built = model("tutorial-bigan", names, prior="normal", map_width=8, map_blocks=1, map_steps=2)
    assert built.latent_map is not None
    for index, parameter in enumerate(built.latent_map.parameters()):
        parameter.add_(0.3 * noise(*parameter.shape, seed=index))
    return built


def test_with_a_map_a_closed_form_is_the_mean_over_latents() -> None:
    """Against random small moves at the same latents: their mean squared effect on the first layers."""
    built = mapped_model()
    assert built.latent_map is not None
    gains, vectors = sensitivity.compute_closed_form(built.fold_generator(), built.latent_map)
    torch.testing.assert_close(vectors @ vectors.T, torch.eye(6).double(), atol=1e-5, rtol=0)
    A = sensitivity.join_first_layers(built.fold_generator())
    u = latent.draw("normal", 6, sensitivity.JACOBIAN_SAMPLES, sensitivity.SEED)
    for gain, vector in zip(gains, vectors.float(), strict=True):
        forth, back = (built.latent_map(u + sign * 0.01 * vector).double() for sign in (1, -1))
        change = (forth - back) @ A / 0.02
        assert float(change.square().sum(1).mean()) == pytest.approx(float(gain), rel=0.05)
    listed = Directions(built).get("closed-form")
    torch.testing.assert_close(torch.stack([each.vector for each in listed]), vectors.float())


def test_with_a_map_principal_directions_are_those_of_the_first_activations() -> None:
    """Against the long way: components of the activations themselves, and a regression on them."""
    built = mapped_model()
    assert built.latent_map is not None
    u = latent.draw("normal", 6, sensitivity.COMPONENT_SAMPLES, sensitivity.SEED)
    activations = built.latent_map(u).double() @ sensitivity.join_first_layers(built.fold_generator())
    activations = activations - activations.mean(0)
    _, sizes, axes = torch.linalg.svd(activations, full_matrices=False)
    slopes = torch.linalg.lstsq(activations @ axes[:6].T, u.double()).solution
    shares, vectors = sensitivity.compute_components(built.fold_generator(), built.latent_map)
    torch.testing.assert_close(shares, sizes[:6].square() / sizes.square().sum())
    for k in range(3):
        cosine = torch.nn.functional.cosine_similarity(slopes[k], vectors[k], dim=0)
        assert abs(float(cosine)) == pytest.approx(1, abs=1e-3)
    explorer = Explorer(built)
    assert explorer.directions.kinds == ("principal", "local", "closed-form", "raw")
    first = explorer.directions.get("principal")[0]
    torch.testing.assert_close(first.vector, vectors[0].float())
    moved = explorer.directions.move(u[:1], principal=[2.0])
    torch.testing.assert_close(moved, u[:1] + 2 * first.deviation * first.vector)


@pytest.mark.parametrize("prior", latent.PRIORS)
def test_local_directions_are_those_in_which_the_picture_changes_most(prior: str) -> None:
    """Against differences of pictures: no other direction changes it more, and they are orthogonal."""
    explorer = Explorer(model("tutorial-bigan", prior=prior))
    z = latent.draw(prior, 6, 1, seed=1)
    local = explorer.directions.get("local", z)
    vectors = torch.stack([direction.vector for direction in local])
    torch.testing.assert_close(vectors @ vectors.T, torch.eye(6), atol=1e-5, rtol=0)
    others = torch.nn.functional.normalize(noise(500, 6), dim=1)

    def measure_change(steps: Tensor) -> Tensor:
        G = explorer.model.generator.double()
        forth, back = (G(z.double() + sign * 1e-6 * steps.double()) for sign in (1, -1))
        return ((forth - back) / 2e-6).flatten(1).norm(dim=1)

    gains = measure_change(vectors)
    assert (gains[:-1] >= gains[1:] - 1e-6).all()
    assert float(measure_change(others).max()) <= float(gains[0]) + 1e-6
    assert local[0].note == f"{100 * float(gains[0] ** 2 / gains.square().sum()):.0f} % of the change"
    deviation = float(latent.draw(prior, 6, 5000, seed=2).std())
    assert [direction.deviation for direction in local] == pytest.approx([deviation] * 6, rel=0.02)


def test_local_directions_are_those_of_a_latent() -> None:
    explorer = Explorer(model("paper"))
    z = latent.draw("uniform", 6, 2, seed=1)
    first, other = (explorer.directions.get("local", row[None])[0].vector for row in z)
    assert abs(float(first @ other)) < 0.99
    moved = explorer.directions.move(0.1 * z[:1], local=[0.0, 0.5])
    second = explorer.directions.get("local", 0.1 * z[:1])[1]
    torch.testing.assert_close(moved, 0.1 * z[:1] + 0.5 * second.deviation * second.vector)
    with pytest.raises(ValueError, match="those of a latent"):
        explorer.directions.get("local")
    with pytest.raises(ValueError, match="local has 7 amounts, a latent 6 local directions"):
        explorer.directions.move(z[:1], local=[0.0] * 7)
    with pytest.raises(ValueError, match="finite"):
        explorer.directions.move(z[:1], local=[float("nan")])


def test_from_one_class_to_another_is_three_steps() -> None:
    means = noise(3, 6)
    by_name = {direction.name: direction for direction in directions.list_classes(means)}
    assert len(by_name) == 6
    step = by_name["from 2 to 0"]
    torch.testing.assert_close(means[2] + 3 * step.deviation * step.vector, means[0])
    assert float(step.vector.norm()) == pytest.approx(1)


def test_an_attributes_step_is_the_likely_one_to_which_it_responds_most() -> None:
    covariance = torch.tensor([[1.0, 0.8, 0], [0.8, 1, 0], [0, 0, 4]])
    offsets = noise(20_000, 3)
    gradient = torch.tensor([2.0, 0, 0.5])
    step = directions.fit_step(offsets, offsets @ gradient + 0.1 * noise(20_000, seed=1), covariance)

    def length(steps: Tensor) -> Tensor:
        return torch.einsum("nd,de,ne->n", steps, torch.linalg.inv(covariance), steps).sqrt()

    torch.testing.assert_close(length(step[None]), torch.ones(1), atol=1e-4, rtol=0)
    others = noise(5000, 3, seed=2)
    others = others / length(others)[:, None]
    assert float(step @ gradient) > float((others @ gradient).max()) - 1e-2
    with pytest.raises(ValueError, match="does not change with the codes"):
        directions.fit_step(offsets, torch.zeros(20_000), covariance)


def test_statistics_are_loaded_strictly(tmp_path: Path) -> None:
    checkpoint = dataclasses.replace(model("paper"), folder=tmp_path)
    assert directions.load_statistics(checkpoint) is None
    statistics = CodeStatistics(noise(6, 6), noise(10, 6), noise(2, 6), ("slant", "ink"))
    statistics.save(tmp_path, checkpoint.fingerprint)
    loaded = directions.load_statistics(checkpoint)
    assert loaded is not None
    assert loaded.names == ("slant", "ink")
    for key in TENSORS:
        assert torch.equal(getattr(loaded, key), getattr(statistics, key)), key
    other = dataclasses.replace(checkpoint, fingerprint="1" * 16)  # other weights
    assert directions.load_statistics(other) is None
    renewed = dataclasses.replace(checkpoint.config, aliases=(checkpoint.fingerprint,))
    assert directions.load_statistics(dataclasses.replace(other, config=renewed)) is None
    for bad in (
        dataclasses.replace(statistics, covariance=noise(5, 5)),
        dataclasses.replace(statistics, classes=noise(10, 5)),
        dataclasses.replace(statistics, names=("slant",)),
        dataclasses.replace(statistics, classes=noise(10, 6) / 0),
    ):
        bad.save(tmp_path, checkpoint.fingerprint)
        with pytest.raises(CheckpointError, match=r"does not fit|not finite"):
            directions.load_statistics(checkpoint)
    (tmp_path / directions.FILE).write_bytes(b"not safetensors")
    with pytest.raises(CheckpointError, match="damaged"):
        directions.load_statistics(checkpoint)


def test_what_a_map_makes_slow_is_read_and_not_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = dataclasses.replace(mapped_model(), folder=tmp_path)
    statistics = CodeStatistics(torch.eye(6), noise(10, 6), noise(2, 6), ("slant", "ink"))
    computed = Directions(checkpoint)
    rankings = {key: getattr(computed, key) for key in directions.RANKINGS}
    statistics.save(tmp_path, checkpoint.fingerprint)  # as earlier versions wrote it
    for key, (sizes, vectors) in rankings.items():
        torch.testing.assert_close(getattr(Directions(checkpoint), key), (sizes, vectors))
    dataclasses.replace(statistics, **rankings).save(tmp_path, checkpoint.fingerprint)

    def refuse(*values: Any) -> None:
        raise AssertionError("it was computed")

    other = dataclasses.replace(checkpoint, fingerprint="1" * 16)  # other weights
    for name, kind in (("compute_components", "principal"), ("compute_closed_form", "closed-form")):
        expected = Directions(dataclasses.replace(checkpoint, folder=None)).get(kind)
        monkeypatch.setattr(sensitivity, name, refuse)
        for stored, each in zip(Directions(checkpoint).get(kind), expected, strict=True):
            torch.testing.assert_close(stored.vector, each.vector, atol=5e-4, rtol=0)
            assert float(stored.vector.norm()) == pytest.approx(1, abs=1e-6)
            assert (stored.name, stored.note) == (each.name, each.note)
        with pytest.raises(AssertionError, match="it was computed"):
            Directions(other).get(kind)
    sizes, vectors = rankings["components"]
    for bad in ((sizes[:5], vectors), (sizes, vectors[:5]), (sizes, vectors / 0)):
        dataclasses.replace(statistics, components=bad).save(tmp_path, checkpoint.fingerprint)
        with pytest.raises(CheckpointError, match=r"does not fit|not finite"):
            directions.load_statistics(checkpoint)
    lacking = {key: getattr(statistics, key) for key in TENSORS} | {"components.sizes": sizes}
    metadata = {"fingerprint": checkpoint.fingerprint, "names": '["slant", "ink"]'}
    tensor_files.write(tmp_path / directions.FILE, lacking, metadata)
    with pytest.raises(CheckpointError, match=r"components\.vectors has the shape"):
        directions.load_statistics(checkpoint)


def test_an_explorer_lists_its_directions(bundled: Explorer) -> None:
    assert bundled.directions.kinds == directions.KINDS
    z = bundled.sample(1)
    listed = {kind: bundled.directions.get(kind, z) for kind in bundled.directions.kinds}
    counts = {kind: len(each) for kind, each in listed.items()}
    assert counts == {
        "principal": 10,
        "local": 10,
        "closed-form": 10,
        "classes": 90,
        "attributes": 6,
        "raw": 50,
    }
    for each in listed.values():
        for direction in each:
            assert float(direction.vector.norm()) == pytest.approx(1, abs=1e-4)
            assert direction.deviation > 0
    assert all("held out" in direction.note for direction in bundled.directions.get("attributes"))
    gan = ganlab.load("mnist-gan")
    assert gan.directions.kinds == ("local", "closed-form", "raw")
    with pytest.raises(
        ValueError, match=r"no directions 'classes' .*; available = \['local', 'closed-form', 'raw'\]"
    ):
        gan.directions.get("classes")


def test_what_does_no_more_than_random_steps_is_not_offered(bundled: Explorer) -> None:
    names = ("stroke width", "slant", "height", "width", "loops", "ink")
    attributes = {name: {"effect": 0.5, "noise": 0.1} for name in names}
    attributes["loops"]["effect"] = 0.02
    sets = {"closed-form": {"effect": 0.2, "noise": 0.1}, "classes": {"effect": 0.05, "noise": 0.1}}

    def measured(**figures: Any) -> Directions:
        model = dataclasses.replace(bundled.model, metrics={"directions": figures})
        return Directions(model, bundled.gallery)

    some = measured(attributes=attributes, sets=sets)
    assert some.kinds == ("principal", "local", "closed-form", "attributes", "raw")
    assert [each.name for each in some.get("attributes")] == [name for name in attributes if name != "loops"]
    assert "no more than moves in random directions" in some.explain_absence("classes")
    with pytest.raises(ValueError, match="no more than moves in random directions"):
        some.get("classes")
    none = measured(attributes={name: {"effect": 0.1, "noise": 0.1} for name in names})
    assert "attributes" not in none.kinds
    assert "attributes" in measured().kinds  # not measured
