"""python -m train.publish RUN NAME: make checkpoints/NAME of a run: weights, figures, card, pictures."""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch

from ganlab import gallery as galleries
from ganlab import images, model
from ganlab.config import CheckpointError, ModelConfig
from ganlab.explorer import Explorer
from ganlab.gallery import TRAIN_FILE, Gallery, Pictures
from ganlab.hub import CHECKPOINTS, CONFIG_FILE
from ganlab.model import METRICS_FILE, LatentModel
from train import run_folder, sums
from train.calibration import load_calibrated
from train.command import create_parser, report_errors
from train.data import datasets
from train.data.gallery import build_own, select
from train.files import BACKUP, replace_folder, scratch, write_json
from train.measure import directions
from train.measure.command import load_subject, store
from train.measure.evaluate import evaluate, load_split
from train.mixture import fit_to_codes
from train.report import card
from train.run_folder import RESUME_FILE, TrainingError
from train.upload import PublishError, check_repository, check_sizes, upload

RESERVED = ("ablation", "galleries", "judges", "ratios", "table")
# Of samples.png and reconstructions.png: columns, rows of samples, rows of pairs, and how often a pixel is
# repeated. Large pictures are fewer, so that the files stay small.
GRID, LARGE_GRID = (12, 6, 3, 2), (8, 3, 2, 1)
LARGE = 33  # pixels a side


def publish(
    run: Path,
    name: str,
    data_root: str | Path,
    root: Path = CHECKPOINTS,
    unfinished: bool = False,
    measured: bool = True,
    codes: bool = True,
    gaussians: int = 0,
    change: str = "",
    without: Collection[str] = (),
) -> Path:
    """Build root/NAME from a run folder, or replace it; after an error root/NAME is as before.

    `unfinished` allows a run that has not reached its last epoch. `measured` evaluates the checkpoint.
    `codes` stores the gallery's codes, which the app otherwise computes when first needed; features of a
    feature head are small and always stored. `gaussians` is the number of Gaussians in the mixture fitted to
    the codes, 0 for none. `change` says what has changed since the checkpoint that is replaced, see
    `list_replaced`. `without` names networks that are left out. PublishError, ValueError or OSError says what
    is wrong.
    """
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) or name in RESERVED:
        raise PublishError(
            f"A checkpoint's name is made of a-z, 0-9 and hyphens, like mnist-bigan, not {name!r}."
        )
    target = root / name
    if target.exists() and not (target / CONFIG_FILE).is_file():
        raise PublishError(f"{target} exists and is no checkpoint: choose another name, or remove it.")
    config, training, source = read_run(run, name, unfinished)
    config = leave_out(config, without)
    if gaussians and "encoder" not in config.networks:
        raise PublishError(f"{run} has no encoder, and so no codes to fit {gaussians} Gaussians to.")
    config = dataclasses.replace(config, gaussians=gaussians, replaced=list_replaced(target, change))
    # Loaded first, since a data set may be missing.
    own = config.dataset not in datasets.DATASETS  # a folder: its pictures go with the checkpoint
    test = load_split(config, source, data_root, "test") if measured or own else None
    named = datasets.DATASETS.get(config.dataset)
    if named and named.gallery and config.gallery is None:  # the run began before there was one
        config = dataclasses.replace(config, gallery=config.dataset)
    pictures = load_training_pictures(config, source, data_root)
    config = dataclasses.replace(config, classes=config.classes or pictures.classes)
    root.mkdir(parents=True, exist_ok=True)
    with scratch(root, "publish") as room:
        folder = room / name
        folder.mkdir()
        kept = build_own(folder, pictures, test) if own else select_gallery(config, pictures)
        build(run, config, folder, pictures, kept, codes)
        fingerprint = model.load(str(folder)).fingerprint
        write_json(folder / METRICS_FILE, {"fingerprint": fingerprint, "training": training})
        if test is None or not measured:
            card.write(folder)
        else:
            evaluate(folder, test, pictures)
            if own and "encoder" in config.networks:
                measure_directions(folder)
        finish(folder)
        replace_folder(target, folder, room / BACKUP)
    return target


def leave_out(config: ModelConfig, without: Collection[str]) -> ModelConfig:
    """The checkpoint without these discriminators, which the app needs for one space of neighbours only."""
    droppable = [name for name in config.networks if name.endswith("discriminator")]
    if strange := [name for name in without if name not in droppable]:
        raise PublishError(f"--without names one of {droppable}, which can be left out, not {strange[0]!r}.")
    kept = tuple(name for name in config.networks if name not in without)
    trained = config.trained_networks or config.networks
    return dataclasses.replace(config, networks=kept, trained_networks=trained if without else ())


def list_replaced(target: Path, change: str = "") -> dict[str, str]:
    """`ModelConfig.replaced` of the checkpoint that takes the place of `target`: what it says there; and,
    with a `change`, the fingerprint of `target` and its aliases, whose latents the new checkpoint refuses
    with a sentence that says it: "it got its latent map (November 2026)", as it follows "before"."""
    if not (target / CONFIG_FILE).is_file():
        if change:
            raise PublishError(f"{target} is no checkpoint yet, so nothing can have changed since.")
        return {}
    if not change:
        try:
            text = (target / CONFIG_FILE).read_text(encoding="utf-8")
            return dict(ModelConfig.from_json(text, str(target)).replaced)
        except (CheckpointError, UnicodeDecodeError):
            return {}  # a damaged checkpoint can be replaced too
    earlier = model.load(str(target))
    fingerprints = (earlier.fingerprint, *earlier.config.aliases)
    return {**earlier.config.replaced, **dict.fromkeys(fingerprints, change)}


def measure_directions(folder: Path) -> None:
    """Write the directions of a checkpoint's own gallery; say why where these pictures allow none."""
    try:
        store(folder, directions.MEASUREMENT, load_subject(str(folder), argparse.Namespace()))
    except ValueError as error:
        print(f"No directions of classes and attributes: {error}", file=sys.stderr)


def select_gallery(config: ModelConfig, pictures: Pictures) -> Pictures | None:
    """The pictures of the shared gallery, taken from the training pictures where it is not here yet; None
    where the data set has none."""
    if config.gallery is None:
        return None
    shared = galleries.find_file(LatentModel(config, {}, fingerprint=""), TRAIN_FILE)
    named = datasets.DATASETS[config.dataset]
    return pictures if shared else select(config.dataset, pictures, named.gallery)


def load_training_pictures(config: ModelConfig, source: str, data_root: str | Path) -> Pictures:
    """The training pictures of the shared gallery if there is one, else of the data set."""
    shared = galleries.find_file(LatentModel(config, {}, fingerprint=""), TRAIN_FILE)
    return galleries.load_pictures(shared) if shared else load_split(config, source, data_root, "train")


def read_run(run: Path, name: str, unfinished: bool) -> tuple[ModelConfig, dict[str, Any], str]:
    """A run's model under its new name, what metrics.json says of its training, and its --dataset.

    PublishError for a folder that is no run, a damaged one, or one not `unfinished` that has epochs left.
    """
    if not run_folder.has_state(run):
        raise PublishError(f"{run} holds no {RESUME_FILE}: it is not a run folder of python -m train.")
    try:
        state = run_folder.read_state(run, "cpu")
        settings = run_folder.read_settings(run, state)
    except TrainingError as error:
        raise PublishError(f"{run} cannot be published: {error}") from None
    train, rows = settings["train"], run_folder.list_epochs(run, state)
    config = ModelConfig.from_json(json.dumps(settings["model"] | {"name": name}), f"{run}/{CONFIG_FILE}")
    last = rows[-1] if rows else {"epoch": 0, "seconds": None, "images_per_second": None}
    if last["epoch"] < train["epochs"] and not unfinished:
        raise PublishError(
            f"{run} has finished {last['epoch']} of {train['epochs']} epochs: continue it with --resume,"
            " or publish it as it is with --unfinished."
        )
    keys = ("method", "epochs", "seed", "updates", "d_steps", "g_steps", "precision", "batch_size", "ema")
    training = {key: train[key] for key in keys if key in train} | {
        "dataset": settings.get("data", config.dataset),
        "epochs": last["epoch"],
        "seconds": last["seconds"],
        "images_per_second": last["images_per_second"],
        "device": settings.get("device"),
        "commit": settings.get("commit"),
    }
    return config, training, str(train["dataset"])


def build(
    run: Path, config: ModelConfig, folder: Path, pictures: Pictures, kept: Pictures | None, codes: bool
) -> None:
    """Write weights, codes of the gallery's pictures `kept`, and pictures to `folder`, the latter two by the
    weights as stored. `pictures` are the training pictures."""
    nets = load_calibrated(run, config, pictures)
    mixture = fit_to_codes(nets["encoder"], pictures, config.gaussians) if config.gaussians else None
    model.save(config, nets, folder, mixture)
    stored = model.load(str(folder))
    if "encoder" in stored.networks and kept is not None:
        Gallery(stored, kept).save(folder, codes)
    draw_pictures(stored, folder)


@torch.inference_mode()
def draw_pictures(stored: LatentModel, folder: Path) -> None:
    """Write samples.png, of a seed's first latents, and reconstructions.png, of the first test pictures."""
    if "generator" not in stored.networks:
        return
    columns, sample_rows, pair_rows, scale = LARGE_GRID if stored.config.size >= LARGE else GRID
    z = Explorer(stored).sample(columns * sample_rows, card.SAMPLE_SEED)
    images.save(images.draw_grid(stored.generator(z), columns, scale), folder / card.SAMPLES_FILE)
    test = galleries.load_test_pictures(stored)
    if "encoder" in stored.networks and test:
        x = test.inputs(slice(0, columns * pair_rows))
        y = stored.generator(stored.encoder(x))
        rows = [
            row for pair in zip(torch.split(x, columns), torch.split(y, columns), strict=True) for row in pair
        ]
        images.save(images.draw_grid(torch.cat(rows), columns, scale), folder / card.RECONSTRUCTIONS_FILE)


def finish(folder: Path) -> None:
    """The last steps before a checkpoint takes its place: sizes, sums, and permissions. PublishError as for
    `check_sizes`."""
    check_sizes(folder)
    sums.write(folder)
    for path in folder.rglob("*.*"):
        path.chmod(0o644)  # safetensors are private to their owner; a server may run as another user


@report_errors
def main(arguments: list[str] | None = None) -> int:
    parser = create_parser(__doc__)
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a run")
    parser.add_argument("name", metavar="NAME", help="name of the checkpoint; an existing one is replaced")
    parser.add_argument(
        "--unfinished", action="store_true", help="publish a run that has not reached its last epoch"
    )
    parser.add_argument(
        "--no-codes",
        action="store_true",
        help="do not store the gallery's codes: the app computes them when first needed",
    )
    parser.add_argument(
        "--gaussians",
        type=int,
        default=0,
        metavar="K",
        help="fit a mixture of K Gaussians to the codes, for the app to sample from (default: none)",
    )
    parser.add_argument(
        "--change",
        default="",
        metavar="TEXT",
        help="what has changed since the checkpoint that is replaced, as it follows the word before: its"
        " latents, links and shelves are then refused with a sentence that says it",
    )
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        metavar="NETWORK",
        help="leave this discriminator out, to save its megabytes",
    )
    parser.add_argument("--no-evaluate", action="store_true", help="measure nothing")
    parser.add_argument("--repo-id", metavar="USER/REPO", help="also push it to this Hugging Face repository")
    parser.add_argument(
        "--root", type=Path, default=CHECKPOINTS, help="folder of checkpoints (default: checkpoints)"
    )
    datasets.add_root_flag(parser)
    options = parser.parse_args(arguments)
    if options.repo_id:
        check_repository(options.repo_id)
    target = publish(
        options.run,
        options.name,
        options.data_root,
        options.root,
        unfinished=options.unfinished,
        measured=not options.no_evaluate,
        codes=not options.no_codes,
        gaussians=options.gaussians,
        change=options.change,
        without=options.without,
    )
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    print(f"{target}: {size / 1e6:.1f} MB")
    if options.repo_id:
        print(upload(target, options.repo_id))
    return 0


if __name__ == "__main__":
    sys.exit(main())
