"""Where a person goes from test pictures: along paths between two of them, and to the ends of sliders."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ganlab import latent
from ganlab.directions import Direction
from ganlab.explorer import Explorer

QUARTERS = {"quarter": 1, "middle": 2}  # steps of a path of five latents, from one end to the middle
STEPS = 3  # to the end of a slider, in either direction


def list_pairs(labels: Tensor, count: int | None = None) -> Tensor:
    """Rows (P, 2) of the first `count` pairs of pictures in succession whose labels (N,) differ; of pictures
    without classes, of all."""
    differ = labels[:-1] != labels[1:]
    firsts = (differ if bool(differ.any()) else ~differ).nonzero().flatten()[:count]
    return torch.stack([firsts, firsts + 1], 1)


def compute_paths(explorer: Explorer, z: Tensor, pairs: Tensor) -> dict[str, Tensor]:
    """Latents (P, D) at a quarter and in the middle of the model's own paths between pairs (P, 2) of the rows
    of z (N, D)."""
    paths = torch.stack([explorer.interpolate(z[a], z[b], 5) for a, b in pairs.tolist()])
    return {name: paths[:, step] for name, step in QUARTERS.items()}


def list_slider_ends(explorer: Explorer, z: Tensor, kind: str, steps: float = STEPS) -> Tensor:
    """Latents (N, 2 K, D) to which the K sliders of a kind take each of z (N, D), `steps` forth and back."""
    if kind == "local":  # each latent has its own
        return torch.stack(
            [_reach_ends(explorer, row, explorer.directions.get(kind, row), steps) for row in z]
        )
    directions = explorer.directions.get(kind)
    return torch.stack([_reach_ends(explorer, row, directions, steps) for row in z])


def _reach_ends(explorer: Explorer, z: Tensor, directions: Sequence[Direction], steps: float) -> Tensor:
    """`list_slider_ends` (2 K, D) of one latent z (D,)."""
    vectors = torch.stack([direction.vector for direction in directions])
    amounts = torch.diag(torch.tensor([steps * direction.deviation for direction in directions]))
    return latent.move(z, vectors, torch.cat([amounts, -amounts]), explorer.config.prior)
