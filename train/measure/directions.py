"""python -m train.directions NAME...: class means and attributes of the gallery's codes, for the sliders.

Writes directions.safetensors beside the weights; metrics.json keeps as "directions" how far each attribute
can be read off the codes (a regression on pictures of the gallery), and how far its slider changes it.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import torch
from torch import Tensor

import ganlab
from ganlab import directions, hub
from ganlab.directions import CodeStatistics
from ganlab.explorer import Explorer
from train.measure.attributes import ATTRIBUTES, UNITS
from train.measure.evaluate import rounded, write_metrics
from train.report import card

HELD_OUT = 10_000  # pictures of the gallery, the last, that no fit sees
MOVED = 1_000  # of them, whose codes are moved
RIDGE = 1e-3  # of the codes' mean variance
ASKED = 8_000  # codes that are moved to find the attributes' directions
OFFSET = 0.5  # deviations of the codes by which they are moved: what happens nearer is not what a slider does
SEED = 0  # of these offsets
FAR = 3  # steps: the end of a slider


def measure(explorer: Explorer) -> tuple[CodeStatistics, dict[str, Any]]:
    """The directions, and their figures. ValueError without an encoder or a gallery of grey pictures."""
    config, gallery = explorer.config, explorer.gallery
    if gallery is None or "encoder" not in explorer.model.networks:
        raise ValueError(f"{config.name} has no codes of training pictures, and so no directions among them.")
    if config.channels != 1:
        raise ValueError(f"{config.name} makes pictures in colour; strokes are measured on grey ones.")
    codes, labels = gallery.codes, gallery.pictures.labels
    x = gallery.pictures.inputs(slice(None))
    held = slice(len(codes) - min(HELD_OUT, len(codes) // 5), None)
    fit = slice(0, held.start)
    means = torch.stack([codes[labels == label].mean(0) for label in torch.unique(labels)])
    covariance = torch.cov(codes.double().T).float()
    offsets = OFFSET * drawn(covariance, min(ASKED, fit.stop))
    forth, back = (decoded(explorer, codes[: len(offsets)] + sign * offsets) for sign in (1, -1))
    ways, found = [], {}
    for name, attribute in ATTRIBUTES.items():
        values = attribute(x)
        way = directions.fit_step(offsets, (attribute(forth) - attribute(back)) / 2, covariance)
        ways.append(way)
        deviation, moved = float(values[fit].std()), codes[held][:MOVED]
        found[name] = {
            "mean": float(values.mean()),
            "deviation": float(values.std()),
            "unit": UNITS.get(name, "count"),
            "r2": explained(codes[fit], values[fit], codes[held], values[held]),
            "effect": effect(explorer, moved, way, name) / deviation,
            "effect_far": effect(explorer, moved, FAR * way, name) / deviation,
        }
    figures = {
        "command": f"python -m train.directions {config.name}",
        "fingerprint": explorer.fingerprint,
        "fitted": len(codes[fit]),
        "held_out": len(codes[held]),
        "attributes": found,
    }
    return CodeStatistics(covariance, means, torch.stack(ways), tuple(ATTRIBUTES)), figures


def drawn(covariance: Tensor, count: int) -> Tensor:
    """Normal offsets (count, D) that vary as codes do."""
    values, vectors = torch.linalg.eigh(covariance.double())
    noise = torch.randn(
        count, len(values), generator=torch.Generator().manual_seed(SEED), dtype=torch.float64
    )
    offsets: Tensor = (noise * values.clamp(min=0).sqrt()) @ vectors.T
    return offsets.float()


def decoded(explorer: Explorer, z: Tensor) -> Tensor:
    return torch.cat([explorer.decode(some) for some in torch.split(z, MOVED)])


def explained(codes: Tensor, values: Tensor, others: Tensor, their_values: Tensor) -> float:
    """R² on held-out codes of a ridge regression of the attribute on the codes."""
    mean, z = codes.double().mean(0), codes.double() - codes.double().mean(0)
    offset = values.double().mean()
    covariance = z.T @ z / len(z)
    ridge = RIDGE * covariance.diagonal().mean() * torch.eye(len(mean), dtype=torch.float64)
    weights = torch.linalg.solve(covariance + ridge, z.T @ (values.double() - offset) / len(z))
    told = (others.double() - mean) @ weights + offset
    left = (their_values.double() - told).square().sum()
    return float(1 - left / (their_values.double() - their_values.double().mean()).square().sum())


def effect(explorer: Explorer, codes: Tensor, way: Tensor, name: str) -> float:
    """By how much the attribute of G(z) grows, on average, for the step `way`, in its unit: half of the
    difference between that step forth and the same back."""
    forth, back = (ATTRIBUTES[name](explorer.decode(codes + step * way)).mean() for step in (1, -1))
    return float(forth - back) / 2


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m train.directions", description=__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME", help="a checkpoint's name or folder")
    options = parser.parse_args(arguments)
    try:
        for name in options.names:
            folder, explorer = hub.resolve(name), ganlab.load(name)
            made, figures = measure(explorer)
            figures = rounded(figures)
            made.save(folder, explorer.fingerprint)
            write_metrics(folder, {**explorer.metrics, "directions": figures})
            card.write(folder)
            for attribute, told in figures["attributes"].items():
                print(
                    f"{name}: {attribute} {told['mean']:.2f} ± {told['deviation']:.2f} {told['unit']},"
                    f" R² {told['r2']:.3f} held out, one step changes it by {told['effect']:.2f} deviations,"
                    f" {FAR} by {told['effect_far']:.2f}",
                    flush=True,
                )
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
