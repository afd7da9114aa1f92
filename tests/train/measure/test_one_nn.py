"""1NN accuracy in every space is what plain distances in float64 give."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from ganlab import networks
from ganlab.gallery import Pictures, build_untrained
from ganlab.judge import Judge
from ganlab.model import LatentModel
from tests.train.measure.models import (
    Arrays,
    arrays,
    create_model,
    leaky,
    measure_all,
    nearest,
    rows_of,
)
from tests.train.runs import settings
from train.trainer import Trainer

pytestmark = pytest.mark.usefixtures("small")


def before_norm(W: Arrays, x: np.ndarray, z: np.ndarray | None = None) -> np.ndarray:
    """The paper's E and D up to their batch norm; a joint D adds z there."""
    h = leaky(x @ W["first.weight"].T) @ W["second.weight"].T
    return h if z is None else h + z @ W["latent.weight"].T


def normed(h: np.ndarray, mean: np.ndarray, var: np.ndarray) -> np.ndarray:
    return leaky((h - mean) / np.sqrt(var + 1e-8))


def accuracies(
    known: Pictures, test: Pictures, nets: dict[str, torch.nn.Module], fresh: bool
) -> dict[str, float]:
    """1NN accuracy of each space in float64. `fresh`: statistics are the plain ones of `known`."""
    X, x = rows_of(known), rows_of(test)
    figures: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def hidden(W: Arrays, *z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        H, h = (
            before_norm(W, some, *latents) for some, *latents in zip((X, x), *[z] if z else [], strict=True)
        )
        mean, var = W["second_norm.running_mean"], W["second_norm.running_var"]
        if fresh:
            mean, var = H.mean(0), H.var(0, ddof=1)
        return normed(H, mean, var), normed(h, mean, var)

    figures["pixels"] = rows_of(known), rows_of(test)
    if "encoder" in nets:
        W = arrays(nets["encoder"])
        figures["features"] = hidden(W)
        figures["logits"] = H, h = tuple(some @ W["output.weight"].T for some in figures["features"])
        figures["code"] = Z, z = 2 / (1 + np.exp(-H)) - 1, 2 / (1 + np.exp(-h)) - 1
    if "discriminator" in nets:
        figures["discriminator"] = hidden(arrays(nets["discriminator"]))
    elif "joint_discriminator" in nets:
        figures["discriminator"] = hidden(arrays(nets["joint_discriminator"]), Z, z)
    labels = known.labels.numpy()
    return {
        space: float((nearest(b, a, labels) == test.labels.numpy()).mean())
        for space, (a, b) in figures.items()
    }


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("method", ["bigan", "lr", "ae-l2"])
def test_1nn_of_all_spaces_and_their_untrained_baselines(
    known: Pictures, test: Pictures, method: str, seed: int
) -> None:
    stored = create_model(known, method)
    figures = measure_all(stored, known, test, None, seed)["one_nn"]
    expected = accuracies(known, test, stored.networks, fresh=False)
    fresh = networks.build(stored.config)
    networks.initialise(fresh, seed)
    bare = accuracies(known, test, fresh, fresh=True)
    if method == "bigan":  # before training E says nothing that a joint D could be judged with
        del bare["discriminator"]
    del bare["pixels"]
    assert {space: row["accuracy"] for space, row in figures.items()} == pytest.approx(expected)
    assert {s: row["untrained"] for s, row in figures.items() if "untrained" in row} == pytest.approx(bare)
    assert 0.3 < expected["features"] < 1
    for space, row in figures.items():
        share = expected[space]
        assert row["standard_error"] == pytest.approx((share * (1 - share) / 200) ** 0.5)


def test_the_baseline_is_that_of_the_seed(known: Pictures, test: Pictures) -> None:
    stored = create_model(known, "lr")
    one, other = (measure_all(stored, known, test, None, seed)["one_nn"] for seed in (0, 7))
    assert one == measure_all(stored, known, test, None, 0)["one_nn"]
    assert one["features"]["accuracy"] == other["features"]["accuracy"]
    assert any(one[space]["untrained"] != other[space]["untrained"] for space in one if space != "pixels")


def test_the_baseline_is_the_same_without_a_discriminators_file(known: Pictures, test: Pictures) -> None:
    """In a run of LR, D draws its random weights before E."""
    whole = create_model(known, "lr")
    kept = ("generator", "encoder")
    config = dataclasses.replace(whole.config, networks=kept, trained_networks=whole.config.networks)
    fewer = LatentModel(config, {name: whole.networks[name] for name in kept}, "fingerprint")
    one, other = (measure_all(model, known, test, None)["one_nn"] for model in (whole, fewer))
    assert one.pop("discriminator")
    assert other == one


def test_an_output_layer_that_starts_at_zero_is_random_in_the_baseline(
    known: Pictures, test: Pictures
) -> None:
    stored = create_model(known, "lr", zero=True, latent_dim=16)
    assert not stored.encoder.get_parameter("output.weight").any()
    figures = measure_all(stored, known, test, None)["one_nn"]
    fresh = networks.build(stored.config)
    networks.initialise(fresh, 0)
    bare = accuracies(known, test, fresh, fresh=True)
    for space in ("code", "logits"):
        assert figures[space]["accuracy"] < 0.2  # all codes are one
        assert figures[space]["untrained"] == pytest.approx(bare[space])
        assert figures[space]["untrained"] > figures[space]["accuracy"] + 0.1


def test_untrained_weights_are_those_that_a_run_with_this_seed_starts_from(
    known: Pictures, tmp_path: Path
) -> None:
    run = Trainer(settings(tmp_path / "run", method="lr", seed=3), known)
    fresh = build_untrained(run.model_config, known, seed=3)
    assert fresh.keys() == {"encoder", "discriminator"}  # the networks that read pictures
    for name in fresh:
        for key, weight in run.nets[name].named_parameters():
            same = torch.equal(weight, fresh[name].get_parameter(key))
            assert same == ((name, key) != ("encoder", "output.weight")), (name, key)


def test_raw_pixels_need_no_model(known: Pictures, test: Pictures) -> None:
    stored = create_model(known, "gan", family="tutorial-gan", prior="normal", width=64)
    figures = measure_all(stored, known, test, None)["one_nn"]["pixels"]
    guess = nearest(rows_of(test), rows_of(known), known.labels.numpy())
    share = (guess == test.labels.numpy()).mean()
    assert figures == pytest.approx({"accuracy": share, "standard_error": (share * (1 - share) / 200) ** 0.5})


@pytest.mark.parametrize("judged", [True, False])
def test_without_an_encoder_only_d_and_the_samples(
    known: Pictures, test: Pictures, tiny_judge: Judge, judged: bool
) -> None:
    stored = create_model(known, "gan", family="tutorial-gan", prior="normal", width=64)
    figures = measure_all(stored, known, test, tiny_judge if judged else None, seed=2)
    assert set(figures) == ({"one_nn", "frechet"} if judged else {"one_nn"})
    assert set(figures["one_nn"]) == {"discriminator", "pixels"}
    fresh = networks.build(stored.config)
    networks.initialise(fresh, 2)
    for key, nets in (("accuracy", stored.networks), ("untrained", fresh)):
        W = arrays(nets["discriminator"])
        X, x = (2 * rows_of(pictures) - 1 for pictures in (known, test))
        for layer in (0, 2):
            X, x = (leaky(h @ W[f"layers.{layer}.weight"].T + W[f"layers.{layer}.bias"]) for h in (X, x))
        expected = (nearest(x, X, known.labels.numpy()) == test.labels.numpy()).mean()
        assert figures["one_nn"]["discriminator"][key] == pytest.approx(expected)
