"""Neighbours: the training pictures nearest to a query, in a space whose worth is stated beside it."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from ganlab.explorer import Explorer, vote
from ganlab.gallery import Neighbour
from ganlab.ui import items
from ganlab.ui.html import markup
from ganlab.ui.items import Item
from ganlab.ui.page import (
    CLICK,
    LIVE,
    SLOW,
    Ends,
    Page,
    Tab,
    html,
    notice_area,
    now_html,
    sentences,
    waits_on,
)

MAX_K = 50
FIRST_K = 12
NAMES = {
    "features": "features",
    "code": "codes",
    "discriminator": "discriminator",
    "pixels": "pixels",
    "untrained": "untrained encoder",
}
EXPLAINED = {
    "features": "the encoder's hidden layer",
    "code": "the latent z = E(x)",
    "discriminator": "the discriminator's hidden layer",
    "pixels": "the raw picture, no model at all",
    "untrained": "the encoder's hidden layer with random weights, as before any training",
}


def choices(explorer: Explorer) -> list[tuple[str, str]]:
    """The spaces with their measured 1NN accuracy."""
    found = []
    for space in explorer.spaces:
        accuracy = explorer.accuracy(space)
        said = f" · 1NN {markup.percent(accuracy, 2)}" if accuracy is not None else ""
        found.append((NAMES[space] + said, space))
    return found


def about_spaces(explorer: Explorer) -> str:
    """What stands beside each space, and which ones the model cannot have."""
    if not explorer.spaces:
        return "This model has no gallery of training pictures, so there are no neighbours to show."
    test = explorer.get_metrics("evaluation", "test")
    said = f"with the accuracy of its nearest neighbour on {test}" if test else "not measured yet"
    if "encoder" not in explorer.model.networks:
        said += "; this GAN has no encoder, so it has no features, codes or untrained encoder"
    if "discriminator" not in explorer.spaces:
        said += "; this checkpoint holds no discriminator"
    return said


def space_of(explorer: Explorer, space: object) -> dict[str, Any]:
    """The switch between spaces; without a gallery it stays visible, with the reason."""
    spaces = explorer.spaces
    return {
        "choices": choices(explorer),
        "value": space if space in spaces else spaces[0] if spaces else None,
        "info": about_spaces(explorer),
        "interactive": bool(spaces),
    }


def look_up(explorer: Explorer, item: Item, k: int, space: str) -> list[Neighbour]:
    """Neighbours of the picture that was encoded, or of the latent where there is no such picture."""
    if item.x is not None:
        return explorer.neighbours(item.x, k, space)
    return explorer.neighbours_of_latent(item.z, k, space)


def stage_html(explorer: Explorer, item: Item, k: int, space: str) -> str:
    query = markup.card("Query", item.picture[0], item.caption, escape(item.caption), "query")
    if not explorer.spaces:
        return f'<div class="gl-query">{query}</div>'
    near = look_up(explorer, item, k, space)
    label, count = vote(near)
    share = 100 * count / len(near)
    said = (
        f'<p class="gl-meter">vote {markup.label(label)} <b>{count} of {len(near)}</b>'
        f'<span class="gl-bar"><i style="width:{share:.0f}%"></i></span>'
        f"<small>Euclidean distance in {EXPLAINED[space]}; click a neighbour to follow it</small></p>"
    )
    found = markup.neighbour_row(near, "Neighbours, nearest first")
    return f'<div class="gl-query">{query}<div class="gl-found">{said}{found}</div></div>'


def render(explorer: Explorer, current: Item, ends: Ends, k: float, space: str | None) -> tuple[Any, ...]:
    """Values of k, space, stage and notice."""
    switch = space_of(explorer, space)
    stage = stage_html(explorer, current, int(k), switch["value"])
    return gr.update(interactive=switch["interactive"]), gr.update(**switch), stage, ""


def build(page: Page) -> Tab:
    notice = notice_area()
    first = space_of(page.opened, None)
    with gr.Row(elem_classes="gl-controls"):
        space = gr.Radio(label="Space", scale=3, min_width=280, elem_id="space", **first)
        k = gr.Slider(
            1,
            MAX_K,
            value=FIRST_K,
            step=1,
            label="Neighbours",
            scale=2,
            min_width=200,
            elem_id="k",
            interactive=first["interactive"],
        )
    opened = stage_html(page.opened, page.first, FIRST_K, first["value"])
    stage = html(opened, "tiles", elem_id="neighbours-stage", elem_classes=SLOW)
    controls = [k, space]

    @sentences(1)
    def look(model: str, current: Item, k: float, space: str) -> str:
        return stage_html(page.models.get(model), current, int(k), space)

    for control in controls:
        control.input(look, [page.model, page.current, *controls], [stage, notice], **LIVE | waits_on(stage))

    @sentences(3)
    def follow(model: str, k: float, space: str, event: gr.EventData) -> tuple[Any, ...]:
        explorer = page.models.get(model)
        item = items.from_gallery(explorer, int(event.value))
        return item, now_html(item), stage_html(explorer, item, int(k), space)

    followed = [page.current, page.now, stage, notice]
    stage.pick(follow, [page.model, *controls], followed, **CLICK | waits_on(stage))
    return Tab("neighbours", [k, space, stage, notice], render, controls)
