"""Latent: the studio, where sliders move one latent. The page makes the pictures (static/lib/studio.js)."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import gradio as gr

from ganlab.explorer import Explorer
from ganlab.studio.recipe import hash_picture
from ganlab.ui import items
from ganlab.ui.call import Answer, Call, latents_payload
from ganlab.ui.events import CLICK
from ganlab.ui.html import markup
from ganlab.ui.html.promise import promise_html, step, term
from ganlab.ui.items import Item
from ganlab.ui.page import Page, Tab, html

MAX_KEY = 60  # characters of the key that the page gives a latent
STUDIO = '<div class="gl-studio"></div>'  # filled by static/lib/studio.js


def studio_value(call: Call) -> dict[str, Any]:
    """What the studio starts from."""
    current = call.current
    return latents_payload(call) | {
        "since": current.since,
        "key": key_of(current),
        "picture": "" if current.x is None else hash_picture(current.x),
    }


def key_of(item: Item) -> str:
    """What the studio calls an item: by the key that it gave itself, or else by the item's own."""
    return item.page_key or item.key


def lead_html(explorer: Explorer) -> str:
    """What the hand can do here."""
    noun = markup.get_noun(explorer.config)
    text = (
        f"Drag a slider and this {noun} changes: each moves its {term('latent')} in a direction of its own."
    )
    return promise_html(explorer, text, step("walk to another", "interpolate"))


def build(page: Page) -> Tab:
    """The studio. It sends "rest" with a latent when the hand rests, and "sample" for a new one."""
    lead = html(lead_html(page.first.explorer), "open")
    studio = gr.HTML(
        studio_value(page.first),
        html_template=STUDIO,
        apply_default_css=False,
        js_on_load=markup.read_script("studio.js"),
        elem_id="latent-studio",
    )

    def render(call: Call) -> Answer:
        return {lead: lead_html(call.explorer), studio: studio_value(call)}

    def show(call: Call, item: Item) -> Answer:
        return {page.current: item, **render(replace(call, current=item))}

    def rest(call: Call) -> Answer:
        """A hand that moved what is no longer current is given what is, to move that instead."""
        parents = call.event.get("parents")
        if not isinstance(parents, list) or key_of(call.current) not in parents:
            return render(call)
        item = items.from_page(call.explorer, dict(call.event))
        return show(call, replace(item, page_key=call.text("key")[:MAX_KEY]))

    def draw(call: Call) -> Answer:
        return show(call, items.from_sample(call.explorer, random.randrange(1_000_000)))

    page.on(studio.rest, rest, writes={page.current, lead, studio}, **CLICK)
    page.on(studio.sample, draw, writes={page.current, lead, studio}, **CLICK)
    return Tab(render, writes={lead, studio}, opens=(lead,))
