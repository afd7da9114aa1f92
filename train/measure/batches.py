"""Networks and nearest neighbours, a batch of pictures or points at a time."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ganlab.config import ModelConfig
from ganlab.gallery import Pictures
from ganlab.nearest import Points, find_nearest

BATCH = 2500  # pictures or points at a time
COLOUR_BATCH = 32  # pictures in colour at a time: more of their layers do not fit a processor's cache


def get_batch(config: ModelConfig) -> int:
    """How many of a model's pictures or latents go through its networks at a time."""
    return BATCH if config.channels == 1 else COLOUR_BATCH


def map_batches(
    function: Callable[[Tensor], Tensor] | nn.Module, inputs: Tensor | Pictures, batch: int | None = None
) -> Tensor:
    """function of all rows, with the intermediate results of only one batch in memory."""
    batch = batch or BATCH
    parts = [slice(start, start + batch) for start in range(0, len(inputs), batch)]
    rows = inputs.inputs if isinstance(inputs, Pictures) else inputs.__getitem__
    first = function(rows(parts[0]))
    outputs = first.new_empty(len(inputs), *first.shape[1:])  # filled in place: never twice in memory
    outputs[parts[0]] = first
    for part in parts[1:]:
        outputs[part] = function(rows(part))
    return outputs


def find_first(points: Tensor, references: Points) -> tuple[Tensor, Tensor]:
    """Distance (N,) and row (N,) of the reference that is nearest to each of points (N, F)."""
    parts = [find_nearest(batch, references, 1) for batch in torch.split(points, BATCH)]
    return torch.cat([near[:, 0] for near, _ in parts]), torch.cat([rows[:, 0] for _, rows in parts])
