"""Attributes of a picture of a digit, for which there are latent directions.

Pictures (N, 1, H, W) in [0, 1], ink 1; each measure is (N,), and 0 for a picture without ink.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

INK = 0.5  # from which a pixel belongs to the stroke
SMALL = 1e-9


def ink(x: Tensor) -> Tensor:
    """How many pixels' worth of ink."""
    return x.sum((1, 2, 3))


def extent(x: Tensor, axis: int) -> Tensor:
    """Pixels from the first to the last row (axis 2) or column (axis 3) that has ink."""
    has = (x[:, 0] >= INK).any(4 - axis)  # (N, rows) or (N, columns)
    first = has.float().argmax(1)
    last = has.shape[1] - 1 - has.flip(1).float().argmax(1)
    return torch.where(has.any(1), last - first + 1, 0).float()


def height(x: Tensor) -> Tensor:
    """Rows from the first to the last with ink."""
    return extent(x, 2)


def width(x: Tensor) -> Tensor:
    """Columns from the first to the last with ink."""
    return extent(x, 3)


def slant(x: Tensor) -> Tensor:
    """Degrees by which the ink leans to the right, from its second moments: the shear that would undo it."""
    p = x[:, 0].double()
    total = p.sum((1, 2)).clamp(min=SMALL)
    rows, columns = (torch.arange(side, dtype=torch.float64) for side in p.shape[1:])
    y = (p.sum(2) @ rows) / total
    c = (p.sum(1) @ columns) / total
    dy, dx = rows - y[:, None], columns - c[:, None]
    across = torch.einsum("nrc,nr,nc->n", p, dy, dx) / total
    down = torch.einsum("nrc,nr->n", p, dy.square()) / total
    return torch.rad2deg(torch.atan2(-across, down.clamp(min=SMALL))).float()


def stroke_width(x: Tensor) -> Tensor:
    """Pixels across the stroke: twice its area over its outline, as of a long thin bar."""
    p = torch.nn.functional.pad(x[:, 0], (1, 1, 1, 1))
    down, across = p[:, 1:, :-1] - p[:, :-1, :-1], p[:, :-1, 1:] - p[:, :-1, :-1]
    outline = (down.square() + across.square()).sqrt().sum((1, 2))
    return 2 * ink(x) / outline.clamp(min=SMALL)


def loops(x: Tensor) -> Tensor:
    """Holes: pieces of the background, joined by sides, that do not reach the picture's edge."""
    paper = np.pad((x[:, 0] < INK).numpy(), ((0, 0), (1, 1), (1, 1)), constant_values=True)
    return torch.tensor([ndimage.label(page)[1] - 1 for page in paper], dtype=torch.float32)


ATTRIBUTES = {
    "stroke width": stroke_width,
    "slant": slant,
    "height": height,
    "width": width,
    "loops": loops,
    "ink": ink,
}
UNITS = {"stroke width": "pixels", "slant": "degrees", "height": "pixels", "width": "pixels", "ink": "pixels"}
