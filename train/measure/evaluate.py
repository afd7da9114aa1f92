"""python -m train.evaluate NAME...: measure stored checkpoints; write metrics.json and the model card."""

from __future__ import annotations

import datetime
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ganlab import hub, model
from ganlab.config import ModelConfig
from ganlab.gallery import Gallery, Pictures, load_pictures
from ganlab.judge import Judge
from ganlab.model import METRICS_FILE, read_metrics
from train import sums
from train.command import create_parser, report_errors
from train.data import datasets
from train.files import write_json
from train.measure import EVALUATED, MEASUREMENTS, SEPARATE
from train.measure.command import round_figures
from train.measure.measurement import Figures, Subject
from train.provenance import current_commit
from train.report import card, contact, summary
from train.report.text import format_plain
from train.studies import table


@torch.inference_mode()
def measure(subject: Subject) -> Figures:
    """All of EVALUATED that the model can be measured by, by their keys."""
    return {m.key: m.measure(subject) for m in EVALUATED if not m.explain_absence(subject)}


def explain_absences(subject: Subject, figures: Figures) -> dict[str, str]:
    """Why the measurements that are not among `figures` are not, by their keys."""
    absent = [m for m in MEASUREMENTS if m.key not in figures]
    return {
        m.key: m.explain_absence(subject) or f"not measured yet: python -m train.{m.command} {subject.name}"
        for m in absent
    }


def evaluate(folder: Path, test: Pictures, pictures: Pictures | None = None) -> dict[str, Any]:
    """Measure the checkpoint in `folder` on `test`, and write its metrics.json and its card, with contact
    sheets of a model in colour.

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
    dataset = stored.config.dataset
    subject = Subject(stored, gallery, Judge.load(dataset), lambda: test)
    figures = measure(subject)
    seconds = time.perf_counter() - began
    result = {
        "fingerprint": stored.fingerprint,
        "evaluation": {
            "command": f"python -m train.evaluate {folder.name}",
            "date": datetime.date.today().isoformat(),
            "commit": current_commit(),
            "fingerprint": stored.fingerprint,
            "gallery": f"{dataset} train, {len(gallery)}",
            "test": f"{dataset} test, {len(subject.test)}",
            "seeds": {name: seed for m in EVALUATED for name, seed in m.seeds.items()},
            "seconds": round(seconds, 1),
        },
        "training": read_metrics(folder).get("training", {}),  # also where its figures are of other weights
        **round_figures(figures),
    }
    for separate in SEPARATE.values():
        kept = stored.metrics.get(separate.key, {})
        if kept.get("fingerprint") == stored.fingerprint:
            result[separate.key] = kept
    with sums.updating(folder):
        write_json(folder / METRICS_FILE, result)
        if subject.in_colour and {"encoder", "generator"} <= subject.networks:
            contact.write(subject.explorer, subject.test, folder)
        card.write(folder)
    print(card.format_figures(stored.config, result), end="\n\n")
    print(format_plain(*summary.list_figures(result, explain_absences(subject, result))), end="\n\n")
    print(f"{folder.name}: checkpoint and gallery loaded in {loaded:.2f} s, all measured in {seconds:.0f} s")
    return result


def load_split(config: ModelConfig, source: str, data_root: str | Path, split: str) -> Pictures:
    """A split of the model's data set; pictures of a folder get the shape that the model expects, and those
    of a large one are a sample."""
    return datasets.load(
        source,
        data_root,
        split,
        size=config.size,
        channels=config.channels,
        most=datasets.MAX_IN_MEMORY,
    )


def resolve_source(config: ModelConfig, folder: str | None) -> str:
    """What to load a model's pictures from. A checkpoint records only the name of a folder of pictures."""
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


@report_errors
def main(arguments: Sequence[str] | None = None) -> int:
    parser = create_parser(__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="a checkpoint's name or folder")
    parser.add_argument(
        "--dataset", metavar="FOLDER", help="where the pictures lie, for a model of a folder of one's own"
    )
    parser.add_argument("--table", action="store_true", help="the paper's table beside ours, from train.rows")
    datasets.add_root_flag(parser)
    options = parser.parse_args(arguments)
    if not (options.names or options.table):
        raise ValueError("Name a checkpoint, or ask for --table.")
    for name in options.names:
        folder = hub.resolve(name)
        stored = model.load(name)
        has_gallery = Gallery.load(stored) is not None
        source = resolve_source(stored.config, options.dataset)
        load = partial(load_split, stored.config, source, options.data_root)
        evaluate(folder, load("test"), None if has_gallery else load("train"))
    if options.table:
        print(table.write())
    return 0


if __name__ == "__main__":
    sys.exit(main())
