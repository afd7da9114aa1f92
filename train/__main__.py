"""python -m train METHOD: train a model; its run folder holds settings, log, pictures and resume file."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import Any

from ganlab.model import resolve_device
from train import workers
from train.command import Parser, create_parser, list_commands, report_errors
from train.config import TrainConfig, add_flags, format_flag
from train.data import datasets
from train.data.stream import open_pictures
from train.data.survey import choose_settings, survey
from train.methods import METHODS
from train.presets import FAMILY_DEFAULTS, PRESETS, find_preset
from train.trainer import Trainer
from train.watch.recorder import Recorder

LOST = 3  # exit code of a run that --stop-when-lost ended


def build_parser() -> Parser:
    """A parser with a flag for every setting; its help lists the other commands of this package."""
    parser = create_parser(__doc__)
    parser.usage = "python -m train METHOD [--preset NAME] [--out RUN] [--resume] [other flags]"
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = (f"  train.{name:13} {purpose}" for name, purpose in list_commands().items())
    parser.epilog = "\n".join(["other commands, each with its own --help (python -m train.NAME):", *commands])
    parser.add_argument("method", choices=list(METHODS), help="what to train")
    presets = "; ".join(f"{method}: {', '.join(names)}" for method, names in PRESETS.items())
    parser.add_argument(
        "--preset", metavar="NAME", help=f"start from named settings; other flags change them ({presets})"
    )
    parser.add_argument(
        "--resume", action="store_true", help="continue the run in --out exactly where it stopped"
    )
    add_flags(parser)
    return parser


def read_arguments(arguments: list[str] | None) -> tuple[TrainConfig, bool]:
    """The settings, and whether to resume. A flag beats what a folder of pictures suggests, which beats the
    preset, which beats the family's defaults."""
    parser = build_parser()
    parser.set_defaults(family=None)  # to see whether a flag names one
    options = parser.parse_args(arguments)
    parser.set_defaults(family=TrainConfig.family)
    chosen = look_at_folder(options)
    preset = find_preset(options.method, options.preset or chosen.pop("preset", None)) | chosen
    parser.set_defaults(**preset)
    family = parser.parse_args(arguments).family
    parser.set_defaults(**FAMILY_DEFAULTS.get(family, {}) | preset)
    settings = vars(parser.parse_args(arguments))
    resume = settings.pop("resume")
    del settings["preset"]
    return TrainConfig(**settings), resume


def look_at_folder(options: argparse.Namespace) -> dict[str, Any]:
    """Say what is in a folder of pictures or tar files, and the settings that it suggests, which are
    returned; none for a named data set."""
    if not datasets.is_path(options.dataset):
        return {}
    overview = survey(Path(options.dataset).expanduser())
    chosen = choose_settings(overview, options.method, options.preset, options.device, options.family)
    flags = " ".join(f"{format_flag(name)} {value}" for name, value in chosen.items())
    print("\n".join([*overview.describe(), f"chosen where no flag says otherwise: {flags}"]), flush=True)
    return chosen


def share_settings(arguments: list[str] | None) -> tuple[TrainConfig, bool]:
    """The settings, which only the process that writes reads, so that it alone says what it chose."""
    if workers.size() == 1:
        return read_arguments(arguments)

    def read() -> dict[str, Any]:
        config, resume = read_arguments(arguments)
        return {"config": dataclasses.asdict(config), "resume": resume}

    read_there = workers.share(read)
    return TrainConfig(**read_there["config"]), read_there["resume"]


@report_errors
def main(arguments: list[str] | None = None) -> int:
    try:
        with workers.noticing_losses():
            code = run(arguments)
            workers.leave()
    except (OSError, ValueError) as error:
        workers.fail(error)
        raise
    return code


def run(arguments: list[str] | None) -> int:
    """Train, alone or as one of the processes that torchrun started."""
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    early.add_argument("--device", default=TrainConfig.device)
    device = workers.join(early.parse_known_args(arguments)[0].device)
    config, resume = share_settings(arguments)
    config = dataclasses.replace(config, device=device)
    pictures = workers.in_turn(lambda: open_pictures(config, resolve_device(config.device)))
    trainer = Trainer(config, pictures, resume=resume)
    watcher = None
    if config.watch_share and workers.is_writer():
        trainer.watcher = watcher = Recorder(config.watch_share, config.stop_when_lost, config.log)
    done = trainer.train()
    if not workers.is_writer():
        return 0 if done else 130
    if not done:
        if watcher is not None and watcher.lost:
            print(f"Stopped and saved after step {trainer.step}: {watcher.lost}")
            return LOST
        print(f"Stopped and saved after step {trainer.step}; the same command with --resume goes on.")
        return 130
    print(f"Done: {trainer.run} (publish it with python -m train.publish {trainer.run} NAME)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
