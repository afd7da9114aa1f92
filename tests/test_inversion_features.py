"""Inversion that also keeps what the encoder's features say: its gradient, its choice, its limits."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

import ganlab
from ganlab import inversion, metrics
from ganlab.explorer import Explorer
from ganlab.inversion import FEATURE_WEIGHT, MAX_FEATURE_WEIGHT
from ganlab.model import LatentModel


@pytest.fixture(scope="module")
def explorer(picture_model: str) -> Explorer:
    return ganlab.load(picture_model)


@pytest.fixture(scope="module")
def x() -> Tensor:
    """Three pictures of a few colours each."""
    colours = torch.rand(3, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    return torch.nn.functional.interpolate(colours, (32, 32), mode="bilinear")


def feature_error(explorer: Explorer, x: Tensor, images: Tensor) -> Tensor:
    """Mean squared, relative to the features of x, (N,)."""
    target = explorer.features(x)
    return (explorer.features(images) - target).square().mean(1) / target.square().mean(1)


@pytest.mark.parametrize("weight", [0.0, FEATURE_WEIGHT, 0.7])
def test_the_gradient_is_that_of_the_objective(explorer: Explorer, x: Tensor, weight: float) -> None:
    """Against finite differences, in double precision."""
    G, E = (copy.deepcopy(net).double() for net in (explorer.model.generator, explorer.model.encoder))
    x, z = x.double(), torch.randn(3, 4, generator=torch.Generator().manual_seed(2)).double()
    target = E.hidden(x).detach()

    def penalise(z: Tensor, images: Tensor) -> Tensor:
        return 0.01 * z.square().sum(1)

    def compute(z: Tensor) -> Tensor:
        images = G(z)
        error = (E.hidden(images) - target).square().mean(1) / target.square().mean(1)
        return metrics.mse(images, x) + weight * error

    objective = inversion.Objective(penalise, inversion._weigh_features(E, x, weight))
    errors, score, gradient = inversion._compute_gradient(G, z, x, objective)
    with torch.no_grad():
        torch.testing.assert_close(errors, metrics.mse(G(z), x))
        torch.testing.assert_close(score, compute(z))
        for dimension in range(4):
            step = torch.zeros(4).double()
            step[dimension] = 1e-6
            ends = [compute(each) + penalise(each, each) for each in (z - step, z + step)]
            slope = (ends[1] - ends[0]) / 2e-6
            torch.testing.assert_close(gradient[:, dimension], slope, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("method", ["hybrid", "optimise"])
def test_a_heavier_weight_keeps_more_of_the_features(explorer: Explorer, x: Tensor, method: str) -> None:
    pixels, content = (
        explorer.invert(x, method, steps=40, feature_weight=weight) for weight in (0.0, MAX_FEATURE_WEIGHT)
    )
    assert pixels.error.mean() <= content.error.mean()
    errors = [feature_error(explorer, x, result.image).mean() for result in (pixels, content)]
    assert errors[1] < errors[0]
    torch.testing.assert_close(content.error, metrics.mse(x, content.image))  # of the pixels alone


def test_the_result_has_the_least_of_what_is_minimised(explorer: Explorer, x: Tensor) -> None:
    weight = 0.3

    def score(z: Tensor) -> Tensor:
        images = explorer.decode(z)
        return metrics.mse(x, images) + weight * feature_error(explorer, x, images)

    scores = [score(step.z) for step in explorer.descend(x, "hybrid", 30, feature_weight=weight)]
    assert torch.equal(scores[0], score(explorer.encode(x)))  # never worse than the encoder
    assert all((later <= earlier + 1e-6).all() for earlier, later in itertools.pairwise(scores))
    assert (scores[-1] < scores[0]).all()


def test_by_default_grey_pictures_count_by_pixels_and_colour_by_content_too(
    explorer: Explorer, bundled: Explorer, x: Tensor
) -> None:
    assert bundled.default_feature_weight == FEATURE_WEIGHT
    assert explorer.default_feature_weight == inversion.CONTENT_WEIGHT
    usual = explorer.invert(x, "hybrid", steps=8)
    named = explorer.invert(x, "hybrid", steps=8, feature_weight=inversion.CONTENT_WEIGHT)
    assert torch.equal(usual.z, named.z)
    plain = explorer.invert(x[:1], "optimise", steps=2)
    assert torch.equal(plain.z, explorer.invert(x[:1], "optimise", steps=2, feature_weight=0).z)


@pytest.mark.parametrize("weight", [-0.1, float("nan"), float("inf"), 101, "1", True, [1]])
def test_a_weight_that_makes_no_sense_is_refused(explorer: Explorer, x: Tensor, weight: Any) -> None:
    for method in ("hybrid", "optimise", "encoder"):
        with pytest.raises(ValueError, match="feature_weight is a number from 0 to 100"):
            explorer.invert(x, method, steps=1, feature_weight=weight)


def test_features_need_an_encoder(explorer: Explorer, x: Tensor) -> None:
    bare = Explorer(LatentModel(explorer.config, {"generator": explorer.model.generator}, fingerprint=""))
    with pytest.raises(ValueError, match="no encoder"):
        bare.invert(x, "optimise", steps=1, feature_weight=0.1)
    assert len(bare.invert(x[:1], "optimise", steps=1).z) == 1
