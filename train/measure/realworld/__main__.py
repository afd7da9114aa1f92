"""python -m train.realworld NAME...: digits from outside MNIST, prepared as uploads and reconstructed.

Told by the judge against the truth, kind by kind; a checkpoint's metrics.json keeps it as "real_world".
"""

from __future__ import annotations

import argparse
import sys

from ganlab import hub
from train.measure.evaluate import rounded, write_metrics
from train.measure.realworld import measure
from train.measure.realworld.scenes import pictures
from train.report import card, tables


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m train.realworld", description=__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME", help="a checkpoint's name or folder")
    options = parser.parse_args(arguments)
    try:
        uploads = pictures(measure.SEED)
        for name in options.names:
            folder, explorer = hub.resolve(name), measure.load(name)
            found = rounded(measure.real_world(explorer, uploads))
            print(card.aligned(*tables.real_world({explorer.config.name: found})))
            write_metrics(folder, {**explorer.metrics, "real_world": found})
            card.write(folder)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
