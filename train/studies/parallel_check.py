"""python -m train.parallel_check [--short|--speed]: several processes train what one does, and stop together.

Trains each method with small networks and random pictures, in one process and in several that talk by Gloo,
and compares all weights after the same steps. Then it kills one process in the middle of a run, measures how
long the others go on, and resumes the run with another number of processes.

Weights are compared in float64, where a difference would be one of method, and in float32, where Adam can
turn the rounding error of a gradient near 0 into a step: how far, shows one process beside itself with first
weights that are larger by one rounding error. With --speed it measures one process with one and with two
threads and two with one each, and the messages of a step, instead.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import distributed
from torch.distributed import TCPStore  # type: ignore[attr-defined]

from ganlab.pictures import Pictures
from train import run_folder, workers
from train.command import create_parser, report_errors
from train.config import TrainConfig
from train.presets import FAMILY_DEFAULTS, PRESETS
from train.trainer import Trainer, Watcher

TOLERANCE = 1e-5  # between weights
STEPS, SHORT = 50, 10  # compared, and with --short
BATCH, STEPS_PER_EPOCH = 32, 10
ROUNDING = 2.0**-23  # of float32
WARM_UP, TIMED, MESSAGES = 10, 60, 30  # steps and messages of --speed
CONV = FAMILY_DEFAULTS["conv"] | {"width": 4}
MNIST = CONV | PRESETS["bigan-plus"]["mnist"] | {"width": 4, "feature_dim": 8}
COLOUR = FAMILY_DEFAULTS["residual"] | PRESETS["bigan-plus"]["colour"] | {"width": 8, "feature_dim": 8}
MADE_OF: dict[str, dict[str, Any]] = {
    "bigan": {},
    "bigan-plus": {},
    "gan": {},
    "lr": {},
    "jlr": {},
    "ae-l1": {},
    "ae-l2": {},
    "bigan with R1, R2 and a moving average": {"penalty": 1.0, "penalty_share": 0.5, "ema": 0.9},
    "bigan, alternating, mirrored": {"updates": "alternating", "d_steps": 2, "g_steps": 2, "mirror": True},
    "gan, conv, stretched": CONV | {"prior": "normal", "stretch_share": 0.3},
    "gan, tutorial with dropout": FAMILY_DEFAULTS["tutorial-gan-colour"] | {"width": 32},
    "bigan-plus, preset mnist": MNIST,
    "bigan-plus, preset colour": COLOUR,
    "bigan-plus, the rest": {"code_share": 0.5, "code_noise": 0.1, "contrast_weight": 1, "image_weight": 1},
}
SHORT_CASES = ("gan, conv, stretched", "bigan-plus, the rest", "bigan with R1, R2 and a moving average")
COLOURED = ("gan, tutorial with dropout", "bigan-plus, preset colour")


def describe(case: str, out: Path, steps: int) -> TrainConfig:
    """The settings of a case."""
    tiny = {"width": 16, "latent_dim": 4, "lr": 2e-4}
    fixed = {
        "batch_size": BATCH,
        "epochs": steps // STEPS_PER_EPOCH,
        "precision": "fp32",
        "device": "cpu",
        "pictures_every": 10_000,
        "out": str(out),
    }
    method = case.split()[0].rstrip(",")
    return TrainConfig(**{"method": method, **tiny, **MADE_OF[case], **fixed})


def draw_pictures(case: str) -> Pictures:
    """Random pictures, an epoch of them."""
    shape = (3, 32, 32) if case in COLOURED else (1, 28, 28)
    rng, count = torch.Generator().manual_seed(0), BATCH * STEPS_PER_EPOCH
    pixels = torch.randint(0, 256, (count, *shape), dtype=torch.uint8, generator=rng)
    return Pictures(pixels, torch.zeros(count, dtype=torch.long), torch.arange(count))


class Patient(Watcher):
    """Waits after each step."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def see_step(self, run: Trainer) -> None:
        time.sleep(self.seconds)


def train_case(
    case: str,
    out: Path,
    steps: int,
    resume: bool = False,
    pause: float = 0.0,
    exact: bool = True,
    nudge: float = 0.0,
) -> None:
    """Train a case in its run folder; `pause`: seconds to wait after each step; `exact`: in float64; `nudge`:
    by how much of themselves the first weights are larger."""
    run = Trainer(describe(case, out, steps), draw_pictures(case), resume=resume)
    with torch.no_grad():
        for net in run.nets.values():
            for weights in net.parameters():
                weights.mul_(1 + nudge)
    if pause:
        run.watcher = Patient(pause)
    if exact:
        widen(run)
    run.train()


def widen(run: Trainer) -> None:
    """Let a run, and this process from now on, compute in float64, with the noise of float32."""
    updates = run.updates
    torch.Tensor.float = torch.Tensor.double  # type: ignore[method-assign]  # else sigmoids round to float32
    run._draw_pictures = lambda epoch: None  # type: ignore[method-assign]
    for net in (*run.nets.values(), *run.averaged.values()):
        net.double()
    for optimiser in updates.optimisers.values():
        for state in optimiser.state.values():
            state |= {key: value.double() for key, value in state.items() if key != "step"}
    update = updates.update
    updates.update = lambda x, z, players: update(x.double(), z.double(), players)  # type: ignore[method-assign]


# ---------------------------------------------------------------------- processes

_stores: list[TCPStore] = []  # which live as long as their processes


def start(count: int, task: Callable[[], None], log: Path) -> list[Any]:
    """Start `count` processes that each call `task`; what they say on standard error goes to `log`.

    They are forked, so that torch is imported once. This process may not have computed anything before.
    """
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)  # as torchrun's own
    context = multiprocessing.get_context("fork")

    def work(rank: int) -> None:
        os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(count)}
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(store.port)}
        os.environ["TORCHELASTIC_USE_AGENT_STORE"] = "True"
        sys.stderr = log.open("a", buffering=1)
        torch.set_num_threads(1)
        workers.join("cpu")
        try:
            with workers.noticing_losses():
                task()
                workers.leave()
        except ValueError as error:
            workers.fail(error)
            raise

    processes = [context.Process(target=work, args=(rank,)) for rank in range(count)]
    for process in processes:
        process.start()
    _stores.append(store)
    return processes


def finish(processes: list[Any], log: Path) -> None:
    """Wait for processes; ValueError with what they said, unless all ended well."""
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise ValueError(f"A process ended with an error. {log.read_text()[-2000:]}")


def compare(first: Path, other: Path) -> float:
    """The largest difference of two runs' weights, statistics and moving averages."""
    a, b = (run_folder.read_state(run, "cpu") for run in (first, other))
    if a["step"] != b["step"]:
        raise ValueError(f"{first} has {a['step']} steps, {other} {b['step']}.")
    largest = 0.0
    for kind in ("nets", "averaged"):
        for name, weights in a[kind].items():
            for key, value in weights.items():
                difference = (value.double() - b[kind][name][key].double()).abs().max()
                largest = max(largest, float(difference))
    return largest


def check_equality(folder: Path, cases: tuple[str, ...], steps: int, counts: list[int], exact: bool) -> float:
    """Train all cases alone and in `counts` processes, and in float32 alone with other first weights; print
    all differences and return the largest of those of processes."""
    folder.mkdir()
    for count, nudge in [(1, 0.0), *((count, 0.0) for count in counts), *([] if exact else [(1, ROUNDING)])]:
        name = "nudged" if nudge else str(count)

        def task(name: str = name, nudge: float = nudge) -> None:
            for index, case in enumerate(cases):
                train_case(case, folder / f"{name}-{index}", steps, exact=exact, nudge=nudge)

        finish(start(count, task, folder / f"{name}.log"), folder / f"{name}.log")
    worst = 0.0
    for index, case in enumerate(cases):
        differences = [compare(folder / f"1-{index}", folder / f"{count}-{index}") for count in counts]
        text = ", ".join(f"{d:.1e} with {c} processes" for c, d in zip(counts, differences, strict=True))
        if not exact:
            nudged = compare(folder / f"1-{index}", folder / f"nudged-{index}")
            text += f", {nudged:.1e} alone with first weights larger by a rounding error"
        print(f"{case}, float{64 if exact else 32}: {text}", flush=True)
        worst = max(worst, *differences)
    return worst


def check_loss(folder: Path, first: int, then: int) -> tuple[float, str, float]:
    """Kill one of `first` processes in the middle of a run, and resume it with `then`. The seconds until all
    had ended, what they said, and the difference from a run in one process that nothing ended."""
    case, steps, log = "bigan with R1, R2 and a moving average", 3 * STEPS_PER_EPOCH, folder / "killed.log"
    run, straight = folder / "killed", folder / "straight"
    processes = start(first, lambda: train_case(case, run, steps, pause=0.05), log)
    while not run_folder.has_state(run) and all(process.is_alive() for process in processes):
        time.sleep(0.01)
    os.kill(processes[-1].pid, signal.SIGKILL)
    killed = time.monotonic()
    for process in processes:
        process.join()
    seconds = time.monotonic() - killed
    said = "\n".join(line for line in log.read_text().splitlines() if line.startswith("error:"))
    finish(start(then, lambda: train_case(case, run, steps, resume=True), log), log)
    finish(start(1, lambda: train_case(case, straight, steps), log), log)
    return seconds, said, compare(straight, run)


# ---------------------------------------------------------------------- speed


def measure_speed(method: str, count: int, threads: int, folder: Path, norm_batch: Any) -> None:
    """Print images a second of a method at its default size, and what a step sends, in `count` processes."""
    name = f"{method}-{count}-{threads}-{norm_batch}"

    def task() -> None:
        torch.set_num_threads(threads)
        config = TrainConfig(
            method, out=str(folder / name), device="cpu", precision="fp32", norm_batch=norm_batch
        )
        rng = torch.Generator().manual_seed(0)
        pixels = torch.randint(0, 256, (4096, 1, 28, 28), dtype=torch.uint8, generator=rng)
        labels = torch.zeros(len(pixels), dtype=torch.long)
        run = Trainer(config, Pictures(pixels, labels, torch.arange(len(pixels))))
        order, sizes = run.shuffle(0), count_messages()
        for index in range(WARM_UP):
            run.train_step(order[index])
        sizes.clear()
        started = time.perf_counter()
        for index in range(TIMED):
            run.train_step(order[index % len(order)])
        seconds = (time.perf_counter() - started) / TIMED
        if workers.is_writer():
            print(
                f"{method}, {count} x {threads} threads, --norm-batch {norm_batch}:"
                f" {config.batch_size / seconds:,.0f} images/s, {1000 * seconds:.1f} ms a step,"
                f" {len(sizes) / TIMED:.0f} messages and {sum(sizes) / TIMED / 1e6:.2f} MB a step",
                flush=True,
            )

    finish(start(count, task, folder / "speed.log"), folder / "speed.log")


def measure_messages(folder: Path) -> None:
    """Print how long two processes of this machine take for a sum of few numbers and of many."""

    def task() -> None:
        for count in (64, 5_800_000):
            numbers = torch.ones(count)
            distributed.all_reduce(numbers)
            started = time.perf_counter()
            for _ in range(MESSAGES):
                distributed.all_reduce(numbers)
            seconds = (time.perf_counter() - started) / MESSAGES
            if workers.is_writer():
                print(
                    f"a message of {4 * count / 1e6:.4f} MB takes {1000 * seconds:.2f} ms, 2 processes",
                    flush=True,
                )

    finish(start(2, task, folder / "messages.log"), folder / "messages.log")


def count_messages() -> list[int]:
    """The sizes of all messages that this process sends from now on, in bytes."""
    sizes: list[int] = []
    send = distributed.all_reduce

    def counted(tensor: torch.Tensor, *arguments: Any, **options: Any) -> Any:
        sizes.append(tensor.numel() * tensor.element_size())
        return send(tensor, *arguments, **options)

    distributed.all_reduce = counted
    return sizes


@report_errors
def main(arguments: list[str] | None = None) -> int:
    parser = create_parser(__doc__)
    parser.add_argument("--short", action="store_true", help=f"{SHORT} steps of fewer cases")
    parser.add_argument(
        "--processes", type=int, nargs="+", default=[2, 4], help="numbers of processes (default: 2 4)"
    )
    parser.add_argument("--steps", type=int, help=f"compared (default: {STEPS}, or {SHORT} with --short)")
    parser.add_argument("--speed", action="store_true", help="measure images a second and messages instead")
    options = parser.parse_args(arguments)
    steps = options.steps or (SHORT if options.short else STEPS)
    if steps < 1 or steps % STEPS_PER_EPOCH:
        raise ValueError(f"--steps is a multiple of {STEPS_PER_EPOCH}, not {steps}.")
    cases = SHORT_CASES if options.short else tuple(MADE_OF)
    torch.set_num_threads(1)
    importlib.import_module("torch._dynamo")  # of each optimiser's first step: once, not in every process
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if options.speed:
            measure_messages(folder)
            for method in ("bigan", "bigan-plus"):
                for threads in (1, 2):
                    measure_speed(method, 1, threads, folder, "global")
                for norm_batch in ("global", "local"):
                    measure_speed(method, 2, 1, folder, norm_batch)
            return 0
        then = options.processes[0] if len(options.processes) > 1 else 1
        worst = check_equality(folder / "exact", cases, steps, options.processes, True)
        if not options.short:
            check_equality(folder / "float32", cases, steps, options.processes, False)
        seconds, said, difference = check_loss(folder, options.processes[-1], then)
    print(f"one of {options.processes[-1]} processes killed: all had ended after {seconds:.1f} s. {said}")
    print(f"resumed with {then}: {difference:.1e} from a run that was not ended")
    if max(worst, difference) > TOLERANCE:
        raise ValueError(f"Weights differ by up to {max(worst, difference):.1e}, more than {TOLERANCE:.0e}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
