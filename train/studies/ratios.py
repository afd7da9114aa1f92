"""python -m train.ratios: what the ratio of D's updates to G's does, in checkpoints/ratios.

The tutorial's GAN on MNIST, the same seed and the same number of epochs, with 1:1, 5:1 and 1:5 updates.
"""

from __future__ import annotations

import argparse
import sys
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
from train.config import FAMILY_DEFAULTS, TrainConfig
from train.files import write_json
from train.measure import figures
from train.measure.evaluate import rounded
from train.run_folder import RESUME_FILE
from train.studies.rows import add_flags, load_judged
from train.trainer import Trainer

FOLDER = CHECKPOINTS / "ratios"
FILE = "ratios.json"
RATIOS = ((1, 1), (5, 1), (1, 5))  # D : G
EPOCHS = 10
FAMILY, DATASET, SEED = "tutorial-gan", "mnist", 0
COLUMNS, ROWS = 8, 4


def one(
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
    trainer = Trainer(config, pictures, resume=(run / RESUME_FILE).exists())
    if not trainer.train():
        return None
    model_config, training, _ = publish.read_run(run, "ratio", unfinished=False)
    stored = LatentModel(model_config, load_calibrated(run, model_config, pictures), fingerprint="")
    with torch.inference_mode():
        samples = stored.generator(latent.draw(config.prior, config.latent_dim, COLUMNS * ROWS, SEED))
        measured = figures.frechet(stored, pictures, test.inputs(slice(None)), judge)
    name = f"{d_steps}-{g_steps}.png"
    images.draw_grid(samples, COLUMNS, 2).save(folder / name, optimize=True)
    return {
        "d_steps": d_steps,
        "g_steps": g_steps,
        "epochs": epochs,
        "seconds": training["seconds"],
        "commit": training["commit"],
        "frechet": rounded(measured),
        "samples": name,
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m train.ratios", description=__doc__)
    add_flags(parser, EPOCHS, Path("runs/ratios"), FOLDER)
    options = parser.parse_args(arguments)
    try:
        pictures, test, judge = load_judged(DATASET, options.data_root)
        options.folder.mkdir(parents=True, exist_ok=True)
        found = []
        for d_steps, g_steps in RATIOS:
            row = one(
                d_steps, g_steps, options.epochs, options.runs, pictures, test, judge, options.folder,
                options.precision,
            )  # fmt: skip
            if row is None:
                print("Stopped and saved; the same command goes on.")
                return 130
            found.append(row)
            f = row["frechet"]
            print(
                f"{d_steps}:{g_steps}: Fréchet distance {f['distance']:.2f} (real pictures {f['floor']:.3f})"
            )
        write_json(options.folder / FILE, {"command": "python -m train.ratios", "rows": found})
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
