"""python -m train.ablation: train and measure what each part of BiGAN+ adds, a run for each.

Rows that are measured already are kept, so that the command continues where it was stopped.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from train.command import create_parser, report_errors
from train.config import TrainConfig
from train.presets import FAMILY_DEFAULTS
from train.report import results
from train.report.text import format_markdown, format_percent
from train.studies import row_files
from train.studies.rows import add_flags, load_judged, make_row

FOLDER = results.PAGES.parent / "ablation"
RUNS = Path("runs/ablation")
PAGE = "ablation"
COMMAND = "python -m train.ablation"
EPOCHS = 5
GAUSSIANS = 1000  # of the mixture fitted to each run's codes
DATASET, FAMILY, SEED = "mnist", "conv", 0

PLAIN: dict[str, Any] = {"norm": "spectral", "pair_weight": 0.0, "width": 16, "lr": 6e-4}
# Each row has what the rows above it have, and more.
PARTS: dict[str, dict[str, Any]] = {
    "plain BiGAN": {},
    "+ pair discriminator": {"pair_weight": 1.0},
    "+ pixel error": {"pixel_weight": 0.2},
    "+ latent error": {"latent_weight": 0.1},
    "+ distance from the prior": {"prior_weight": 10.0},
    "+ noise on codes": {"code_noise": 0.15},
    "+ codes as latents": {"code_share": 1.0},
    "+ augmented views": {"augment": True},
    "+ contrastive loss": {"contrast_weight": 2.0, "feature_dim": 64},
}
# Rows that differ from the last of these in one thing.
OTHERWISE: dict[str, dict[str, Any]] = {
    "no pair discriminator": {"pair_weight": 0.0},
    "batch norm in D and P": {"norm": "batch"},
    "alternating updates": {"updates": "alternating"},
    "a third of the learning rate": {"lr": 2e-4},
    "a rate that does not decay": {"lr_final": 1.0},
    "32 latents": {"latent_dim": 32},
    "half as wide": {"width": 8},
}


def variants() -> dict[str, dict[str, Any]]:
    """Settings of every row, by its name."""
    rows, settings = {}, dict(PLAIN)
    for name, added in PARTS.items():
        settings = {**settings, **added}
        rows[name] = settings
    return rows | {name: {**settings, **changed} for name, changed in OTHERWISE.items()}


def format_file_name(name: str) -> str:
    """ "+ pixel error" -> "pixel-error"."""
    return "-".join(name.lower().replace("+", "").split())


def make_config(name: str, epochs: int, precision: Any, out: Path) -> TrainConfig:
    """The settings of a row's run. KeyError for a row that does not exist."""
    settings = FAMILY_DEFAULTS[FAMILY] | variants()[name]
    return TrainConfig(
        method="bigan-plus",
        family=FAMILY,
        seed=SEED,
        epochs=epochs,
        precision=precision,
        out=str(out),
        **settings,
    )


def render(rows: dict[str, dict[str, Any]]) -> str:
    """The table of the measured rows, in their order; ValueError where they cannot be compared."""
    budgets = {row["epochs"] for row in rows.values()}
    if len(budgets) != 1:
        raise ValueError(f"Rows of different epochs cannot be compared: {sorted(budgets)}.")
    heads = [
        "BiGAN+", "Identity", "MSE a pixel", "1NN, features", "1NN, codes", "Fréchet, prior",
        "Fréchet, mixture", "abs(E(G(z)) − z)", "Seconds",
    ]  # fmt: skip
    lines = []
    for name in variants():
        if name not in rows:
            continue
        row = rows[name]
        nn = row["one_nn"]
        lines.append(
            [
                name, format_percent(row["identity"]["share"]), f"{row['reconstruction']['mse']:.4f}",
                format_percent(nn["features"]["accuracy"]), format_percent(nn["code"]["accuracy"]),
                f"{row['frechet']['distance']:.2f}", f"{row['frechet']['mixture']:.3f}",
                f"{row['latent']['mean_abs_error']:.3f}",
                f"{row['seconds']:.0f}",
            ]
        )  # fmt: skip
    first = next(iter(rows.values()))
    return (
        f"{format_markdown(heads, lines)}\n\n`{COMMAND}`: {first['epochs']} epochs each, one seed."
        " Rows with a + add to the row above; the others change the last of these in one thing."
        " Fréchet distance of samples of the prior, and of a mixture of"
        f" {GAUSSIANS} Gaussians fitted to the codes, judge features; real pictures have"
        f" {first['frechet']['floor']:.3f}."
    )


def read_rows(folder: Path) -> dict[str, dict[str, Any]]:
    """The rows that are measured already, by their names."""
    files = {name: folder / f"{format_file_name(name)}.json" for name in variants()}
    return {name: row_files.load(path) for name, path in files.items() if path.is_file()}


@report_errors
def main(arguments: Sequence[str] | None = None) -> int:
    parser = create_parser(__doc__)
    parser.add_argument(
        "--rows", nargs="+", default=list(variants()), choices=list(variants()), metavar="ROW"
    )
    add_flags(parser, EPOCHS, RUNS, FOLDER)
    options = parser.parse_args(arguments)
    pictures, test, judge = load_judged(DATASET, options.data_root)
    for name in options.rows:
        target = options.folder / f"{format_file_name(name)}.json"
        if target.is_file():
            print(f"{target} exists already")
            continue
        config = make_config(name, options.epochs, options.precision, options.runs / format_file_name(name))
        if make_row(config, pictures, test, judge, target, GAUSSIANS) is None:
            print("Stopped and saved; the same command continues.")
            return 130
        print(f"{target} is measured")
    page = render(read_rows(options.folder))
    results.write_page(PAGE, page)
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
