"""python -m train.judge [DATASET]: train the classifier that judges pictures, checkpoints/judges/DATASET."""

from __future__ import annotations

import dataclasses
import math
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganlab import metrics, networks
from ganlab.gallery import Pictures
from ganlab.judge import JUDGES, WEIGHTS_FILE, Judge, JudgeConfig, Network, save
from ganlab.latent import MAX_SEED
from ganlab.model import resolve_device
from train import judge_colour, sums
from train.command import create_parser, report_errors
from train.data import datasets
from train.files import BACKUP, replace_folder, scratch
from train.judge_colour import Recipe
from train.precision import resolve_precision
from train.provenance import current_commit

WIDTHS, FEATURES = (16, 32, 64), 128
EPOCHS = 10
BATCH = 128
LR = 0.1  # peak of the one-cycle schedule
MOMENTUM = 0.9
WEIGHT_DECAY = 5e-4
MAX_SHIFT = 2.0  # pixels, either way
MAX_ROTATION = 10.0  # degrees, either way
MAX_ZOOM = 0.1  # share of the size, either way


def choose_recipe(pictures: Pictures) -> Recipe:
    """How a judge of these pictures is trained: grey ones count as digits, for which left is not right."""
    if pictures.pixels.shape[1] > 1:
        return judge_colour.choose_recipe(pictures)
    ranges = {"shift_pixels": MAX_SHIFT, "rotation_degrees": MAX_ROTATION, "zoom": MAX_ZOOM}
    return Recipe(WIDTHS, FEATURES, 0, EPOCHS, BATCH, LR, 0.0, augment, ranges, False)


def fit(
    pictures: Pictures, epochs: int, seed: int, device: torch.device, recipe: Recipe | None = None
) -> Network:
    """Train a network on `pictures`, and round it to the half precision in which it is stored.

    SGD with Nesterov momentum and a one-cycle learning rate (Smith and Topin, arXiv 1708.07120). A line on
    stdout for each epoch.
    """
    recipe = recipe or choose_recipe(pictures)
    rng = torch.Generator().manual_seed(seed)
    network = Network(_describe(pictures, recipe))
    initialise(network, rng)
    network.to(memory_format=torch.channels_last)  # a quarter faster on a CPU
    network.to(device).train()
    pixels, labels = pictures.pixels.to(device), pictures.labels.to(device)
    batch = min(recipe.batch, len(pixels))
    steps = len(pixels) // batch  # an epoch; the last, incomplete batch is left out
    optimiser = torch.optim.SGD(
        network.parameters(), lr=recipe.lr, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY, nesterov=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.lr, total_steps=epochs * steps, cycle_momentum=False
    )
    changes = torch.Generator(device).manual_seed(seed) if recipe.on_device else rng
    mixed = recipe.on_device and resolve_precision("auto", device) == "bf16"
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=mixed)
    for epoch in range(1, epochs + 1):
        started, total, correct = time.perf_counter(), *torch.zeros(2, device=device)
        order = torch.randperm(len(pixels), generator=rng)[: steps * batch].to(device)
        for rows in torch.split(order, batch):
            x = recipe.augment(datasets.to_input(pixels[rows]), changes)
            with autocast:
                logits = network(x)
                loss = F.cross_entropy(logits, labels[rows], label_smoothing=recipe.smoothing)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            total += loss.detach()
            correct += (logits.argmax(1) == labels[rows]).sum()
        print(
            f"epoch {epoch}/{epochs}: loss {float(total) / steps:.4f},"
            f" {float(correct) / (steps * batch):.2%} of the augmented training pictures,"
            f" {time.perf_counter() - started:.0f} s",
            flush=True,
        )
    network.half().float()  # what is stored is what gets calibrated
    networks.calibrate(network, ((datasets.to_input(some),) for some in torch.split(pixels, batch)[:steps]))
    return network


def initialise(network: Network, rng: torch.Generator) -> None:
    """Weights of He et al. (arXiv 1502.01852) and zero biases, the same for a seed on every machine."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=rng)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def augment(x: Tensor, rng: torch.Generator) -> Tensor:
    """Rotate, scale and shift each picture of x (N, C, H, W) at random; outside the picture is 0."""
    turn, zoom, right, down = torch.rand(4, len(x), generator=rng).mul_(2).sub_(1).unbind()
    angle, factor = turn * math.radians(MAX_ROTATION), 1 + zoom * MAX_ZOOM
    cos, sin = angle.cos() * factor, angle.sin() * factor
    # Coordinates run from -1 to 1 over the picture.
    right, down = right * (2 * MAX_SHIFT / x.shape[3]), down * (2 * MAX_SHIFT / x.shape[2])
    affine = torch.stack([cos, -sin, right, sin, cos, down], dim=1).view(-1, 2, 3).to(x.device)
    grid = F.affine_grid(affine, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def build(
    dataset: str, data_root: str, root: Path, epochs: int | None, seed: int, device: torch.device
) -> Judge:
    """Train a judge, store it as root/DATASET, which is replaced, and measure it as stored; epochs None are
    those of the recipe.

    ValueError for a data set that is missing; OSError where `root` cannot be written.
    """
    train, test = datasets.load(dataset, data_root, "train"), datasets.load(dataset, data_root, "test")
    root.mkdir(parents=True, exist_ok=True)  # before training, since it may fail
    commit, started = current_commit(), time.perf_counter()
    recipe = choose_recipe(train)
    epochs = epochs or recipe.epochs
    network = fit(train, epochs, seed, device, recipe)
    training = {
        "epochs": epochs,
        "seed": seed,
        "pictures": len(train),
        "batch_size": min(recipe.batch, len(train)),
        "optimiser": f"SGD, Nesterov momentum {MOMENTUM}, one cycle up to the rate {recipe.lr}",
        "weight_decay": WEIGHT_DECAY,
        "augmentation": recipe.augmentation,
        **({"label_smoothing": recipe.smoothing} if recipe.smoothing else {}),
        "seconds": round(time.perf_counter() - started, 1),
        "device": device.type,
        "commit": commit,
    }
    config = dataclasses.replace(_describe(train, recipe), dataset=dataset, training=training)
    with scratch(root, "judge") as room:
        folder = room / dataset
        save(config, network, folder)
        save(dataclasses.replace(config, **measure(Judge.read(folder, device), test)), network, folder)
        sums.write(folder)
        (folder / WEIGHTS_FILE).chmod(0o644)  # safetensors writes for its owner alone
        replace_folder(root / dataset, folder, room / BACKUP)
    return Judge.read(root / dataset)


def measure(judge: Judge, test: Pictures) -> dict[str, Any]:
    """Accuracy in [0, 1], its standard error, and the number of pictures: fields of JudgeConfig."""
    share = metrics.accuracy(judge.labels(test.inputs(slice(None))), test.labels)
    return {
        "accuracy": share,
        "standard_error": metrics.standard_error(share, len(test)),
        "count": len(test),
    }


def _describe(pictures: Pictures, recipe: Recipe) -> JudgeConfig:
    """The description of a network for these pictures, not measured yet."""
    channels, size = pictures.pixels.shape[1:3]
    classes = int(pictures.labels.max()) + 1
    return JudgeConfig(
        "", channels, size, classes, recipe.widths, recipe.features, 0.0, 0.0, 0, grid=recipe.grid
    )


@report_errors
def main(arguments: list[str] | None = None) -> int:
    parser = create_parser(__doc__)
    parser.add_argument(
        "dataset",
        nargs="?",
        default="mnist",
        choices=list(datasets.DATASETS),
        help="the data set (default: mnist)",
    )
    parser.add_argument(
        "--epochs",
        type=int,
        help=f"passes over the pictures (default: {EPOCHS} for grey ones, about 50 for colour)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of weights, order and augmentation (default: %(default)s)"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)")
    parser.add_argument(
        "--root", type=Path, default=JUDGES, help="folder of judges (default: checkpoints/judges)"
    )
    datasets.add_root_flag(parser)
    options = parser.parse_args(arguments)
    if options.epochs is not None and options.epochs < 1:
        raise ValueError(f"--epochs is at least 1, not {options.epochs}.")
    if not 0 <= options.seed <= MAX_SEED:
        raise ValueError(f"--seed is at least 0 and below 2^63, not {options.seed}.")
    device = resolve_device(options.device)
    judge = build(options.dataset, options.data_root, options.root, options.epochs, options.seed, device)
    config = judge.config
    print(
        f"{options.root / options.dataset}: {config.accuracy:.2%} ± {config.standard_error:.2%} of"
        f" {config.count} test pictures, trained in {config.training['seconds']:.0f} s,"
        f" fingerprint {judge.fingerprint}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
