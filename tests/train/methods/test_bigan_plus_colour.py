"""BiGAN+ in colour, with R3GAN's game: each term against its formula."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ganlab import networks
from tests.conftest import TINY
from train.methods.bigan_plus import BiGANPlus
from train.methods.games import GAMES, penalise_gradient

COLOUR = dataclasses.replace(
    TINY, family="residual", prior="normal", channels=3, size=32, width=4, blocks=1, networks=()
)


@pytest.fixture
def colour_nets() -> dict[str, nn.Module]:
    names = BiGANPlus.networks
    nets = networks.build(dataclasses.replace(COLOUR, networks=names))
    networks.initialise(nets, 0)
    return nets


def colour_batch() -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(3)
    return torch.rand(8, 3, 32, 32, generator=rng), torch.randn(8, COLOUR.latent_dim, generator=rng)


def test_the_relativistic_game_is_played_by_both_discriminators(colour_nets: dict[str, nn.Module]) -> None:
    x, z = colour_batch()
    losses = BiGANPlus(game="relativistic").losses(colour_nets, x, z)
    G, E, D, P = (colour_nets[name] for name in BiGANPlus.networks)
    difference = D(x, E(x)) - D(G(z), z)
    near = P(torch.cat([x, x], 1)) - P(torch.cat([x, G(E(x))], 1))
    torch.testing.assert_close(
        losses["discriminator"], softplus(-difference).mean() + softplus(-near).mean(), rtol=1e-4, atol=1e-5
    )
    torch.testing.assert_close(
        losses["generator_encoder"], softplus(difference).mean() + softplus(near).mean(), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("game", ["logistic", "relativistic"])
def test_reconstructions_are_one_more_generated_pair(game: str, colour_nets: dict[str, nn.Module]) -> None:
    x, z = colour_batch()
    plain, more = (
        BiGANPlus(pair_weight=0.0, game=game, decoded_weight=weight).losses(colour_nets, x, z)
        for weight in (0.0, 0.5)
    )
    G, E, D, _ = (colour_nets[name] for name in BiGANPlus.networks)
    loss = GAMES[game](D(x, E(x)), D(G(E(x)), E(x)))
    for player, part in zip(("discriminator", "generator_encoder"), loss, strict=True):
        torch.testing.assert_close(more[player] - plain[player], 0.5 * part, rtol=1e-3, atol=1e-5)


def test_the_error_in_what_d_sees_reaches_g_and_e_only(colour_nets: dict[str, nn.Module]) -> None:
    x, z = colour_batch()
    plain, more = (
        BiGANPlus(pair_weight=0.0, decoded_weight=1.0, feature_weight=weight).losses(colour_nets, x, z)
        for weight in (0.0, 3.0)
    )
    G, E, D, _ = (colour_nets[name] for name in BiGANPlus.networks)
    expected = 3 * (D.look(G(E(x))) - D.look(x)).square().mean()  # type: ignore[operator]
    torch.testing.assert_close(
        more["generator_encoder"] - plain["generator_encoder"], expected, rtol=1e-3, atol=1e-5
    )
    assert torch.equal(more["discriminator"], plain["discriminator"])


def test_the_penalty_falls_to_a_tenth_and_is_ds_alone(colour_nets: dict[str, nn.Module]) -> None:
    x, z = colour_batch()
    penalties = []
    for progress in (0.0, 1.0):
        plain, method = BiGANPlus(pair_weight=0.0), BiGANPlus(pair_weight=0.0, penalty=2.0, penalty_share=0.5)
        method.progress = torch.tensor(progress)
        before, after = (m.losses(colour_nets, x, z) for m in (plain, method))
        assert torch.equal(after["generator_encoder"], before["generator_encoder"])
        penalties.append(float((after["discriminator"] - before["discriminator"]).detach()))
    G, E, D, _ = (colour_nets[name] for name in BiGANPlus.networks)
    r1, r2 = (penalise_gradient(D, *(part[:4] for part in pair)) for pair in ((x, E(x)), (G(z), z)))
    assert penalties[0] == pytest.approx(float((r1 + r2).detach()), rel=1e-3)
    assert penalties[1] == pytest.approx(penalties[0] / 10, rel=1e-3)


def test_what_d_sees_is_perturbed_more_and_more(
    colour_nets: dict[str, nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    chances: list[float] = []

    class Unchanged:
        def __init__(self, count: int, chance: Tensor, device: torch.device) -> None:
            chances.append(float(chance))

        def __call__(self, pictures: Tensor) -> Tensor:
            return pictures

    monkeypatch.setattr("train.methods.bigan_plus.Perturbation", Unchanged)
    method = BiGANPlus(perturb_chance=0.3)
    for progress in (0.0, 0.5, 1.0):
        method.progress = torch.tensor(progress)
        method.losses(colour_nets, *colour_batch())
    assert chances == pytest.approx([0.0] * 3 + [0.15] * 3 + [0.3] * 3)  # for x, G(z), and P's pairs
