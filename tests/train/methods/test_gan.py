"""GAN's losses against the paper's formulas, written out."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from ganlab import networks
from tests.train.methods.nets import Fixed, assert_close, batch, gradients, opinionated, sigmoid
from train.methods.gan import GAN


def by_hand(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """Of D's logits: minus V(D, G) of eq. 1, halved, and minus the mean of log D(G(z))."""
    return {
        "discriminator": -(torch.log(sigmoid(real)).mean() + torch.log(1 - sigmoid(fake)).mean()) / 2,
        "generator": -torch.log(sigmoid(fake)).mean(),
    }


def with_logits(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """The method's losses where D answers so."""
    x = z = torch.zeros(len(real))
    nets = {"generator": Fixed(x), "discriminator": Fixed(torch.cat([real, fake]))}
    return GAN().losses(nets, x, z)


def test_new_players_are_undecided() -> None:
    nets = opinionated(GAN.networks)
    networks.initialise(nets, 0)
    for loss in GAN().losses(nets, *batch()).values():
        assert loss.item() == pytest.approx(math.log(2))  # D's last layer is zero


def test_the_losses_are_the_cross_entropies_of_the_paper() -> None:
    nets = opinionated(GAN.networks)
    x, z = batch()
    losses = GAN().losses(nets, x, z)
    real, fake = nets["discriminator"](x), nets["discriminator"](nets["generator"](z))
    assert real.std().item() > 0.1
    expected = by_hand(real, fake)
    assert losses.keys() == expected.keys()
    for player, loss in losses.items():
        assert loss.item() == pytest.approx(expected[player].item(), rel=1e-6)


@pytest.mark.parametrize("player", list(GAN.players))
def test_the_gradients_are_those_of_the_formulas(player: str) -> None:
    nets = opinionated(GAN.networks)
    x, z = batch()
    real, fake = nets["discriminator"](x), nets["discriminator"](nets["generator"](z))
    for name in GAN.players[player]:
        assert_close(
            gradients(GAN().losses(nets, x, z)[player], nets[name]),
            gradients(by_hand(real, fake)[player], nets[name]),
        )


def test_known_logits_give_known_losses() -> None:
    losses = with_logits(torch.tensor([0.0, 2.0]), torch.tensor([-1.0, 3.0]))
    # -log sigmoid of 0 and 2, then of 1 and -3; for G of -1 and 3
    d = ((0.693147 + 0.126928) / 2 + (0.313262 + 3.048587) / 2) / 2
    g = (1.313262 + 0.048587) / 2
    assert losses["discriminator"].item() == pytest.approx(d, abs=1e-6)
    assert losses["generator"].item() == pytest.approx(g, abs=1e-6)


def test_sure_answers_lose_linearly_and_never_overflow() -> None:
    sure = torch.tensor([1e4, 1e4])
    losses = with_logits(sure, -sure)
    assert losses["discriminator"].item() == 0
    assert losses["generator"].item() == pytest.approx(1e4)
    assert with_logits(-sure, sure)["discriminator"].item() == pytest.approx(1e4)


def test_g_learns_most_where_d_sees_through_it() -> None:
    fake = torch.tensor([-20.0, -2.0, 0.0, 2.0, 20.0], dtype=torch.double, requires_grad=True)
    (wanted,) = torch.autograd.grad(with_logits(torch.zeros(5), fake)["generator"], fake)
    torch.testing.assert_close(wanted, -(1 - sigmoid(fake.detach())) / 5, rtol=1e-5, atol=1e-9)
    # the saturating form of eq. 1 pulls the same way, but not at all where D is sure
    (saturating,) = torch.autograd.grad(torch.log(1 - sigmoid(fake)).mean(), fake)
    assert bool((saturating < 0).all())
    assert saturating[0].abs() < 1e-8 < 0.1 < wanted[0].abs()


def test_real_and_fake_are_two_batches_for_batch_norm() -> None:
    nets = opinionated(GAN.networks)
    G, D = nets["generator"], nets["discriminator"]
    x, z = batch()
    losses = GAN().losses(nets, x, z)
    both = torch.cat([x, G(z)])
    torch.testing.assert_close(D(both, batches=2), torch.cat([D(x), D(G(z))]))
    mixed = by_hand(*D(both).chunk(2))
    for player, loss in losses.items():
        assert abs(mixed[player].item() - loss.item()) > 1e-3
    # what is fake does not change how the real ones are normalised
    (other,) = torch.autograd.grad(D(both, batches=2)[: len(x)].sum(), both)
    assert other[: len(x)].abs().max() > 0
    assert not other[len(x) :].any()


def test_real_pictures_have_no_part_in_the_gradient_of_g() -> None:
    nets = opinionated(GAN.networks)
    x, z = batch()
    first = gradients(GAN().losses(nets, x, z)["generator"], nets["generator"])
    other = gradients(GAN().losses(nets, 1 - x, z)["generator"], nets["generator"])
    for key, gradient in first.items():
        assert gradient is not None
        torch.testing.assert_close(gradient, other[key], rtol=1e-12, atol=0, msg=key)
