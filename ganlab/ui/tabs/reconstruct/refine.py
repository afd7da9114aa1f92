"""Reconstruct's optimised card: the latent improved step by step before the eyes, with a curve and Stop.

What it shows carries the key of its picture and model: when the stage beside it shows another, the page asks
to put the card away (static/glue/refine.js).
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape

from torch import Tensor

from ganlab import images, inversion
from ganlab.explorer import Explorer
from ganlab.ui import items, zero_gpu
from ganlab.ui.html import markup
from ganlab.ui.items import Item
from ganlab.ui.work import Run

STEPS = {"hybrid": 150, "optimise": 300}  # at most
PAUSE = 0.1  # seconds between two pictures sent
SIDE = 184  # px of the curve, as of a large picture


@dataclass(frozen=True, eq=False)
class Refinement:
    """How far a descent for a picture x has come."""

    key: str  # of the picture and the model
    x: Tensor  # (1, C, H, W) in [0, 1]
    step: inversion.Step
    image: Tensor  # G(z), (1, C, H, W)
    start: float  # the error that it began with
    running: bool
    content: bool = False  # the encoder's features count beside the pixels
    features: tuple[float, float] | None = None  # at its end: how far they are from those of x, first and now

    @property
    def error(self) -> float:
        """Mean squared error per pixel, pixels 0 to 1."""
        return float(self.step.error[0])


def method_of(explorer: Explorer) -> str:
    """The descent that the model allows, as Explorer.descend names it."""
    return "hybrid" if "encoder" in explorer.model.networks else "optimise"


def counts_content(explorer: Explorer) -> bool:
    """Whether the encoder's features count beside the pixels unless a person says otherwise."""
    return method_of(explorer) == "hybrid" and explorer.default_feature_weight >= inversion.CONTENT_WEIGHT


def refinements(
    explorer: Explorer,
    item: Item,
    key: str,
    run: Run | None = None,
    give_way: Callable[[], None] | None = None,
    content: bool | None = None,
) -> Iterator[Refinement]:
    """The descent for an item's picture: how far it has come, now and then, and at last the result. It
    ends after the step in which `run` is ended, and calls `give_way` between steps. `content`: the encoder's
    features count beside the pixels; by default as `counts_content` says."""
    method, x, run = method_of(explorer), item.picture, run or Run()
    content = counts_content(explorer) if content is None or method != "hybrid" else content
    weight = None if method != "hybrid" else inversion.CONTENT_WEIGHT if content else inversion.FEATURE_WEIGHT
    sent, last = 0.0, None
    start = explorer.error(x, item.image) if method == "hybrid" and item.x is not None else None
    for step in zero_gpu.descend(explorer, x, method, STEPS[method], weight):
        start = float(step.error[0]) if start is None else start
        if last is None or time.monotonic() - sent >= PAUSE:
            sent = time.monotonic()
            last = Refinement(key, x, step, explorer.decode(step.z), start, True, content)
            yield last
        if run.ended:
            break
        if give_way is not None:
            give_way()
    assert start is not None
    image, features = explorer.decode(step.z), None
    if method == "hybrid":
        features = (
            measure_features(explorer, x, explorer.reconstruct(x)),
            measure_features(explorer, x, image),
        )
    yield Refinement(key, x, step, image, start, False, content, features)


def measure_features(explorer: Explorer, x: Tensor, image: Tensor) -> float:
    """How far the encoder's features of a picture are from those of x: the length of their difference,
    relative to that of the features of x."""
    target = explorer.features(x)
    return float((explorer.features(image) - target).norm() / target.norm().clamp(min=1e-6))


def item_of(explorer: Explorer, refinement: Refinement, caption: str) -> Item:
    """The latent of a refinement as an item of its own."""
    return items.from_latent(explorer, refinement.step.z, f"optimised from {caption}")


def item_from_page(explorer: Explorer, text: str, caption: str) -> Item:
    """The same from the latent that the card carries as JSON; ValueError for none."""
    try:
        z = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("Nothing has been optimised for this picture yet.") from None
    about = f"optimised from {caption}"
    return items.from_page(explorer, {"fingerprint": explorer.fingerprint, "z": z, "about": about})


# ---------------------------------------------------------------------- as HTML


def html_of(
    explorer: Explorer, key: str, refinement: Refinement | None, verdict: str = "", answers: str = ""
) -> str:
    """The card before, during and after a descent for the picture and model of `key`. `verdict` is HTML on
    what the classifier sees in the result; `answers` is what the pad calls the picture's square."""
    if refinement is None or refinement.key != key:
        return _frame(explorer, key, answers, False, _before(explorer))
    step, count = refinement.step, len(refinement.step.trace)
    running = refinement.running
    bar = (
        f'<progress max="{step.steps}" value="{step.number}" aria-label="Steps of the descent"></progress>'
        if running
        else ""
    )
    progress = f"step {count} of at most {step.steps}" if running else f"{count} steps"
    gain = f"error <b>{refinement.error:.4f}</b> from {refinement.start:.4f}"
    if refinement.features is not None:
        first, now = (100 * share for share in refinement.features)
        gain += f"<br>features differ by <b>{now:.0f} %</b> from {first:.0f} %"
    button = (
        '<button type="button" class="gl-button" data-do="stop">stop</button>'
        if running
        else '<button type="button" class="gl-button" data-do="start">again</button>'
        + markup.button("make it current", "use", json.dumps(step.z[0].tolist()))
        + _choice(explorer, refinement.content)
    )
    cards = markup.card(
        "Optimised", refinement.image[0], "the optimised reconstruction", "", "" if running else "optimised"
    ) + markup.card(
        "Its difference",
        images.draw_difference(refinement.x[0], refinement.image[0]),
        "difference of the optimised picture",
    )
    curve = _curve(refinement.step.trace[:, 0].tolist(), step.steps)
    return _frame(
        explorer,
        key,
        answers,
        running,
        f'<div class="gl-cards">{cards}<figure class="gl-card"><div class="gl-title">Error by step</div>'
        f"{curve}"
        f"<figcaption><span>{progress}<br>{gain}</span></figcaption>{bar}</figure></div>"
        f'<div class="gl-tools">{button}</div>{verdict}',
    )


def _frame(explorer: Explorer, key: str, answers: str, running: bool, body: str) -> str:
    busy = "true" if running else "false"
    return markup.stage(
        explorer,
        f'<section class="gl-refine" data-refines="{escape(key)}" aria-busy="{busy}">{body}</section>',
        answers=answers,
    )


def _before(explorer: Explorer) -> str:
    choice = ""
    if method_of(explorer) == "hybrid":
        text = (
            "Start at E(x) and improve the latent by gradient descent on the pixels and on the encoder's"
            f" features: at most {STEPS['hybrid']} steps, never worse than the encoder."
        )
        choice = _choice(explorer, counts_content(explorer))
    else:
        text = f"Search longer, from the same starts: at most {STEPS['optimise']} steps of gradient descent."
    return (
        '<p class="gl-meter"><button type="button" class="gl-button" data-do="start">improve by optimisation'
        f"</button></p>{markup.details(f'<p>{escape(text)}</p>{choice}', 'descent', 'how')}"
    )


def _choice(explorer: Explorer, content: bool) -> str:
    """The switch that lets the encoder's features count; nothing without an encoder."""
    if method_of(explorer) != "hybrid":
        return ""
    title = (
        "Beside the pixels, the encoder's features count: what the picture shows stays, each pixel may differ"
        " more. Without it the pixels count nearly alone."
    )
    checked = ' checked=""' if content else ""
    box = f'<input type="checkbox" data-content=""{checked}/>'
    words = "what it shows counts, not only its pixels"
    return f'<label class="gl-check" title="{escape(title)}">{box} {words}</label>'


def _curve(trace: list[float], steps: int) -> str:
    """Errors on a logarithmic axis, from the first step to the last that may come."""
    logs = [math.log(max(error, 1e-9)) for error in trace]
    high, low = max(logs), min(*logs, logs[0] - math.log(4))
    points = " ".join(
        f"{4 + (SIDE - 8) * i / max(steps - 1, 1):.1f},{4 + (SIDE - 8) * (high - y) / (high - low):.1f}"
        for i, y in enumerate(logs)
    )
    label = f"The error went from {trace[0]:.4f} to {trace[-1]:.4f} in {len(trace)} steps; logarithmic axis"
    return (
        f'<svg class="gl-curve" viewBox="0 0 {SIDE} {SIDE}" role="img" aria-label="{label}">'
        f'<polyline points="{points}" fill="none"/></svg>'
    )
