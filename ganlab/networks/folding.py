"""A generator as a sequence of plain layers with batch norm folded in, which a page evaluates by itself.

Grids are channel-last, (H, W, C), so that the output of the last layer is in the order of a canvas's pixels.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

NO_LEAK = 1.0  # slope below zero of a layer without nonlinearity


class Layer(NamedTuple):
    """h -> h @ weight + bias + z @ skip + what it `adds`, with values below zero times `leak`.

    Where it `enlarges`, each side of the output is then doubled by bilinear interpolation, with borders
    repeated.

    The weight of a linear layer, with `kernel` 0, is (inputs, outputs). On grids there are two more kinds:

    - a convolution of `kernel` x `kernel` pixels, 1 or 3, padded to the same side: its weight is
      (kernel * kernel * inputs, outputs), the rows in the order of (y, x, input);
    - a transposed convolution that `doubles` the side (kernel 4, stride 2, padding 1): its weight is
      (inputs, 4 * 4 * outputs), what a pixel adds to the 4 x 4 pixels around its position in the larger grid,
      channels innermost.

    All tensors are float64.
    """

    weight: Tensor
    bias: Tensor  # (outputs,)
    leak: float
    skip: Tensor | None = None  # (latent_dim, outputs)
    doubles: bool = False
    kernel: int = 0
    adds: int = 0  # the output so many layers before; 0 for nothing
    enlarges: bool = False
    patch: int = 1  # side of the square of pixels that a pixel's outputs, (y, x, channel), are

    @property
    def inputs(self) -> int:
        """Channels that it takes, or units of a linear layer."""
        return len(self.weight) // max(self.kernel, 1) ** 2

    @property
    def on_grid(self) -> bool:
        return self.doubles or self.kernel > 0


class Foldable(Protocol):
    """A generator that can be folded."""

    def fold(self) -> list[Layer]:
        """Its layers in evaluation mode; a sigmoid follows the last."""
        ...


def get_scale_and_shift(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """What batch norm with its running statistics multiplies by and adds, (features,) each."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = (norm.running_var.double() + norm.eps).rsqrt()
    if norm.affine:
        scale = scale * norm.weight.double()
    shift = -norm.running_mean.double() * scale
    return scale, shift + norm.bias.double() if norm.affine else shift


def fold_linear(
    layer: nn.Linear,
    norm: nn.BatchNorm1d | None = None,
    leak: float = 0.0,
    skip: nn.Linear | None = None,
    gain: float = 1.0,
) -> Layer:
    """A linear layer with the batch norm behind it, and a `skip` connection from z that joins before the
    norm.

    Without a norm, `gain` scales its output: (tanh(h) + 1) / 2 is the sigmoid of 2 h.
    """
    weight = layer.weight.double()
    scale, shift = (
        get_scale_and_shift(norm) if norm is not None else (torch.full_like(weight[:, 0], gain), 0.0)
    )
    bias = torch.zeros_like(weight[:, 0]) if layer.bias is None else layer.bias.double()
    skip_weight = None if skip is None else (skip.weight.double() * scale[:, None]).T
    return Layer((weight * scale[:, None]).T, bias * scale + shift, leak, skip_weight)


def fold_into_grid(layer: Layer, norm: nn.BatchNorm2d, grid: tuple[int, int, int]) -> Layer:
    """A linear layer whose outputs become a grid (C, H, W), with the batch norm of its channels."""
    scale, shift = (value.repeat_interleave(grid[1] * grid[2]) for value in get_scale_and_shift(norm))
    weight, bias = layer.weight * scale, layer.bias * scale + shift
    return reorder_outputs(layer._replace(weight=weight, bias=bias), grid)


def reorder_outputs(layer: Layer, shape: tuple[int, int, int]) -> Layer:
    """A linear layer whose outputs become (C, H, W), with its outputs in the order (H, W, C)."""
    weight, bias = (
        values.view(*values.shape[:-1], *shape).movedim(-3, -1).flatten(-3)
        for values in (layer.weight, layer.bias)
    )
    return layer._replace(weight=weight, bias=bias)


def fold_transposed(
    layer: nn.ConvTranspose2d, norm: nn.BatchNorm2d | None = None, leak: float = 0.0, gain: float = 1.0
) -> Layer:
    """A transposed convolution (kernel 4, stride 2, padding 1) with the batch norm behind it; for `gain` see
    `fold_linear`."""
    weight = layer.weight.double()  # (inputs, outputs, 4, 4)
    channel = weight[0, :, 0, 0]
    scale, shift = get_scale_and_shift(norm) if norm is not None else (torch.full_like(channel, gain), 0.0)
    bias = torch.zeros_like(scale) if layer.bias is None else layer.bias.double()
    spread = (weight * scale[:, None, None]).permute(0, 2, 3, 1).flatten(1)
    return Layer(spread, bias * scale + shift, leak, doubles=True)


def fold_convolution(layer: nn.Conv2d, leak: float = NO_LEAK, patch: int = 1) -> Layer:
    """A convolution of 1 x 1 or 3 x 3 pixels. With a `patch` its outputs are in the order of a
    pixel shuffle's, (channel, y, x)."""
    weight = layer.weight.double()
    bias = torch.zeros_like(weight[:, 0, 0, 0]) if layer.bias is None else layer.bias.double()
    if patch > 1:
        order = torch.arange(len(bias)).view(-1, patch**2).T.flatten()
        weight, bias = weight[order], bias[order]
    rows = weight.permute(2, 3, 1, 0).flatten(0, 2)
    return Layer(rows, bias, leak, kernel=layer.kernel_size[0], patch=patch)
