"""How networks are looked at: what is computed, and that nothing of them changes."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from ganlab.gallery import Pictures
from tests.train.runs import settings
from train.methods import METHODS
from train.trainer import Trainer
from train.watch.observer import (
    LEVELS,
    Observer,
    compare_distances,
    describe_logits,
    lay_out,
    measure_one_nn,
    quantise_logits,
)

PROBES = 40


def observe(run: Trainer, digits: Pictures) -> Observer:
    z = torch.rand(PROBES, 4, generator=torch.Generator().manual_seed(1)) * 2 - 1
    pixels, labels = digits.pixels[:PROBES], digits.labels[:PROBES]
    return Observer(run.nets, run.averaged, pixels, labels, z, 16, 3**-0.5)


def snapshot(run: Trainer) -> dict[str, Tensor | bool]:
    nets = {**run.nets, **{f"averaged.{name}": net for name, net in run.averaged.items()}}
    values = {
        f"{name}.{key}": value.clone()
        for name, net in nets.items()
        for key, value in net.state_dict().items()
    }
    modes = {
        f"{name}.{key}": module.training for name, net in nets.items() for key, module in net.named_modules()
    }
    return values | modes


@pytest.mark.parametrize(
    ("method", "changes"),
    [
        *((name, {}) for name in METHODS),
        ("bigan", {"ema": 0.9}),
        ("bigan", {"family": "conv", "norm": "spectral"}),
    ],
)
def test_looking_changes_nothing(
    method: str, changes: dict[str, object], tmp_path: Path, digits: Pictures
) -> None:
    run = Trainer(settings(tmp_path, method=method, **changes), digits)
    run.train_step(run.shuffle(0)[0])
    before = snapshot(run)
    observer = observe(run, digits)
    look = observer.look()
    arrays, scale, figures = observer.capture(None)
    after = snapshot(run)
    assert all(
        torch.equal(torch.as_tensor(after[key]), torch.as_tensor(value)) for key, value in before.items()
    )
    encodes, judges = "encoder" in run.nets, "discriminator" in run.method.players
    assert arrays["samples"].shape == (16, 1, 28, 28)
    assert ("reconstructions" in arrays) == ("positions" in arrays) == encodes
    assert (look["code_spread"] is not None) == (figures["one_nn"] is not None) == encodes
    assert ("decisions" in arrays) == (scale is not None) == (look["d_real"] is not None) == judges
    small, *_ = observer.capture(None, full=False)
    assert small.keys() == {"samples"} | ({"reconstructions"} if encodes else set())
    assert np.array_equal(small["samples"], arrays["samples"])


def test_d_judges_as_in_training(tmp_path: Path, digits: Pictures) -> None:
    """Its mean logits are those of the method's own losses, real and generated batches apart."""
    run = Trainer(settings(tmp_path), digits)
    run.nets["joint_discriminator"].get_parameter("output.weight").data.normal_(std=0.5)
    observer = observe(run, digits)
    with observer._hold():
        G, E, D = (run.nets[name] for name in ("generator", "encoder", "joint_discriminator"))
        x, z = observer._get_inputs(slice(16)), observer.z[:16]
        real, generated = D(torch.cat([x, G(z)]), torch.cat([E(x), z]), batches=2).chunk(2)
    few = Observer(run.nets, {}, observer.pixels[:16], None, observer.z[:16], 16, 1.0)
    look = few.look()
    assert look["d_real"] == pytest.approx(float(real.mean()), rel=1e-4)
    assert look["d_made"] == pytest.approx(float(generated.mean()), rel=1e-4)
    arrays, scale, _ = few.capture(None)
    assert scale is not None
    np.testing.assert_allclose(arrays["decisions"] * scale, real.detach().numpy(), atol=scale)


def test_the_margin_is_between_nearly_all_of_both() -> None:
    real, generated = torch.linspace(5, 15, 101), torch.linspace(-15, -5, 101)
    figures = describe_logits(real, generated)
    assert figures["margin"] == pytest.approx(5.5 + 5.5)
    assert figures["d_real"] == pytest.approx(10)
    shifted = describe_logits(real + 100, generated + 100)  # as a relativistic D may
    assert shifted["margin"] == pytest.approx(11, abs=1e-4)
    assert (describe_logits(generated, real)["margin"] or 0) < 0


def test_logits_come_back_within_a_step() -> None:
    real, generated = torch.tensor([12.7, -3.0, math.nan]), torch.tensor([0.05])
    arrays, scale = quantise_logits(real, generated)
    assert scale == pytest.approx(0.1)
    assert arrays["decisions"].tolist() == [127, -30, 0]
    assert arrays["decisions_made"].dtype == np.int8


def test_diversity_compares_samples_with_real_pictures() -> None:
    x = torch.rand(64, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    mean, nearest = compare_distances(x.roll(1, 0), x)
    assert (mean, nearest) == (pytest.approx(1, abs=1e-3), pytest.approx(1, abs=1e-3))
    assert compare_distances(x[:1].expand_as(x), x)[0] == pytest.approx(0, abs=1e-3)
    two = torch.cat([x[:1].expand(32, 1, 8, 8), x[1:2].expand(32, 1, 8, 8)])
    mean, nearest = compare_distances(two, x)
    assert mean == pytest.approx(0.5, abs=0.1)
    assert nearest < 0.01


def test_one_nn_counts_labels_of_the_nearest() -> None:
    labels = torch.tensor([0, 1, 0, 1, 0, 1, 0, 1])
    features = labels.float()[:, None] + torch.linspace(0, 0.1, 8)[:, None]
    assert measure_one_nn(features, labels) == 1
    assert measure_one_nn(-features, torch.tensor([0, 1, 0, 1, 1, 0, 1, 0])) == 0


def test_positions_are_the_plane_in_units_of_the_extent() -> None:
    rng = torch.Generator().manual_seed(0)
    plane = torch.randn(200, 2, generator=rng) * torch.tensor([1.0, 0.4])
    codes = torch.zeros(200, 6)
    codes[:, 3], codes[:, 5] = plane[:, 0] + 7, plane[:, 1]
    positions = lay_out(codes, 5.0, None).astype(float) / LEVELS * 10 - 5
    plane = plane - plane.mean(0)
    assert np.abs(np.linalg.norm(positions, axis=1) - plane.norm(dim=1).numpy()).max() < 1e-3


def test_positions_follow_those_before_through_turns_and_mirrors() -> None:
    rng = torch.Generator().manual_seed(0)
    codes = torch.randn(200, 6, generator=rng) * torch.tensor([1.0, 0.9, 0.1, 0.1, 0.1, 0.1])
    before = lay_out(codes, 5.0, None)
    angle = torch.tensor(2.0)
    turn = torch.eye(6)
    turn[:2, :2] = torch.tensor([[angle.cos(), angle.sin()], [angle.sin(), -angle.cos()]])
    after = lay_out(codes @ turn, 5.0, before)
    assert np.abs(after.astype(int) - before.astype(int)).max() < 20


def test_codes_of_one_dimension_or_without_spread_have_positions_too() -> None:
    assert lay_out(torch.randn(5, 1), 3.0, None).shape == (5, 2)
    assert np.abs(lay_out(torch.ones(5, 4), 3.0, None).astype(int) - LEVELS // 2).max() <= 1
    assert lay_out(torch.full((5, 4), math.nan), 3.0, None).shape == (5, 2)
