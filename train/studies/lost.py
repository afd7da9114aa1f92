"""python -m train.lost: watch plain BiGANs being lost: runs of several seeds and forms, with their symptoms.

The paper's networks and settings on MNIST, or a form that differs in one thing, for the first epochs of
a run of 30. Every few steps the players are measured on the same 500 digits and latents
(`train.studies.symptoms`). Each run has a file of its own; a run whose file is whole is not repeated.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganlab import latent
from ganlab.gallery import Pictures
from train.command import create_parser, report_errors
from train.config import TrainConfig
from train.data import datasets
from train.report.text import format_plain
from train.studies.symptoms import measure_quality, measure_symptoms
from train.trainer import Trainer

DATASET = "mnist"
RUNS = Path("runs/lost")
EPOCHS, SCHEDULE = 3, 30  # that are run, and that the schedule is for: the rate does not fall before 15
PROBES, PROBE_SEED = 500, 1
GALLERY, TEST = 10_000, 2_000  # digits among which neighbours are looked for, and of which
EVERY = 50  # steps between two measurements
FIRST_STEP = 400  # by which every run has left its grey beginning
SURE = 0.99  # share of pairs that D judges rightly, from which on it is certain
DIGITS = 4  # significant digits of a figure in a file

MOMENT_WEIGHT = 0.1

# What a form changes of the paper's settings.
FORMS: dict[str, dict[str, Any]] = {
    "paper": {},
    "fp32": {"precision": "fp32"},
    "mean-start": {"generator_start": "mean"},
    "moments": {"moment_weight": MOMENT_WEIGHT},
    "shared": {"statistics": "shared"},
    "penalty": {"penalty": 0.1},
    "alternating": {"updates": "alternating"},
    "half-rate": {"lr": 1e-4},
    "beta2": {"beta2": 0.99},
    "no-decay": {"weight_decay": 0.0},
}


def follow(
    config: TrainConfig, pictures: Pictures, test: Pictures, epochs: int, every: int, target: Path
) -> None:
    """Train for some epochs; a line of figures goes to `target` every few steps, the last after the last,
    with the model's quality."""
    x = datasets.to_input(pictures.pixels[:PROBES])
    z = latent.draw(config.prior, config.latent_dim, len(x), PROBE_SEED)
    trainer = Trainer(config, pictures)
    total = epochs * trainer.steps_per_epoch
    with target.open("w", encoding="utf-8") as lines:
        for epoch in range(epochs):
            for rows in trainer.shuffle(epoch):
                trainer.train_step(rows)
                if trainer.step % every == 0 or trainer.step == total:
                    figures = measure_symptoms(trainer, x, z)
                    if trainer.step == total:
                        figures |= measure_quality(trainer, pictures.take(slice(GALLERY)), test)
                    row = {"step": trainer.step, "steps": total} | {
                        name: float(f"{value:.{DIGITS}g}") for name, value in figures.items()
                    }
                    print(json.dumps(row), file=lines, flush=True)


def read_lines(path: Path) -> list[dict[str, float]] | None:
    """The figures of a run; None where there is no whole run."""
    if not path.is_file():
        return None
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except ValueError:
        return None  # killed while it wrote
    return lines if lines and lines[-1]["step"] == lines[-1]["steps"] else None


def list_certain(lines: list[dict[str, float]]) -> list[int]:
    """The measured steps at which D separates the pairs, without the beginning, where it always does."""
    return [int(line["step"]) for line in lines if line["step"] >= FIRST_STEP and line["separated"] >= SURE]


def is_lost(lines: list[dict[str, float]], black: float) -> bool:
    """Whether G(E(x)) is further from x than a black picture, whose squared error a pixel is `black`, at the
    end of what was run."""
    return lines[-1]["mse"] > black


def find_lowest(lines: list[dict[str, float]]) -> dict[str, float]:
    """The line of a run in which G's pictures differ least, once it has begun to paint."""
    painted = [line for line in lines if line["step"] >= FIRST_STEP] or lines
    return min(painted, key=lambda line: line["diversity"])


Runs = dict[tuple[str, int], list[dict[str, float]]]  # lines by form and seed
LOWEST = ("drift", "slope", "pull_in_common", "pull_on_brightness")
QUALITY = ("mse", "one_nn_features", "one_nn_codes")
QUALITY_HEADS = ("MSE", "1NN, features", "1NN, codes")


def render(runs: Runs, black: float) -> str:
    """A row for each run: how it went, its lowest point, and its figures at the end."""
    heads = [
        "form", "seed", "D certain", "state", "lowest diversity", "at step", "drift", "slope", "in common",
        "on brightness",
    ]  # fmt: skip
    heads += ["at the end: D, real", "D, made", "separated", "diversity", "at edge", *QUALITY_HEADS]
    names: tuple[str, ...] = ("d_real", "d_made", "separated", "diversity", "codes_at_edge")
    rows = []
    for (form, seed), lines in runs.items():
        low, last = find_lowest(lines), lines[-1]
        certain = f"{len(list_certain(lines))} of {sum(line['step'] >= FIRST_STEP for line in lines)}"
        row = [form, str(seed), certain, "lost" if is_lost(lines, black) else "–", f"{low['diversity']:.2f}"]
        row += [f"{low['step']:.0f}", *(f"{low[name]:.2g}" for name in LOWEST)]
        rows.append([*row, *(f"{last[name]:.2f}" for name in names), *(f"{last[n]:.4f}" for n in QUALITY)])
    return format_plain(heads, rows)


def summarise(runs: Runs, black: float) -> str:
    """A row for each form: how many of its runs are lost, and what it costs: the mean quality, with standard
    errors, of the seeds that are lost in none of the forms."""
    forms = list(dict.fromkeys(form for form, _ in runs))
    spoilt = {seed for (_, seed), lines in runs.items() if is_lost(lines, black)}
    seeds = {form: {seed for other, seed in runs if other == form} for form in forms}
    sound = sorted(set.intersection(*seeds.values()) - spoilt)
    rows = []
    for form in forms:
        lost = sum(is_lost(runs[form, seed], black) for seed in seeds[form])
        means = [_describe_mean([runs[form, seed][-1][name] for seed in sound]) for name in QUALITY]
        rows.append([form, f"{lost} of {len(seeds[form])}", *means])
    heads = ["form", "lost", *(f"{name}, {len(sound)} sound seeds" for name in QUALITY_HEADS)]
    return format_plain(heads, rows)


def _describe_mean(values: list[float]) -> str:
    if not values:
        return "–"
    error = f" ± {statistics.stdev(values) / len(values) ** 0.5:.4f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.4f}{error}"


@report_errors
def main(arguments: Sequence[str] | None = None) -> int:
    parser = create_parser(__doc__)
    parser.add_argument("--forms", nargs="+", default=["paper"], choices=list(FORMS), metavar="FORM")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4], metavar="S")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="of every run (default: %(default)s)")
    parser.add_argument(
        "--width",
        type=int,
        default=TrainConfig.width,
        help="of the networks (default: %(default)s); narrower ones have a rate larger in proportion",
    )
    parser.add_argument("--precision", default="bf16", help="of forms that name none (default: %(default)s)")
    parser.add_argument("--every", type=int, default=EVERY, help="steps between two lines of figures")
    parser.add_argument("--runs", type=Path, default=RUNS, help="folder of the files (default: %(default)s)")
    datasets.add_root_flag(parser)
    options = parser.parse_args(arguments)
    pictures, test = (datasets.load(DATASET, options.data_root, split) for split in ("train", "test"))
    test = test.take(slice(TEST))
    black = datasets.to_input(test.pixels).square().mean().item()
    options.runs.mkdir(parents=True, exist_ok=True)
    runs = {}
    for seed in options.seeds:
        for form in options.forms:
            target = options.runs / f"{form}-w{options.width}-s{seed}.jsonl"
            if read_lines(target) is None:
                with tempfile.TemporaryDirectory() as folder:
                    config = make_config(form, seed, options, folder)
                    follow(config, pictures, test, options.epochs, options.every, target)
            if lines := read_lines(target):
                runs[form, seed] = lines
                print(render({(form, seed): lines}, black).splitlines()[-1], flush=True)
    print(render(dict(sorted(runs.items())), black))
    print(f"\nLost: G(E(x)) is further from x than a black picture ({black:.4f}).")
    print(summarise(dict(sorted(runs.items())), black))
    return 0


def make_config(form: str, seed: int, options: argparse.Namespace, folder: str) -> TrainConfig:
    """The settings of a form's run. ValueError for a number of epochs in which the rate would fall."""
    if not 1 <= options.epochs <= SCHEDULE // 2:
        raise ValueError(f"--epochs lies between 1 and {SCHEDULE // 2}, not {options.epochs}.")
    settings: dict[str, Any] = {"precision": options.precision, "lr": TrainConfig.lr} | FORMS[form]
    settings["lr"] *= TrainConfig.width / options.width
    return TrainConfig(
        method="bigan", seed=seed, epochs=SCHEDULE, width=options.width, out=folder, **settings
    )


if __name__ == "__main__":
    sys.exit(main())
