"""Reconstruct's optimised card: the latent improved step by step before the eyes, with a curve and Stop.

What it shows carries the key of its picture and model: when the stage beside it has gone on to another, the
page stops the descent and puts it away (static/refine.js).
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape

from torch import Tensor

from ganlab import images, inversion
from ganlab.explorer import Explorer
from ganlab.ui import items
from ganlab.ui.html import markup
from ganlab.ui.items import Item

STEPS = {"hybrid": 150, "optimise": 300}  # at most
PAUSE = 0.1  # seconds between two pictures sent
SIDE = 184  # of the curve, as of a large picture


@dataclass(frozen=True, eq=False)
class Refinement:
    """What a descent has found for a picture x so far."""

    key: str  # of the picture and the model
    x: Tensor  # (1, C, H, W)
    step: inversion.Step
    image: Tensor  # G(z), (1, C, H, W)
    start: float  # the error that it began with
    running: bool
    halt: threading.Event  # set to end the descent; a visitor's own, as the session is

    @property
    def error(self) -> float:
        return float(self.step.error[0])


def method_of(explorer: Explorer) -> str:
    return "hybrid" if "encoder" in explorer.model.networks else "optimise"


def refinements(explorer: Explorer, item: Item, key: str) -> Iterator[Refinement]:
    """The descent for an item's picture: now and then what it has found, and at last the result."""
    method, x = method_of(explorer), item.picture
    seen, found, halt = 0.0, None, threading.Event()
    start = explorer.error(x, item.image) if method == "hybrid" and item.x is not None else None
    for step in explorer.descend(x, method, STEPS[method]):
        start = float(step.error[0]) if start is None else start
        if found is None or time.monotonic() - seen >= PAUSE:
            seen = time.monotonic()
            found = Refinement(key, x, step, explorer.decode(step.z), start, True, halt)
            yield found
        if halt.is_set():
            break
    assert start is not None
    yield Refinement(key, x, step, explorer.decode(step.z), start, False, halt)


def item_of(explorer: Explorer, found: Refinement, caption: str) -> Item:
    """The latent that was found, as an item of its own."""
    return items.from_latent(explorer, found.step.z, f"optimised from {caption}")


def stopped(found: Refinement) -> Refinement:
    found.halt.set()
    return replace(found, running=False)


# ---------------------------------------------------------------------- as HTML


def html_of(explorer: Explorer, key: str, found: Refinement | None, verdict: str = "") -> str:
    """The card before, during and after a descent for the picture and model of `key`. `verdict` is HTML on
    what the judge sees in the result."""
    if found is None or found.key != key:
        return _frame(key, False, _before(explorer))
    step, side = found.step, len(found.step.trace)
    bar = (
        f'<progress max="{step.steps}" value="{step.number}" aria-label="Steps of the descent"></progress>'
        if found.running
        else ""
    )
    now = f"step {side} of at most {step.steps}" if found.running else f"{side} steps"
    gain = f"error <b>{found.error:.4f}</b> from {found.start:.4f}"
    button = (
        '<button type="button" class="gl-button" data-do="stop">stop</button>'
        if found.running
        else '<button type="button" class="gl-button" data-do="start">again</button>'
        + markup.button("make it current", "use")
    )
    cards = markup.card(
        "Optimised", found.image[0], "the optimised reconstruction", "", "" if found.running else "optimised"
    ) + markup.card(
        "Its difference",
        images.draw_difference(found.x[0], found.image[0]),
        "difference of the optimised picture",
    )
    curve = _curve(found.step.trace[:, 0].tolist(), step.steps)
    return _frame(
        key,
        found.running,
        f'<div class="gl-cards">{cards}<figure class="gl-card"><div class="gl-title">Error by step</div>'
        f"{curve}"
        f"<figcaption><span>{now}<br>{gain}</span></figcaption>{bar}</figure></div>"
        f'<div class="gl-tools">{button}</div>{verdict}',
    )


def _frame(key: str, running: bool, body: str) -> str:
    busy = "true" if running else "false"
    return f'<section class="gl-refine" data-refines="{escape(key)}" aria-busy="{busy}">{body}</section>'


def _before(explorer: Explorer) -> str:
    if method_of(explorer) == "hybrid":
        said = (
            "Start at E(x) and improve the latent by gradient descent on the pixels and on the encoder's"
            f" features: at most {STEPS['hybrid']} steps, never worse than the encoder."
        )
    else:
        said = f"Search longer, from the same starts: at most {STEPS['optimise']} steps of gradient descent."
    return (
        '<p class="gl-meter"><button type="button" class="gl-button" data-do="start">improve by optimisation'
        f"</button> <small>{escape(said)}</small></p>"
    )


def _curve(trace: list[float], steps: int) -> str:
    """Errors on a logarithmic axis, from the first step to the last that may come."""
    logs = [math.log(max(error, 1e-9)) for error in trace]
    high, low = logs[0], min(*logs, logs[0] - math.log(4))
    points = " ".join(
        f"{4 + (SIDE - 8) * i / max(steps - 1, 1):.1f},{4 + (SIDE - 8) * (high - y) / (high - low):.1f}"
        for i, y in enumerate(logs)
    )
    said = f"The error fell from {trace[0]:.4f} to {trace[-1]:.4f} in {len(trace)} steps; logarithmic axis"
    return (
        f'<svg class="gl-curve" viewBox="0 0 {SIDE} {SIDE}" role="img" aria-label="{said}">'
        f'<polyline points="{points}" fill="none"/></svg>'
    )
