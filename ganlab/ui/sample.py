"""Sample: a grid of G(z) from the prior; a click makes one the current latent."""

from __future__ import annotations

import random
from typing import Any

import gradio as gr

from ganlab.explorer import Explorer
from ganlab.ui import items, markup
from ganlab.ui.items import Item
from ganlab.ui.page import CLICK, LIVE, Ends, Page, Tab, html, notice_area, now_html, sentences

COUNTS = [16, 36, 64, 100]
MAX_COUNT = 256  # in one call of the API


def checked(seed: object, count: object, truncation: object) -> tuple[int, int, float]:
    """Numbers as a person or a client typed them."""
    try:
        whole, many, cut = int(seed), int(count), float(truncation)  # type: ignore[call-overload,arg-type]
    except (TypeError, ValueError, OverflowError):
        raise ValueError("A seed and a count are whole numbers, truncation is between 0 and 1.") from None
    if not 1 <= many <= MAX_COUNT:
        raise ValueError(f"From 1 to {MAX_COUNT} samples can be drawn at once, not {many}.")
    return whole, many, cut


def stage_html(explorer: Explorer, seed: int, count: int, truncation: float, chosen: int = -1) -> str:
    pictures = explorer.decode(explorer.sample(count, seed, truncation))
    tiles = [
        markup.tile(x, f"Sample {i} of seed {seed}: make it current", "sample", i, selected=i == chosen)
        for i, x in enumerate(pictures)
    ]
    return f'<div class="gl-grid" role="group" aria-label="Samples of seed {seed}">{"".join(tiles)}</div>'


def render(
    explorer: Explorer, current: Item, ends: Ends, seed: object, count: object, truncation: object
) -> tuple[Any, ...]:
    return stage_html(explorer, *checked(seed, count, truncation)), ""


def build(page: Page) -> Tab:
    notice = notice_area()
    with gr.Row(elem_classes="gl-controls"):
        seed = gr.Number(0, label="Seed", precision=0, minimum=0, scale=1, min_width=120, elem_id="seed")
        count = gr.Radio(COUNTS, value=COUNTS[1], label="Pictures", scale=2, min_width=200)
        truncation = gr.Slider(
            0,
            1,
            value=1,
            step=0.05,
            label="Truncation",
            scale=2,
            min_width=200,
            info="1: the whole prior; lower: nearer its centre, safer, less varied",
        )
        another = gr.Button("another seed", size="sm", scale=0, min_width=120, elem_id="another-seed")
    opened = stage_html(page.opened, 0, COUNTS[1], 1.0)
    stage = html(opened, "tiles", elem_id="sample-stage")
    controls = [seed, count, truncation]

    @sentences(1)
    def draw(model: str, seed: object, count: object, truncation: object) -> str:
        return stage_html(page.models.get(model), *checked(seed, count, truncation))

    for control in controls:
        control.change(draw, [page.model, *controls], [stage, notice], **LIVE)
    another.click(lambda: random.randrange(1_000_000), None, seed, **CLICK)

    @sentences(3)
    def pick(model: str, s: object, n: object, t: object, event: gr.EventData) -> tuple[Any, ...]:
        explorer, index = page.models.get(model), int(event.value)
        values = checked(s, n, t)
        if not 0 <= index < values[1]:
            raise ValueError(f"There is no sample {index}.")
        z = explorer.sample(index + 1, values[0], values[2])[index:]
        cut = "" if values[2] == 1 else f", truncation {values[2]:g}"
        item = items.of_latent(explorer, z, f"sample {index} of seed {values[0]}{cut}")
        return item, now_html(item), stage_html(explorer, *values, chosen=index)

    stage.pick(pick, [page.model, *controls], [page.current, page.now, stage, notice], **CLICK)
    return Tab("sample", [stage, notice], render, controls)
