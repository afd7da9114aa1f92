"""Folded generators against the generators: every family, and batch norms with statistics of their own."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganlab import networks
from ganlab.config import ModelConfig
from ganlab.networks.folding import Layer
from tests.conftest import TINY


def evaluate(layers: list[Layer], z: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """What the docstring of Layer says, by torch's own transposed convolution: (N, C, H, W)."""
    h = z
    for layer in layers:
        if layer.doubles:
            inputs, outputs = len(layer.weight), len(layer.bias)
            side = round((h.shape[1] / inputs) ** 0.5)
            grid = h.view(-1, side, side, inputs).movedim(3, 1)
            weight = layer.weight.view(inputs, 4, 4, outputs).movedim(3, 1)
            larger = F.conv_transpose2d(grid, weight, layer.bias, stride=2, padding=1)
            h = larger.movedim(1, 3).flatten(1)
        else:
            h = h @ layer.weight + layer.bias
            if layer.skip is not None:
                h = h + z @ layer.skip
        h = torch.where(h < 0, layer.leak * h, h)
    channels, height, width = shape
    return torch.sigmoid(h).view(-1, height, width, channels).movedim(3, 1)


def generator(**settings: object) -> tuple[ModelConfig, nn.Module]:
    """Large random weights, and statistics of batch norm that are neither 0 nor 1."""
    config = dataclasses.replace(TINY, networks=("generator",), **settings)  # type: ignore[arg-type]
    nets = networks.build(config)
    networks.initialise(nets, seed=0)
    G, rng = nets["generator"].eval(), torch.Generator().manual_seed(1)
    for parameter in G.parameters():
        parameter.data.copy_(torch.randn(parameter.shape, generator=rng) * 0.3)
    for norm in G.modules():
        if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
            assert norm.running_mean is not None
            assert norm.running_var is not None
            norm.running_mean.copy_(torch.randn(norm.running_mean.shape, generator=rng))
            norm.running_var.copy_(torch.rand(norm.running_var.shape, generator=rng) + 0.1)
    return config, G


@pytest.mark.parametrize("family", networks.FAMILIES)
@pytest.mark.parametrize(("channels", "size"), [(1, 28), (3, 32), (3, 64)])
@torch.inference_mode()
def test_the_layers_give_the_generators_pictures(family: str, channels: int, size: int) -> None:
    config, G = generator(family=family, channels=channels, size=size, width=8)
    z = torch.randn(5, config.latent_dim, generator=torch.Generator().manual_seed(2))
    expected = G(z)
    assert expected.std() > 0.1
    layers = G.fold()
    result = evaluate(layers, z.double(), config.image_shape)
    torch.testing.assert_close(result.float(), expected, atol=2e-5, rtol=0)
