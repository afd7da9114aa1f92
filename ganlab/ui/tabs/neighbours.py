"""Neighbours: the training pictures nearest to a query, in a space whose worth is stated beside it."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from typing import Any
from urllib.parse import urlencode

import gradio as gr

from ganlab.explorer import Explorer, vote
from ganlab.gallery import Neighbour
from ganlab.studio import codemap
from ganlab.ui import items
from ganlab.ui.call import Answer, Call
from ganlab.ui.events import CLICK, LIVE, SLOW, waits_on
from ganlab.ui.html import markup
from ganlab.ui.html.promise import fold, promise_html, step, term
from ganlab.ui.html.spaces import (
    EXPLAINED,
    MAX_NEIGHBOURS,
    bound_neighbours,
    explain_absence,
    list_choices,
    worth_html,
)
from ganlab.ui.items import Item
from ganlab.ui.page import Page, Setting, Tab, html
from ganlab.ui.preparation import PreparingError, in_background, preparing_html
from ganlab.ui.trail import Trail, trail_html

FIRST_K = 12
NO_TRAIL = Trail()
NO_VOTE = "no vote: these pictures have no classes"


def choose_space(explorer: Explorer, space: object) -> str | None:
    """The space asked for, or the model's first where it does not have that one; None without a gallery."""
    spaces = explorer.spaces
    return str(space) if space in spaces else next(iter(spaces), None)


def read_k(k: object) -> int:
    """How many neighbours, as a person or a client sent it; ValueError for what is none or out of range."""
    try:
        count: int = int(k)  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        count = 0
    if not 1 <= count <= MAX_NEIGHBOURS:
        raise ValueError(f"From 1 to {MAX_NEIGHBOURS} neighbours can be shown.")
    return count


def space_settings(explorer: Explorer, space: str | None, instead: str = "") -> dict[str, Any]:
    """The switch between spaces; without a gallery it stays visible, with the reason, and with `instead`,
    what to use in place of a model without an encoder."""
    return {
        "choices": list_choices(explorer),
        "value": space,
        "info": explain_absence(explorer, instead),
        "interactive": bool(explorer.spaces),
    }


def look_up(explorer: Explorer, item: Item, k: int, space: str) -> list[Neighbour]:
    """Neighbours of the picture that was encoded, or of the latent where there is no such picture."""
    k = bound_neighbours(explorer, k)
    if item.x is not None:
        return explorer.neighbours(item.x, k, space)
    return explorer.neighbours_of_latent(item.z, k, space)


def lead_html(explorer: Explorer) -> str:
    """What stands here and what the hand can do with it."""
    noun = markup.get_noun(explorer.config)
    if not explorer.spaces:
        text = f"This model comes without {noun}s to compare this {noun} with."
        return promise_html(explorer, text, step("see what it makes up", "sample"))
    near = term("nearest neighbour", f"most like this {noun}")
    text = f"These {markup.name_gallery(explorer)} are {near}; click one to follow it."
    on_map = step("see it on the map", "map") if not codemap.explain_absence(explorer) else ""
    return promise_html(explorer, text, on_map or step("see what others make of it", "compare"), fold())


def stage_html(explorer: Explorer, item: Item, k: int, space: str | None, trail: Trail = NO_TRAIL) -> str:
    """The query and its k neighbours, above them the way to it; the query alone without a space."""
    query = markup.card("Query", item.picture[0], item.caption, escape(item.caption), "query")
    if space is None:
        return markup.stage(explorer, query, "gl-query")
    chosen = f'<i hidden="" data-chosen="{escape(urlencode({"space": space, "k": k}))}"></i>'
    way = trail_html(explorer, trail, item) + chosen
    try:
        with in_background():
            near = look_up(explorer, item, k, space)
    except PreparingError as error:
        return markup.stage(explorer, f"{way}{query}{preparing_html(explorer, error)}", "gl-query")
    votes = f'<p class="gl-meter">{vote_html(explorer, near)}<small>nearest in {EXPLAINED[space]}</small></p>'
    row = markup.neighbour_row(explorer, near, "Neighbours, nearest first")
    below = f"{markup.stand_in_html(explorer)}{markup.details(votes + worth_html(explorer), 'figures')}"
    return markup.stage(explorer, f'{way}{query}<div class="gl-found">{row}{below}</div>', "gl-query")


def vote_html(explorer: Explorer, near: list[Neighbour]) -> str:
    """The most frequent class of the neighbours and its share; why there is none for unlabelled pictures."""
    if not all(neighbour.name for neighbour in near):
        return f"<span>{NO_VOTE}</span>"
    label, count = vote(near)
    share = 100 * count / len(near)
    return (
        f"vote {markup.label(label, markup.get_gallery_classes(explorer))} <b>{count} of {len(near)}</b>"
        f'<span class="gl-bar"><i style="width:{share:.0f}%"></i></span>'
    )


def build_controls(page: Page) -> tuple[gr.HTML, gr.Radio, gr.Slider]:
    """What the tab is for, the switch between spaces, and how many neighbours."""
    explorer = page.first.explorer
    first_space = choose_space(explorer, None)
    lead = html(lead_html(explorer), "open")
    with gr.Row(elem_classes="gl-controls"):
        space = gr.Radio(
            label="Space",
            scale=3,
            min_width=280,
            elem_id="space",
            **space_settings(explorer, first_space, page.models.suggest_encoder(explorer.config)),
        )
        k = gr.Slider(
            1,
            MAX_NEIGHBOURS,
            value=FIRST_K,
            step=1,
            label="Neighbours",
            scale=2,
            min_width=200,
            elem_id="k",
            interactive=first_space is not None,
        )
    return lead, space, k


def build(page: Page) -> Tab:
    """The controls and the stage."""
    lead, space, k = build_controls(page)
    explorer = page.first.explorer
    opened = stage_html(explorer, page.first.current, FIRST_K, choose_space(explorer, None))
    stage = html(opened, "tiles", "preparing", elem_id="neighbours-stage", elem_classes=SLOW)
    settings = waits_on(stage)

    def show(call: Call, item: Item) -> Answer:
        explorer = call.explorer
        space_in_use = choose_space(explorer, call[space])
        return {stage: stage_html(explorer, item, read_k(call[k]), space_in_use, call[page.trail])}

    def render(call: Call) -> Answer:
        explorer = call.explorer
        switch = space_settings(
            explorer, choose_space(explorer, call[space]), page.models.suggest_encoder(explorer.config)
        )
        return {
            lead: lead_html(explorer),
            k: gr.update(interactive=switch["interactive"]),
            space: gr.update(**switch),
            **show(call, call.current),
        }

    def look(call: Call) -> Answer:
        return show(call, call.current)

    def follow(call: Call) -> Answer:
        """A step to a neighbour, or back along the trail."""
        trail: Trail = call[page.trail]
        if call.text("action") == "back":
            index = call.index()
            trail, step = trail.back_to(index), trail.steps[index]
            item = items.adapt_to(call.explorer, [step])[0]
        else:
            item = items.from_gallery(call.explorer, call.index())
            trail = trail.follow(call.current, item.key)
        after = replace(call, values={**call.values, page.trail: trail})
        return {page.current: item, page.trail: trail, **show(after, item)}

    read = {k, space, page.trail}
    for control in (k, space):
        page.on(control.input, look, read, {stage}, **LIVE | settings)
    page.on(stage.again, look, read, {stage}, **LIVE)
    page.on(stage.pick, follow, read, {page.current, page.trail, stage}, **CLICK | settings)
    address = {
        "space": Setting(space, choose_space),
        "k": Setting(k, lambda explorer, text: read_k(text)),
    }
    return Tab(render, writes={lead, k, space, stage}, reads=read, opens=(lead,), address=address)
