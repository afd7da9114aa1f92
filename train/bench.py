"""python -m train.bench: measure how fast this machine trains, beside what its matrix products could give."""

from __future__ import annotations

import dataclasses
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from ganlab import model
from ganlab.gallery import Gallery, Pictures, load_pictures
from ganlab.model import resolve_device
from train.command import create_parser, report_errors
from train.config import TrainConfig
from train.presets import FAMILY_DEFAULTS, PRESETS
from train.trainer import Trainer
from train.tutorial_loop import measure_tutorial

WARM_UP = 10  # steps
WINDOWS, STEPS = 7, 20  # short windows, so that the median ignores what else the machine does
PROFILED = 5  # steps
LOADS = 5
DRAWN = 4096  # random pictures: the speed is that of real ones
SIDES = {"cpu": 2048, "cuda": 8192}  # of the matrices of the ceiling
# What the command measures: a name, the shape of its pictures (C, H, W), and settings of the run.
SYSTEMS: dict[str, tuple[tuple[int, int, int], dict[str, Any]]] = {
    "bigan": ((1, 28, 28), {"method": "bigan"}),
    "bigan 64": ((3, 64, 64), {"method": "bigan", "preset": "imagenet64"}),
    "bigan-plus 28": ((1, 28, 28), {"method": "bigan-plus", "preset": "mnist"}),
    "bigan-plus 32": ((3, 32, 32), {"method": "bigan-plus", "preset": "colour"}),
    "bigan-plus 64": ((3, 64, 64), {"method": "bigan-plus", "preset": "colour"}),
}
# Parts of operators' or kernels' names, by what a step's time goes to; the rest is "other".
GROUPS = {
    "products": ("mm", "conv", "gemm", "cutlass", "xmma", "wgrad", "dgrad", "sm90", "linear"),
    "optimiser": ("adam", "lerp", "multi_tensor"),
}


class OperationCounter(TorchDispatchMode):
    """Counts the operations of matrix products and convolutions in its context, two for a multiplication and
    its addition. (torch's FlopCounterMode cannot look into torch.autograd.grad.)"""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0

    def __torch_dispatch__(
        self, operator: Any, types: Any, arguments: Any = (), options: dict[str, Any] | None = None
    ) -> Any:
        result = operator(*arguments, **(options or {}))
        count = flop_registry.get(operator._overloadpacket)
        if count is not None:
            self.total += count(*arguments, **(options or {}), out_val=result)
        return result


def read_system(name: str, precision: str, device: str) -> tuple[tuple[int, int, int], TrainConfig]:
    """Shape of the pictures and settings of a system."""
    shape, settings = SYSTEMS[name]
    settings = dict(settings)
    preset = PRESETS.get(settings["method"], {}).get(settings.pop("preset", ""), {})
    chosen = FAMILY_DEFAULTS.get(preset.get("family", "paper"), {}) | preset | settings
    return shape, TrainConfig(**chosen | {"precision": precision, "device": device})


def measure_training(name: str, precision: str, device: str, ceilings: dict[str, float]) -> float:
    """Print a system's images a second and what they are of the ceiling; returns them."""
    shape, config = read_system(name, precision, device)
    rng = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (DRAWN, *shape), dtype=torch.uint8, generator=rng)
    pictures = Pictures(pixels, torch.zeros(DRAWN, dtype=torch.long), torch.arange(DRAWN))
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(dataclasses.replace(config, out=f"{folder}/run"), pictures)
        order = trainer.shuffle(0)
        batch = trainer.config.batch_size
        trainer.batch.copy_(trainer.source.fetch(order[0]))
        with OperationCounter() as counter:
            trainer._take_turns()
        operations = counter.total / batch
        rates = []
        for window in range(WINDOWS + 1):
            steps = STEPS if window else WARM_UP
            started = time.perf_counter()
            for index in range(steps):
                trainer.train_step(order[index % len(order)])
            wait(trainer.device)
            rates.append(steps * batch / (time.perf_counter() - started))
        shares = measure_shares(trainer.device, trainer._take_turns)
    rate, used = statistics.median(rates[1:]), trainer.config.precision
    ceiling = ceilings["fp32" if used == "fp32" else "bf16"]
    share = operations * rate / ceiling
    print(
        f"{name}: {rate:,.0f} images/s ({min(rates[1:]):,.0f} to {max(rates[1:]):,.0f}), batches of {batch},"
        f" {used}; {operations / 1e9:.2f} GFLOP an image, {share:.1%} of the ceiling; of a step's time "
        + ", ".join(f"{group} {part:.0%}" for group, part in shares.items()),
        flush=True,
    )
    return rate


def measure_shares(device: torch.device, step: Callable[[], None]) -> dict[str, float]:
    """Shares of the device's time in a step that go to each of GROUPS and to the rest."""
    on_gpu = device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with profile(activities=activities) as record:
        for _ in range(PROFILED):
            step()
        wait(device)
    times = dict.fromkeys([*GROUPS, "other"], 0.0)
    for event in record.key_averages():
        spent = event.self_device_time_total if on_gpu else event.self_cpu_time_total
        if on_gpu and not str(event.device_type).endswith("CUDA"):  # an operator, not its kernels
            continue
        key = event.key.lower()
        group = next((group for group, parts in GROUPS.items() if any(p in key for p in parts)), "other")
        times[group] += spent
    total = sum(times.values())
    return {group: spent / total for group, spent in times.items()}


def measure_ceilings(device: torch.device) -> dict[str, float]:
    """Operations a second of large matrix products in fp32 and bf16, the best of several; printed too."""
    side, ceilings = SIDES[device.type], {}
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
        times = []
        for _ in range(8):
            started = time.perf_counter()
            a @ b
            wait(device)
            times.append(time.perf_counter() - started)
        ceilings[name] = 2 * side**3 / min(times)
    print(
        f"ceiling: products of {side} x {side} matrices, "
        + ", ".join(f"{name} {value / 1e12:,.2f} TFLOP/s" for name, value in ceilings.items()),
        flush=True,
    )
    return ceilings


def wait(device: torch.device) -> None:
    """Until the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


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


@report_errors
def main(arguments: list[str] | None = None) -> int:
    parser = create_parser(__doc__)
    parser.add_argument("--load", metavar="NAME", help="measure the loading of this checkpoint instead")
    parser.add_argument(
        "--system", action="append", choices=list(SYSTEMS), help="only this; may be repeated (default: all)"
    )
    parser.add_argument(
        "--tutorial",
        action="store_true",
        help="also measure the loop of tutorials: a DataLoader of PIL pictures, fp32, alternating updates",
    )
    parser.add_argument(
        "--precision", default="auto", choices=["auto", "bf16", "fp16", "fp32"], help="default: auto"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)")
    options = parser.parse_args(arguments)
    if options.load:
        measure_loading(options.load)
        return 0
    device = resolve_device(options.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or "cpu"
    print(f"{name}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    ceilings = measure_ceilings(device)
    for system in options.system or SYSTEMS:
        measure_training(system, options.precision, options.device, ceilings)
    if options.tutorial:
        measure_tutorial(device)
    return 0


if __name__ == "__main__":
    sys.exit(main())
