"""The tutorials' perceptrons: their layers, and forward passes written out from the raw weights."""

from __future__ import annotations

import dataclasses
import itertools
import math

import pytest
import torch
from torch import Tensor, nn

from ganlab import networks
from ganlab.networks.base import Discriminator, Encoder, JointDiscriminator
from tests.conftest import TINY

GREY, COLOUR, BIGAN = "tutorial-gan", "tutorial-gan-colour", "tutorial-bigan"
FAMILIES = (GREY, COLOUR, BIGAN)
ALL = ("generator", "encoder", "discriminator", "joint_discriminator")


def make(family: str, seed: int = 0, **changes: object) -> dict[str, nn.Module]:
    """Tiny networks of all kinds, in double precision and in training mode."""
    config = dataclasses.replace(TINY, family=family, networks=ALL, **changes)
    nets = networks.build(config)
    networks.initialise(nets, seed)
    return {name: net.double().train() for name, net in nets.items()}


def full_size(family: str, latent_dim: int = 100, channels: int = 1, size: int = 28) -> dict[str, nn.Module]:
    """As the tutorials have them, but without memory for the weights."""
    config = dataclasses.replace(
        TINY, family=family, networks=ALL, width=1024, latent_dim=latent_dim, channels=channels, size=size
    )
    with torch.device("meta"):
        return networks.build(config)


def noise(count: int, dims: int = 4, seed: int = 1) -> Tensor:
    return torch.randn(count, dims, generator=torch.Generator().manual_seed(seed), dtype=torch.double)


def pictures(count: int, channels: int = 1, size: int = 28, seed: int = 2) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.rand(count, channels, size, size, generator=rng, dtype=torch.double)


def linears(net: nn.Module) -> list[tuple[Tensor, Tensor]]:
    """(weight, bias) of each layer, first to last."""
    return [(m.weight.detach(), m.bias.detach()) for m in net.modules() if isinstance(m, nn.Linear)]


def rectified(h: Tensor, slope: float) -> Tensor:
    return torch.where(h > 0, h, slope * h)


def by_hand(net: nn.Module, h: Tensor, slope: float) -> Tensor:
    """A perceptron's output, linear in the last layer."""
    *hidden, (weight, bias) = linears(net)
    for W, b in hidden:
        h = rectified(h @ W.T + b, slope)
    return h @ weight.T + bias


# ------------------------------------------------------------------ layers


@pytest.mark.parametrize(
    ("family", "channels", "size", "latent_dim", "name", "layers"),
    [
        (GREY, 1, 28, 100, "generator", [100, 256, 512, 1024, 784]),
        (GREY, 1, 28, 100, "discriminator", [784, 512, 256, 1]),
        (GREY, 1, 28, 100, "encoder", [784, 512, 256, 100]),
        (GREY, 1, 28, 100, "joint_discriminator", [884, 512, 256, 1]),
        (COLOUR, 3, 32, 100, "generator", [100, 256, 512, 1024, 3072]),
        (COLOUR, 3, 32, 100, "discriminator", [3072, 1024, 512, 256, 1]),
        (COLOUR, 3, 32, 100, "encoder", [3072, 1024, 512, 256, 100]),
        (BIGAN, 1, 28, 50, "generator", [50, 1024, 1024, 784]),
        (BIGAN, 1, 28, 50, "encoder", [784, 1024, 1024, 50]),
        (BIGAN, 1, 28, 50, "joint_discriminator", [834, 1024, 1024, 1]),
    ],
)
def test_layers_are_the_tutorials(
    family: str, channels: int, size: int, latent_dim: int, name: str, layers: list[int]
) -> None:
    net = full_size(family, latent_dim, channels, size)[name]
    expected = [((after, before), (after,)) for before, after in itertools.pairwise(layers)]
    assert [(tuple(W.shape), tuple(b.shape)) for W, b in linears(net)] == expected
    # and nothing else is learned: no layer without a bias, no norm with a gain
    assert len(list(net.parameters())) == 2 * len(expected)
    assert not list(net.buffers())


@pytest.mark.parametrize(
    ("family", "generator", "others"),
    [(GREY, (nn.ReLU, 0), (nn.LeakyReLU, 0.2)), (COLOUR, (nn.LeakyReLU, 0.2), (nn.LeakyReLU, 0.2)),
     (BIGAN, (nn.ReLU, 0), (nn.ReLU, 0))],
)  # fmt: skip
def test_what_lies_between_the_layers(
    family: str, generator: tuple[type, float], others: tuple[type, float]
) -> None:
    for name, net in full_size(family).items():
        kind, slope = generator if name == "generator" else others
        between = [m for m in net.modules() if isinstance(m, nn.ReLU | nn.LeakyReLU)]
        assert len(between) == len(linears(net)) - 1
        assert all(type(m) is kind and getattr(m, "negative_slope", 0) == slope for m in between)
        rates = [m.p for m in net.modules() if isinstance(m, nn.Dropout)]
        dropped = family == COLOUR and name.endswith("discriminator")
        assert rates == ([0.3] * len(between) if dropped else []), name


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("width", [1, 3, 7])
def test_no_width_is_too_small(family: str, width: int) -> None:
    nets = make(family, width=width)
    x, z = pictures(3), noise(3)
    assert nets["generator"](z).shape == (3, 1, 28, 28)
    assert nets["encoder"](x).shape == (3, 4)
    assert nets["discriminator"](x).shape == nets["joint_discriminator"](x, z).shape == (3,)


# ------------------------------------------------------------------ forward passes


@pytest.mark.parametrize(
    ("family", "channels", "size", "slope"), [(GREY, 1, 28, 0.0), (COLOUR, 3, 32, 0.2), (BIGAN, 1, 28, 0.0)]
)
def test_generator_is_tanh_scaled_to_the_unit_interval(
    family: str, channels: int, size: int, slope: float
) -> None:
    G, z = make(family, channels=channels, size=size)["generator"], 3 * noise(6)
    linear = by_hand(G, z, slope)
    tanh = (torch.exp(linear) - torch.exp(-linear)) / (torch.exp(linear) + torch.exp(-linear))
    expected = (tanh / 2 + 0.5).view(6, channels, size, size)
    torch.testing.assert_close(G(z), expected, rtol=0, atol=1e-12)
    with torch.no_grad():
        for p in G.parameters():
            p.mul_(20)
    extreme = G(z).detach()
    assert float(extreme.min()) < 0.001 < 0.999 < float(extreme.max())  # all of [0, 1], no further
    assert bool(((extreme >= 0) & (extreme <= 1)).all())


@pytest.mark.parametrize(("family", "slope"), [(GREY, 0.2), (COLOUR, 0.2), (BIGAN, 0.0)])
@pytest.mark.parametrize("prior", ["uniform", "normal"])
def test_encoder_sees_pixels_from_minus_one_to_one(family: str, slope: float, prior: str) -> None:
    E, x = make(family, prior=prior)["encoder"], pictures(6)
    assert isinstance(E, Encoder)
    logits = by_hand(E, 2 * x.view(6, 784) - 1, slope)
    torch.testing.assert_close(E.logits(x), logits, rtol=0, atol=1e-12)
    expected = 2 / (1 + torch.exp(-logits)) - 1 if prior == "uniform" else logits
    torch.testing.assert_close(E(x), expected, rtol=0, atol=1e-12)
    W, b = linears(E)[-1]
    torch.testing.assert_close(E.hidden(x) @ W.T + b, logits, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("family", "channels", "size", "slope"), [(GREY, 1, 28, 0.2), (COLOUR, 3, 32, 0.2), (BIGAN, 1, 28, 0.0)]
)
def test_discriminators_are_the_formula(family: str, channels: int, size: int, slope: float) -> None:
    nets = make(family, channels=channels, size=size)
    x, z = pictures(6, channels, size), noise(6)
    pixels = 2 * x.flatten(1) - 1
    D, J = nets["discriminator"].eval(), nets["joint_discriminator"].eval()
    assert isinstance(D, Discriminator)
    assert isinstance(J, JointDiscriminator)
    torch.testing.assert_close(D(x), by_hand(D, pixels, slope)[:, 0], rtol=0, atol=1e-12)
    both = torch.cat([pixels, z], 1)  # z as it is, beside the pixels
    torch.testing.assert_close(J(x, z), by_hand(J, both, slope)[:, 0], rtol=0, atol=1e-12)
    assert (J(x, z) - J(x, -z)).abs().max() > 1e-3
    for net, hidden in ((D, D.hidden(x)), (J, J.hidden(x, z))):
        W, b = linears(net)[-1]
        inputs = (x,) if net is D else (x, z)
        torch.testing.assert_close((hidden @ W.T + b)[:, 0], net(*inputs), rtol=0, atol=1e-12)


@pytest.mark.parametrize("family", [GREY, BIGAN])
def test_batches_of_one_pass_are_as_if_they_had_come_one_by_one(family: str) -> None:
    nets, x, z = make(family), pictures(8), noise(8)
    D, J = nets["discriminator"], nets["joint_discriminator"]
    torch.testing.assert_close(D(x, batches=2), torch.cat([D(x[:4]), D(x[4:])]))
    torch.testing.assert_close(J(x, z, batches=2), torch.cat([J(x[:4], z[:4]), J(x[4:], z[4:])]))


def watch_dropout(net: nn.Module) -> list[tuple[Tensor, Tensor]]:
    """Fills with what each dropout of the net is given and gives back."""
    seen: list[tuple[Tensor, Tensor]] = []
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.register_forward_hook(lambda _, inputs, output: seen.append((inputs[0], output)))
    return seen


def test_dropout_takes_three_tenths_of_ds_hidden_units_in_training_only() -> None:
    nets = make(COLOUR, width=256)
    x = pictures(200)
    for name, inputs in (("discriminator", (x,)), ("joint_discriminator", (x, noise(200)))):
        D = nets[name]
        seen = watch_dropout(D)
        torch.manual_seed(0)
        D.train()(*inputs)
        assert [before.shape[1] for before, _ in seen] == [256, 128, 64]  # after each hidden layer
        for before, after in seen:
            gone = after == 0
            n = gone.numel()
            assert abs(float(gone.double().mean()) - 0.3) < 5 * math.sqrt(0.3 * 0.7 / n)
            torch.testing.assert_close(after[~gone], before[~gone] / 0.7)  # the same in expectation
        torch.manual_seed(1)
        first, second = D(*inputs), D(*inputs)
        assert (first - second).abs().max() > 1e-3
        assert torch.equal(D.eval()(*inputs), D(*inputs))
    for name, inputs in (("generator", noise(20)), ("encoder", x)):
        assert torch.equal(nets[name](inputs), nets[name](inputs))


# ------------------------------------------------------------------ where training starts


@pytest.mark.parametrize("family", FAMILIES)
def test_initial_weights_keep_a_signals_size(family: str) -> None:
    for name, net in make(family, width=64).items():
        for weight, bias in linears(net):
            assert not bias.any(), name
            n, variance = weight.numel(), 2 / weight.shape[1]
            if n > 1000:
                # five standard errors of a normal's mean, and of its mean square
                assert abs(float(weight.mean())) < 5 * math.sqrt(variance / n), name
                assert abs(float(weight.square().mean()) / variance - 1) < 5 * math.sqrt(2 / n), name


@pytest.mark.parametrize("family", FAMILIES)
def test_initial_weights_follow_the_seed_and_nothing_else(family: str) -> None:
    torch.manual_seed(1)
    nets = make(family, seed=5)
    torch.manual_seed(2)
    same, other = make(family, seed=5), make(family, seed=6)
    for name, net in nets.items():
        for key, value in net.state_dict().items():
            assert torch.equal(value, same[name].state_dict()[key])
            if "bias" not in key:  # which starts at 0
                assert not torch.equal(value, other[name].state_dict()[key])


@pytest.mark.parametrize("family", FAMILIES)
def test_no_output_layer_starts_at_zero_even_on_request(family: str) -> None:
    config = dataclasses.replace(TINY, family=family, networks=ALL)
    zeroed, plain = networks.build(config), networks.build(config)
    networks.initialise(zeroed, 0, zero=ALL)
    networks.initialise(plain, 0)
    for name, net in zeroed.items():
        assert bool(linears(net)[-1][0].any()), name
        assert all(
            torch.equal(value, plain[name].state_dict()[key]) for key, value in net.state_dict().items()
        )
