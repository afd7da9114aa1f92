"""Map: the codes of all training pictures in two dimensions, drawn in the page (static/lib/codemap.js)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr

from ganlab.studio import codemap
from ganlab.ui import items
from ganlab.ui.call import Answer, Call, latents_payload
from ganlab.ui.events import CLICK
from ganlab.ui.html import markup
from ganlab.ui.page import Page, Tab

MAP = '<div class="gl-map"></div>'  # filled by static/lib/codemap.js


def map_value(call: Call) -> dict[str, Any]:
    """What the map shows beside the codes, or why there is none."""
    return latents_payload(call) | {
        "palette": markup.PALETTE,
        "reason": codemap.explain_absence(call.explorer),
    }


def build(page: Page) -> Tab:
    """The map. It sends "use" with the index of a training picture, or with a latent between codes."""
    # Without a value until the tab is opened: the codes are large.
    codes = gr.HTML(
        {}, html_template=MAP, apply_default_css=False, js_on_load=markup.read_script("map.js"), elem_id="map"
    )

    def render(call: Call) -> Answer:
        return {codes: map_value(call)}

    def use(call: Call) -> Answer:
        if "index" in call.event:
            item = items.from_gallery(call.explorer, call.index("index"))
        else:
            item = items.from_page(call.explorer, dict(call.event))
        return {page.current: item, **render(replace(call, current=item))}

    page.on(codes.use, use, writes={page.current, codes}, **CLICK)
    return Tab(render, writes={codes})
