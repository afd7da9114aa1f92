"""Map: the codes of all training pictures in two dimensions, drawn in the page (static/lib/codemap.js)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from ganlab.explorer import Explorer
from ganlab.studio import codemap
from ganlab.ui import items
from ganlab.ui.call import Answer, Call, latents_payload
from ganlab.ui.events import CLICK
from ganlab.ui.html import markup
from ganlab.ui.html.promise import fold, promise_html, step
from ganlab.ui.page import Page, Tab, html

MAP = '<div class="gl-map"></div>'  # filled by static/lib/codemap.js


def map_value(call: Call, names: Sequence[str], instead: str = "") -> dict[str, Any]:
    """What the map shows beside the codes; or why there is none, and `instead`, which models have one.
    `names` are the models on offer."""
    others = codemap.list_twins(call.explorer, [name for name in names if name != call.model])
    reason = codemap.explain_absence(call.explorer)
    a, b = call.ends
    codes = {"code": call.current, "code_a": a, "code_b": b}
    return latents_payload(call) | {
        "palette": markup.get_palette(len(markup.get_gallery_classes(call.explorer))),
        **{name: item and call.explorer.to_codes(item.z)[0].tolist() for name, item in codes.items()},
        "reason": f"{reason} {instead}".strip() if reason else "",
        "others": [{"name": name, "title": title} for name, title in others.items()],
    }


def lead_html(explorer: Explorer) -> str:
    """What the hand can do here; nothing for a model without a map, whose absence is explained."""
    if codemap.explain_absence(explorer):
        return markup.stage(explorer, "")
    noun = markup.get_noun(explorer.config)
    text = (
        f"Points are {markup.name_gallery(explorer)}, and alike ones lie together; the ring marks this"
        f" {noun}. Point to look, click to take."
    )
    return promise_html(explorer, text, step(f"slide this {noun}", "latent"), fold())


def build(page: Page) -> Tab:
    """The map. It sends "use" with the index of a training picture, or with a code; "end" says that its
    latent becomes A or B, else it becomes current."""
    lead = html(lead_html(page.first.explorer), "open")
    # Without a value until the tab is opened: the codes are large.
    codes = gr.HTML(
        {}, html_template=MAP, apply_default_css=False, js_on_load=markup.read_script("map.js"), elem_id="map"
    )

    def render(call: Call) -> Answer:
        instead = page.models.suggest_encoder(call.explorer.config)
        value = map_value(call, page.models.list_names(), instead)
        return {lead: lead_html(call.explorer), codes: value}

    def use(call: Call) -> Answer:
        if "index" in call.event:
            item = items.from_gallery(call.explorer, call.index("index"))
        else:
            item = items.from_page_code(call.explorer, dict(call.event))
        if end := call.text("end"):
            ends = call.ends.with_end(end, item)
            return {page.ends: ends, **render(replace(call, ends=ends))}
        return {page.current: item, **render(replace(call, current=item))}

    page.on(codes.use, use, writes={page.current, page.ends, lead, codes}, **CLICK)
    return Tab(render, writes={lead, codes}, opens=(lead,))
