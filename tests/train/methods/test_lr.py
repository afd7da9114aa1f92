"""LR: the regression by hand, and a GAN that does not know that somebody watches it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganlab.gallery import Pictures
from ganlab.networks import Encoder
from tests.train.methods.nets import assert_close, batch, gradients, opinionated, sigmoid
from tests.train.runs import STEPS, assert_same, settings, state
from train.methods.gan import GAN
from train.methods.lr import LR, regression
from train.trainer import Trainer


class Answers(Encoder):
    """An E whose logits are its only parameter."""

    def __init__(self, logits: Tensor, prior: str = "uniform") -> None:
        super().__init__()
        self.prior, self.answer = prior, nn.Parameter(logits)

    def logits(self, x: Tensor) -> Tensor:
        return self.answer


def cross_entropy(logits: Tensor, z: Tensor) -> Tensor:
    """Of (z + 1) / 2 as a probability that sigmoid(logits) estimates, by its definition."""
    t, p = (z + 1) / 2, sigmoid(logits)
    return -(t * torch.log(p) + (1 - t) * torch.log(1 - p)).mean()


def squared(logits: Tensor, z: Tensor, prior: str) -> Tensor:
    result = 2 * sigmoid(logits) - 1 if prior == "uniform" else logits
    return ((result - z) ** 2).mean()


# ------------------------------------------------------------------ the regression


def test_known_answers_give_known_regressions() -> None:
    E = Answers(torch.tensor([[0.0, 1.0]]))
    z = torch.tensor([[0.5, -1.0]])
    # log 2 whatever z is, and -log(1 - sigmoid(1)); 2 sigmoid(0) - 1 = 0 and 2 sigmoid(1) - 1 = 0.462117
    assert regression(E, z, z, "cross-entropy").item() == pytest.approx((0.693147 + 1.313262) / 2)
    assert regression(E, z, z, "l2").item() == pytest.approx((0.25 + 1.462117**2) / 2)
    assert regression(Answers(E.answer, "normal"), z, z, "l2").item() == pytest.approx((0.25 + 4) / 2)


@pytest.mark.parametrize(
    ("form", "prior"), [("cross-entropy", "uniform"), ("l2", "uniform"), ("l2", "normal")]
)
def test_the_regression_and_its_gradient_are_the_formulas(form: str, prior: str) -> None:
    nets = opinionated(LR.networks, prior=prior)
    x, z = batch()
    E = nets["encoder"]
    assert isinstance(E, Encoder)
    result = LR(form).losses(nets, x, z)["encoder"]
    logits = E.output(E.hidden(nets["generator"](z)))
    expected = cross_entropy(logits, z) if form == "cross-entropy" else squared(logits, z, prior)
    assert result.item() == pytest.approx(expected.item(), rel=1e-6)
    assert_close(gradients(result, E), gradients(expected, E))


def test_cross_entropy_is_the_default_form() -> None:
    nets = opinionated(LR.networks)
    x, z = batch()
    by_default = LR().losses(nets, x, z)["encoder"]
    assert torch.equal(by_default, LR("cross-entropy").losses(nets, x, z)["encoder"])
    assert not torch.equal(by_default, LR("l2").losses(nets, x, z)["encoder"])


@pytest.mark.parametrize("form", ["cross-entropy", "l2"])
def test_the_regression_is_least_where_e_finds_z(form: str) -> None:
    _, z = batch()
    right = torch.log((1 + z) / (1 - z))  # the logits of (z + 1) / 2
    E = Answers(right)
    least = regression(E, z, z, form)
    (gradient,) = torch.autograd.grad(least, E.answer)
    assert gradient.abs().max() < 1e-8
    for seed in range(5):
        off = torch.randn(z.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.double) / 2
        wrong = Answers(right + off)
        worse = regression(wrong, z, z, form)
        assert worse > least + 1e-3
        (pull,) = torch.autograd.grad(worse, wrong.answer)
        assert torch.equal(pull.sign(), off.sign())  # each logit is drawn back to its own place
    if form == "l2":
        assert least.item() == pytest.approx(0, abs=1e-12)


def test_the_gradient_of_cross_entropy_is_what_e_is_off_by() -> None:
    _, z = batch()
    E = Answers(torch.linspace(-3, 3, z.numel(), dtype=torch.double).view(z.shape))
    (gradient,) = torch.autograd.grad(regression(E, z, z, "cross-entropy"), E.answer)
    expected = (sigmoid(E.answer.detach()) - (z + 1) / 2) / z.numel()
    torch.testing.assert_close(gradient, expected, rtol=1e-5, atol=1e-8)


# ------------------------------------------------------------------ who learns from what


def test_g_and_d_lose_and_learn_as_in_a_gan() -> None:
    nets = opinionated(LR.networks)
    x, z = batch()
    mine, gans = LR().losses(nets, x, z), GAN().losses(nets, x, z)
    for player, loss in gans.items():
        assert torch.equal(mine[player], loss)
        for name in GAN.networks:
            expected = gradients(loss, nets[name])
            for key, gradient in gradients(mine[player], nets[name]).items():
                assert gradient is not None
                assert gradient.abs().max() > 0
                assert torch.equal(gradient, expected[key]), (player, name, key)


def test_the_regression_reaches_e_alone_and_e_nothing_else() -> None:
    nets = opinionated(LR.networks)
    losses = LR().losses(nets, *batch())
    for player, loss in losses.items():
        for name in LR.networks:
            reached = [gradient is not None for gradient in gradients(loss, nets[name]).values()]
            assert all(reached) if (player == "encoder") == (name == "encoder") else not any(reached)


def test_e_never_sees_a_real_picture() -> None:
    nets = opinionated(LR.networks)
    x, z = batch()
    first, other = LR().losses(nets, x, z), LR().losses(nets, batch(seed=6)[0], z)
    assert not torch.equal(first["discriminator"], other["discriminator"])
    expected = gradients(other["encoder"], nets["encoder"])
    for key, gradient in gradients(first["encoder"], nets["encoder"]).items():
        assert gradient is not None
        assert expected[key] is not None
        assert torch.equal(gradient, expected[key])
    E, seen = nets["encoder"], []
    assert isinstance(E, Encoder)
    hidden = E.hidden

    def watched(pictures: Tensor) -> Tensor:
        seen.append(pictures)
        return hidden(pictures)

    E.hidden = watched  # type: ignore[method-assign]
    LR().losses(nets, x, z)
    assert len(seen) == 1
    assert torch.equal(seen[0], nets["generator"](z))


# ------------------------------------------------------------------ whole runs


def gans_own(run: Trainer, buffers: bool) -> dict[str, Any]:
    """What a run has of G and D: weights, averages, Adam's state; batch norm's statistics too, or not."""
    statistics = {
        f"{kind}.{name}.{key}"
        for kind, nets in (("nets", run.nets), ("averaged", run.averaged))
        for name, net in nets.items()
        for key, _ in net.named_buffers()
    }
    return {
        key: value
        for key, value in state(run).items()
        if "encoder" not in key and (buffers or key not in statistics)
    }


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"precision": "bf16", "ema": 0.9},
        {"regression": "l2", "prior": "normal"},
        {"family": "tutorial-gan-colour", "limit": 96, "updates": "alternating"},  # with dropout
        {"updates": "alternating"},
        {"updates": "alternating", "d_steps": 3},
        {"updates": "alternating", "g_steps": 3},
    ],
    ids=lambda changes: "-".join(f"{key}={value}" for key, value in changes.items()) or "paper",
)
def test_a_run_has_the_same_g_and_d_as_a_gans_bit_for_bit(
    changes: dict[str, Any], tmp_path: Path, digits: Pictures
) -> None:
    runs = {
        method: Trainer(settings(tmp_path / method, method=method, lr=1e-3, epochs=2, **changes), digits)
        for method in ("lr", "gan")
    }
    start = gans_own(runs["gan"], buffers=True)
    for run in runs.values():
        assert run.train()
    # Alternating, E's turn is one more forward pass for the running statistics of G and D, which no
    # weight depends on.
    buffers = runs["lr"].config.updates == "simultaneous"
    mine, gans = gans_own(runs["lr"], buffers), gans_own(runs["gan"], buffers)
    assert_same(mine, gans)
    for name in GAN.networks:
        for key, value in runs["lr"].nets[name].named_parameters():
            assert not torch.equal(value, start[f"nets.{name}.{key}"])
    assert runs["lr"].step == 2 * runs["lr"].steps_per_epoch >= 6 > STEPS
