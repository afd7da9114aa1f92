"""The command of every measurement that has one of its own: parse, load, measure, store, show."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import ganlab
import train
from ganlab import hub
from ganlab.model import METRICS_FILE, read_metrics, select_figures
from train import sums
from train.command import create_parser, report_errors
from train.data import datasets
from train.files import write_json
from train.measure import SEPARATE
from train.measure.measurement import Figures, Measurement, Subject
from train.report import card
from train.report.text import format_plain


def load_subject(name: str, options: argparse.Namespace) -> Subject:
    """A checkpoint with its gallery and judge; its test pictures are read when they are needed."""
    explorer = ganlab.load(name, stand_ins=False)
    config = explorer.config
    load_test = partial(
        datasets.load,
        config.dataset,
        getattr(options, "data_root", ""),
        "test",
        size=config.size,
        channels=config.channels,
    )
    return Subject(explorer.model, explorer.gallery, explorer.judge, load_test, options=options)


def store(folder: Path, measurement: Measurement, subject: Subject) -> Figures:
    """Measure, and put the figures into the checkpoint's metrics.json and card. Returns them as stored."""
    with sums.updating(folder):
        figures = {
            "command": f"python -m train.{measurement.command} {subject.name}",
            "fingerprint": subject.model.fingerprint,
            **round_figures(measurement.measure(subject)),
        }
        own = subject.model.fingerprint
        kept = select_figures(read_metrics(folder), (own, *subject.model.config.aliases))
        write_json(folder / METRICS_FILE, kept | {"fingerprint": own, measurement.key: figures})
        card.write(folder)
    return figures


def round_figures(value: Any) -> Any:
    """Six significant digits are more than any figure here deserves."""
    if isinstance(value, dict):
        return {key: round_figures(item) for key, item in value.items()}
    if isinstance(value, list):
        return [round_figures(item) for item in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


@report_errors
def main(name: str, arguments: Sequence[str] | None = None) -> int:
    """The command `python -m train.NAME`; `name` is one of SEPARATE, or an earlier name of it."""
    measurement = SEPARATE[train.OLD_COMMANDS.get(name, name)]
    parser = create_parser(measurement.description)
    parser.add_argument("names", nargs="+", metavar="NAME", help="a checkpoint's name or folder")
    if measurement.needs_test_set:
        datasets.add_root_flag(parser)
    measurement.add_flags(parser)
    options = parser.parse_args(arguments)
    subjects = {name: load_subject(name, options) for name in options.names}
    for subject in subjects.values():  # before the work: one may be unfit
        if reason := measurement.explain_absence(subject):
            raise ValueError(reason)
    for name, subject in subjects.items():
        figures = store(hub.resolve(name), measurement, subject)
        if measurement.compare is not None:
            print(format_plain(*measurement.compare({subject.name: figures})), flush=True)
        if measurement.sentence is not None:
            print(measurement.sentence(figures), flush=True)
    return 0


if __name__ == "__main__":
    assert __spec__ is not None
    sys.exit(main(__spec__.name.rpartition(".")[2]))
