"""python -m train.map NAME...: compute the t-SNE of the codes for the Map tab, and its faithfulness.

Writes map.safetensors beside the weights, and measured attributes of the pictures (stroke width, slant, ...)
once beside the shared gallery. metrics.json keeps the figures as "map". The t-SNE is openTSNE's (Poličar,
Stražar and Zupan 2019) with its defaults: perplexity 30, the first two principal components to begin with,
gradients by interpolation (FIt-SNE, Linderman et al. 2019).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import ganlab
from ganlab.explorer import Explorer
from ganlab.gallery import ATTRIBUTES_FILE, TRAIN_FILE, Pictures, find_file
from ganlab.nearest import Points, find_nearest
from ganlab.studio import codemap
from train import sums
from train.files import open_atomically
from train.measure import attributes_colour
from train.measure.attributes import ATTRIBUTES, UNITS
from train.measure.directions import measure_attribute
from train.measure.measurement import Figures, Measurement, Subject
from train.report.text import Table, format_percent

SEED = 0
PERPLEXITY = 30
K = 10  # neighbours of which the map should keep as many as it can
TESTED = 2_000  # codes whose neighbours are compared
LEVELS = 32  # to which attributes are rounded: colours distinguish no more
SPREAD = (0.005, 0.995)  # quantiles of an attribute between which its colours lie


def compute_tsne(codes: Tensor, jobs: int) -> Tensor:
    """Codes (N, D) in two dimensions, (N, 2)."""
    from openTSNE import TSNE  # of the extra [train]; slow to import

    points = TSNE(perplexity=PERPLEXITY, random_state=SEED, n_jobs=jobs, verbose=True).fit(codes.numpy())
    return torch.from_numpy(np.asarray(points)).float()


def measure_faithfulness(points: Tensor, codes: Tensor, labels: Tensor) -> Figures:
    """The share of a code's K nearest that are among its K nearest on the map, and how often the nearest
    other code is of its class, there and among the codes; of TESTED codes. Points (N, 2), codes (N, D)."""
    rows = torch.randperm(len(codes), generator=torch.Generator().manual_seed(SEED))[:TESTED]
    here, there = (
        find_nearest(space[rows], Points.from_rows(space), min(K, len(codes) - 1) + 1)[1]
        for space in (points, codes)
    )
    kept, right = [], [0, 0]
    for row, near, true in zip(rows.tolist(), here.tolist(), there.tolist(), strict=True):
        others, wanted = ([other for other in nearest if other != row][:K] for nearest in (near, true))
        kept.append(len(set(others) & set(wanted)) / len(wanted))
        right[0] += int(labels[others[0]] == labels[row])
        right[1] += int(labels[wanted[0]] == labels[row])
    return {
        "neighbours_kept": sum(kept) / len(kept),
        "one_nn": right[0] / len(rows),
        "one_nn_codes": right[1] / len(rows),
    }


def measure_map(explorer: Explorer) -> Figures:
    """Every map that the model has."""
    gallery = explorer.gallery
    assert gallery is not None
    codes, labels = gallery.codes, gallery.pictures.labels
    maps = {
        kind: measure_faithfulness(codemap.compute_positions(explorer, kind), codes, labels)
        for kind in codemap.list_kinds(explorer)
    }
    return {"asked": min(TESTED, len(codes)), "k": K, **maps}


def write_attributes(pictures: Pictures, path: Path) -> None:
    """All ATTRIBUTES of the pictures, grey or in colour, each from its low (0) to its high value (255) in
    LEVELS steps."""
    grey, values, lows, highs = pictures.pixels.shape[1] == 1, [], [], []
    attributes = ATTRIBUTES if grey else attributes_colour.ATTRIBUTES
    for attribute in attributes.values():
        numbers = measure_attribute(attribute, pictures)
        low, high = torch.quantile(numbers, torch.tensor(SPREAD)).tolist()
        share = ((numbers - low) / max(high - low, 1e-9)).clamp(0, 1)
        values.append(((share * (LEVELS - 1)).round() * (255 / (LEVELS - 1))).round().to(torch.uint8))
        lows.append(low)
        highs.append(high)
    with open_atomically(path) as file:
        np.savez_compressed(
            file,
            values=torch.stack(values, 1).numpy(),
            names=np.array(list(attributes)),
            units=np.array([UNITS.get(name, "") if grey else attributes_colour.UNIT for name in attributes]),
            lows=np.array(lows, np.float32),
            highs=np.array(highs, np.float32),
        )


def _add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--jobs", type=int, default=-1, help="processes of openTSNE (default: all cores)")
    parser.add_argument("--measure", action="store_true", help="measure the stored map, compute none")


def _measure(subject: Subject) -> Figures:
    """Writes map.safetensors, and attributes.npz beside the gallery where it is missing."""
    explorer, options, folder = subject.explorer, subject.options, subject.model.folder
    pictures = find_file(subject.model, TRAIN_FILE)
    assert explorer.gallery is not None
    assert pictures is not None
    assert folder is not None
    attributes = pictures.with_name(ATTRIBUTES_FILE)
    if not attributes.is_file():
        with sums.updating(folder if attributes.is_relative_to(folder) else attributes.parent):
            write_attributes(explorer.gallery.pictures, attributes)
    if not options.measure:
        began = time.perf_counter()
        codes = explorer.gallery.codes
        plane = codemap.compute_plane(explorer) if subject.model.latent_map is not None else None
        with sums.updating(folder):
            codemap.save(folder, compute_tsne(codes, options.jobs), explorer.fingerprint, plane)
        print(f"{subject.name}: t-SNE of {len(codes)} codes in {time.perf_counter() - began:.0f} s")
        explorer = ganlab.load(str(folder), stand_ins=False)  # whose description names the map
    return measure_map(explorer)


def compare(models: Mapping[str, Figures]) -> Table:
    """One row a map."""
    k = next(iter(models.values()))["k"]
    heads = ["Map", f"Of {k} nearest codes, kept", "Nearest is of its class", "By all dimensions"]
    rows = [
        [
            f"{name}, {codemap.KINDS[kind]}",
            format_percent(figures[kind]["neighbours_kept"]),
            format_percent(figures[kind]["one_nn"]),
            format_percent(figures[kind]["one_nn_codes"]),
        ]
        for name, figures in models.items()
        for kind in codemap.KINDS
        if kind in figures
    ]
    return heads, rows


MEASUREMENT = Measurement(
    key="map",
    measure=_measure,
    explain_absence=lambda subject: codemap.explain_absence(subject.explorer),
    command="map",
    description=__doc__,
    add_flags=_add_flags,
    needs_test_set=False,
    title="Map",
    introduction="""\
How faithful the app's map is, on which the 60,000 codes of the training digits lie in two dimensions:
how many of a code's nearest codes are among its nearest on the map, and how often the nearest is a digit
of the same class, on the map and by all dimensions of the codes.""",
    compare=compare,
)
