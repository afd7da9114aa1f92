"""Narrow random models, and the figures that a slow, plain computation in NumPy gives of them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch

from ganlab import networks
from ganlab.gallery import Gallery, Pictures
from ganlab.judge import Judge
from ganlab.model import LatentModel
from tests.conftest import TINY
from train.measure.evaluate import measure
from train.measure.measurement import Figures, Subject
from train.methods import METHODS

Arrays = dict[str, np.ndarray]


def part(pictures: Pictures, start: int, stop: int) -> Pictures:
    rows = slice(start, stop)
    return Pictures(pictures.pixels[rows], pictures.labels[rows], pictures.indices[rows])


def create_model(known: Pictures, method: str, zero: bool = False, **changes: Any) -> LatentModel:
    """A narrow random model with the networks of a method; `zero`: E's output as its training starts it."""
    config = dataclasses.replace(TINY, method=method, networks=METHODS[method].networks, **changes)
    nets = networks.build(config)
    networks.initialise(nets, 5, METHODS[method].zero_output if zero else ())  # type: ignore[attr-defined]
    for name in ("encoder", "discriminator"):
        if name in nets:
            networks.calibrate(nets[name], [(known.inputs(slice(0, 90)),)])
    return LatentModel(config, nets, "fingerprint")


def measure_all(
    model: LatentModel, known: Pictures, test: Pictures, judge: Judge | None, seed: int = 0
) -> Figures:
    return measure(Subject(model, Gallery(model, known), judge, lambda: test, seed))


def nearest(points: np.ndarray, references: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Label of the nearest reference, by every distance there is."""
    distances = np.stack([((references - point) ** 2).sum(1) for point in points])
    nearest_labels: np.ndarray = labels[distances.argmin(1)]
    return nearest_labels


def arrays(net: torch.nn.Module) -> Arrays:
    return {key: value.double().numpy() for key, value in net.state_dict().items()}


def leaky(h: np.ndarray) -> np.ndarray:
    return np.where(h > 0, h, 0.2 * h)


def rows_of(pictures: Pictures) -> np.ndarray:
    rows: np.ndarray = pictures.pixels.flatten(1).numpy().astype(np.float64) / 255
    return rows
