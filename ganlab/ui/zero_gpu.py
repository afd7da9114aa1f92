"""ZeroGPU: a Space that lends a GPU for the length of a call, some minutes a day for each visitor.

Everything runs on the CPU or in the page there; only a long descent in colour asks for a GPU. Elsewhere
nothing here does anything. `spaces` is the package that the Hub installs on such a Space.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from ganlab import model
from ganlab.explorer import Explorer
from ganlab.inversion import Step

SECONDS = 60  # that a descent may take; the Hub counts what it really took


def is_here() -> bool:
    """Whether this is a Space with ZeroGPU."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")


def prepare() -> None:
    """Tell the Space which function wants a GPU, which it has to know before the app is launched."""
    if is_here():
        _lend()


@functools.cache
def _lend() -> Callable[..., Iterator[Step]]:
    """`descend_on_gpu`, which runs in a process that has the GPU."""
    import spaces

    lent: Callable[..., Iterator[Step]] = spaces.GPU(duration=SECONDS)(descend_on_gpu)
    return lent


def descend_on_gpu(
    folder: str, x: Tensor, method: str, steps: int, feature_weight: float | None
) -> Iterator[Step]:
    """`Explorer.descend` of the checkpoint in a folder, on the GPU; what it yields is on the CPU."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    explorer = Explorer(model.load(folder, device))
    for step in explorer.descend(x, method, steps, feature_weight=feature_weight):
        yield replace(step, z=step.z.cpu(), trace=step.trace.cpu())


def descend(
    explorer: Explorer, x: Tensor, method: str, steps: int, feature_weight: float | None
) -> Iterator[Step]:
    """`Explorer.descend`, on a GPU where one is lent and worth it; on the CPU where the visitor has used up
    the minutes of a day, or no GPU is free."""
    folder = explorer.model.folder
    if is_here() and explorer.config.channels > 1 and folder is not None:
        lent = _lend()(str(folder), x, method, steps, feature_weight)
        try:
            first = next(lent)
        except Exception as error:  # gr.Error, of `spaces`
            print(f"No GPU for a descent: {error}", flush=True)
        else:
            yield first
            yield from lent
            return
    yield from explorer.descend(x, method, steps, feature_weight=feature_weight)
