"""Latent: the studio, where one latent is under the hand. Its page makes the pictures (static/studio.js)."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from typing import Any

import gradio as gr

from ganlab import portable
from ganlab.explorer import Explorer
from ganlab.ui import items, markup
from ganlab.ui.items import Item
from ganlab.ui.page import CLICK, LIVE, MAX_CAPTION, Ends, Page, Tab, notice_area, now_html, sentences

STUDIO = '<div class="gl-studio"></div>'  # filled by static/studio.js


def on_server(explorer: Explorer) -> str:
    """Why the server makes the studio's pictures; empty where the page does."""
    try:
        portable.check(explorer.model)
    except ValueError as error:
        return str(error)
    return ""


def studio_value(explorer: Explorer, name: str, current: Item, ends: Ends) -> dict[str, Any]:
    """What the studio starts from; `name` is the model's among those that the page may ask for."""
    a, b = (None if item is None else item.z[0].tolist() for item in ends)
    return {
        "model": name,
        "fingerprint": explorer.fingerprint,
        "made": time.time(),
        "key": key_of(current),
        "z": current.z[0].tolist(),
        "caption": current.caption,
        "a": a,
        "b": b,
        "server": on_server(explorer),
    }


def key_of(item: Item) -> str:
    """By what the studio knows an item: the key that it gave itself, or else the item's own."""
    return item.moved_from or item.key


def rested(explorer: Explorer, told: dict[str, Any]) -> Item:
    """The item of the latent where the hand came to rest. The page is anybody's: what it sends is checked."""
    z = explorer.unpack({"fingerprint": told.get("fingerprint"), "z": told.get("z")})
    key, about = (str(told.get(name, ""))[:MAX_CAPTION] for name in ("key", "about"))
    return replace(items.of_latent(explorer, z, about), moved_from=key)


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
        item = rested(explorer, told)
        return item, now_html(item), studio_value(explorer, model, item, ends)

    outputs = [page.current, page.now, studio, notice]
    studio.rest(rest, [page.model, page.current, page.ends], outputs, **LIVE)

    @sentences(3)
    def sample(model: str, ends: Ends) -> tuple[Any, ...]:
        explorer, seed = page.models.get(model), random.randrange(1_000_000)
        item = items.of_sample(explorer, seed)
        return item, now_html(item), studio_value(explorer, model, item, ends)

    studio.sample(sample, [page.model, page.ends], outputs, **CLICK)
    return Tab("latent", [studio, notice], render, [page.model])
