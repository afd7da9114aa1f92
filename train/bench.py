"""python -m train.bench: measure how fast this machine trains the paper's networks, or loads a checkpoint."""

from __future__ import annotations

import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch

from ganlab import model
from ganlab.gallery import Gallery, Pictures, load_pictures
from train.command import create_parser, report_errors
from train.config import TrainConfig
from train.data import datasets
from train.trainer import Trainer

WARM_UP = 20  # steps
WINDOWS, STEPS = 7, 40  # short windows, so that the median ignores what else the machine does
LOADS = 5


def measure_training(pictures: Pictures, settings: dict[str, str]) -> None:
    """Print images a second in training; `settings` are fields of TrainConfig."""
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(TrainConfig(out=f"{folder}/run", **settings), pictures)  # type: ignore[arg-type]
        order = trainer.shuffle(0)
        rates = []
        for window in range(WINDOWS + 1):
            steps = STEPS if window else WARM_UP
            started = time.perf_counter()
            for index in range(steps):
                trainer.train_step(order[index % len(order)])
            rates.append(steps * trainer.config.batch_size / (time.perf_counter() - started))
        rates = rates[1:]
        config, device = trainer.config, trainer.device
    print(
        f"{config.method}, width {config.width}, batch {config.batch_size}: {statistics.median(rates):,.0f}"
        f" images/s (median of {WINDOWS} windows of {STEPS} steps; {min(rates):,.0f} to {max(rates):,.0f})"
    )
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or "cpu"
    print(f"{config.precision} on {name}, {torch.get_num_threads()} threads, torch {torch.__version__}")


def measure_loading(name: str) -> None:
    """Print the seconds that a checkpoint and its gallery take to load."""
    times = []
    for _ in range(LOADS):
        load_pictures.cache_clear()
        started = time.perf_counter()
        gallery = Gallery.load(model.load(name))
        times.append(time.perf_counter() - started)
    loaded = f"checkpoint and gallery of {len(gallery)}" if gallery else "checkpoint (it has no gallery)"
    print(f"{name}: {loaded} loaded in {statistics.median(times):.3f} s (median of {LOADS})")


def load_or_draw_pictures(root: str) -> Pictures:
    """MNIST if `root` has it, else random pixels: the speed is the same, and nothing is downloaded."""
    if (Path(root) / "MNIST" / "raw").is_dir():
        print(f"MNIST from {root}")
        return datasets.load("mnist", root, "train")
    print(f"No MNIST in {root}: random pixels instead")
    pixels = torch.randint(0, 256, (10_000, 1, 28, 28), dtype=torch.uint8)
    return Pictures(pixels, torch.zeros(10_000, dtype=torch.long), torch.arange(10_000))


@report_errors
def main(arguments: list[str] | None = None) -> int:
    parser = create_parser(__doc__)
    parser.add_argument("--load", metavar="NAME", help="measure the loading of this checkpoint instead")
    parser.add_argument("--method", default="bigan", help="what to train (default: bigan)")
    parser.add_argument(
        "--precision", default="auto", choices=["auto", "bf16", "fp16", "fp32"], help="default: auto"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)")
    datasets.add_root_flag(parser)
    options = parser.parse_args(arguments)
    if options.load:
        measure_loading(options.load)
    else:
        settings = {key: getattr(options, key) for key in ("method", "precision", "device")}
        measure_training(load_or_draw_pictures(options.data_root), settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
