"""Latent: the studio, where one latent is under the hand. Its page makes the pictures (static/studio.js)."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import gradio as gr

from ganlab.explorer import Explorer
from ganlab.studio.recipe import picture_hash
from ganlab.ui import items
from ganlab.ui.html import markup
from ganlab.ui.items import Item
from ganlab.ui.page import CLICK, LIVE, Ends, Page, Tab, latents_value, notice_area, now_html, sentences

MAX_KEY = 60  # characters of the key that the page gives a latent
STUDIO = '<div class="gl-studio"></div>'  # filled by static/studio.js


def studio_value(explorer: Explorer, name: str, current: Item, ends: Ends) -> dict[str, Any]:
    """What the studio starts from."""
    return latents_value(explorer, name, current, ends) | {
        "since": current.since,
        "key": key_of(current),
        "picture": "" if current.x is None else picture_hash(current.x),
    }


def key_of(item: Item) -> str:
    """By what the studio knows an item: the key that it gave itself, or else the item's own."""
    return item.moved_from or item.key


def render(explorer: Explorer, current: Item, ends: Ends, name: str) -> tuple[Any, ...]:
    """Values of studio and notice."""
    return studio_value(explorer, name, current, ends), ""


def build(page: Page) -> Tab:
    notice = notice_area()
    studio = gr.HTML(
        studio_value(page.opened, page.models.default, page.first, page.first_ends),
        html_template=STUDIO,
        apply_default_css=False,
        js_on_load=markup.script("latent.js"),
        elem_id="latent-studio",
    )

    @sentences(3)
    def rest(event: gr.EventData, model: str, current: Item, ends: Ends) -> tuple[Any, ...]:
        """A hand that moved what is no longer current is told so, and moves that instead."""
        explorer, told = page.models.get(model), event._data if isinstance(event._data, dict) else {}
        known = told.get("known")
        if not isinstance(known, list) or key_of(current) not in known:
            return gr.skip(), gr.skip(), studio_value(explorer, model, current, ends)
        item = replace(items.from_page(explorer, told), moved_from=str(told.get("key", ""))[:MAX_KEY])
        return item, now_html(item), studio_value(explorer, model, item, ends)

    outputs = [page.current, page.now, studio, notice]
    studio.rest(rest, [page.model, page.current, page.ends], outputs, **LIVE)

    @sentences(3)
    def draw(model: str, ends: Ends) -> tuple[Any, ...]:
        explorer, seed = page.models.get(model), random.randrange(1_000_000)
        item = items.from_sample(explorer, seed)
        return item, now_html(item), studio_value(explorer, model, item, ends)

    studio.sample(draw, [page.model, page.ends], outputs, **CLICK)
    return Tab("latent", [studio, notice], render, [page.model])
