"""What an attack measured, as lines on a terminal and as a table in docs/attacks.md."""

from __future__ import annotations

import datetime
import os
import platform
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).parents[2] / "docs" / "attacks.md"


class Figure(NamedTuple):
    """A figure of an attack. `limit` is what it must not pass, None for one that is only reported;
    `ok` says whether the app has held."""

    name: str
    value: float | int | str
    unit: str = ""
    limit: float | int | str | None = None
    ok: bool = True

    def __str__(self) -> str:
        limit = "" if self.limit is None else f" (limit {_write(self.limit)})"
        return (
            f"{self.name}: {_write(self.value)} {self.unit}".rstrip()
            + limit
            + ("" if self.ok else "  FAILED")
        )


def at_most(name: str, value: float | int, unit: str, limit: float | int) -> Figure:
    """A figure that must not be larger than its limit."""
    return Figure(name, value, unit, limit, value <= limit)


def _write(value: float | int | str) -> str:
    """A number with as many digits as mean something."""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else value


def write_table(figures: Sequence[Figure], command: str) -> str:
    """The figures as Markdown, with their command, today's date and this machine's processor."""
    when = f"`{command}`, {datetime.date.today().isoformat()}, {os.cpu_count()} cores of {name_processor()}:"
    rows = [
        f"| {figure.name} | {_write(figure.value)} {figure.unit}".rstrip()
        + f" | {'' if figure.limit is None else _write(figure.limit)} | {'yes' if figure.ok else '**no**'} |"
        for figure in figures
    ]
    return "\n".join([when, "", "| | | limit | held |", "|---|---|---|---|", *rows, ""])


def update_page(text: str, name: str, table: str) -> str:
    """A page with a table between `<!-- NAME -->` and `<!-- end -->`; ValueError for one without marks."""
    marks = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- end -->)", flags=re.S)
    if not marks.search(text):
        raise ValueError(f"{PAGE.name} has no lines <!-- {name} --> and <!-- end -->: add them.")
    return marks.sub(lambda match: match[1] + table + match[2], text, count=1)


def name_processor() -> str:
    """What this machine's processor is called."""
    if (description := Path("/proc/cpuinfo")).is_file():
        names = re.findall(r"^model name\s*: (.+)$", description.read_text(), flags=re.M)
        if names:
            return str(names[0])
    return platform.processor() or "an unknown processor"
