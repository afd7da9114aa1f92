"""The contract that other people's code relies on."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

import ganlab
from ganlab import judge as judges
from ganlab.explorer import Explorer, vote
from ganlab.gallery import Gallery, Neighbour, Pictures
from ganlab.judge import Judge, JudgeConfig, Network
from ganlab.model import LatentModel
from tests.conftest import CHANGE


@pytest.fixture
def tiny(tiny_model: LatentModel, digits: Pictures) -> Explorer:
    return Explorer(tiny_model, Gallery(tiny_model, digits))


@pytest.mark.slow
def test_public_names(bundled: Explorer) -> None:
    assert "mnist-bigan" in ganlab.list_models()
    assert isinstance(bundled, ganlab.Explorer)
    assert bundled.config.latent_dim == 50
    assert bundled.fingerprint == ganlab.load("mnist-bigan").fingerprint
    assert len(bundled.gallery.codes) == 60_000


def test_repeated_is_the_reconstruction_of_the_reconstruction(tiny: Explorer, digits: Pictures) -> None:
    x = digits.inputs(slice(0, 3))
    path = tiny.repeat_reconstruction(x, 3)
    assert path.shape == (4, 3, 1, 28, 28)
    assert torch.equal(path[0], x)
    for before, after in pairwise(path):
        torch.testing.assert_close(after, tiny.reconstruct(before))
    assert not torch.equal(path[1], path[2])
    assert torch.equal(tiny.repeat_reconstruction(x, 0), x.unsqueeze(0))


def test_shapes_and_ranges(tiny: Explorer, digits: Pictures) -> None:
    x = digits.inputs(slice(0, 3))
    z = tiny.encode(x)
    assert z.shape == (3, 4)
    assert z.abs().max() <= 1  # the uniform prior's box
    y = tiny.decode(z)
    assert y.shape == x.shape
    assert y.min() >= 0
    assert y.max() <= 1
    assert tiny.features(x).shape == (3, 16)
    torch.testing.assert_close(tiny.reconstruct(x), y)


def test_a_digit_passes_through_unchanged(bundled: Explorer, digits: Pictures) -> None:
    x = bundled.prepare(digits.pixels[7, 0].numpy())
    assert torch.equal((x * 255).round().byte(), digits.pixels[7:8])


def test_results_do_not_depend_on_the_batch(bundled: Explorer, digits: Pictures) -> None:
    x = digits.inputs(slice(0, 8))
    alone = torch.cat([bundled.encode(picture[None]) for picture in x])
    torch.testing.assert_close(bundled.encode(x), alone, atol=1e-5, rtol=1e-4)


def test_inversion_uses_the_encoder_where_a_model_has_it(tiny: Explorer, digits: Pictures) -> None:
    x = digits.inputs(slice(0, 3))
    for result in (tiny.invert(x), tiny.invert(x, method="encoder")):
        assert torch.equal(result.z, tiny.encode(x))
        assert torch.equal(result.image, tiny.reconstruct(x))
        torch.testing.assert_close(result.error, (x - result.image).square().mean((1, 2, 3)))
        assert torch.equal(result.trace, result.error[None])


def test_inversion_by_optimisation_needs_no_encoder(tiny_model: LatentModel, digits: Pictures) -> None:
    x = digits.inputs(slice(0, 2))
    generator = {"generator": tiny_model.networks["generator"]}
    ex = Explorer(dataclasses.replace(tiny_model, networks=generator))
    result = ex.invert(x, steps=7, seed=3)
    assert len(result.trace) == 7
    torch.testing.assert_close(result.image, ex.decode(result.z))
    torch.testing.assert_close(result.trace[-1], (x - result.image).square().mean((1, 2, 3)))
    same = Explorer(tiny_model).invert(x, "optimise", steps=7, seed=3)
    assert torch.equal(result.z, same.z)
    assert len(ex.invert(x, progress=lambda step: step.number < 2).trace) == 2
    with pytest.raises(ValueError, match="tiny has no encoder; invert by optimisation instead"):
        ex.invert(x, method="encoder")


def test_interpolation_has_exact_ends(tiny: Explorer) -> None:
    a, b = tiny.sample(2, seed=3)
    path = tiny.interpolate(a, b, 7)
    assert path.shape == (7, 4)
    assert torch.equal(path[0], a)
    assert torch.equal(path[-1], b)


@pytest.mark.slow
def test_move_is_measured_in_deviations_of_the_codes(bundled: Explorer) -> None:
    z = torch.zeros(1, 50)
    directions, deviations = bundled.directions.principal
    target = bundled.directions.move(z, principal=[0.0, 1.5])
    torch.testing.assert_close(target[0], 1.5 * deviations[1] * directions[1])
    assert torch.equal(bundled.directions.move(z), z)
    assert bundled.directions.move(z, raw=[0.0, 9.0])[0, 1] == 1.0  # the box is not left
    codes = bundled.gallery.codes.double()
    along = (codes - codes.mean(0)) @ directions[0].double()
    torch.testing.assert_close(along.std().float(), deviations[0], rtol=1e-4, atol=0)


def test_neighbours_of_a_latent(tiny: Explorer) -> None:
    z = tiny.sample(1, seed=1)
    assert tiny.neighbours_of_latent(z, 3, "pixels") == tiny.neighbours(tiny.decode(z), 3, "pixels")
    nearest = tiny.neighbours_of_latent(z, 1, "code")[0]
    distances = (tiny.gallery.codes - z).norm(dim=1)
    assert nearest.index == int(distances.argmin())


def test_figures_are_numbers_or_none(tiny_model: LatentModel) -> None:
    figures = {"one_nn": {"features": {"accuracy": 0.9, "untrained": 0.8}, "pixels": 1}, "date": "today"}
    ex = Explorer(dataclasses.replace(tiny_model, metrics=figures))
    assert ex.get_figure("one_nn", "features", "accuracy") == ex.accuracy("features") == 0.9
    assert ex.accuracy("untrained") == 0.8  # of the encoder's hidden layer with random weights
    assert ex.get_metrics("date") == "today"
    for missing in (("date",), ("date", "year"), ("one_nn", "pixels", "accuracy"), ("one_nn",), ("none",)):
        assert ex.get_figure(*missing) is None
    assert ex.accuracy("code") is ex.accuracy("pixels") is None


def test_the_judge_is_that_of_the_data_set_and_of_the_pictures_shape(
    tiny_model: LatentModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of(**settings: object) -> Judge | None:
        config = dataclasses.replace(tiny_model.config, **settings)
        return Explorer(dataclasses.replace(tiny_model, config=config)).judge

    config = JudgeConfig("shapes", 1, 28, 3, (2, 2, 2), 4, accuracy=0.5, standard_error=0.1, count=9)
    judges.save(config, Network(config), tmp_path / "shapes")
    monkeypatch.setattr(judges, "JUDGES", tmp_path)
    Judge.load.cache_clear()
    try:
        judge = of(dataset="shapes")
        assert judge is not None
        assert judge.config == config
        assert judge is of(dataset="shapes")  # read once, for all models
        assert of(dataset="shapes", size=32) is None
        assert of(dataset="a folder") is of(dataset="mnist") is None
    finally:
        Judge.load.cache_clear()


def test_vote_goes_to_the_nearer_on_a_tie() -> None:
    picture = torch.zeros(1, 1, 1)
    labels = [3, 5, 5, 3]
    near = [Neighbour(i, label, float(i), picture) for i, label in enumerate(labels)]
    assert vote(near) == (3, 2)
    assert vote(near[:3]) == (5, 2)


def test_latents_travel_with_their_fingerprint(tiny: Explorer, bundled: Explorer) -> None:
    z = bundled.sample(1, seed=5)
    assert torch.equal(bundled.unpack(json.loads(json.dumps(bundled.pack(z)))), z)  # exact, through JSON too
    with pytest.raises(ValueError, match=f"not to tiny .{tiny.fingerprint}"):
        tiny.unpack(bundled.pack(z))
    for wrong in (None, {}, {"z": "abc"}, {"fingerprint": tiny.fingerprint, "z": ["a"]}):
        with pytest.raises(ValueError, match="latent"):
            tiny.unpack(wrong)
    with pytest.raises(ValueError, match="finite"):
        tiny.unpack({"fingerprint": tiny.fingerprint, "z": [0, 0, 0, float("nan")]})


def test_latents_of_an_earlier_fingerprint_are_accepted(renewed: tuple[Explorer, Explorer]) -> None:
    before, after = renewed
    assert before.fingerprint != after.fingerprint
    z = before.sample(1, seed=5)
    assert torch.equal(after.unpack(before.pack(z)), z)
    assert torch.equal(before.decode(z), after.decode(z))
    assert after.pack(z)["fingerprint"] == after.fingerprint
    assert after.accepts(after.fingerprint)
    for wrong in ("0" * 16, None, [before.fingerprint], 7, ""):
        assert not after.accepts(wrong)
        with pytest.raises(ValueError, match="not to tiny"):
            after.unpack({"fingerprint": wrong, "z": z[0].tolist()})
    with pytest.raises(
        ValueError, match="not to tiny"
    ):  # the newer one's latents are not promised to the old
        before.unpack(after.pack(z))


def test_a_descent_ends_where_inversion_does(tiny: Explorer, digits: Pictures) -> None:
    x = digits.inputs(slice(0, 2))
    for method in ("hybrid", "optimise"):
        steps, whole = [*tiny.descend(x, method, steps=5, seed=1)], tiny.invert(x, method, steps=5, seed=1)
        assert [step.number for step in steps] == [1, 2, 3, 4, 5]
        assert torch.equal(steps[-1].z, whole.z)
        assert torch.equal(steps[-1].error, whole.error)
        assert torch.equal(steps[2].trace, whole.trace[:3])
    with pytest.raises(ValueError, match=r"Steps are taken by .* not by 'encoder'"):
        tiny.descend(x, "encoder")


def test_errors_of_use_are_sentences(tiny: Explorer, tiny_model: LatentModel) -> None:
    with pytest.raises(ValueError, match=r"takes pictures \(N, 1, 28, 28\)"):
        tiny.encode(torch.zeros(1, 3, 28, 28))
    with pytest.raises(ValueError, match=r"takes latents \(N, 4\)"):
        tiny.decode(torch.zeros(1, 5))
    with pytest.raises(ValueError, match="available"):
        tiny.neighbours(torch.zeros(1, 1, 28, 28), space="nowhere")
    with pytest.raises(ValueError, match="no gallery"):
        Explorer(tiny_model).neighbours(torch.zeros(1, 1, 28, 28))
    with pytest.raises(
        ValueError, match=r"Unknown .* 'magic'; available = \['encoder', 'optimise', 'hybrid'\]"
    ):
        tiny.invert(torch.zeros(1, 1, 28, 28), "magic")
    with pytest.raises(ValueError, match=r"takes pictures \(N, 1, 28, 28\)"):
        tiny.invert(torch.zeros(1, 1, 5, 5), "optimise")
    with pytest.raises(ValueError, match="amounts are finite"):
        tiny.directions.move(torch.zeros(1, 4), raw=[float("inf")])


def test_a_latent_of_the_checkpoint_before_is_refused_with_what_has_changed(
    replaced: tuple[Explorer, Explorer],
) -> None:
    before, after = replaced
    packed = before.pack(before.sample(1, seed=0))
    assert not after.accepts(before.fingerprint)
    sentence = f"This latent was made with tiny before {CHANGE}; it means nothing to today's model."
    with pytest.raises(ValueError, match=re.escape(sentence)):
        after.unpack(packed)
    for odd in ([], {}, None, 7):
        with pytest.raises(ValueError, match="belongs to the checkpoint"):
            after.unpack({**packed, "fingerprint": odd})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda ex: ex.encode(np.zeros((1, 1, 28, 28))), "come as a torch tensor, as prepare.. makes them"),
        (lambda ex: ex.encode("digit.png"), "come as a torch tensor, .*not as str"),
        (lambda ex: ex.encode(torch.zeros(1, 1, 28, 28).byte()), "floating-point numbers, not uint8"),
        (lambda ex: ex.decode([0.0] * 50), "The latents come as a torch tensor, not as list"),
        (lambda ex: ex.sample(1.5), "A number of latents is a whole number, not 1.5"),
        (lambda ex: ex.sample(1, seed="a"), "A seed is a whole number, not 'a'"),
        (
            lambda ex: ex.neighbours(torch.zeros(1, 1, 28, 28), 2.5),
            "k is a whole number from 1 to .* not 2.5",
        ),
        (lambda ex: ex.neighbours(torch.zeros(0, 1, 28, 28)), "At least one picture is needed"),
        (
            lambda ex: ex.error(torch.zeros(1, 1, 28, 28), torch.zeros(1, 1, 5, 5)),
            r"takes pictures \(N, 1, 28",
        ),
        (
            lambda ex: ganlab.load("mnist-ae-l1", "pink"),
            "The device is auto, cpu, cuda or cuda:N, not 'pink'",
        ),
        (lambda ex: ganlab.load("mnist-ae-l1", "cuda:77"), "cuda:77: this machine has no such CUDA GPU"),
    ],
)
def test_what_a_script_gets_wrong_is_said_in_a_sentence(
    few_neighbours: Explorer, call: Callable[[Explorer], object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        call(few_neighbours)


def test_numbers_may_be_numpys(few_neighbours: Explorer) -> None:
    z = few_neighbours.sample(np.int64(2), seed=np.uint8(3))
    assert torch.equal(z, few_neighbours.sample(2, seed=3))
    assert len(few_neighbours.neighbours(few_neighbours.decode(z), np.int32(2))) == 2


def test_many_at_once_is_each_by_itself(few_neighbours: Explorer, digits: Pictures) -> None:
    x = digits.inputs(slice(0, 4))
    z, features = few_neighbours.encode_with_features(x)
    torch.testing.assert_close(z, few_neighbours.encode(x))
    torch.testing.assert_close(features, few_neighbours.features(x))
    near = few_neighbours.neighbours_of_each(x, 3)
    for row, expected in enumerate(near):
        assert [each.index for each in few_neighbours.neighbours(x[row:], 3)] == [n.index for n in expected]


def test_an_error_is_ranked_among_those_of_test_pictures(
    few_neighbours: Explorer, tiny_model: LatentModel
) -> None:
    quantiles = few_neighbours.get_metrics("reconstruction", "mse_quantiles")
    assert few_neighbours.rank_error(0.0) == 1
    assert few_neighbours.rank_error(quantiles[50]) == pytest.approx(0.5)
    assert few_neighbours.rank_error(1.0) == 0
    assert Explorer(tiny_model).rank_error(0.0) is None
