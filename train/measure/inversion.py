"""python -m train.inversions NAME...: measure error, identity and time of each way to invert pictures.

metrics.json keeps it as "inversion".
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Mapping

import torch

from ganlab import inversion
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from train.measure.identity import measure_identity
from train.measure.measurement import Figures, Measurement, Subject, require_nothing
from train.report.text import NONE, Table, format_percent

COUNT, COLOUR_COUNT = 1000, 20  # test pictures, the first; in colour each takes seconds
BATCH = 100  # inverted at a time
TIMED = 5  # pictures inverted alone, for the seconds of one
SLACK = 1e-7  # an error larger than the encoder's by no more than this is rounding


def measure_inversion(explorer: Explorer, test: Pictures) -> Figures:
    """Error, identity and seconds of each way that the model has, on `test`."""
    x, judge = test.inputs(slice(None)), explorer.judge
    ways = inversion.METHODS if "encoder" in explorer.model.networks else ("optimise",)
    figures: Figures = {}
    base: torch.Tensor | None = None
    for way in ways:
        parts = [explorer.invert(batch, way) for batch in torch.split(x, BATCH)]
        images, errors = (torch.cat([getattr(part, key) for part in parts]) for key in ("image", "error"))
        seconds = []
        for row in range(min(TIMED, len(x))):
            began = time.perf_counter()
            explorer.invert(x[row : row + 1], way)
            seconds.append(time.perf_counter() - began)
        figures[way] = {"mse": float(errors.mean()), "seconds": statistics.median(seconds)}
        if judge is not None:
            figures[way]["identity"] = measure_identity(x, images, test.labels, judge)
        if way == "encoder":
            base = errors
        elif base is not None:
            figures[way]["worse_than_encoder"] = float((errors > base + SLACK).double().mean())
    return {"count": len(x), "steps": inversion.STEPS, "starts": inversion.STARTS, "ways": figures}


def _add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--count",
        type=int,
        help=f"the first so many test pictures (default: {COUNT}, of a model in colour {COLOUR_COUNT})",
    )


def _measure(subject: Subject) -> Figures:
    count = subject.options.count
    if count is None:
        count = COLOUR_COUNT if subject.in_colour else COUNT
    if count < 1:
        raise ValueError(f"--count is at least 1, not {count}.")
    first, test = slice(count), subject.test
    pictures = Pictures(test.pixels[first], test.labels[first], test.indices[first])
    return measure_inversion(subject.explorer, pictures)


def compare(models: Mapping[str, Figures]) -> Table:
    """One row for each way of each model."""
    heads = ["Model", "Inversion", "MSE a pixel", "Identity", "Worse than the encoder", "Seconds for one"]
    rows = []
    for name, figures in models.items():
        for way, shares in figures["ways"].items():
            identity, worse = shares.get("identity"), shares.get("worse_than_encoder")
            rows.append(
                [
                    name,
                    way,
                    f"{shares['mse']:.4f}",
                    NONE
                    if identity is None
                    else format_percent(identity["share"], identity["standard_error"]),
                    NONE if worse is None else format_percent(worse),
                    f"{shares['seconds']:.2f}",
                ]
            )
    return heads, rows


MEASUREMENT = Measurement(
    key="inversion",
    measure=_measure,
    explain_absence=require_nothing,
    command="inversions",
    description=__doc__,
    add_flags=_add_flags,
    title="Inversion",
    introduction="""\
What the encoder, optimisation from latents of the prior, and optimisation from E(x) (hybrid) make of the
first 1,000 test digits. A GAN has optimisation alone.""",
    compare=compare,
)
