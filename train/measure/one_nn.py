"""1NN accuracy: how often a test picture's nearest training picture has its label."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ganlab import metrics
from ganlab.gallery import Gallery, Pictures, build_untrained
from ganlab.model import LatentModel
from ganlab.nearest import Points
from ganlab.networks import Discriminator, Encoder
from train.measure.agreement import measure_agreement
from train.measure.batches import find_first, map_batches
from train.measure.measurement import Figures, Measurement, Row, Subject, require_classes
from train.report.text import NONE, format_percent

SEED = 0  # of the random weights that training is compared with
SPACES = {
    "features": "features (hidden layer)",
    "code": "code (z)",
    "logits": "logits (z before the box)",
    "discriminator": "discriminator (hidden layer)",
    "pixels": "raw pixels (no model)",
    "histograms": "histograms of colours (no model)",
    "chance": "a random training picture",
}


@torch.inference_mode()
def measure_one_nn(model: LatentModel, gallery: Gallery, test: Pictures, seed: int = SEED) -> Figures:
    """In every space that a network computes, beside the same network with random weights, and in pixels.

    The random weights are those of a training run with `seed`; only their batch norm is calibrated.
    """
    x, labels = test.inputs(slice(None)), test.labels
    bare = build_untrained(model.config, gallery.pictures, seed)
    figures: Figures = {}

    def add(
        space: str, network: Callable[[Tensor], Tensor], fresh: Callable[[Tensor], Tensor] | None
    ) -> None:
        figures[space] = _with_error(nearest_accuracy(network, gallery.pictures, x, labels), len(x))
        if fresh is not None:
            figures[space]["untrained"] = nearest_accuracy(fresh, gallery.pictures, x, labels)

    if "encoder" in model.networks:
        E, fresh = model.networks["encoder"], bare["encoder"]
        assert isinstance(E, Encoder)
        assert isinstance(fresh, Encoder)
        add("features", E.hidden, fresh.hidden)
        add("code", E, fresh)  # of the encoder itself, as in the gallery, not of a latent map
        add("logits", E.logits, fresh.logits)  # the release's NNC_e; no space of the app
    D = model.networks.get("discriminator")
    if isinstance(D, Discriminator):
        fresh_D = bare["discriminator"]
        assert isinstance(fresh_D, Discriminator)
        add("discriminator", D.hidden, fresh_D.hidden)
    elif "discriminator" in gallery.spaces:
        add("discriminator", lambda batch: gallery.embed(batch, "discriminator"), None)
    add("pixels", lambda batch: batch.flatten(1), None)
    return figures


def nearest_accuracy(
    network: Callable[[Tensor], Tensor], pictures: Pictures, x: Tensor, labels: Tensor
) -> float:
    """Share of x whose nearest of `pictures` in the network's output has its label."""
    references = Points.from_rows(map_batches(network, pictures))
    rows = find_first(map_batches(network, x), references)[1]
    return metrics.accuracy(pictures.labels[rows], labels)


def _with_error(accuracy: float, count: int) -> dict[str, float]:
    return {"accuracy": accuracy, "standard_error": metrics.standard_error(accuracy, count)}


def _measure(subject: Subject) -> Figures:
    if subject.in_colour:  # their encoders take long: all spaces in one pass, and five neighbours too
        return measure_agreement(subject.model, subject.require_gallery(), subject.test, subject.seed)
    return measure_one_nn(subject.model, subject.require_gallery(), subject.test, subject.seed)


def _rows(figures: Figures) -> Iterator[Row]:
    for space, nn in figures.items():
        yield Row(
            f"1NN, {SPACES.get(space, space)}",
            format_percent(nn["accuracy"], nn["standard_error"]),
            f"{format_percent(nn['untrained'])} untrained" if "untrained" in nn else NONE,
            space,
            f"{space} untrained",
        )
    for space, nn in figures.items():
        if "five" in nn:
            yield Row(
                f"Of the five nearest, share of its class, {SPACES.get(space, space)}",
                format_percent(nn["five"], nn["five_error"]),
                f"{format_percent(nn['untrained_five'])} untrained" if "untrained_five" in nn else NONE,
            )


def _hidden(figures: Figures) -> str:
    hidden = figures.get("features") or figures.get("discriminator")
    return format_percent(hidden["accuracy"]) if hidden else NONE


def _code(figures: Figures) -> str:
    return format_percent(figures["code"]["accuracy"]) if "code" in figures else NONE


MEASUREMENT = Measurement(
    key="one_nn",
    measure=_measure,
    explain_absence=require_classes,
    seeds={"untrained": SEED},
    rows=_rows,
    columns={"1NN, hidden layer": _hidden, "1NN, codes": _code},
)
