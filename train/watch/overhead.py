"""python -m train.overhead [NAME...]: measure how much the history that a run writes slows it down.

Blocks of training with and without a history take turns, so that both see the same machine. Printed are the
share of the time that the history took by its own clock, and how many fewer pictures a second were trained.
"""

from __future__ import annotations

import dataclasses
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch

from ganlab.gallery import Pictures
from ganlab.model import resolve_device
from train.bench import SYSTEMS, WARM_UP, read_system, wait
from train.command import create_parser, report_errors
from train.config import TrainConfig
from train.trainer import Trainer, Watcher
from train.watch.recorder import Recorder

DRAWN = 10_000  # random pictures: the speed is that of real ones
EPOCHS = 100  # of the run that the blocks are parts of
PAIRS, SECONDS = 5, 20.0


def train_block(trainer: Trainer, watcher: Watcher, seconds: float) -> float:
    """Train for so long as `Trainer.train` would with this watcher, which has begun; images a second."""
    batches = trainer.shuffle(0)
    wait(trainer.device)
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        trainer.train_step(batches[count % len(batches)])
        watcher.see_step(trainer)
        if trainer.step % trainer.steps_per_epoch == 0:
            trainer.updates.sums.zero_()  # as at the end of an epoch
        count += 1
    wait(trainer.device)
    return count * trainer.config.batch_size / (time.perf_counter() - started)


def measure(
    name: str, config: TrainConfig, pictures: Pictures, pairs: int, seconds: float
) -> tuple[float, float]:
    """Print and return the shares: of the history by its own clock, and of the speed that is lost. What a
    history takes before the first step and after the last is not counted."""
    losses, used = [], []
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(dataclasses.replace(config, epochs=EPOCHS, out=f"{folder}/run"), pictures)
        for row in trainer.shuffle(0)[:WARM_UP]:
            trainer.train_step(row)
        for pair in range(pairs):
            rates = {}
            for watched in (True, False) if pair % 2 else (False, True):
                if not watched:
                    rates[False] = train_block(trainer, Watcher(), seconds)
                    continue
                recorder = Recorder(trainer.config.watch_share)
                recorder.begin(trainer)
                rates[True] = train_block(trainer, recorder, seconds)
                used.append(recorder.budget.used)
                recorder.end(trainer, None)
            losses.append(1 - rates[True] / rates[False])
        lines = (Path(folder) / "run" / "history" / "scalars.jsonl").read_bytes().count(b"\n")
    share, loss = statistics.mean(used), statistics.median(losses)
    print(
        f"{name}: its history took {share:.2%} of the time ({lines} lines in the last block); with it"
        f" {loss:+.2%} fewer images/s (median of {pairs} pairs of {seconds:.0f} s, {min(losses):+.2%} to"
        f" {max(losses):+.2%})",
        flush=True,
    )
    return share, loss


@report_errors
def main(arguments: list[str] | None = None) -> int:
    parser = create_parser(__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SYSTEMS)} (default: bigan)")
    parser.add_argument("--pairs", type=int, default=PAIRS, help="pairs of blocks (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of a block (default: %(default)s)")
    parser.add_argument("--precision", default="auto", help="as of a run (default: %(default)s)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in SYSTEMS]:
        raise ValueError(f"System {unknown[0]!r} not found; available = {list(SYSTEMS)}.")
    if options.pairs < 1 or options.seconds <= 0:
        raise ValueError("--pairs is at least 1, and --seconds above 0.")
    device = resolve_device(options.device)
    kind = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or "cpu"
    print(f"{kind}, torch {torch.__version__}, {torch.get_num_threads()} threads", flush=True)
    for name in options.names or ["bigan"]:
        shape, config = read_system(name, options.precision, options.device)
        rng = torch.Generator().manual_seed(0)
        pixels = torch.randint(0, 256, (DRAWN, *shape), dtype=torch.uint8, generator=rng)
        labels = torch.arange(DRAWN) % 10
        measure(name, config, Pictures(pixels, labels, torch.arange(DRAWN)), options.pairs, options.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
