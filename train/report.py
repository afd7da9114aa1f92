"""Tables of what commands of their own measured of checkpoints: real-world uploads, outliers, inversions.

Each takes what the models' metrics.json hold, by the models' names, and gives heads and rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from train.card import NONE, percent

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


# Key in metrics.json, which is also the kind of the README's mark -> its table, and by which command.
PARTS: dict[str, tuple[Callable[[Found], Table], str]] = {
    "real_world": (real_world, "python -m train.realworld"),
    "outliers": (outliers, "python -m train.outliers"),
    "inversion": (inversions, "python -m train.inversions"),
}
