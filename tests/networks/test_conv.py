"""The conv family: shapes, starts, batch norm in parts, and spectral norm against singular values."""

from __future__ import annotations

import dataclasses
import typing
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganlab import hub, model, networks
from ganlab.config import NORMS, CheckpointError, ModelConfig
from ganlab.networks import base, conv
from tests.conftest import TINY
from train.config import TrainConfig

NETWORKS = ("generator", "encoder", "discriminator", "joint_discriminator")
CONV = dataclasses.replace(TINY, family="conv", networks=NETWORKS, prior="normal", width=2)
SHAPES = [(1, 28), (3, 32), (3, 64), (4, 40)]
norms = pytest.mark.parametrize("norm", NORMS)
discriminators = pytest.mark.parametrize("name", ["discriminator", "joint_discriminator"])


def make(seed: int = 0, **changes: object) -> dict[str, nn.Module]:
    nets = networks.build(dataclasses.replace(CONV, **changes))
    networks.initialise(nets, seed)
    return nets


def noise(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def pictures(count: int, channels: int = 1, size: int = 28, seed: int = 2) -> Tensor:
    return torch.rand(count, channels, size, size, generator=torch.Generator().manual_seed(seed))


def inputs(name: str, count: int = 6, seed: int = 2) -> tuple[Tensor, ...]:
    """What the network takes, for 28 x 28 grey and 4 latent dimensions."""
    x, z = pictures(count, seed=seed), noise(count, 4, seed=seed)
    return {"generator": (z,), "joint_discriminator": (x, z)}.get(name, (x,))


def bigger(net: nn.Module) -> nn.Module:
    """With weights large enough that no difference drowns in rounding."""
    for parameter in net.parameters():
        if parameter.dim() > 1:
            parameter.data.mul_(10)
    return net


def spectral_layers(net: nn.Module) -> list[conv.SpectralLinear | conv.SpectralConv2d]:
    return [m for m in net.modules() if isinstance(m, conv.SpectralLinear | conv.SpectralConv2d)]


def weighted(net: nn.Module) -> list[nn.Module]:
    return [m for m in net.modules() if isinstance(m, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)]


# ------------------------------------------------------------------ shapes and ranges


@norms
@pytest.mark.parametrize(("channels", "size"), SHAPES)
def test_every_network_takes_and_gives_its_shapes(channels: int, size: int, norm: str) -> None:
    nets = make(channels=channels, size=size, norm=norm)
    G, E, D, J = (bigger(nets[name]) for name in NETWORKS)
    x, z = pictures(5, channels, size), noise(5, 4)
    for training in (True, False):
        for net in (G, E, D, J):
            net.train(training)
        y = G(z)
        assert y.shape == x.shape
        assert 0 <= float(y.detach().min()) < float(y.detach().max()) <= 1
        assert E(x).shape == (5, 4)
        assert D(x).shape == J(x, z).shape == (5,)
        assert E.hidden(x).shape == D.hidden(x).shape == J.hidden(x, z).shape == (5, 32)


@pytest.mark.parametrize(
    ("size", "expected"),
    [(28, [2, 4]), (32, [2, 4, 8]), (48, [2, 4, 8]), (64, [2, 4, 8, 16]), (128, [2, 4, 8, 16, 16])],
)
def test_channels_double_each_stage_up_to_eight_times(size: int, expected: list[int]) -> None:
    config = dataclasses.replace(CONV, size=size, channels=3)
    assert conv.list_channels(config) == expected
    nets = networks.build(config)
    channels = [m.out_channels for m in nets["encoder"].modules() if isinstance(m, nn.Conv2d)]
    assert channels == expected
    channels = [m.out_channels for m in nets["generator"].modules() if isinstance(m, nn.ConvTranspose2d)]
    assert channels == [*expected[-2::-1], 3]


@pytest.mark.parametrize("size", [1, 4, 7, 9, 27, 30, 33, 36, 100])
def test_sizes_that_do_not_fit_are_refused_and_some_that_do_are_named(size: int) -> None:
    for name in NETWORKS:
        with pytest.raises(ValueError, match=rf"28, 32, 48, 64, 96 or 128 .* not {size}\.") as caught:
            networks.build(dataclasses.replace(CONV, size=size, networks=(name,)))
        assert "\n" not in str(caught.value)


def test_the_sizes_that_the_refusal_names_fit() -> None:
    for size in (28, 32, 48, 64, 96, 128):
        grid = size >> len(conv.list_channels(dataclasses.replace(CONV, size=size)))
        assert 4 <= grid <= 8


def test_a_checkpoint_of_a_size_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    model.save(CONV, make(), tmp_path / "m")
    (tmp_path / "m" / hub.CONFIG_FILE).write_text(dataclasses.replace(CONV, size=30).to_json())
    with pytest.raises(CheckpointError, match=r"config\.json: The family conv .* not 30\."):
        model.load(str(tmp_path / "m"))


# ------------------------------------------------------------------ what the app asks of them


def test_the_output_layer_reads_the_hidden_one() -> None:
    nets = make()
    for name in NETWORKS[1:]:
        net = bigger(nets[name]).eval()
        some = inputs(name)
        result = net.output(net.hidden(*some))
        torch.testing.assert_close(net(*some), result if name == "encoder" else result[:, 0])
    E = nets["encoder"]
    assert isinstance(E, base.Encoder)
    torch.testing.assert_close(E.logits(*inputs("encoder")), E(*inputs("encoder")))  # normal prior


def test_the_encoder_stays_in_the_box_of_a_uniform_prior_only() -> None:
    for prior, inside in (("uniform", True), ("normal", False)):
        E = make(prior=prior)["encoder"].train()
        E.output.weight.data.mul_(500)
        assert bool((E(pictures(32)).abs() <= 1).all()) is inside


@norms
def test_the_joint_discriminator_reads_both_x_and_z(norm: str) -> None:
    J = bigger(make(norm=norm)["joint_discriminator"]).eval()
    x, z = inputs("joint_discriminator")
    assert (J(x, z) - J(1 - x, z)).abs().max() > 1e-3
    assert (J(x, z) - J(x, -z)).abs().max() > 1e-3


@norms
@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_reach_every_parameter(name: str, norm: str) -> None:
    net = bigger(make(norm=norm)[name]).train()
    out = net(*inputs(name))
    (out * noise(*out.shape, seed=9)).sum().backward()
    for key, parameter in net.named_parameters():
        assert parameter.grad is not None, key
        assert torch.isfinite(parameter.grad).all(), key
        assert parameter.grad.abs().max() > 0, key


# ------------------------------------------------------------------ the norms


def test_batch_norm_lies_where_the_option_says() -> None:
    for norm in NORMS:
        for name, net in make(norm=norm).items():
            batch_norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
            spectral = spectral_layers(net)
            if name in ("generator", "encoder"):
                assert batch_norms, (norm, name)
                assert not spectral, (norm, name)
            else:
                assert bool(batch_norms) is (norm == "batch")
                assert spectral == (weighted(net) if norm == "spectral" else [])


@norms
@discriminators
def test_two_batches_at_once_are_two_batches_one_by_one(name: str, norm: str) -> None:
    D = bigger(make(norm=norm)[name]).train()
    first, second = inputs(name, seed=3), tuple(0.5 * part for part in inputs(name, seed=4))
    together = [torch.cat(parts) for parts in zip(first, second, strict=True)]
    for layer in spectral_layers(D):
        settle(layer)
    apart = torch.cat([D(*first), D(*second)])
    torch.testing.assert_close(D(*together, batches=2), apart, rtol=1e-4, atol=1e-5)
    mixed = (D(*together) - apart).abs().max() > 1e-2
    assert bool(mixed) is (norm == "batch")  # only batch norm minds who shares a batch


def test_calibrating_gives_the_averages_of_the_batches() -> None:
    E = bigger(make()["encoder"]).train()
    convolutions = [m for m in E.modules() if isinstance(m, nn.Conv2d)]
    (norm,) = (m for m in E.modules() if isinstance(m, nn.BatchNorm2d))
    batches = [pictures(8, seed=seed) for seed in (5, 6)]
    networks.calibrate(E, [(x,) for x in batches])
    seen = [convolutions[1](F.leaky_relu(convolutions[0](2 * x - 1), 0.2)) for x in batches]
    mean = torch.stack([h.mean((0, 2, 3)) for h in seen]).mean(0)
    variance = torch.stack([h.var((0, 2, 3)) for h in seen]).mean(0)
    torch.testing.assert_close(norm.running_mean, mean, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(norm.running_var, variance, rtol=1e-4, atol=1e-6)


def settle(layer: conv.SpectralLinear | conv.SpectralConv2d, iterations: int = 300) -> None:
    """Power iterations, as many training steps on the same weight would make them."""
    layer.train()
    for _ in range(iterations):
        conv.normalise_weight(layer)


def largest(weight: Tensor) -> float:
    return float(torch.linalg.svdvals(weight.detach().flatten(1))[0])


@discriminators
def test_the_largest_singular_value_of_each_spectral_weight_is_1(name: str) -> None:
    D = bigger(make(norm="spectral")[name]).train()
    before = [largest(layer.weight) for layer in spectral_layers(D)]
    for _ in range(200):
        D(*inputs(name, count=1))
    D.eval()
    for layer, sigma in zip(spectral_layers(D), before, strict=True):
        assert abs(sigma - 1) > 0.05
        assert largest(layer.weight) == pytest.approx(sigma)  # the parameter itself is left alone
        assert largest(conv.normalise_weight(layer)) == pytest.approx(1, abs=0.01)
        torch.testing.assert_close(conv.normalise_weight(layer), layer.weight / sigma, rtol=0.01, atol=0)


def test_a_spectral_layer_is_the_plain_layer_of_the_divided_weight() -> None:
    rng = torch.Generator().manual_seed(0)
    for layer, x in (
        (conv.SpectralLinear(7, 5), noise(3, 7)),
        (conv.SpectralConv2d(2, 5), noise(3, 2, 8, 8)),
    ):
        for parameter in layer.parameters():
            nn.init.normal_(parameter, generator=rng)
        settle(layer)
        weight = layer.weight / torch.linalg.svdvals(layer.weight.flatten(1))[0]
        plain = (
            F.linear(x, weight, layer.bias)
            if isinstance(layer, nn.Linear)
            else F.conv2d(x, weight, layer.bias, stride=2, padding=1)
        )
        torch.testing.assert_close(layer(x), plain, rtol=1e-4, atol=1e-5)


def test_the_gradient_goes_through_the_singular_value_too() -> None:
    layer = conv.SpectralLinear(6, 4)
    nn.init.normal_(layer.weight, generator=torch.Generator().manual_seed(3))
    settle(layer)
    factor = noise(4, 6, seed=8)
    (conv.normalise_weight(layer) * factor).sum().backward()
    free = layer.weight.detach().clone().requires_grad_(True)
    (free / torch.linalg.matrix_norm(free, 2) * factor).sum().backward()
    assert free.grad is not None
    torch.testing.assert_close(layer.weight.grad, free.grad, rtol=1e-3, atol=1e-4)


def test_evaluation_leaves_the_vectors_alone_and_training_moves_them() -> None:
    D = make(norm="spectral")["discriminator"]
    before = [layer.u.clone() for layer in spectral_layers(D)]
    D.eval()(*inputs("discriminator"))
    assert all(torch.equal(layer.u, u) for layer, u in zip(spectral_layers(D), before, strict=True))
    D.train()(*inputs("discriminator"))
    assert not any(torch.equal(layer.u, u) for layer, u in zip(spectral_layers(D), before, strict=True))


def test_the_singular_value_is_taken_in_full_precision_under_autocast() -> None:
    layer = conv.SpectralLinear(64, 32).eval()
    expected = conv.normalise_weight(layer)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(conv.normalise_weight(layer), expected)
        assert layer(noise(2, 64)).dtype == torch.bfloat16


# ------------------------------------------------------------------ the start


@norms
def test_the_seed_alone_decides_the_start(norm: str) -> None:
    torch.manual_seed(1)
    nets = make(seed=5, norm=norm)
    torch.manual_seed(2)
    same, other = make(seed=5, norm=norm), make(seed=6, norm=norm)
    for name, net in nets.items():
        state = net.state_dict()
        for key, value in state.items():
            assert torch.equal(value, same[name].state_dict()[key]), (name, key)
        drawn = [key for key, value in state.items() if value.dim() > 1 or key.endswith(".u")]
        assert len(drawn) >= len(weighted(net))
        for key in drawn:
            assert not torch.equal(state[key], other[name].state_dict()[key]), (name, key)


@norms
def test_weights_start_normal_with_deviation_0_02_and_the_rest_at_rest(norm: str) -> None:
    for name, net in make(width=8, norm=norm).items():
        for module in weighted(net):
            weight, n = module.weight.detach(), module.weight.numel()
            assert abs(float(weight.mean())) < 5 * 0.02 / n**0.5, name
            assert abs(float(weight.std()) - 0.02) < 5 * 0.02 / (2 * n) ** 0.5, name
            assert module.bias is None or not module.bias.any()
        for module in net.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                assert (module.weight == 1).all()
                assert not module.bias.any()


def test_an_output_layer_starts_at_zero_on_request_where_that_means_something() -> None:
    for norm, zero in (("none", True), ("batch", True), ("spectral", False)):
        nets = networks.build(dataclasses.replace(CONV, norm=norm))
        networks.initialise(nets, 0, zero=("encoder", "discriminator"))
        assert not nets["encoder"].output.weight.any()
        assert bool(nets["discriminator"].output.weight.any()) is not zero
        assert nets["joint_discriminator"].output.weight.any()


# ------------------------------------------------------------------ checkpoints and settings


@norms
def test_a_saved_checkpoint_gives_the_same_outputs_again(tmp_path: Path, norm: str) -> None:
    config = dataclasses.replace(CONV, norm=norm)
    nets = make(norm=norm)
    for name, net in nets.items():
        bigger(net).train()
        for seed in (11, 12, 13):
            net(*inputs(name, seed=seed))  # moves the statistics and the vectors
    model.save(config, nets, tmp_path / "m")
    loaded = model.load(str(tmp_path / "m"))
    assert loaded.config == config
    for name, net in nets.items():
        net.half().float()  # what the files hold
        again = loaded.networks[name]
        assert again.state_dict().keys() == net.state_dict().keys()
        with torch.no_grad():
            out = net.eval()(*inputs(name))
            assert float(out.std()) > 0
            assert torch.equal(again(*inputs(name)), out), name


def test_loading_is_strict_about_the_norm(tmp_path: Path) -> None:
    model.save(CONV, make(), tmp_path / "m")
    other = dataclasses.replace(CONV, norm="spectral")
    (tmp_path / "m" / hub.CONFIG_FILE).write_text(other.to_json())
    with pytest.raises(CheckpointError, match=r"discriminator\.safetensors does not fit its config: missing"):
        model.load(str(tmp_path / "m"))


def test_the_trainers_choices_are_the_networks() -> None:
    assert typing.get_args(typing.get_type_hints(TrainConfig)["norm"]) == NORMS
    assert ModelConfig.__dataclass_fields__["norm"].default == TrainConfig().norm
