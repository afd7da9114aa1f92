"""Attributes of a picture in colour, for which there are latent directions.

Pictures (N, 3, H, W) in [0, 1]; each measure is (N,), in shares of the full range of a pixel.
"""

from __future__ import annotations

import torch
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601
UNIT = "of full range"


def compute_luma(x: Tensor) -> Tensor:
    """(N, H, W), how bright each pixel is."""
    return torch.einsum("nchw,c->nhw", x, torch.tensor(LUMA, dtype=x.dtype, device=x.device))


def brightness(x: Tensor) -> Tensor:
    """Mean brightness."""
    return compute_luma(x).mean((1, 2))


def contrast(x: Tensor) -> Tensor:
    """Standard deviation of the brightness."""
    return compute_luma(x).flatten(1).std(1)


def saturation(x: Tensor) -> Tensor:
    """Mean distance of a pixel's largest channel from its smallest: 0 where it is grey."""
    return (x.amax(1) - x.amin(1)).mean((1, 2))


def warmth(x: Tensor) -> Tensor:
    """How much more red than blue."""
    return (x[:, 0] - x[:, 2]).mean((1, 2))


def greenness(x: Tensor) -> Tensor:
    """How much more green than the mean of red and blue."""
    return (x[:, 1] - (x[:, 0] + x[:, 2]) / 2).mean((1, 2))


def edges(x: Tensor) -> Tensor:
    """Mean length of the gradient of the brightness, between neighbouring pixels."""
    luma = compute_luma(x)
    down, across = luma[:, 1:, :-1] - luma[:, :-1, :-1], luma[:, :-1, 1:] - luma[:, :-1, :-1]
    return (down.square() + across.square()).sqrt().mean((1, 2))


def centre(x: Tensor) -> Tensor:
    """How much brighter the middle quarter of the picture is than the rest."""
    luma = compute_luma(x)
    height, width = luma.shape[1] // 4, luma.shape[2] // 4
    inner = luma[:, height:-height, width:-width]
    outside = luma.sum((1, 2)) - inner.sum((1, 2))
    return inner.mean((1, 2)) - outside / (luma[0].numel() - inner[0].numel())


ATTRIBUTES = {
    "brightness": brightness,
    "contrast": contrast,
    "saturation": saturation,
    "warmth": warmth,
    "green": greenness,
    "edges": edges,
    "bright centre": centre,
}
