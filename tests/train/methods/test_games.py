"""Games and the penalty on gradients against their formulas, in full and half precision."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor, nn

from ganlab import networks
from tests.conftest import TINY
from tests.train.methods.nets import minus_log_sigmoid
from train.methods.games import penalise_gradient, play_logistic, play_relativistic

REAL, FAKE = torch.tensor([1.0, -0.5, 2.0]), torch.tensor([0.3, 0.8, -1.0])


def test_the_logistic_game_is_two_cross_entropies_and_their_swap() -> None:
    d, g = play_logistic(REAL, FAKE)
    torch.testing.assert_close(d, (minus_log_sigmoid(REAL) + minus_log_sigmoid(-FAKE)).mean() / 2)
    torch.testing.assert_close(g, (minus_log_sigmoid(-REAL) + minus_log_sigmoid(FAKE)).mean() / 2)


def test_the_relativistic_game_compares_each_with_its_opposite() -> None:
    d, g = play_relativistic(REAL, FAKE)
    torch.testing.assert_close(d, minus_log_sigmoid(REAL - FAKE).mean())
    torch.testing.assert_close(g, minus_log_sigmoid(FAKE - REAL).mean())
    shifted = play_relativistic(REAL + 7, FAKE + 7)  # only differences count
    torch.testing.assert_close(shifted, (d, g))


class Quadratic(nn.Module):
    """w x . x + v . z: gradients 2 w x and v."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor(0.5))
        self.v = nn.Parameter(torch.tensor([1.0, 2.0]))

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        return self.w * x.square().flatten(1).sum(1) + z @ self.v


def test_the_penalty_is_the_mean_squared_length_of_the_gradient() -> None:
    D = Quadratic()
    x, z = torch.randn(4, 3, 2, 2, requires_grad=True), torch.randn(4, 2)
    penalty = penalise_gradient(D, x, z)
    expected = (2 * D.w * x.detach()).square().flatten(1).sum(1).mean() + D.v.square().sum()
    torch.testing.assert_close(penalty, expected)
    w, v = torch.autograd.grad(penalty, [D.w, D.v])
    torch.testing.assert_close(w, 8 * D.w * x.detach().square().flatten(1).sum(1).mean())
    torch.testing.assert_close(v, 2 * D.v)


def test_it_reaches_ds_weights_alone() -> None:
    D, x = Quadratic(), torch.randn(4, 3, 2, 2, requires_grad=True)
    (reached,) = torch.autograd.grad(penalise_gradient(D, x, torch.randn(4, 2)), [x], allow_unused=True)
    assert reached is None


@pytest.mark.parametrize("size", [32, 64])
def test_double_backward_under_bf16_is_that_of_full_precision_but_for_rounding(size: int) -> None:
    config = dataclasses.replace(
        TINY,
        family="residual",
        prior="normal",
        channels=3,
        size=size,
        width=8,
        blocks=1,
        networks=("joint_discriminator",),
    )
    nets = networks.build(config)
    networks.initialise(nets, 0)
    D = nets["joint_discriminator"]
    rng = torch.Generator().manual_seed(1)
    with torch.no_grad():  # blocks that do something
        for key, weight in D.named_parameters():
            if key.endswith("last.weight"):
                weight.normal_(std=0.1, generator=rng)
    x = torch.rand(8, 3, size, size, generator=rng)
    z = torch.randn(8, config.latent_dim, generator=rng)
    results = []
    for half in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            penalty = penalise_gradient(D, x, z)
        assert penalty.dtype == torch.float32
        gradients = torch.autograd.grad(penalty, list(D.parameters()), allow_unused=True)
        results.append((penalty, torch.cat([g.flatten().float() for g in gradients if g is not None])))
    torch.testing.assert_close(results[1][0], results[0][0], rtol=0.05, atol=0)
    cosine = torch.cosine_similarity(results[0][1], results[1][1], dim=0)
    assert float(cosine) > 0.99
