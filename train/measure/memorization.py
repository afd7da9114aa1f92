"""python -m train.memorization NAME...: do samples lie nearer to training pictures than real pictures do?

metrics.json keeps it as "memorization", which the app's Sample tab reads.

Each of 10,000 samples has a nearest training picture; so has each test picture, which no model saw. Were
training pictures stored, samples would lie nearer to them than new real pictures lie. But samples may lie
near because they are smoother than any real picture. So there is a control: are they as near to as many
pictures that were not trained on? Of a sample that is not memorized, the nearest of 10,000 training pictures
and of the 10,000 test pictures is the one or the other as often.
"""

from __future__ import annotations

import argparse
import math
import sys
from typing import Any

import torch
from torch import Tensor

import ganlab
from ganlab import hub, metrics
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from ganlab.nearest import Points, find_nearest
from train.data import datasets
from train.measure.evaluate import load_split, rounded, write_metrics
from train.report import card

SAMPLES = 10_000
SEED = 0  # of the samples, and of the training pictures in the control
BATCH = 1000
PERCENTILE = 1  # of real distances: a sample that is closer is counted


def measure(explorer: Explorer, test: Pictures, count: int) -> dict[str, Any]:
    """Distances are L2 over the pixels in [0, 1]. ValueError for a model without a gallery."""
    if explorer.gallery is None:
        raise ValueError(f"{explorer.config.name} has no gallery of training pictures to memorize.")
    train = explorer.gallery.pictures
    z = explorer.sample(count, SEED)
    samples = torch.cat([explorer.decode(some).flatten(1) for some in torch.split(z, BATCH)])
    everything = Points.from_rows(train.flat)
    real, own = (distances(points, everything) for points in (test.flat, samples))
    closer = own < torch.quantile(real, PERCENTILE / 100)
    size = min(len(test), len(train))
    rng = torch.Generator().manual_seed(SEED)
    some = torch.randperm(len(train), generator=rng)[:size]
    to_train = distances(samples, Points.from_rows(train.flat[some]))
    to_test = distances(samples, Points.from_rows(test.flat[:size]))
    nearer = float((to_train < to_test).double().mean())
    return {
        "command": f"python -m train.memorization {explorer.config.name}",
        "fingerprint": explorer.fingerprint,
        "source": explorer.sources[0],
        "samples": count,
        "percentile": PERCENTILE,
        "closer": int(closer.sum()),
        "median": float(own.median()),
        "median_real": float(real.median()),
        "quantiles_real": metrics.quantiles(real),
        "nearer_to_training": nearer,
        "nearer_to_training_error": math.sqrt(nearer * (1 - nearer) / count),
    }


def distances(points: Tensor, references: Points) -> Tensor:
    """Of each point (N, F), that of the nearest reference: (N,)."""
    return torch.cat([find_nearest(some, references, 1)[0][:, 0] for some in torch.split(points, BATCH)])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m train.memorization", description=__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME", help="a checkpoint's name or folder")
    datasets.add_root_flag(parser)
    options = parser.parse_args(arguments)
    try:
        for name in options.names:
            folder, explorer = hub.resolve(name), ganlab.load(name)
            test = load_split(explorer.config, explorer.config.dataset, options.data_root, "test")
            found = rounded(measure(explorer, test, SAMPLES))
            write_metrics(folder, {**explorer.metrics, "memorization": found})
            card.write(folder)
            print(f"{name}: {card.memorization(found)}", flush=True)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
