"""Pictures as another hand might have made them: turned, slanted, shifted, bent, thicker or thinner."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

TURN = math.radians(15)  # most, either way
SCALE, SLANT, SHIFT = 0.15, 0.25, 0.12  # of the logarithm; of x by y; of half a side
BEND, KNOTS = 0.05, 4  # deviation of a bend's knots, in half sides, and how many knots a side
THICKER, THINNER = 0.7, 0.45  # share of the way to a stroke a pixel wider or narrower on each side
GAMMA = 0.3  # of the logarithm


def augmented(x: Tensor) -> Tensor:
    """Each picture of x (N, C, H, W) in [0, 1] changed in its own way, from torch's global random stream.

    Grey pictures are taken for light strokes on a dark ground, which grow thicker or thinner.
    """
    n = len(x)
    like: Any = {"device": x.device, "dtype": x.dtype}

    def within(limit: float, *shape: int) -> Tensor:
        return (2 * torch.rand(n, *shape, **like) - 1) * limit

    angle, scale = within(TURN), within(SCALE).exp()
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], 1).view(n, 2, 2)
    slant = torch.eye(2, **like).repeat(n, 1, 1)
    slant[:, 0, 1] = within(SLANT)
    moved = torch.cat([scale.view(n, 1, 1) * turn @ slant, within(SHIFT, 2, 1)], 2)
    grid = F.affine_grid(moved, list(x.shape), align_corners=False)
    knots = BEND * torch.randn(n, 2, KNOTS, KNOTS, **like)
    bend = F.interpolate(knots, size=x.shape[2:], mode="bicubic", align_corners=True)
    seen = F.grid_sample(x, grid + bend.movedim(1, 3), padding_mode="border", align_corners=False)
    if x.shape[1] == 1:
        share = within(1.0, 1, 1, 1)
        wider, narrower = F.max_pool2d(seen, 3, 1, 1), -F.max_pool2d(-seen, 3, 1, 1)
        seen = torch.where(
            share > 0, seen.lerp(wider, share.abs() * THICKER), seen.lerp(narrower, share.abs() * THINNER)
        )
    return seen.clamp(0, 1) ** within(GAMMA, 1, 1, 1).exp()
