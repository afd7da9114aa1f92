"""Map: all codes of the training pictures in two dimensions, drawn in the page (static/codemap.js)."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ganlab.explorer import Explorer
from ganlab.studio import codemap
from ganlab.ui import items
from ganlab.ui.html import markup
from ganlab.ui.items import Item
from ganlab.ui.page import CLICK, Ends, Page, Tab, latents_value, notice_area, now_html, sentences


def map_value(explorer: Explorer, name: str, current: Item, ends: Ends) -> dict[str, Any]:
    """What the map draws beside the codes, or why there is none."""
    return latents_value(explorer, name, current, ends) | {
        "palette": markup.PALETTE,
        "reason": codemap.explain_absence(explorer),
    }


def render(explorer: Explorer, current: Item, ends: Ends, name: str) -> tuple[Any, ...]:
    return map_value(explorer, name, current, ends), ""


def build(page: Page) -> Tab:
    notice = notice_area()
    # Without a value until the tab is opened: the codes are large.
    codes = gr.HTML(
        {},
        html_template='<div class="gl-map"></div>',
        apply_default_css=False,
        js_on_load=markup.script("map.js"),
        elem_id="map",
    )

    @sentences(3)
    def use(event: gr.EventData, model: str, ends: Ends) -> tuple[Any, ...]:
        """A training picture by its index, or a latent between codes."""
        explorer, told = page.models.get(model), event._data if isinstance(event._data, dict) else {}
        if type(index := told.get("index")) is int:
            item = items.from_gallery(explorer, index)
        else:
            item = items.from_page(explorer, told)
        return item, now_html(item), map_value(explorer, model, item, ends)

    codes.use(use, [page.model, page.ends], [page.current, page.now, codes, notice], **CLICK)
    return Tab("map", [codes, notice], render, [page.model])
