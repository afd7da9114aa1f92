"""python -m train.map NAME...: t-SNE of the gallery's codes for the app's map, and how faithful it is.

Writes map.safetensors beside the weights, and measured attributes of the pictures (stroke width, slant, ...)
once beside the shared gallery. metrics.json keeps the figures as "map". The t-SNE is openTSNE's (Poličar,
Stražar and Zupan 2019) with its defaults: perplexity 30, the first two principal components to begin with,
gradients by interpolation (FIt-SNE, Linderman et al. 2019).
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import ganlab
from ganlab import hub
from ganlab.explorer import Explorer
from ganlab.gallery import ATTRIBUTES_FILE, TRAIN_FILE, Gallery, Pictures, find_file
from ganlab.nearest import Points, find_nearest
from ganlab.studio import codemap
from train.measure.attributes import ATTRIBUTES, UNITS
from train.measure.evaluate import rounded, write_metrics

SEED = 0
PERPLEXITY = 30
K = 10  # neighbours of which the map should keep as many as it can
ASKED = 2_000  # codes whose neighbours are compared
LEVELS = 32  # to which attributes are rounded: colours tell no more apart
SPREAD = (0.005, 0.995)  # quantiles of an attribute between which its colours lie


def tsne(codes: Tensor, jobs: int) -> Tensor:
    """(N, 2)."""
    from openTSNE import TSNE  # of the extra [train]; slow to import

    made = TSNE(perplexity=PERPLEXITY, random_state=SEED, n_jobs=jobs, verbose=True).fit(codes.numpy())
    return torch.from_numpy(np.asarray(made)).float()


def faithful(places: Tensor, codes: Tensor, labels: Tensor) -> dict[str, float]:
    """The share of a code's K nearest that are among its K nearest on the map, and how often the nearest
    other code is of its class, here and there; of ASKED codes."""
    rows = torch.randperm(len(codes), generator=torch.Generator().manual_seed(SEED))[:ASKED]
    here, there = (
        find_nearest(points[rows], Points.from_rows(points), min(K, len(codes) - 1) + 1)[1]
        for points in (places, codes)
    )
    kept, right = [], [0, 0]
    for row, near, true in zip(rows.tolist(), here.tolist(), there.tolist(), strict=True):
        others, wanted = ([one for one in found if one != row][:K] for found in (near, true))
        kept.append(len(set(others) & set(wanted)) / len(wanted))
        right[0] += int(labels[others[0]] == labels[row])
        right[1] += int(labels[wanted[0]] == labels[row])
    return {
        "neighbours_kept": sum(kept) / len(kept),
        "one_nn": right[0] / len(rows),
        "one_nn_codes": right[1] / len(rows),
    }


def measure(explorer: Explorer, gallery: Gallery) -> dict[str, Any]:
    codes, labels = gallery.codes, gallery.pictures.labels
    found = {
        kind: faithful(codemap.places(explorer, kind), codes, labels) for kind in codemap.kinds(explorer)
    }
    return {
        "command": f"python -m train.map {explorer.config.name}",
        "fingerprint": explorer.fingerprint,
        "asked": min(ASKED, len(codes)),
        "k": K,
        **found,
    }


def write_attributes(pictures: Pictures, path: Path) -> None:
    """All ATTRIBUTES of grey pictures, each from its low to its high value in LEVELS steps from 0 to 255."""
    x, values, lows, highs = pictures.inputs(slice(None)), [], [], []
    for attribute in ATTRIBUTES.values():
        measured = attribute(x)
        low, high = torch.quantile(measured, torch.tensor(SPREAD)).tolist()
        share = ((measured - low) / max(high - low, 1e-9)).clamp(0, 1)
        values.append(((share * (LEVELS - 1)).round() * (255 / (LEVELS - 1))).round().to(torch.uint8))
        lows.append(low)
        highs.append(high)
    np.savez_compressed(
        path,
        values=torch.stack(values, 1).numpy(),
        names=np.array(list(ATTRIBUTES)),
        units=np.array([UNITS.get(name, "") for name in ATTRIBUTES]),
        lows=np.array(lows, np.float32),
        highs=np.array(highs, np.float32),
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m train.map", description=__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME", help="a checkpoint's name or folder")
    parser.add_argument("--jobs", type=int, default=-1, help="processes of openTSNE (default: all cores)")
    parser.add_argument("--measure", action="store_true", help="keep the map that is there, measure it only")
    options = parser.parse_args(arguments)
    try:
        for name in options.names:
            folder, explorer = hub.resolve(name), ganlab.load(name)
            if reason := codemap.explain_absence(explorer):
                raise ValueError(f"{name}: {reason}")
            gallery = explorer.gallery
            assert gallery is not None
            pictures = find_file(explorer.model, TRAIN_FILE)
            assert pictures is not None
            attributes = pictures.with_name(ATTRIBUTES_FILE)
            if explorer.config.channels == 1 and not attributes.is_file():
                write_attributes(gallery.pictures, attributes)
            if not options.measure:
                began = time.perf_counter()
                codemap.save_places(folder, tsne(gallery.codes, options.jobs), explorer.fingerprint)
                print(f"{name}: t-SNE of {len(gallery)} codes in {time.perf_counter() - began:.0f} s")
            found = rounded(measure(explorer, gallery))
            write_metrics(folder, {**explorer.metrics, "map": found})
            for kind in codemap.kinds(explorer):
                print(f"{name}: {codemap.KINDS[kind]}: {codemap.note(ganlab.load(name), kind)}")
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
