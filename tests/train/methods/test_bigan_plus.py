"""BiGAN+: each term against its formula, what it reaches, and that without them it is BiGAN."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from ganlab import latent, networks
from ganlab.gallery import Pictures
from tests.conftest import TINY
from tests.train.methods.nets import batch, gradients, minus_log_sigmoid, opinionated
from tests.train.runs import settings
from train import calibration
from train.config import TrainConfig
from train.methods import bigan_plus
from train.methods.bigan import BiGAN
from train.methods.bigan_plus import BiGANPlus, nt_xent, sliced_wasserstein
from train.run_folder import load_networks
from train.trainer import Trainer


def players(method: BiGANPlus, nets: dict[str, nn.Module], seed: int = 0) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    return method.losses(nets, *batch())


@pytest.fixture
def nets() -> dict[str, nn.Module]:
    """In evaluation mode: batch norm is the same for every batch, so that parts can be computed apart."""
    return {name: net.eval() for name, net in opinionated(BiGANPlus.networks).items()}


def parts(nets: dict[str, nn.Module]) -> tuple[Tensor, ...]:
    G, E, P = (nets[name] for name in ("generator", "encoder", "pair_discriminator"))
    x, z = batch()
    again = G(E(x))
    same, near = P(torch.cat([x, x], 1)), P(torch.cat([x, again], 1))
    return x, z, again, same, near


def test_without_its_terms_it_is_bigan(nets: dict[str, nn.Module]) -> None:
    plain = BiGANPlus(pair_weight=0)
    assert plain.networks == BiGAN.networks
    assert plain.players == BiGAN.players
    result, expected = players(plain, nets), BiGAN().losses(nets, *batch())
    for player, loss in expected.items():
        torch.testing.assert_close(result[player], loss)


@pytest.mark.parametrize("weight", [1.0, 0.3])
def test_p_tells_a_picture_from_its_reconstruction(nets: dict[str, nn.Module], weight: float) -> None:
    _, _, _, same, near = parts(nets)
    result, base = players(BiGANPlus(pair_weight=weight), nets), players(BiGANPlus(pair_weight=0), nets)
    d = (minus_log_sigmoid(same.float()).mean() + minus_log_sigmoid(-near.float()).mean()) / 2
    torch.testing.assert_close(result["discriminator"] - base["discriminator"], d)
    ge = weight * minus_log_sigmoid(near.float()).mean()
    torch.testing.assert_close(result["generator_encoder"] - base["generator_encoder"], ge)


@pytest.mark.parametrize("name", ["pixel_weight", "latent_weight"])
def test_errors_have_their_weight_and_are_g_and_es_alone(nets: dict[str, nn.Module], name: str) -> None:
    x, z, again, _, _ = parts(nets)
    error = {
        "pixel_weight": (again - x).square().flatten(1).sum(1).mean(),
        "latent_weight": (nets["encoder"](nets["generator"](z)) - z).square().mean(),
    }[name]
    base, result = players(BiGANPlus(), nets), players(BiGANPlus(**{name: 0.7}), nets)
    torch.testing.assert_close(result["discriminator"], base["discriminator"])
    added = result["generator_encoder"] - base["generator_encoder"]
    torch.testing.assert_close(added.double(), 0.7 * error, rtol=1e-5, atol=1e-6)


def test_the_contrast_is_the_nt_xent_of_its_paper() -> None:
    rng = torch.Generator().manual_seed(0)
    a, b = torch.randn(5, 7, generator=rng), torch.randn(5, 7, generator=rng)
    rows = [row / row.norm() for row in (*a, *b)]
    losses = []
    for i, row in enumerate(rows):
        near = [torch.exp(row @ other / bigan_plus.TEMPERATURE) for other in rows]
        total = sum(value for k, value in enumerate(near) if k != i)
        losses.append(-torch.log(near[(i + 5) % 10] / total))
    torch.testing.assert_close(nt_xent(a, b), torch.stack(losses).mean())
    assert nt_xent(a, a) < nt_xent(a, b)


def test_the_contrast_is_of_two_views_of_a_picture(
    nets: dict[str, nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    x, _ = batch()
    views = [x.flip(2), x.flip(3)]
    remaining = iter(views)
    monkeypatch.setattr(bigan_plus, "augment", lambda pictures: next(remaining))
    result = players(BiGANPlus(contrast_weight=0.5), nets)
    base = players(BiGANPlus(), nets)
    added = result["generator_encoder"] - base["generator_encoder"]
    both = [nets["encoder"].hidden(some) for some in views]  # type: ignore[operator]
    torch.testing.assert_close(added, 0.5 * nt_xent(*both))
    torch.testing.assert_close(result["discriminator"], base["discriminator"])


def test_half_of_what_is_given_back_are_views(
    nets: dict[str, nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    x, _ = batch()
    monkeypatch.setattr(bigan_plus, "augment", lambda pictures: pictures.flip(2))
    target = torch.cat([x[:4], x[4:].flip(2)])
    error = (nets["generator"](nets["encoder"](target)) - target).square().flatten(1).sum(1).mean()
    with_pixels = players(BiGANPlus(augment=True, pixel_weight=1.0), nets)["generator_encoder"]
    without = players(BiGANPlus(augment=True), nets)["generator_encoder"]
    torch.testing.assert_close((with_pixels - without).double(), error, rtol=1e-5, atol=1e-6)


def test_noise_is_added_to_codes_that_g_decodes_and_d_judges(nets: dict[str, nn.Module]) -> None:
    x, z, _, _, _ = parts(nets)
    decoded: list[Tensor] = []
    judged: list[Tensor] = []
    nets["generator"].register_forward_pre_hook(lambda net, given: decoded.append(given[0]))
    nets["joint_discriminator"].register_forward_pre_hook(lambda net, given: judged.append(given[1]))
    players(BiGANPlus(code_noise=0.4), nets)
    torch.manual_seed(0)
    code = nets["encoder"](x)
    first, second = (code + 0.4 * torch.randn_like(code) for _ in range(2))
    torch.testing.assert_close(decoded[0], torch.cat([z, first]))
    torch.testing.assert_close(judged[0], torch.cat([second, z]))


@pytest.mark.slow
def test_the_sliced_wasserstein_of_a_shift_and_of_a_scale() -> None:
    torch.manual_seed(0)
    a = torch.randn(400, 6, dtype=torch.float32)
    assert sliced_wasserstein(a, a[torch.randperm(400)]) < 1e-10  # rows in any order
    shift = torch.tensor([3.0, 0, 0, 0, 0, 4.0])
    # Along a unit direction u a shift s moves every projection by u . s: on average |s|^2 / D, squared.
    result = torch.stack([sliced_wasserstein(a, a + shift) for _ in range(50)]).mean()
    assert float(result) == pytest.approx(25 / 6, rel=0.05)
    result = torch.stack([sliced_wasserstein(a, 3 * a) for _ in range(50)]).mean()
    assert float(result) == pytest.approx(4 * float(a.square().mean()), rel=0.05)


def test_codes_are_pulled_to_the_prior_by_the_weight_of_their_distance(
    nets: dict[str, nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    x, z = batch()
    monkeypatch.setattr(bigan_plus, "sliced_wasserstein", lambda a, b: (a - b).square().mean())
    base, result = players(BiGANPlus(), nets), players(BiGANPlus(prior_weight=0.3), nets)
    added = result["generator_encoder"] - base["generator_encoder"]
    torch.testing.assert_close(added, 0.3 * (nets["encoder"](x) - z).square().mean())
    torch.testing.assert_close(result["discriminator"], base["discriminator"])


def test_a_share_of_the_latents_are_codes_of_other_pictures_with_noise(
    nets: dict[str, nn.Module],
) -> None:
    x, z, _, _, _ = parts(nets)
    code = nets["encoder"](x)
    seen: list[Tensor] = []
    nets["generator"].register_forward_pre_hook(lambda net, given: seen.append(given[0][: len(z)]))
    players(BiGANPlus(code_share=0.5, code_spread=0.0), nets)
    (latents,) = seen
    torch.testing.assert_close(latents[4:], z[4:])
    rows = torch.cdist(latents[:4], code).argmin(1)
    torch.testing.assert_close(latents[:4], code[rows])
    assert len(set(rows.tolist())) == 4
    assert rows.tolist() != [0, 1, 2, 3]
    seen.clear()
    players(BiGANPlus(code_share=1.0, code_spread=0.6), nets)
    torch.manual_seed(0)
    order = torch.randperm(8)
    s = 0.6 * torch.rand(8, 1)
    torch.testing.assert_close(seen[0], (1 - s**2).sqrt() * code[order] + s * z)


def test_no_gradient_reaches_e_through_the_latents_that_its_codes_gave(nets: dict[str, nn.Module]) -> None:
    method = BiGANPlus(code_share=1.0, code_spread=0.0)
    code = nets["encoder"](batch()[0])
    assert code.requires_grad
    assert not method._mix_in_codes(batch()[1], code).requires_grad


def test_codes_are_compared_with_the_prior_whatever_the_games_latents_are(
    nets: dict[str, nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Tensor] = []
    monkeypatch.setattr(bigan_plus, "sliced_wasserstein", lambda a, b: seen.append(b) or a.sum())
    players(BiGANPlus(prior_weight=1.0, code_share=1.0), nets)
    torch.testing.assert_close(seen[0], batch()[1])


def test_latents_and_codes_are_one_batch_for_g(monkeypatch: pytest.MonkeyPatch) -> None:
    nets = opinionated(BiGANPlus.networks)
    x, z = batch()
    together = nets["generator"](torch.cat([z, nets["encoder"](x)]))
    seen: list[Tensor] = []
    nets["pair_discriminator"].register_forward_pre_hook(lambda net, given: seen.append(given[0]))
    players(BiGANPlus(), nets)
    torch.testing.assert_close(seen[0], torch.cat([torch.cat([x, x], 1), torch.cat([x, together[8:]], 1)]))


def test_with_all_terms_each_reaches_its_players_networks_only() -> None:
    nets = opinionated(BiGANPlus.networks)
    everything = BiGANPlus(1.0, 0.1, 0.1, 0.1, 0.1, 0.1, 0.5, 0.3, True)
    losses = players(everything, nets)
    for player, owned in everything.players.items():
        for name in owned:
            assert all(
                g is not None and bool(g.any()) for g in gradients(losses[player], nets[name]).values()
            )


# ------------------------------------------------------------------ runs, and what is stored of them


def plus(run: Path, **changes: object) -> TrainConfig:
    base = {"method": "bigan-plus", "family": "conv", "prior": "normal", "width": 4, "epochs": 1}
    return settings(run, **base | changes)


def test_p_is_in_the_run_and_not_in_the_checkpoint(tmp_path: Path, digits: Pictures) -> None:
    run = Trainer(plus(tmp_path / "run"), digits)
    assert run.train()
    assert "pair_discriminator" in run.nets
    assert run.model_config.networks == ("generator", "encoder", "joint_discriminator")
    assert load_networks(run.run, run.model_config).keys() == set(run.model_config.networks)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_batch_norm_of_g_is_calibrated_on_what_it_saw(tmp_path: Path, digits: Pictures, share: float) -> None:
    """Latents and codes in one; with a share of 1 codes only, where the prior's made pictures worse."""
    run = Trainer(plus(tmp_path / "run", code_share=share), digits)
    assert run.train()
    nets = calibration.load_calibrated(run.run, run.model_config, digits)
    G, E = nets["generator"], nets["encoder"]
    norm = next(m for m in G.modules() if isinstance(m, nn.BatchNorm1d))
    with torch.no_grad():
        seen = E(digits.inputs(slice(None)))
        if share == 0:
            z = latent.draw("normal", run.config.latent_dim, 500, calibration.SEED)
            seen = torch.cat([z, seen])
        given = G.get_submodule("layers.0")(seen)
    torch.testing.assert_close(norm.running_mean, given.mean(0), rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(norm.running_var, given.var(0), rtol=1e-3, atol=1e-5)


def test_features_have_a_head_of_their_own(tmp_path: Path, digits: Pictures) -> None:
    run = Trainer(plus(tmp_path / "run", feature_dim=6, contrast_weight=0.5), digits)
    before = [p.clone() for p in run.nets["encoder"].parameters()]
    assert run.train()
    after = list(run.nets["encoder"].parameters())
    assert all(not torch.equal(old, new) for old, new in zip(before, after, strict=True))
    E = load_networks(run.run, run.model_config)["encoder"].eval()
    x = digits.inputs(slice(0, 5))
    codes, features = E.encode_with_features(x)
    torch.testing.assert_close(codes, E(x))
    torch.testing.assert_close(features, E.hidden(x))
    assert features.shape == (5, 6)
    torch.testing.assert_close(features.norm(dim=1), torch.ones(5))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"feature_dim": 8}, "needs a --contrast-weight"),
        ({"feature_dim": 8, "contrast_weight": 1.0, "method": "bigan"}, "belongs to the method bigan-plus"),
        ({"feature_dim": 8, "contrast_weight": 1.0, "family": "paper"}, "belongs to the method bigan-plus"),
        ({"pixel_weight": -1.0}, "--pixel-weight is at least 0"),
        ({"prior_weight": float("nan")}, "--prior-weight is at least 0"),
        ({"code_share": 1.5}, "--code-share lies between 0 and 1, not 1.5"),
        ({"code_spread": -0.1}, "--code-spread lies between 0 and 1, not -0.1"),
        ({"code_noise": float("inf")}, "--code-noise is at least 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TrainConfig(**{"method": "bigan-plus", "family": "conv", "prior": "normal"} | changes)


def test_a_pair_discriminator_takes_two_pictures_in_every_family() -> None:
    for family in networks.FAMILIES:
        config = dataclasses.replace(
            TINY, family=family, networks=("pair_discriminator",), width=4, blocks=int(family == "residual")
        )
        (P,) = networks.build(config).values()
        assert P(torch.rand(4, 2, 28, 28)).shape == (4,)
