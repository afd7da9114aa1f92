"""A generator as a row of plain layers, batch norm folded in: what the page evaluates by itself.

Grids are channel-last, (H, W, C), so that the last layer's output is a canvas's pixels in their order.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

NO_LEAK = 1.0  # slope of a layer without nonlinearity


class Layer(NamedTuple):
    """h -> h @ weight + bias + z @ skip, values below zero times `leak`; or its transposed convolution.

    A linear layer's weight is (inputs, outputs). One that doubles a grid (`doubles`: kernel 4, stride 2,
    padding 1) has (inputs, 4 * 4 * outputs): what one pixel adds to the 4 x 4 around its place in the larger
    grid, whose channels are innermost.
    """

    weight: Tensor
    bias: Tensor  # (outputs,)
    leak: float
    skip: Tensor | None = None  # (latent_dim, outputs)
    doubles: bool = False


class Foldable(Protocol):
    """A generator: `folded` gives its layers, the last of which a sigmoid follows."""

    def folded(self) -> list[Layer]: ...


def norm_of(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Batch norm with its stored statistics, as what it multiplies by and adds."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = (norm.running_var.double() + norm.eps).rsqrt()
    if norm.affine:
        scale = scale * norm.weight.double()
    shift = -norm.running_mean.double() * scale
    return scale, shift + norm.bias.double() if norm.affine else shift


def linear(
    layer: nn.Linear,
    norm: nn.BatchNorm1d | None = None,
    leak: float = 0.0,
    skip: nn.Linear | None = None,
    times: float = 1.0,
) -> Layer:
    """`times` scales a last layer whose tanh, brought to [0, 1], is a sigmoid of twice its input."""
    weight = layer.weight.double()
    scale, shift = norm_of(norm) if norm is not None else (torch.full_like(weight[:, 0], times), 0.0)
    bias = torch.zeros_like(weight[:, 0]) if layer.bias is None else layer.bias.double()
    skipped = None if skip is None else (skip.weight.double() * scale[:, None]).T
    return Layer((weight * scale[:, None]).T, bias * scale + shift, leak, skipped)


def to_grid(layer: Layer, norm: nn.BatchNorm2d, grid: tuple[int, int, int]) -> Layer:
    """A linear layer to a grid (C, H, W), with the batch norm of its channels."""
    scale, shift = (value.repeat_interleave(grid[1] * grid[2]) for value in norm_of(norm))
    weight, bias = layer.weight * scale, layer.bias * scale + shift
    return layer._replace(weight=channels_last(weight, grid), bias=channels_last(bias, grid))


def to_pixels(layer: Layer, shape: tuple[int, int, int]) -> Layer:
    """A linear layer to the pixels of a picture (C, H, W)."""
    return layer._replace(weight=channels_last(layer.weight, shape), bias=channels_last(layer.bias, shape))


def channels_last(values: Tensor, grid: tuple[int, int, int]) -> Tensor:
    """Columns (..., C * H * W) in the order (..., H * W * C)."""
    return values.view(*values.shape[:-1], *grid).movedim(-3, -1).flatten(-3)


def doubling(
    layer: nn.ConvTranspose2d, norm: nn.BatchNorm2d | None = None, leak: float = 0.0, times: float = 1.0
) -> Layer:
    weight = layer.weight.double()  # (inputs, outputs, 4, 4)
    scale, shift = norm_of(norm) if norm is not None else (torch.full_like(weight[0, :, 0, 0], times), 0.0)
    bias = torch.zeros_like(scale) if layer.bias is None else layer.bias.double()
    spread = (weight * scale[:, None, None]).permute(0, 2, 3, 1).flatten(1)
    return Layer(spread, bias * scale + shift, leak, doubles=True)
