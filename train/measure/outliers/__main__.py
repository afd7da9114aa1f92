"""python -m train.outliers NAME...: what is usual for a model of digits, and how well others are told.

Letters, clothes, noise and photographs (CIFAR-10), prepared as uploads; metrics.json keeps it as "outliers",
which the app's gauge reads.
"""

from __future__ import annotations

import argparse
import sys

from ganlab import hub
from train.data import datasets
from train.measure.evaluate import rounded, write_metrics
from train.measure.outliers import measure, sets
from train.measure.realworld.measure import load
from train.report import card, tables


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m train.outliers", description=__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME", help="a checkpoint's name or folder")
    datasets.add_root_flag(parser)
    options = parser.parse_args(arguments)
    try:
        explorers = {name: load(name) for name in options.names}  # before the work: one may be unfit
        others = sets.pictures(options.data_root, seed=measure.SEED)
        for name, explorer in explorers.items():
            folder = hub.resolve(name)
            test = datasets.load(explorer.config.dataset, options.data_root, "test")
            found = rounded(measure.measure(explorer, test, others))
            print(card.aligned(*tables.outliers({explorer.config.name: found})))
            write_metrics(folder, {**explorer.metrics, "outliers": found})
            card.write(folder)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
