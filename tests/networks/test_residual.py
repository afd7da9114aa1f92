"""The residual family: grids, patches, where it begins, and its layers against torch's own."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch.nn import functional as F

from ganlab import networks
from ganlab.config import ModelConfig
from ganlab.networks import residual
from tests.conftest import TINY

CONFIG = dataclasses.replace(TINY, family="residual", prior="normal", channels=3, size=32, width=8, blocks=2)
ALL = ("generator", "encoder", "discriminator", "joint_discriminator", "pair_discriminator")


def build(config: ModelConfig = CONFIG, seed: int = 0) -> dict[str, torch.nn.Module]:
    nets = networks.build(dataclasses.replace(config, networks=ALL))
    networks.initialise(nets, seed)
    return nets


@pytest.mark.parametrize(
    ("size", "stages"),
    [
        (28, [(8, 28), (16, 14), (32, 7)]),
        (32, [(8, 32), (16, 16), (32, 8), (32, 4)]),
        (48, [(8, 24), (16, 12), (32, 6)]),
        (64, [(8, 32), (16, 16), (32, 8), (32, 4)]),
        (128, [(8, 32), (16, 16), (32, 8), (32, 4)]),
    ],
)
def test_every_size_has_its_grids_and_pictures_come_back_in_their_shape(
    size: int, stages: list[tuple[int, int]]
) -> None:
    config = dataclasses.replace(CONFIG, size=size)
    assert residual.list_stages(config) == stages
    nets, x = build(config), torch.rand(2, 3, size, size)
    z = nets["encoder"](x)
    assert z.shape == (2, config.latent_dim)
    assert nets["generator"](z).shape == x.shape
    for name, inputs in {
        "discriminator": (x,),
        "joint_discriminator": (x, z),
        "pair_discriminator": (torch.cat([x, x], 1),),
    }.items():
        assert nets[name](*inputs).shape == (2,)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": 33}, "28, 32, 48, 64 or 128 pixels a side, but not 33"),
        ({"size": 100}, "but not 100"),
        ({"size": 256}, "but not 256"),
        ({"blocks": 0}, "at least one block a stage"),
    ],
)
def test_sizes_without_grids_are_refused(changes: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        networks.build(dataclasses.replace(CONFIG, networks=("generator",), **changes))


def test_grids_are_doubled_as_bilinear_interpolation_does() -> None:
    h = torch.randn(2, 3, 5, 4, generator=torch.Generator().manual_seed(1))
    expected = F.interpolate(h, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(residual._double(h), expected)


def test_a_pointwise_convolution_is_a_convolution() -> None:
    layer = residual.Pointwise(3, 5, bias=True)
    h = torch.randn(2, 3, 4, 4)
    torch.testing.assert_close(layer(h), F.conv2d(h, layer.weight, layer.bias))


def test_blocks_begin_as_the_identity_and_learn_from_the_first_step() -> None:
    block = build()["encoder"].get_submodule("trunk.stages.0.0")
    h = torch.randn(2, 8, 4, 4)
    assert torch.equal(block(h), h)
    (gradient,) = torch.autograd.grad(block(h).square().mean(), [block.get_parameter("last.weight")])
    assert float(gradient.abs().max()) > 0


@torch.no_grad()
@pytest.mark.parametrize("size", [32, 64])
def test_outputs_begin_near_one_deviation_or_below(size: int) -> None:
    nets = build(dataclasses.replace(CONFIG, size=size, width=16))
    x = torch.rand(16, 3, size, size, generator=torch.Generator().manual_seed(2))
    z = torch.randn(16, CONFIG.latent_dim, generator=torch.Generator().manual_seed(3))
    assert 0.05 < float(nets["encoder"](x).std()) < 2
    assert 0.03 < float(nets["generator"](z).std()) < 0.3
    assert float(nets["joint_discriminator"](x, z).abs().max()) < 5


def test_no_picture_depends_on_the_others_of_its_batch() -> None:
    nets, x = build(), torch.rand(4, 3, 32, 32)
    torch.testing.assert_close(nets["encoder"](x)[:1], nets["encoder"](x[:1]))


def test_what_d_sees_and_then_joins_is_what_it_judges() -> None:
    D = build()["joint_discriminator"]
    assert isinstance(D, networks.JointDiscriminator)
    x, z = torch.rand(2, 3, 32, 32), torch.randn(2, CONFIG.latent_dim)
    assert torch.equal(D.output(D.join(D.look(x), z)).squeeze(1), D(x, z))
