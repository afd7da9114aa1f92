"""python -m train METHOD: train a model; every flag comes from TrainConfig."""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn

from train.config import PRESETS, TrainConfig, add_flags
from train.data import datasets
from train.methods import METHODS
from train.trainer import Trainer


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line; argparse would put every flag before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message} (--help lists the flags)\n")


def main(arguments: list[str] | None = None) -> int:
    parser = Parser(prog="python -m train", description="Train a model; the run's folder holds all it makes.")
    parser.add_argument("method", choices=list(METHODS), help="what to train")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out, bit for bit")
    add_flags(parser)
    early = Parser(add_help=False)
    early.add_argument("--family")
    parser.set_defaults(**PRESETS.get(early.parse_known_args(arguments)[0].family, {}))
    settings = vars(parser.parse_args(arguments))
    resume = settings.pop("resume")
    try:
        config = TrainConfig(**settings)
        pictures = datasets.load(
            config.dataset, config.data_root, "train", size=config.size, channels=config.channels
        )
        trainer = Trainer(config, pictures, resume=resume)
        finished = trainer.train()
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if not finished:
        print(f"Stopped and saved after step {trainer.step}; the same command with --resume goes on.")
        return 130
    print(f"Done: {trainer.run} (publish it with python -m train.publish {trainer.run} NAME)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
