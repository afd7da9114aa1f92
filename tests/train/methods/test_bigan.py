"""BiGAN's losses against the paper's formulas, written out."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ganlab import networks
from tests.conftest import TINY
from tests.train.methods.nets import Fixed, batch, minus_log_sigmoid, opinionated
from train.methods.bigan import BiGAN, compare_moments
from train.methods.games import penalise_gradient


def test_new_players_are_undecided() -> None:
    nets = networks.build(TINY)
    networks.initialise(nets, 0)
    x, z = batch()
    losses = BiGAN().losses(nets, x.float(), z.float())
    for loss in losses.values():
        assert loss.item() == pytest.approx(0.6931472)  # log 2: D's last layer is zero


def test_the_losses_are_the_cross_entropies_of_the_paper() -> None:
    nets = opinionated(BiGAN.networks)
    G, E, D = nets["generator"], nets["encoder"], nets["joint_discriminator"]
    x, z = batch()
    losses = BiGAN().losses(nets, x, z)
    real, fake = D(x, E(x)).float(), D(G(z), z).float()
    assert real.std().item() > 0.1
    d = (minus_log_sigmoid(real).mean() + minus_log_sigmoid(-fake).mean()) / 2
    ge = (minus_log_sigmoid(-real).mean() + minus_log_sigmoid(fake).mean()) / 2
    assert set(losses) == {"discriminator", "generator_encoder"}
    torch.testing.assert_close(losses["discriminator"], d)
    torch.testing.assert_close(losses["generator_encoder"], ge)


def test_known_logits_give_known_losses() -> None:
    real, fake = torch.tensor([0.0, 2.0]), torch.tensor([-1.0, 3.0])
    nets = {"generator": Fixed(torch.zeros(2)), "encoder": Fixed(torch.zeros(2))}
    losses = BiGAN().losses(
        nets | {"joint_discriminator": Fixed(torch.cat([real, fake]))}, torch.zeros(2), torch.zeros(2)
    )
    # softplus(0) = .693147, of -2, 2: .126928, 2.126928; -1, 1: .313262, 1.313262; -3, 3: .048587, 3.048587
    d = ((0.693147 + 0.126928) / 2 + (0.313262 + 3.048587) / 2) / 2
    ge = ((0.693147 + 2.126928) / 2 + (1.313262 + 0.048587) / 2) / 2
    assert losses["discriminator"].item() == pytest.approx(d, abs=1e-6)
    assert losses["generator_encoder"].item() == pytest.approx(ge, abs=1e-6)


def test_g_and_e_want_what_d_wants_with_its_labels_swapped() -> None:
    real, fake = torch.linspace(-3, 3, 8), torch.linspace(5, -2, 8)
    other = {"generator": Fixed(torch.zeros(8)), "encoder": Fixed(torch.zeros(8))}
    x = z = torch.zeros(8)
    as_it_is = BiGAN().losses(other | {"joint_discriminator": Fixed(torch.cat([real, fake]))}, x, z)
    swapped = BiGAN().losses(other | {"joint_discriminator": Fixed(torch.cat([fake, real]))}, x, z)
    assert float(as_it_is["generator_encoder"]) == pytest.approx(float(swapped["discriminator"]))
    assert float(as_it_is["discriminator"]) == pytest.approx(float(swapped["generator_encoder"]))
    assert float(as_it_is["discriminator"]) != pytest.approx(float(as_it_is["generator_encoder"]))


def test_sure_answers_lose_linearly_and_never_overflow() -> None:
    sure = torch.tensor([1e4, 1e4])
    nets = {
        "generator": Fixed(sure),
        "encoder": Fixed(sure),
        "joint_discriminator": Fixed(torch.cat([sure, -sure])),
    }
    losses = BiGAN().losses(nets, sure, sure)
    assert losses["discriminator"].item() == 0
    assert losses["generator_encoder"].item() == pytest.approx(1e4)


def test_real_and_fake_are_two_batches_for_batch_norm() -> None:
    nets = opinionated(BiGAN.networks)
    G, E, D = nets["generator"], nets["encoder"], nets["joint_discriminator"]
    x, z = batch()
    losses = BiGAN().losses(nets, x, z)
    pairs = torch.cat([x, G(z)]), torch.cat([E(x), z])
    apart = torch.cat([D(x, E(x)), D(G(z), z)])
    torch.testing.assert_close(D(*pairs, batches=2), apart)
    together = D(*pairs)
    mixed = (minus_log_sigmoid(together[:8]).mean() + minus_log_sigmoid(-together[8:]).mean()) / 2
    assert abs(mixed.item() - losses["discriminator"].item()) > 1e-3


def test_shared_statistics_take_both_kinds_of_pairs_as_a_single_batch() -> None:
    nets = opinionated(BiGAN.networks)
    G, E, D = nets["generator"], nets["encoder"], nets["joint_discriminator"]
    x, z = batch()
    together = D(torch.cat([x, G(z)]), torch.cat([E(x), z]))
    expected = (minus_log_sigmoid(together[:8]).mean() + minus_log_sigmoid(-together[8:]).mean()) / 2
    losses = BiGAN(statistics="shared").losses(nets, x, z)
    assert losses["discriminator"].item() == pytest.approx(expected.item(), abs=1e-6)
    assert abs(expected.item() - BiGAN().losses(nets, x, z)["discriminator"].item()) > 1e-3


def test_gradients_are_those_of_finite_differences() -> None:
    nets = opinionated(BiGAN.networks)
    x, z = batch()

    def loss(player: str) -> Tensor:
        real = nets["joint_discriminator"](x, nets["encoder"](x))
        fake = nets["joint_discriminator"](nets["generator"](z), z)
        sign = 1 if player == "discriminator" else -1
        return (minus_log_sigmoid(sign * real).mean() + minus_log_sigmoid(-sign * fake).mean()) / 2

    for player, network, key in (
        ("discriminator", "joint_discriminator", "latent.weight"),
        ("generator_encoder", "generator", "skip.weight"),
        ("generator_encoder", "encoder", "output.weight"),
    ):
        parameter = nets[network].get_parameter(key)
        (gradient,) = torch.autograd.grad(BiGAN().losses(nets, x, z)[player], parameter)
        for position in (0, parameter.numel() // 2):
            with torch.no_grad():
                entry = parameter.view(-1)[position]
                before = float(entry)
                entry.fill_(before + 1e-5)
                above = float(loss(player))
                entry.fill_(before - 1e-5)
                below = float(loss(player))
                entry.fill_(before)
            numeric = (above - below) / 2e-5
            assert float(gradient.view(-1)[position]) == pytest.approx(numeric, rel=1e-3, abs=1e-7)


def test_the_penalty_is_r1_and_r2_on_a_share_of_the_batch_and_ds_alone() -> None:
    nets = opinionated(BiGAN.networks)
    for net in nets.values():
        net.eval()
    x, z = batch()
    plain, penalised = BiGAN().losses(nets, x, z), BiGAN(penalty=3.0, penalty_share=0.5).losses(nets, x, z)
    G, E, D = (nets[name] for name in BiGAN.networks)
    r1, r2 = (penalise_gradient(D, *(p[:4] for p in pair)) for pair in ((x, E(x)), (G(z), z)))
    difference = penalised["discriminator"] - plain["discriminator"]
    torch.testing.assert_close(difference, 1.5 * (r1 + r2), rtol=1e-4, atol=0)
    assert torch.equal(penalised["generator_encoder"], plain["generator_encoder"])


def test_moments_are_gs_alone_and_compare_means_and_deviations_of_pixels() -> None:
    nets = opinionated(BiGAN.networks)
    x, z = batch()
    plain, other = BiGAN().losses(nets, x, z), BiGAN(moment_weight=0.5).losses(nets, x, z)
    assert torch.equal(plain["discriminator"], other["discriminator"])
    samples = nets["generator"](z)
    means = (samples.mean(0) - x.mean(0)).square().sum()
    deviations = (samples.std(0) - x.std(0)).square().sum()
    difference = (other["generator_encoder"] - plain["generator_encoder"]).item()
    assert difference == pytest.approx(0.5 * (means + deviations).item(), rel=1e-3)
    assert compare_moments(x, x.flip(0)).item() == pytest.approx(0, abs=1e-9)
