"""What a model in colour does not know: noise, shuffled patches, cross-fades, digits, photographs."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from ganlab.config import ModelConfig
from ganlab.gallery import GALLERIES, TEST_FILE, Pictures, load_pictures
from train.data import datasets

EACH = 300  # pictures of each kind, no more than test pictures
PATCHES = 4  # a side, which are shuffled
GRAINS = (4, 8, 16)  # a side, of coarse noise
DIGITS = "mnist"  # gallery whose held-out digits are drawn in colour
PHOTOGRAPHS = {"cifar10": "imagenet64"}  # by the model's data set; of others CIFAR-10


def create_sets(
    config: ModelConfig, test: Pictures, data_root: str | Path, seed: int, each: int = EACH
) -> dict[str, Tensor]:
    """Up to `each` pictures (N, C, H, W) in [0, 1] of every kind, the same for a seed. Patches and
    cross-fades are of test pictures, the last; photographs are left out where their data set cannot be
    read."""
    rng = torch.Generator().manual_seed(seed)
    x, labels = test.inputs(slice(-each, None)), test.labels[-each:]
    count = len(x)
    sets = {
        "noise": draw_noise(config, count, rng),
        "shuffled patches": shuffle_patches(x, rng),
        "cross-fades": fade(x, labels),
        "digits in colour": draw_digits(config, count, rng),
    }
    name = PHOTOGRAPHS.get(config.dataset, "cifar10")
    try:
        others = datasets.load(name, data_root, "test")
    except ValueError:
        return sets
    rows = torch.randperm(len(others), generator=rng)[:count]
    title = f"photographs of {datasets.DATASETS[name].title}"
    return sets | {title: _resize(others.inputs(rows), config.size)}


def draw_noise(config: ModelConfig, count: int, rng: torch.Generator) -> Tensor:
    """Of each third white noise, and grains with sharp and with soft edges."""
    white = torch.rand(count, *config.image_shape, generator=rng)
    for row in range(count):
        if row % 3 == 0:
            continue
        side = GRAINS[row // 3 % len(GRAINS)]
        grains = torch.rand(1, config.channels, side, side, generator=rng)
        size, soft = (config.size, config.size), row % 3 == 2
        white[row] = F.interpolate(grains, size=size, mode="bicubic" if soft else "nearest")[0].clamp(0, 1)
    return white


def shuffle_patches(x: Tensor, rng: torch.Generator) -> Tensor:
    """x (N, C, H, W) cut into PATCHES x PATCHES parts, each picture's in another order; what H and W leave
    over stays where it is."""
    side = x.shape[3] // PATCHES
    parts = F.unfold(x[:, :, : side * PATCHES, : side * PATCHES], side, stride=side)  # (N, C * side^2, P^2)
    orders = torch.stack([torch.randperm(PATCHES**2, generator=rng) for _ in x])
    mixed = parts.gather(2, orders[:, None].expand_as(parts))
    result = x.clone()
    result[:, :, : side * PATCHES, : side * PATCHES] = F.fold(mixed, side * PATCHES, side, stride=side)
    return result


def fade(x: Tensor, labels: Tensor) -> Tensor:
    """The mean of each of x (N, C, H, W) and the next one of another class (N,); of one class, the next."""
    partners = []
    for row in range(len(x)):
        after = [(row + step) % len(x) for step in range(1, len(x) + 1)]
        partners.append(next((other for other in after if labels[other] != labels[row]), after[0]))
    return (x + x[partners]) / 2


def draw_digits(config: ModelConfig, count: int, rng: torch.Generator) -> Tensor:
    """Bundled digits of MNIST, each in two random colours."""
    digits = load_pictures(GALLERIES / DIGITS / TEST_FILE)
    rows = torch.randint(len(digits), (count,), generator=rng)
    ink = _resize(digits.inputs(rows), config.size)
    back, front = torch.rand(2, count, config.channels, 1, 1, generator=rng).unbind()
    return back + ink * (front - back)


def _resize(x: Tensor, size: int) -> Tensor:
    if x.shape[3] == size:
        return x
    return F.interpolate(x, size=(size, size), mode="bilinear", antialias=True).clamp(0, 1)
