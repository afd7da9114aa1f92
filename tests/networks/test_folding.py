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
    """What the docstring of Layer says, by torch's own convolutions: (N, C, H, W)."""
    outputs = [z]
    for layer in layers:
        h = apply(layer, outputs[-1])
        if layer.skip is not None:
            h = h + z @ layer.skip
        if layer.adds:
            h = h + outputs[-layer.adds]
        h = torch.where(h < 0, layer.leak * h, h)
        outputs.append(enlarge(h, len(layer.bias)) if layer.enlarges else h)
    channels, height, width = shape
    patch = layers[-1].patch
    pixels = outputs[-1].view(-1, height // patch, width // patch, patch, patch, channels)
    return torch.sigmoid(pixels).permute(0, 5, 1, 3, 2, 4).flatten(4).flatten(2, 3)


def apply(layer: Layer, h: Tensor) -> Tensor:
    """(N, inputs of all pixels) -> (N, outputs of all pixels), before what is added."""
    if not layer.on_grid:
        return h @ layer.weight + layer.bias
    grid, outputs = as_grid(h, layer.inputs), len(layer.bias)
    if layer.doubles:
        weight = layer.weight.view(layer.inputs, 4, 4, outputs).movedim(3, 1)
        result = F.conv_transpose2d(grid, weight, layer.bias, stride=2, padding=1)
    else:
        weight = layer.weight.view(layer.kernel, layer.kernel, layer.inputs, outputs).permute(3, 2, 0, 1)
        result = F.conv2d(grid, weight, layer.bias, padding=layer.kernel // 2)
    return result.movedim(1, 3).flatten(1)


def as_grid(h: Tensor, channels: int) -> Tensor:
    """(N, side * side * channels) -> (N, channels, side, side)."""
    side = round((h.shape[1] / channels) ** 0.5)
    return h.view(-1, side, side, channels).movedim(3, 1)


def enlarge(h: Tensor, channels: int) -> Tensor:
    larger = F.interpolate(as_grid(h, channels), scale_factor=2, mode="bilinear")
    return larger.movedim(1, 3).flatten(1)


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
    blocks = 2 if family == "residual" else 0
    config, G = generator(family=family, channels=channels, size=size, width=8, blocks=blocks)
    z = torch.randn(5, config.latent_dim, generator=torch.Generator().manual_seed(2))
    expected = G.double()(z.double()).float()  # rounding grows along these weights
    assert expected.std() > 0.1
    result = evaluate(G.fold(), z.double(), config.image_shape)
    torch.testing.assert_close(result.float(), expected, atol=2e-5, rtol=0)
