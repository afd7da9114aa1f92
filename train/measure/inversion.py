"""python -m train.inversions NAME...: what each way of inverting makes of test pictures, and in what time.

metrics.json keeps it as "inversion".
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from typing import Any

import torch

import ganlab
from ganlab import hub, inversion
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from train.data import datasets
from train.measure.evaluate import load_split, rounded, write_metrics
from train.measure.figures import identity
from train.report import card, tables

COUNT = 1000  # test pictures, the first
BATCH = 100  # inverted at a time
TIMED = 5  # pictures inverted alone, for the seconds of one
SLACK = 1e-7  # a larger error than the encoder's by no more than this is rounding


def measure(explorer: Explorer, test: Pictures) -> dict[str, Any]:
    """Error, identity and seconds of each way that the model has, on `test`."""
    x, judge = test.inputs(slice(None)), explorer.judge
    has_encoder = "encoder" in explorer.model.networks
    ways = inversion.METHODS if has_encoder else ("optimise",)
    found: dict[str, Any] = {}
    base: torch.Tensor | None = None
    for way in ways:
        parts = [explorer.invert(some, way) for some in torch.split(x, BATCH)]
        images, errors = (torch.cat([getattr(part, key) for part in parts]) for key in ("image", "error"))
        seconds = []
        for row in range(min(TIMED, len(x))):
            began = time.perf_counter()
            explorer.invert(x[row : row + 1], way)
            seconds.append(time.perf_counter() - began)
        found[way] = {"mse": float(errors.mean()), "seconds": statistics.median(seconds)}
        if judge is not None:
            found[way]["identity"] = identity(x, images, test.labels, judge)
        if way == "encoder":
            base = errors
        elif base is not None:
            found[way]["worse_than_encoder"] = float((errors > base + SLACK).double().mean())
    return {
        "command": f"python -m train.inversions {explorer.config.name}",
        "fingerprint": explorer.fingerprint,
        "count": len(x),
        "steps": inversion.STEPS,
        "starts": inversion.STARTS,
        "ways": found,
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m train.inversions", description=__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME", help="a checkpoint's name or folder")
    parser.add_argument(
        "--count", type=int, default=COUNT, help="the first so many test pictures (default: %(default)s)"
    )
    datasets.add_root_flag(parser)
    options = parser.parse_args(arguments)
    try:
        if options.count < 1:
            raise ValueError(f"--count is at least 1, not {options.count}.")
        for name in options.names:
            folder, explorer = hub.resolve(name), ganlab.load(name)
            test = load_split(explorer.config, explorer.config.dataset, options.data_root, "test")
            some = slice(options.count)
            first = Pictures(test.pixels[some], test.labels[some], test.indices[some])
            found = rounded(measure(explorer, first))
            table = tables.inversions({explorer.config.name: found})
            print(f"{found['count']} test pictures\n{card.aligned(*table)}", flush=True)
            write_metrics(folder, {**explorer.metrics, "inversion": found})
            card.write(folder)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
