"""python -m train.ratios: train a GAN with different ratios of D's updates to G's, in checkpoints/ratios.

The tutorial's GAN on MNIST, the same seed and the same number of epochs, with 1:1, 5:1 and 1:5 updates.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from ganlab import images, latent
from ganlab.gallery import Pictures
from ganlab.hub import CHECKPOINTS
from ganlab.judge import Judge
from ganlab.model import LatentModel
from train import publish
from train.calibration import load_calibrated
from train.command import create_parser, report_errors
from train.config import TrainConfig
from train.files import write_json
from train.measure.command import round_figures
from train.measure.frechet import measure_frechet
from train.presets import FAMILY_DEFAULTS
from train.report import results
from train.report.text import format_markdown
from train.run_folder import has_state
from train.studies.rows import add_flags, load_judged
from train.trainer import Trainer

FOLDER = CHECKPOINTS / "ratios"
FILE, PAGE = "ratios.json", "ratios"
COMMAND = "python -m train.ratios"
RATIOS = ((1, 1), (5, 1), (1, 5))  # D : G
EPOCHS = 10
FAMILY, DATASET, SEED = "tutorial-gan", "mnist", 0
COLUMNS, ROWS = 8, 4


def make_ratio(
    d_steps: int,
    g_steps: int,
    epochs: int,
    runs: Path,
    pictures: Pictures,
    test: Pictures,
    judge: Judge,
    folder: Path,
    precision: Any = "auto",
) -> dict[str, Any] | None:
    """Train with one ratio, draw and measure its samples. None: stopped by a signal."""
    run = runs / f"{d_steps}-{g_steps}"
    config = TrainConfig(
        method="gan",
        dataset=DATASET,
        epochs=epochs,
        d_steps=d_steps,
        g_steps=g_steps,
        seed=SEED,
        family=FAMILY,
        out=str(run),
        precision=precision,
        **FAMILY_DEFAULTS[FAMILY] | {"decay_epochs": 0},
    )
    trainer = Trainer(config, pictures, resume=has_state(run))
    if not trainer.train():
        return None
    model_config, training, _ = publish.read_run(run, "ratio", unfinished=False)
    stored = LatentModel(model_config, load_calibrated(run, model_config, pictures), fingerprint="")
    with torch.inference_mode():
        samples = stored.generator(latent.draw(config.prior, config.latent_dim, COLUMNS * ROWS, SEED))
        frechet = measure_frechet(stored, pictures, test.inputs(slice(None)), judge)
    name = f"{d_steps}-{g_steps}.png"
    images.save(images.draw_grid(samples, COLUMNS, 2), folder / name)
    return {
        "d_steps": d_steps,
        "g_steps": g_steps,
        "epochs": epochs,
        "seconds": training["seconds"],
        "commit": training["commit"],
        "frechet": round_figures(frechet),
        "samples": name,
    }


def render(study: dict[str, Any]) -> str:
    """The rows of ratios.json as a table."""
    heads = ["D : G", "Epochs", "Fréchet distance, judge features", "Real pictures", "Seconds"]
    rows = [
        [
            f"{row['d_steps']} : {row['g_steps']}",
            str(row["epochs"]),
            f"{row['frechet']['distance']:.2f}",
            f"{row['frechet']['floor']:.3f}",
            f"{row['seconds']:.0f}",
        ]
        for row in study["rows"]
    ]
    return f"{format_markdown(heads, rows)}\n\n`{study['command']}`"


@report_errors
def main(arguments: Sequence[str] | None = None) -> int:
    parser = create_parser(__doc__)
    add_flags(parser, EPOCHS, Path("runs/ratios"), FOLDER)
    options = parser.parse_args(arguments)
    pictures, test, judge = load_judged(DATASET, options.data_root)
    options.folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for d_steps, g_steps in RATIOS:
        row = make_ratio(
            d_steps, g_steps, options.epochs, options.runs, pictures, test, judge, options.folder,
            options.precision,
        )  # fmt: skip
        if row is None:
            print("Stopped and saved; the same command continues.")
            return 130
        rows.append(row)
        f = row["frechet"]
        print(f"{d_steps}:{g_steps}: Fréchet distance {f['distance']:.2f} (real pictures {f['floor']:.3f})")
    study = {"command": COMMAND, "rows": rows}
    write_json(options.folder / FILE, study)
    results.write_page(PAGE, render(study))
    return 0


if __name__ == "__main__":
    sys.exit(main())
