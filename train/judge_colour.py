"""How a judge of colour pictures is trained: its size, its schedule, and random changes of the pictures.

All random numbers are drawn on the pictures' device, so that no step waits for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ganlab.gallery import Pictures

MAX_SHIFT = 1 / 8  # share of the size, either way, in whole pixels; outside it the picture is mirrored
MAX_ZOOM = 0.3  # of the natural logarithm of the scale, either way
ZOOMED = 0.5  # share of the pictures that are zoomed; interpolation softens them
MAX_BRIGHTNESS = 0.3  # either way, as a factor
MAX_CONTRAST = 0.3  # either way, as a factor of the distance from the picture's mean
MAX_SATURATION = 0.4  # either way, as a factor of the distance from grey
HOLE = 1 / 4  # side of the square that is filled with the picture's mean, as a share of the size


@dataclass(frozen=True)
class Recipe:
    """A judge's size and how it is trained."""

    widths: tuple[int, ...]
    features: int
    grid: int  # see JudgeConfig
    epochs: int
    batch: int
    lr: float  # peak of the one-cycle schedule
    smoothing: float  # of the labels
    augment: Callable[[Tensor, torch.Generator], Tensor]  # (N, C, H, W) in [0, 1] -> the same
    augmentation: dict[str, float]  # its ranges, for the record
    on_device: bool  # draw random numbers on the pictures' device, in mixed precision where it is fast


def choose_recipe(pictures: Pictures) -> Recipe:
    """For colour pictures: a judge whose file has less than 1.6 MB, trained in a minute on a fast GPU."""
    large = pictures.pixels.shape[3] > 32
    return Recipe(
        widths=(32, 64, 128, 160) if large else (48, 96, 192),
        features=128,
        grid=2,
        epochs=min(80, max(40, 2_500_000 // len(pictures))),
        batch=256,
        lr=0.2,
        smoothing=0.1,
        augment=augment,
        augmentation={
            "shift": MAX_SHIFT,
            "log_zoom": MAX_ZOOM,
            "zoomed": ZOOMED,
            "brightness": MAX_BRIGHTNESS,
            "contrast": MAX_CONTRAST,
            "saturation": MAX_SATURATION,
            "hole": HOLE,
        },
        on_device=True,
    )


def augment(x: Tensor, rng: torch.Generator) -> Tensor:
    """Flip, shift, zoom and recolour each picture of x (N, 3, H, W) at random, and hide a square of it; `rng`
    is on the device of x."""
    return _hide_square(_recolour(_move(x, rng), rng), rng).contiguous(memory_format=torch.channels_last)


def _draw(x: Tensor, rng: torch.Generator, count: int) -> tuple[Tensor, ...]:
    """`count` tensors (N, 1, 1, 1), uniform on [-1, 1]."""
    numbers = torch.rand(count, len(x), 1, 1, 1, generator=rng, device=x.device)
    return (2 * numbers - 1).unbind()


def _move(x: Tensor, rng: torch.Generator) -> Tensor:
    """Flip, shift and zoom. Pictures that are not zoomed keep their pixels' values."""
    size = x.shape[3]
    flip, zoom, chance, right, down = (value.flatten() for value in _draw(x, rng, 5))
    scale = torch.where((chance + 1) / 2 < ZOOMED, (zoom * MAX_ZOOM).exp(), torch.ones_like(zoom))
    # Coordinates run from -1 to 1 over the picture: two pixels' halves each.
    right, down = (2 / size * (value * MAX_SHIFT * size).round() for value in (right, down))
    zero = torch.zeros_like(scale)
    mirrored = torch.where(flip < 0, -scale, scale)
    affine = torch.stack([mirrored, zero, right, zero, scale, down], dim=1).view(-1, 2, 3)
    grid = F.affine_grid(affine, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def _recolour(x: Tensor, rng: torch.Generator) -> Tensor:
    brightness, contrast, saturation = _draw(x, rng, 3)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * (1 + saturation * MAX_SATURATION)
    mean = grey.mean((2, 3), keepdim=True)
    x = mean + (x - mean) * (1 + contrast * MAX_CONTRAST)
    return (x * (1 + brightness * MAX_BRIGHTNESS)).clamp(0, 1)


def _hide_square(x: Tensor, rng: torch.Generator) -> Tensor:
    size = x.shape[3]
    row, column = ((value + 1) * (size / 2) for value in _draw(x, rng, 2))  # of the centre
    at: Any = torch.arange(size, device=x.device) + 0.5
    reach = math.ceil(size * HOLE) / 2
    inside = ((at.view(1, 1, -1, 1) - row).abs() < reach) & ((at.view(1, 1, 1, -1) - column).abs() < reach)
    return torch.where(inside, x.mean((2, 3), keepdim=True), x)
