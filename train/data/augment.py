"""Random changes of pictures as other writers vary: affine, elastic, stroke width, gamma."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from train import workers
from train.data.augment_colour import augment_colour

MAX_ROTATION = math.radians(15)  # radians, either way
MAX_LOG_SCALE = 0.15  # of the natural logarithm of the scale, either way
MAX_SLANT = 0.25  # shift of x per unit of y, either way
MAX_SHIFT = 0.12  # in half sides of the picture, either way
BEND = 0.05  # standard deviation of the elastic displacement at its knots, in half sides
KNOTS = 4  # a side
MAX_DILATION, MAX_EROSION = 0.7, 0.45  # share of the way to strokes a pixel wider, narrower on each side
MAX_LOG_GAMMA = 0.3  # of the natural logarithm of gamma, either way


def augment(x: Tensor) -> Tensor:
    """Change each picture of x (N, C, H, W) in [0, 1] in its own way; random numbers are torch's global ones.

    Grey pictures (C = 1) count as light strokes on a dark ground, which become thicker or thinner; colour
    pictures become views of another crop and other colours.
    """
    if x.shape[1] == 3:
        return augment_colour(x)
    n = len(x)
    like: Any = {"device": x.device, "dtype": x.dtype}

    def draw(limit: float, *shape: int) -> Tensor:
        """(N, *shape), uniform on [-limit, limit]."""
        return (2 * workers.draw(torch.rand, n, *shape, **like) - 1) * limit

    angle, scale = draw(MAX_ROTATION), draw(MAX_LOG_SCALE).exp()
    rotation = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], 1).view(n, 2, 2)
    slant = torch.eye(2, **like).repeat(n, 1, 1)
    slant[:, 0, 1] = draw(MAX_SLANT)
    affine = torch.cat([scale.view(n, 1, 1) * rotation @ slant, draw(MAX_SHIFT, 2, 1)], 2)
    grid = F.affine_grid(affine, list(x.shape), align_corners=False)
    knots = BEND * workers.draw(torch.randn, n, 2, KNOTS, KNOTS, **like)
    bend = F.interpolate(knots, size=x.shape[2:], mode="bicubic", align_corners=True)
    view = F.grid_sample(x, grid + bend.movedim(1, 3), padding_mode="border", align_corners=False)
    if x.shape[1] == 1:
        share = draw(1.0, 1, 1, 1)
        dilated, eroded = F.max_pool2d(view, 3, 1, 1), -F.max_pool2d(-view, 3, 1, 1)
        view = torch.where(
            share > 0,
            view.lerp(dilated, share.abs() * MAX_DILATION),
            view.lerp(eroded, share.abs() * MAX_EROSION),
        )
    return view.clamp(0, 1) ** draw(MAX_LOG_GAMMA, 1, 1, 1).exp()
