"""Tables of what commands of their own measured of checkpoints: real-world uploads, outliers, inversions,
memorization, how faithful maps are.

Each takes what the models' metrics.json hold, by the models' names, and gives heads and rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ganlab.studio import codemap
from train.report.card import NONE, percent

Found = Mapping[str, dict[str, Any]]
Table = tuple[list[str], list[list[str]]]


def real_world(found: Found) -> Table:
    """One row a kind of upload and one for all; a column of reconstructions for each model."""
    first = next(iter(found.values()))
    heads = ["Kind of picture", "Number", "Digit kept by preparation"]
    lines = [
        [kind, str(one["count"]), f"{100 * one['prepared']:.1f} %"]
        for kind, one in [*first["kinds"].items(), ("all", first)]
    ]
    for name, model in found.items():
        heads.append(f"in G(E(x)), {name}")
        for line in lines:
            one = model if line[0] == "all" else model["kinds"][line[0]]
            line.append(f"{100 * one['reconstructed']:.1f} %")
    return heads, lines


def outliers(found: Found) -> Table:
    """One row a kind of thing that is no digit and one for all; two columns for each model."""
    first = next(iter(found.values()))
    heads = ["Not a digit", "Number"]
    counts = {kind: one["count"] for kind, one in first["sets"].items()}
    lines = [[kind, str(count)] for kind, count in (*counts.items(), ("all", sum(counts.values())))]
    for name, model in found.items():
        heads += [f"AUROC, {name}", f"more unusual than {100 * model['limit']:.0f} % of digits"]
        sets = model["sets"]
        caught = sum(one["count"] * one["caught"] for one in sets.values()) / sum(counts.values())
        for line, one in zip(
            lines, [*sets.values(), {"auroc": model["auroc"], "caught": caught}], strict=True
        ):
            line += [f"{one['auroc']:.3f}", f"{100 * one['caught']:.1f} %"]
    return heads, lines


def inversions(found: Found) -> Table:
    """One row for each way of each model."""
    heads = ["Model", "Inversion", "MSE a pixel", "Identity", "Worse than the encoder", "Seconds for one"]
    lines = []
    for name, model in found.items():
        for way, one in model["ways"].items():
            kept, worse = one.get("identity"), one.get("worse_than_encoder")
            lines.append(
                [
                    name,
                    way,
                    f"{one['mse']:.4f}",
                    NONE if kept is None else percent(kept["share"], kept["standard_error"]),
                    NONE if worse is None else percent(worse),
                    f"{one['seconds']:.2f}",
                ]
            )
    return heads, lines


def memorization(found: Found) -> Table:
    """One row a model."""
    heads = [
        "Samples of",
        "Median distance to a training picture (of test pictures)",
        "Nearer than all but 1 % of test pictures are",
        "Nearest of as many training and test pictures: a training picture",
    ]
    lines = [
        [
            f"{name}, {one['source']}",
            f"{one['median']:.2f} ({one['median_real']:.2f})",
            f"{one['closer']:,} of {one['samples']:,}",
            percent(one["nearer_to_training"], one["nearer_to_training_error"]),
        ]
        for name, one in found.items()
    ]
    return heads, lines


def maps(found: Found) -> Table:
    """One row a map."""
    k = next(iter(found.values()))["k"]
    heads = ["Map", f"Of {k} nearest codes, kept", "Nearest is of its class", "By all dimensions"]
    lines = [
        [
            f"{name}, {codemap.KINDS[kind]}",
            percent(one[kind]["neighbours_kept"]),
            percent(one[kind]["one_nn"]),
            percent(one[kind]["one_nn_codes"]),
        ]
        for name, one in found.items()
        for kind in codemap.KINDS
        if kind in one
    ]
    return heads, lines


# Key in metrics.json, which is also the kind of the README's mark -> its table, and by which command.
PARTS: dict[str, tuple[Callable[[Found], Table], str]] = {
    "real_world": (real_world, "python -m train.realworld"),
    "outliers": (outliers, "python -m train.outliers"),
    "inversion": (inversions, "python -m train.inversions"),
    "memorization": (memorization, "python -m train.memorization"),
    "map": (maps, "python -m train.map"),
}
