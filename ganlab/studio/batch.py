"""Many pictures through a model at once: what the command, Python and the API do with a list of them.

`prepare_all` turns pictures into a batch and keeps a sentence for each that cannot be used; the others go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ganlab import images, metrics, outliers
from ganlab.explorer import Explorer
from ganlab.images import PictureError, Polarity, PreparedPicture


@dataclass(frozen=True)
class Refusal:
    """A picture that cannot be used: its position in the list, from 0, and why, in a sentence."""

    position: int
    reason: str


@dataclass(frozen=True)
class Batch:
    """Pictures as a model's input x (N, C, H, W) in [0, 1], N >= 0: their positions in the list that they
    came from, ascending, and what preparation reports of each; with what was refused."""

    x: Tensor
    positions: tuple[int, ...]
    prepared: tuple[PreparedPicture, ...]
    refused: tuple[Refusal, ...]


@dataclass(frozen=True)
class Figures:
    """What is measured of a picture x and its reconstruction y; None where it was not for this model."""

    error: float  # mean squared error per pixel, pixels 0 to 1
    larger_errors: float | None  # share in [0, 1] of test pictures with a larger error
    gauge: float | None  # share in [0, 1] of test pictures that are less unusual than x
    unlike: bool | None  # whether x is unlike what the model was trained on
    class_of_picture: str | None  # that the classifier sees in x
    certainty: float | None  # its probability, in [0, 1]
    class_of_reconstruction: str | None  # that it sees in y


def prepare_all(
    explorer: Explorer, sources: Iterable[images.Source | PictureError], polarity: Polarity = "auto"
) -> Batch:
    """Prepare pictures one after the other; those that cannot be used are refused by a sentence, and so is
    what comes as an error in place of a picture."""
    positions, prepared, refused = [], [], []
    for position, source in enumerate(sources):
        try:
            if isinstance(source, PictureError):
                raise source
            prepared.append(explorer.prepare_upload(source, polarity))
            positions.append(position)
        except PictureError as error:
            refused.append(Refusal(position, str(error)))
    x = torch.cat([torch.empty(0, *explorer.config.image_shape), *(each.x for each in prepared)])
    return Batch(x, tuple(positions), tuple(prepared), tuple(refused))


def measure_all(explorer: Explorer, x: Tensor, y: Tensor) -> list[Figures]:
    """The figures of pictures x (N, C, H, W) and their reconstructions y."""
    if not len(x):
        return []
    errors = metrics.mse(x, y).tolist()
    gauge = None
    if "encoder" in explorer.model.networks and explorer.gallery is not None:
        gauge = outliers.score_pictures(explorer, x)
    shares = [None] * len(x) if gauge is None else gauge.shares.tolist()
    unlike = [None] * len(x) if gauge is None else gauge.are_outliers.tolist()
    seen = _name_classes(explorer, x)
    seen_after = _name_classes(explorer, y)
    return [
        Figures(error, explorer.rank_error(error), share, is_unlike, *before, after)
        for error, share, is_unlike, before, (after, _) in zip(
            errors, shares, unlike, seen, seen_after, strict=True
        )
    ]


def _name_classes(explorer: Explorer, x: Tensor) -> Sequence[tuple[str | None, float | None]]:
    """The class that the classifier sees in each of x and its probability, or None and None without one."""
    if explorer.judge is None:
        return [(None, None)] * len(x)
    shares, labels = explorer.judge.probabilities(x).max(dim=1)
    return [
        (explorer.name_class(label), share)
        for label, share in zip(labels.tolist(), shares.tolist(), strict=True)
    ]
