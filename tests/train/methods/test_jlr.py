"""JLR: the regression reaches G as well, by its weight."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from ganlab.gallery import Pictures
from ganlab.networks import Encoder
from tests.train.methods.nets import (
    assert_close,
    batch,
    give_opinions,
    gradients,
    minus_log_sigmoid,
    opinionated,
    sigmoid,
)
from tests.train.runs import settings
from train.methods.gan import GAN
from train.methods.jlr import JLR
from train.methods.lr import LR
from train.trainer import Trainer


def by_hand(nets: dict[str, nn.Module], z: Tensor, form: str) -> tuple[Tensor, Tensor]:
    """G's adversarial loss, and the regression through E and G, uniform prior."""
    G, D, E = nets["generator"], nets["discriminator"], nets["encoder"]
    assert isinstance(E, Encoder)
    p, t = sigmoid(E.logits(G(z))), (z + 1) / 2
    if form == "l2":
        return minus_log_sigmoid(D(G(z))).mean(), ((2 * p - 1 - z) ** 2).mean()
    return minus_log_sigmoid(D(G(z))).mean(), -(t * torch.log(p) + (1 - t) * torch.log(1 - p)).mean()


@pytest.mark.parametrize("form", ["cross-entropy", "l2"])
@pytest.mark.parametrize("weight", [0.25, 1.0, 3.0])
def test_gs_loss_and_gradient_are_a_gans_and_a_share_of_the_regressions(form: str, weight: float) -> None:
    nets = opinionated(JLR.networks)
    x, z = batch()
    result = JLR(form, weight).losses(nets, x, z)["generator"]
    adversarial, regression = by_hand(nets, z, form)
    expected = adversarial + weight * regression
    assert result.item() == pytest.approx(expected.item(), rel=1e-6)
    assert_close(gradients(result, nets["generator"]), gradients(expected, nets["generator"]))


def test_without_weight_g_learns_as_in_a_gan() -> None:
    nets = opinionated(JLR.networks)
    x, z = batch()
    expected = gradients(GAN().losses(nets, x, z)["generator"], nets["generator"])
    result = gradients(JLR(regression_weight=0).losses(nets, x, z)["generator"], nets["generator"])
    assert_close(result, expected, rtol=1e-12)


def test_what_the_regression_adds_to_gs_gradient_is_linear_in_the_weight() -> None:
    nets = opinionated(JLR.networks)
    x, z = batch()
    at = {
        weight: gradients(JLR(regression_weight=weight).losses(nets, x, z)["generator"], nets["generator"])
        for weight in (0.0, 0.25, 0.5, 2.0)
    }
    alone = gradients(by_hand(nets, z, "cross-entropy")[1], nets["generator"])
    for weight in (0.25, 0.5, 2.0):
        added, expected = {}, {}
        for key, gradient in at[weight].items():
            plain, full = at[0.0][key], alone[key]
            assert gradient is not None
            assert plain is not None
            assert full is not None
            added[key], expected[key] = gradient - plain, weight * full
            assert full.abs().max() > 0.05 * plain.abs().max(), key  # enough to be seen
        assert_close(added, expected)


def test_the_weight_is_the_authors_by_default() -> None:
    nets = opinionated(JLR.networks)
    x, z = batch()
    assert torch.equal(
        JLR().losses(nets, x, z)["generator"], JLR("cross-entropy", 0.25).losses(nets, x, z)["generator"]
    )


@pytest.mark.parametrize("form", ["cross-entropy", "l2"])
def test_d_learns_as_in_a_gan_and_e_as_in_lr_whatever_the_weight(form: str) -> None:
    nets = opinionated(JLR.networks)
    x, z = batch()
    expected = LR(form).losses(nets, x, z)
    for weight in (0.0, 0.25, 4.0):
        result = JLR(form, weight).losses(nets, x, z)
        for player in ("discriminator", "encoder"):
            assert torch.equal(result[player], expected[player])
            mine, theirs = gradients(result[player], nets[player]), gradients(expected[player], nets[player])
            for key, gradient in mine.items():
                other = theirs[key]
                assert gradient is not None
                assert other is not None
                assert torch.equal(gradient, other), (player, key)


def test_e_never_sees_a_real_picture_nor_d() -> None:
    nets = opinionated(JLR.networks)
    x, z = batch()
    losses = JLR().losses(nets, x, z)
    assert not any(g is not None for g in gradients(losses["encoder"], nets["discriminator"]).values())
    assert not any(g is not None for g in gradients(losses["discriminator"], nets["encoder"]).values())
    expected = gradients(JLR().losses(nets, batch(seed=6)[0], z)["encoder"], nets["encoder"])
    for key, gradient in gradients(losses["encoder"], nets["encoder"]).items():
        other = expected[key]
        assert gradient is not None
        assert other is not None
        assert torch.equal(gradient, other), key


def test_a_step_of_g_makes_z_easier_to_find() -> None:
    """The regression falls faster along JLR's gradient than along a GAN's."""
    after = {}
    for weight in (0.0, 0.25):
        nets = opinionated(JLR.networks)
        x, z = batch()
        loss = JLR(regression_weight=weight).losses(nets, x, z)["generator"]
        parameters = list(nets["generator"].parameters())
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.data -= 1e-3 * gradient
        after[weight] = by_hand(nets, z, "cross-entropy")[1].item()
    assert after[0.25] < after[0.0]


def test_a_runs_weight_is_the_settings(tmp_path: Path, digits: Pictures) -> None:
    generators: dict[str, list[Tensor]] = {}
    for name, changes in {
        "lr": {"method": "lr"},
        "none": {"method": "jlr", "regression_weight": 0.0},
        "some": {"method": "jlr"},
        "much": {"method": "jlr", "regression_weight": 4.0},
    }.items():
        run = Trainer(settings(tmp_path / name, lr=1e-3, **changes), digits)
        give_opinions(run.nets)
        for index in range(3):
            run.train_step(run.shuffle(0)[index])
        generators[name] = [p.detach() for p in run.nets["generator"].parameters()]

    def apart(first: str, other: str) -> float:
        return max(
            float((a - b).abs().max()) for a, b in zip(generators[first], generators[other], strict=True)
        )

    assert apart("lr", "none") < 1e-6
    for first, other in (("none", "some"), ("some", "much"), ("none", "much")):
        assert apart(first, other) > 1e-4
