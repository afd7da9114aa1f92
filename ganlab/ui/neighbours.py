"""Neighbours: the training pictures nearest to a query, in a space whose worth is stated beside it."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from ganlab.explorer import Explorer, vote
from ganlab.gallery import Neighbour
from ganlab.ui import items, markup
from ganlab.ui.items import Item
from ganlab.ui.page import CLICK, LIVE, Ends, Page, Tab, html, notice_area, now_html, sentences

MAX_K = 50
FIRST_K = 12
NAMES = {
    "features": "features",
    "code": "codes",
    "pixels": "pixels",
}
EXPLAINED = {
    "features": "the encoder's hidden layer",
    "code": "the latent z = E(x)",
    "pixels": "the raw picture, no model at all",
}


def choices(explorer: Explorer) -> list[tuple[str, str]]:
    """The spaces with their measured 1NN accuracy."""
    found = []
    for space in explorer.spaces:
        accuracy = explorer.accuracy(space)
        said = f" · 1NN {markup.percent(accuracy, 2)}" if accuracy is not None else ""
        found.append((NAMES[space] + said, space))
    return found


def look_up(explorer: Explorer, item: Item, k: int, space: str) -> list[Neighbour]:
    """Neighbours of the picture that was encoded, or of the latent where there is no such picture."""
    if item.x is not None:
        return explorer.neighbours(item.x, k, space)
    return explorer.neighbours_of_latent(item.z, k, space)


def stage_html(explorer: Explorer, item: Item, k: int, space: str) -> str:
    near = look_up(explorer, item, k, space)
    label, count = vote(near)
    query = markup.card("Query", item.picture[0], item.caption, escape(item.caption), "query")
    share = 100 * count / len(near)
    said = (
        f'<p class="gl-meter">vote {markup.label(label)} <b>{count} of {len(near)}</b>'
        f'<span class="gl-bar"><i style="width:{share:.0f}%"></i></span>'
        f"<small>Euclidean distance in {EXPLAINED[space]}; click a neighbour to follow it</small></p>"
    )
    found = markup.neighbour_row(near, "Neighbours, nearest first")
    return f'<div class="gl-query">{query}<div class="gl-found">{said}{found}</div></div>'


def render(explorer: Explorer, current: Item, ends: Ends, k: float, space: str) -> tuple[Any, ...]:
    if not explorer.spaces:
        reason = markup.notice(f"{explorer.config.name} has no gallery, so there are no neighbours to show.")
        return gr.skip(), "", reason
    space = space if space in explorer.spaces else explorer.spaces[0]
    radio = gr.update(choices=choices(explorer), value=space)
    return radio, stage_html(explorer, current, int(k), space), ""


def build(page: Page) -> Tab:
    notice = notice_area()
    with gr.Row(elem_classes="gl-controls"):
        spaces = choices(page.opened)
        space = gr.Radio(
            spaces,
            value=spaces[0][1] if spaces else None,
            label="Space",
            scale=3,
            min_width=280,
            info="with the accuracy of its nearest neighbour on the 10,000 test digits",
            elem_id="space",
        )
        k = gr.Slider(
            1, MAX_K, value=FIRST_K, step=1, label="Neighbours", scale=2, min_width=200, elem_id="k"
        )
    first = stage_html(page.opened, page.first, FIRST_K, spaces[0][1]) if spaces else ""
    stage = html(first, "tiles", elem_id="neighbours-stage")
    controls = [k, space]

    @sentences(1)
    def look(model: str, current: Item, k: float, space: str) -> str:
        return stage_html(page.models.get(model), current, int(k), space)

    for control in controls:
        control.input(look, [page.model, page.current, *controls], [stage, notice], **LIVE)

    @sentences(3)
    def follow(model: str, k: float, space: str, event: gr.EventData) -> tuple[Any, ...]:
        explorer = page.models.get(model)
        item = items.of_gallery(explorer, int(event.value))
        return item, now_html(item), stage_html(explorer, item, int(k), space)

    stage.pick(follow, [page.model, *controls], [page.current, page.now, stage, notice], **CLICK)
    return Tab("neighbours", [space, stage, notice], render, controls)
