"""python -m train.evaluate NAME...: all figures that the app or a model card shows, of what is stored."""

from __future__ import annotations

import argparse
import datetime
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from ganlab import hub, model
from ganlab.config import ModelConfig
from ganlab.gallery import Gallery, Pictures, load_pictures
from ganlab.judge import Judge
from ganlab.model import METRICS_FILE
from train.data import datasets
from train.files import write_json
from train.measure import figures
from train.provenance import current_commit
from train.report import card
from train.studies import table

# Groups of metrics.json that commands of their own measure; kept as long as the weights are the same.
ELSEWHERE = ("real_world", "outliers", "inversion", "directions", "memorization", "map")


def evaluate(folder: Path, test: Pictures, pictures: Pictures | None = None) -> dict[str, Any]:
    """Measure the checkpoint in `folder` on `test`, and write its metrics.json and its card.

    `pictures` are the training pictures, for a model that has no gallery of its own.
    """
    began = time.perf_counter()
    load_pictures.cache_clear()
    stored = model.load(str(folder))
    gallery = Gallery.load(stored)
    loaded = time.perf_counter() - began
    if gallery is None:
        if pictures is None:
            raise ValueError(f"{stored.config.name} has no gallery: its training pictures are needed.")
        gallery = Gallery(stored, pictures)
    judge = Judge.load(stored.config.dataset)
    measured = figures.measure(stored, gallery, test, judge)
    measured["one_nn"]["pixels"] = figures.pixels_one_nn(
        gallery.pictures, test.inputs(slice(None)), test.labels
    )
    seconds = time.perf_counter() - began
    dataset = stored.config.dataset
    found = {
        "evaluation": {
            "command": f"python -m train.evaluate {folder.name}",
            "date": datetime.date.today().isoformat(),
            "commit": current_commit(),
            "fingerprint": stored.fingerprint,
            "gallery": f"{dataset} train, {len(gallery)}",
            "test": f"{dataset} test, {len(test)}",
            "seeds": figures.SEEDS,
            "seconds": round(seconds, 1),
        },
        "training": stored.metrics.get("training", {}),
        **rounded(measured),
    }
    for key in ELSEWHERE:
        kept = stored.metrics.get(key, {})
        if kept.get("fingerprint") == stored.fingerprint:
            found[key] = kept
    write_metrics(folder, found)
    card.write(folder)
    print(card.table(stored.config, found))
    print(f"{folder.name}: checkpoint and gallery loaded in {loaded:.2f} s, all measured in {seconds:.0f} s")
    return found


def load_split(config: ModelConfig, source: str, data_root: str | Path, split: str) -> Pictures:
    """A split of the model's data set; pictures of a folder get the shape that the model knows."""
    return datasets.load(source, data_root, split, size=config.size, channels=config.channels)


def source_of(config: ModelConfig, folder: str | None) -> str:
    """What to load a model's pictures from. A checkpoint knows of a folder only what it was called."""
    if config.dataset in datasets.DATASETS:
        if folder is not None:
            raise ValueError(f"{config.name} is a model of {config.dataset}: leave --dataset away.")
        return config.dataset
    if folder is None:
        raise ValueError(
            f"{config.name} is a model of a folder called {config.dataset!r}: say where it lies with"
            " --dataset."
        )
    return folder


def write_metrics(folder: Path, found: dict[str, Any]) -> None:
    write_json(folder / METRICS_FILE, found)


def rounded(value: Any) -> Any:
    """Six significant digits are more than any figure here deserves."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m train.evaluate", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="a checkpoint's name or folder")
    parser.add_argument(
        "--dataset", metavar="FOLDER", help="where the pictures lie, for a model of a folder of one's own"
    )
    parser.add_argument("--table", action="store_true", help="the paper's table beside ours, from train.rows")
    datasets.add_root_flag(parser)
    options = parser.parse_args(arguments)
    try:
        if not options.names and not options.table:
            raise ValueError("Name a checkpoint, or ask for --table.")
        for name in options.names:
            folder = hub.resolve(name)
            stored = model.load(name)
            own = Gallery.load(stored) is not None
            source = source_of(stored.config, options.dataset)
            load = partial(load_split, stored.config, source, options.data_root)
            evaluate(folder, load("test"), None if own else load("train"))
        if options.table:
            print(table.write())
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
