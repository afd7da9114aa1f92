"""python -m train.rows: train and measure the runs behind the paper's table; existing rows are kept."""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganlab.gallery import Gallery, Pictures
from ganlab.judge import Judge
from ganlab.model import LatentModel
from train import publish
from train.calibration import load_calibrated
from train.command import create_parser, report_errors
from train.config import TrainConfig
from train.data import datasets
from train.files import write_json
from train.measure.command import round_figures
from train.measure.evaluate import measure
from train.measure.measurement import Subject
from train.mixture import fit_to_codes
from train.run_folder import has_state
from train.studies.table import FOLDER, METHODS
from train.trainer import Trainer

EPOCHS = 30
SEEDS = (0, 1, 2)
RUNS = Path("runs/table")
DATASET = "mnist"


def load_judged(dataset: str, data_root: str) -> tuple[Pictures, Pictures, Judge]:
    """Training and test pictures, and their judge; ValueError for a data set without one."""
    pictures, test = (datasets.load(dataset, data_root, split) for split in ("train", "test"))
    judge = Judge.load(dataset)
    if judge is None:
        raise ValueError(f"There is no judge of {dataset}: train one with python -m train.judge {dataset}.")
    return pictures, test, judge


def make_row(
    config: TrainConfig, pictures: Pictures, test: Pictures, judge: Judge, target: Path, gaussians: int = 0
) -> dict[str, Any] | None:
    """Train one run, or continue it, measure it, and write its row to `target`. None: stopped by a signal.

    With `gaussians`, samples of a mixture of so many Gaussians, fitted to the codes, are measured too.
    """
    run = Path(str(config.out))
    trainer = Trainer(config, pictures, resume=has_state(run))
    if not trainer.train():
        return None
    model_config, training, _ = publish.read_run(run, run.name.lower(), unfinished=False)
    nets = load_calibrated(run, model_config, pictures)
    mixture = fit_to_codes(nets["encoder"], pictures, gaussians) if gaussians else None
    stored = LatentModel(model_config, nets, fingerprint="", mixture=mixture)
    # The baseline is the very encoder that this run started from.
    figures = measure(Subject(stored, Gallery(stored, pictures), judge, lambda: test, seed=config.seed))
    figures.get("reconstruction", {}).pop("mse_quantiles", None)
    row = {
        "method": config.method,
        "seed": config.seed,
        "date": datetime.date.today().isoformat(),
        "gallery": f"MNIST train, {len(pictures):,}",
        "test": f"MNIST test, {len(test):,}",
        "test_count": len(test),
        **{key: training[key] for key in ("epochs", "seconds", "precision", "commit")},
        **round_figures(figures),
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    write_json(target, row)  # a row that is there is whole
    return row


def add_flags(parser: argparse.ArgumentParser, epochs: int, runs: Path, folder: Path) -> None:
    """The flags of a command that trains runs and measures each, with its own defaults."""
    parser.add_argument("--epochs", type=int, default=epochs, help="of every run (default: %(default)s)")
    parser.add_argument("--runs", type=Path, default=runs, help="folder of the runs (default: %(default)s)")
    parser.add_argument("--folder", type=Path, default=folder, help="folder of the measured rows")
    parser.add_argument(
        "--precision",
        default="auto",
        help="of every run; auto measures, and a busy machine may choose another",
    )
    datasets.add_root_flag(parser)


@report_errors
def main(arguments: Sequence[str] | None = None) -> int:
    parser = create_parser(__doc__)
    parser.add_argument("--methods", nargs="+", default=METHODS, choices=METHODS, metavar="METHOD")
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS, metavar="S")
    add_flags(parser, EPOCHS, RUNS, FOLDER)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args(arguments)
    pictures, test, judge = load_judged(DATASET, options.data_root)
    for seed in options.seeds:
        for method in options.methods:
            name = f"{method}-s{seed}"
            target = options.folder / f"{name}.json"
            if target.is_file():
                print(f"{target} exists already")
                continue
            config = TrainConfig(
                method=method,
                seed=seed,
                epochs=options.epochs,
                device=options.device,
                precision=options.precision,
                data_root=options.data_root,
                out=str(options.runs / name),
            )
            if make_row(config, pictures, test, judge, target) is None:
                print("Stopped and saved; the same command continues.")
                return 130
            print(f"{target} is measured")
    return 0


if __name__ == "__main__":
    sys.exit(main())
