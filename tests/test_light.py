"""The light: its inputs against definitions, what is stored, whose it is."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from ganlab import light
from ganlab.config import CheckpointError
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from ganlab.light import FILE, Light
from ganlab.model import LatentModel, load


@pytest.fixture
def tiny(tiny_model: LatentModel) -> Explorer:
    return Explorer(tiny_model)


def random_light(explorer: Explorer) -> Light:
    assert explorer.judge is not None
    return Light(torch.linspace(-1, 1, light.count_inputs(explorer.judge)), 0.25)


def test_inputs_are_what_the_judge_sees_and_the_length(tiny: Explorer, digits: Pictures) -> None:
    x, z = digits.inputs(slice(0, 3)), torch.ones(3, tiny.config.latent_dim)
    inputs, judge = light.compute_inputs(tiny, z, x), tiny.judge
    assert judge is not None
    assert inputs.shape == (3, light.count_inputs(judge))
    features = judge.config.features
    torch.testing.assert_close(inputs[:, -features - 2 : -2], judge.features(x))
    torch.testing.assert_close(inputs[:, -2], judge.logits(x).amax(1))
    torch.testing.assert_close(
        inputs[:, -1], torch.full((3,), 3**0.5)
    )  # a corner of the box of a uniform prior
    first = judge.network.hidden[:4](x)  # convolution, pooling, norm, nonlinearity
    width = judge.config.widths[0]
    torch.testing.assert_close(inputs[:, :width], first.mean((2, 3)))
    torch.testing.assert_close(inputs[:, width : 2 * width], first.flatten(2).amax(2))


@pytest.mark.parametrize("prior", ["normal", "uniform"])
def test_latents_of_the_prior_have_the_typical_length(prior: str) -> None:
    from ganlab import latent
    from tests.conftest import TINY

    config = dataclasses.replace(TINY, prior=prior, latent_dim=50)
    squares = latent.draw(prior, 50, 2000, seed=0).square().sum(1)
    assert float(squares.mean().sqrt()) == pytest.approx(light.get_typical_length(config), rel=0.01)


def test_it_is_read_as_stored_and_belongs_to_its_weights_and_judge(
    tiny: Explorer, tiny_folder: Path, other_model: str, digits: Pictures
) -> None:
    assert Light.load(tiny) is None
    assert "train.light" in light.explain_absence(tiny)
    random_light(tiny).save(tiny, tiny_folder)
    stored = Light.load(tiny)
    assert stored is not None
    assert light.explain_absence(tiny) == ""
    inputs = light.compute_inputs(tiny, torch.zeros(2, tiny.config.latent_dim), digits.inputs(slice(0, 2)))
    torch.testing.assert_close(stored.score(inputs), inputs @ stored.weight + 0.25)
    other = Explorer(dataclasses.replace(load(other_model), folder=tiny_folder))
    assert Light.load(other) is None  # of other weights
    assert tiny.judge is not None
    tiny.judge = dataclasses.replace(tiny.judge, fingerprint="another")
    assert Light.load(tiny) is None


def test_a_damaged_file_is_refused(tiny: Explorer, tiny_folder: Path) -> None:
    Light(torch.zeros(3), 0.0).save(tiny, tiny_folder)
    with pytest.raises(CheckpointError, match="does not fit its judge"):
        Light.load(tiny)
    (tiny_folder / FILE).write_bytes(b"no tensors at all")
    with pytest.raises(CheckpointError, match="is damaged"):
        Light.load(tiny)


def test_why_there_is_none(colour_model: str, gan_model: str) -> None:
    colour, gan = (Explorer(load(name)) for name in (colour_model, gan_model))
    assert "no classifier" in light.explain_absence(colour)
    assert "no encoder" in light.explain_absence(gan)
    with pytest.raises(ValueError, match="has no judge"):
        light.compute_inputs(colour, torch.zeros(1, 8), torch.zeros(1, 3, 32, 32))
