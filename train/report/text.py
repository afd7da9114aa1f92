"""Figures as text: percentages, and tables for Markdown and for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

NONE = "–"  # in a cell that has no figure

Table = tuple[Sequence[str], Sequence[Sequence[str]]]  # heads, and rows of as many cells


def format_percent(share: float, error: float | None = None, digits: int = 2) -> str:
    """A share in [0, 1], and its standard error if it has one, in percent."""
    text = f"{100 * share:.{digits}f}"
    return f"{text} %" if error is None else f"{text} ± {100 * error:.{digits}f} %"


def format_markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, without a newline at its end."""
    return "\n".join("| " + " | ".join(row) + " |" for row in [heads, ["---"] * len(heads), *rows])


def format_plain(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Aligned columns, for a terminal."""
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(len(heads))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in [heads, *rows]]
    return "\n".join([lines[0].rstrip(), "-" * len(lines[0]), *(line.rstrip() for line in lines[1:])])
