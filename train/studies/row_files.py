"""Rows of a study, a JSON file each: a row that is stored is not computed again."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from train.files import write_json
from train.measure.command import round_figures

IDENTITY = "computed_with"  # key of what a row was computed with


def format_file_name(name: str) -> str:
    """ "one round, 20 Heun steps" -> "one-round-20-heun-steps". ValueError for a name of which nothing is
    left."""
    if not (stem := re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.")):
        raise ValueError(f"A row's name has letters or digits, not {name!r}.")
    return stem


def load(path: Path) -> dict[str, Any]:
    """A stored row; ValueError for a damaged one."""
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        row = None
    if not isinstance(row, dict):
        raise ValueError(f"{path} is damaged: remove it, and its row is computed again.")
    return row


def read_row(path: Path, identity: dict[str, Any]) -> dict[str, Any] | None:
    """The row in `path`, or None where there is none. ValueError for one that was computed with something
    else than `identity`, which names all that a row depends on beside the source."""
    if not path.is_file():
        return None
    row = load(path)
    stored = row.get(IDENTITY, {})
    differs = sorted(key for key in {**stored, **identity} if stored.get(key) != identity.get(key))
    if differs:
        was = ", ".join(f"{key} {stored.get(key)} and not {identity.get(key)}" for key in differs)
        raise ValueError(f"{path} was computed with {was}: remove it, or name another --folder.")
    return row


def write_row(path: Path, identity: dict[str, Any], figures: dict[str, Any]) -> dict[str, Any]:
    """Write a row whole or not at all; returns it as it is stored."""
    row: dict[str, Any] = {IDENTITY: identity, **round_figures(figures)}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, row)
    return row
