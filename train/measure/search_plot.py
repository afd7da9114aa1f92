"""The growth of a search with the number of codes, as an SVG: its time, and its memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from train.measure.search_runs import Run

WIDTH, HEIGHT = 380, 250  # of a panel
LEFT, RIGHT, TOP, BOTTOM = 62, 18, 34, 44  # beside what is drawn in it
COLOURS = {"exact": "#b5532a", "faiss": "#1f6f8b", "milvus": "#6b7a2a"}
TEXT, GRID = "#6e6e6e", "#8884"  # readable on light and on dark pages
MEGABYTE = 1e6


class Panel(NamedTuple):
    """What a panel shows: its title, and functions of a run with their dashes."""

    title: str
    lines: tuple[tuple[Callable[[Run], float], str], ...]


PANELS = (
    Panel(
        "milliseconds a search: median, and 95 of 100 (dashed)",
        ((lambda r: r.p50, ""), (lambda r: r.p95, "5 4")),
    ),
    Panel(
        "megabytes in use: own, and mapped (dashed)",
        ((lambda r: r.memory_bytes / MEGABYTE, ""), (lambda r: r.mapped_bytes / MEGABYTE, "5 4")),
    ),
)


class Scale(NamedTuple):
    """A logarithmic axis from `low` to `high`, whole powers of ten, drawn from `start` to `end`."""

    low: int
    high: int
    start: float
    end: float

    def locate(self, value: float) -> float:
        """Where a value is drawn."""
        share = (math.log10(max(value, 10.0**self.low)) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    @staticmethod
    def fit(values: Sequence[float], start: float, end: float) -> Scale:
        """The axis on which all positive values lie."""
        positive = [value for value in values if value > 0] or [1.0]
        low, high = math.floor(math.log10(min(positive))), math.ceil(math.log10(max(positive)))
        return Scale(low, max(high, low + 1), start, end)


def draw(runs: Sequence[Run]) -> str:
    """The plot of all runs, a line a kind of index."""
    panels = "".join(_draw_panel(runs, panel, i * WIDTH) for i, panel in enumerate(PANELS))
    total = WIDTH * len(PANELS)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {HEIGHT}" width="{total}"'
        f' height="{HEIGHT}" font-family="sans-serif" font-size="11" fill="{TEXT}">{panels}</svg>\n'
    )


def _draw_panel(runs: Sequence[Run], panel: Panel, shift: float) -> str:
    x = Scale.fit([run.codes for run in runs], shift + LEFT, shift + WIDTH - RIGHT)
    y = Scale.fit([value(run) for run in runs for value, _ in panel.lines], HEIGHT - BOTTOM, TOP)
    parts = [_write(shift + LEFT, 16, panel.title, "start")]
    for power in range(y.low, y.high + 1):
        height = y.locate(10.0**power)
        parts.append(_line(x.start, height, x.end, height))
        parts.append(_write(x.start - 8, height + 4, f"{10.0**power:,g}", "end"))
    for power in range(x.low, x.high + 1):
        column = x.locate(10.0**power)
        parts.append(_line(column, y.start, column, y.end))
        parts.append(_write(column, y.start + 16, _name_count(10**power), "middle"))
    parts.append(_write((x.start + x.end) / 2, HEIGHT - 8, "codes", "middle"))
    for kind, colour in COLOURS.items():
        own = sorted((run for run in runs if run.kind == kind), key=lambda run: run.codes)
        for value, dashes in panel.lines if own else ():
            points = [(x.locate(run.codes), y.locate(value(run))) for run in own]
            listed = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
            parts.append(
                f'<polyline points="{listed}" fill="none" stroke="{colour}" stroke-width="2"'
                f' stroke-dasharray="{dashes}"/>'
            )
            parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{colour}"/>' for a, b in points]
            if not dashes:
                a, b = points[-1]
                parts.append(_write(a - 6, b - 7, kind, "end", colour))
    return "".join(parts)


def _name_count(count: int) -> str:
    return f"{count // 10**6} M" if count >= 10**6 else f"{count // 1000} k"


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{GRID}"/>'


def _write(x: float, y: float, text: str, anchor: str, colour: str = TEXT) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{text}</text>'
