"""The paper's table of networks, line by line, against forward passes written out from the raw weights."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor, nn

from ganlab import networks
from ganlab.networks.paper import Encoder, Generator, JointDiscriminator
from tests.conftest import TINY

EPS = 1e-8


def make(prior: str = "uniform", seed: int = 0, **changes: object) -> dict[str, nn.Module]:
    nets = networks.build(dataclasses.replace(TINY, prior=prior, **changes))
    networks.initialise(nets, seed)
    return nets


def noise(count: int, dims: int, seed: int = 1) -> Tensor:
    return torch.rand(count, dims, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def pictures(count: int, seed: int = 2) -> Tensor:
    return torch.rand(count, 1, 28, 28, generator=torch.Generator().manual_seed(seed))


def normed(h: Tensor) -> Tensor:
    """Batch norm without gain or bias, by its definition."""
    return (h - h.mean(0)) / torch.sqrt(h.var(0, unbiased=False) + EPS)


def leaky(h: Tensor) -> Tensor:
    return torch.where(h > 0, h, 0.2 * h)


def weights(net: nn.Module) -> dict[str, Tensor]:
    return {name.removesuffix(".weight"): p.detach() for name, p in net.named_parameters()}


def test_no_network_has_a_bias_or_a_gain() -> None:
    for net in make().values():
        assert all(name.endswith(".weight") for name, _ in net.named_parameters())
        for module in net.modules():
            if isinstance(module, nn.Linear):
                assert module.bias is None
            if isinstance(module, nn.BatchNorm1d):
                assert not module.affine
                assert module.weight is None
                assert module.bias is None
                assert module.eps == EPS


@pytest.mark.parametrize(
    ("network", "shapes"),
    [
        ("generator", {"first": (16, 4), "second": (16, 16), "skip": (16, 4), "output": (784, 16)}),
        ("encoder", {"first": (16, 784), "second": (16, 16), "output": (4, 16)}),
        (
            "joint_discriminator",
            {"first": (16, 784), "second": (16, 16), "latent": (16, 4), "output": (1, 16)},
        ),
    ],
)
def test_layers_are_those_of_the_table(network: str, shapes: dict[str, tuple[int, int]]) -> None:
    assert {name: tuple(w.shape) for name, w in weights(make()[network]).items()} == shapes


def test_generator_in_training_is_the_table() -> None:
    G = make()["generator"].train()
    W, z = weights(G), noise(12, 4)
    h = normed(z @ W["first"].T).relu()
    h = normed(h @ W["second"].T + z @ W["skip"].T).relu()
    expected = 1 / (1 + torch.exp(-(h @ W["output"].T)))
    torch.testing.assert_close(G(z), expected.view(12, 1, 28, 28), rtol=0, atol=1e-6)


def test_generator_in_evaluation_uses_its_statistics_and_the_skip() -> None:
    G = make()["generator"]
    assert isinstance(G, Generator)
    for norm, seed in ((G.first_norm, 3), (G.second_norm, 4)):
        norm.running_mean.copy_(noise(1, 16, seed)[0])
        norm.running_var.copy_(noise(1, 16, seed + 10)[0].abs() + 0.1)
    G.eval()
    W, z = weights(G), noise(5, 4)

    def fixed(norm: nn.BatchNorm1d, h: Tensor) -> Tensor:
        return (h - norm.running_mean) / torch.sqrt(norm.running_var + EPS)

    h = fixed(G.first_norm, z @ W["first"].T).relu()
    h = fixed(G.second_norm, h @ W["second"].T + z @ W["skip"].T).relu()
    expected = torch.sigmoid(h @ W["output"].T).view(5, 1, 28, 28)
    torch.testing.assert_close(G(z), expected, rtol=0, atol=1e-6)
    without = expected.clone()
    G.skip.weight.data.zero_()
    assert (G(z) - without).abs().max() > 1e-3


@pytest.mark.parametrize("prior", ["uniform", "normal"])
def test_encoder_in_training_is_the_table(prior: str) -> None:
    E = make(prior)["encoder"].train()
    assert isinstance(E, Encoder)
    W, x = weights(E), pictures(12)
    h = leaky(x.flatten(1) @ W["first"].T)  # no batch norm here
    h = leaky(normed(h @ W["second"].T))
    torch.testing.assert_close(E.hidden(x), h, rtol=0, atol=1e-5)
    logits = h @ W["output"].T
    torch.testing.assert_close(E.logits(x), logits, rtol=0, atol=1e-6)
    expected = 2 * torch.sigmoid(logits) - 1 if prior == "uniform" else logits
    torch.testing.assert_close(E(x), expected, rtol=0, atol=1e-6)


def test_encoder_stays_in_the_box_of_a_uniform_prior_only() -> None:
    x = pictures(64)
    for prior, inside in (("uniform", True), ("normal", False)):
        E = make(prior)["encoder"].train()
        for p in E.parameters():
            p.data.mul_(500)
        assert bool((E(x).abs() <= 1).all()) is inside


def test_discriminator_adds_z_before_its_batch_norm() -> None:
    D = make()["joint_discriminator"].train()
    assert isinstance(D, JointDiscriminator)
    D.output.weight.data.normal_(generator=torch.Generator().manual_seed(7))
    W, x, z = weights(D), pictures(12), noise(12, 4)
    h = leaky(x.flatten(1) @ W["first"].T)
    h = leaky(normed(h @ W["second"].T + z @ W["latent"].T))
    torch.testing.assert_close(D.hidden(x, z), h, rtol=0, atol=1e-5)
    torch.testing.assert_close(D(x, z), (h @ W["output"].T)[:, 0], rtol=0, atol=1e-5)
    assert D(x, z).shape == (12,)
    assert (D(x, z) - D(x, -z)).abs().max() > 1e-3


def test_initial_weights_are_normal_with_deviation_0_02_and_d_ends_in_zero() -> None:
    nets = make(width=256)
    for name, net in nets.items():
        for key, weight in weights(net).items():
            if (name, key) == ("joint_discriminator", "output"):
                assert not weight.any()
                continue
            n = weight.numel()
            # five standard errors of a mean and of a deviation
            assert abs(float(weight.mean())) < 5 * 0.02 / n**0.5, (name, key)
            assert abs(float(weight.std()) - 0.02) < 5 * 0.02 / (2 * n) ** 0.5, (name, key)
    big = weights(nets["encoder"])["first"].flatten()
    assert abs(float((big.abs() < 0.02).float().mean()) - 0.6827) < 0.01  # normal, not uniform


def test_initial_weights_follow_the_seed_and_nothing_else() -> None:
    torch.manual_seed(1)
    nets = make(seed=5)
    torch.manual_seed(2)
    state = torch.random.get_rng_state()
    nets = networks.build(TINY)
    drawn = torch.random.get_rng_state()
    networks.initialise(nets, 5)
    assert torch.equal(torch.random.get_rng_state(), drawn)
    assert not torch.equal(state, drawn)  # building draws, which is why loading must not build for real
    other = make(seed=6)
    for name, net in nets.items():
        for key, weight in weights(net).items():
            assert torch.equal(weight, weights(nets[name])[key])
            assert torch.equal(weight, weights(other[name])[key]) is (
                (name, key) == ("joint_discriminator", "output")
            )


def test_building_refuses_what_it_does_not_know_and_says_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"Unknown network family 'styles'; available = \['paper'"):
        networks.build(dataclasses.replace(TINY, family="styles"))
    with pytest.raises(ValueError, match=r"Unknown networks \['critic'\]; 'paper' has \['generator'"):
        networks.build(dataclasses.replace(TINY, networks=("generator", "critic")))


def test_building_makes_only_the_networks_that_are_named() -> None:
    assert list(networks.build(dataclasses.replace(TINY, networks=("generator",)))) == ["generator"]


def test_calibrating_with_one_batch_gives_its_mean_and_variance() -> None:
    E = make()["encoder"].eval()
    assert isinstance(E, Encoder)
    x = pictures(40)
    before = leaky(x.flatten(1) @ weights(E)["first"].T) @ weights(E)["second"].T
    networks.calibrate(E, [(x,)])
    torch.testing.assert_close(E.second_norm.running_mean, before.mean(0), rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(E.second_norm.running_var, before.var(0), rtol=1e-5, atol=1e-9)


def test_calibrating_averages_the_batches_plainly_and_forgets_what_was_there() -> None:
    G = make()["generator"].train()
    assert isinstance(G, Generator)
    batches = [noise(32, 4, seed) for seed in (11, 12, 13)]
    for _ in range(3):
        G(noise(32, 4, 99))  # leaves running averages behind
    networks.calibrate(G, [(z,) for z in batches])
    W = weights(G)
    first = [z @ W["first"].T for z in batches]
    second = [normed(a).relu() @ W["second"].T + z @ W["skip"].T for a, z in zip(first, batches, strict=True)]
    for norm, activations in ((G.first_norm, first), (G.second_norm, second)):
        torch.testing.assert_close(
            norm.running_mean, torch.stack([a.mean(0) for a in activations]).mean(0), rtol=1e-4, atol=1e-7
        )
        torch.testing.assert_close(
            norm.running_var, torch.stack([a.var(0) for a in activations]).mean(0), rtol=1e-4, atol=1e-9
        )


@pytest.mark.parametrize("training", [True, False])
def test_calibrating_leaves_mode_momentum_and_weights_alone(training: bool) -> None:
    D = make()["joint_discriminator"].train(training)
    assert isinstance(D, JointDiscriminator)
    D.second_norm.momentum = 0.37
    before = {key: w.clone() for key, w in weights(D).items()}
    networks.calibrate(D, [(pictures(8), noise(8, 4))])
    assert D.second_norm.momentum == 0.37
    assert all(module.training is training for module in D.modules())
    assert all(torch.equal(w, before[key]) for key, w in weights(D).items())
    assert all(p.grad is None for p in D.parameters())


def test_a_calibrated_network_gives_a_batch_the_same_output_in_both_modes() -> None:
    G = make()["generator"].train()
    z = noise(512, 4)
    trained = G(z)
    networks.calibrate(G, [(z,)])
    torch.testing.assert_close(G.eval()(z), trained, rtol=0, atol=2e-3)
