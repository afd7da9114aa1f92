"""Training: a run as it learns, live or long ended, drawn in the page (static/lib/training.js).

What a run wrote the page fetches itself (server/training.py), and it may start one where the server is this
machine's. Nothing here belongs to the model in use.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from ganlab.explorer import Explorer
from ganlab.studio.history_source import MAX_ADDRESS
from ganlab.ui.call import Answer, Call, Component
from ganlab.ui.html import markup
from ganlab.ui.html.promise import promise_html, step
from ganlab.ui.page import Page, Setting, Tab, html

TRAINING = '<div class="gl-training"></div>'  # filled by static/lib/training.js
COLOURS = 100  # classes with a colour of their own


def lead_html(explorer: Explorer) -> str:
    """What the hand can do here."""
    text = (
        "Move the slider and see a model learn: the same samples, the same reconstructions, the map of codes"
        " and what the discriminator decides, from the first step to the last."
    )
    return promise_html(explorer, text, step("what the methods are", "methods"))


def read_name(explorer: Explorer, text: str) -> str:
    """A run as an address names it; the server decides later whether it may be read."""
    if len(text) > MAX_ADDRESS:
        raise ValueError("This is too long for the name of a run.")
    return text


def build(page: Page) -> Tab:
    """The stage, and in hidden fields the runs that an address names."""
    lead = html(lead_html(page.first.explorer), "open")
    run, beside = (gr.Textbox("", visible="hidden", elem_id=f"training-{name}") for name in ("run", "beside"))
    # Without a value until the tab is opened.
    stage = gr.HTML(
        {},
        html_template=TRAINING,
        apply_default_css=False,
        js_on_load=markup.read_script("training.js"),
        elem_id="training-stage",
    )

    def render(call: Call) -> Answer:
        names: dict[str, Any] = {
            name: value if isinstance(value := call[field], str) else "" for name, field in fields.items()
        }
        return {lead: lead_html(call.explorer), stage: {**names, "palette": markup.get_palette(COLOURS)}}

    fields: dict[str, Component] = {"run": run, "beside": beside}
    address = {name: Setting(field, read_name) for name, field in fields.items()}
    return Tab(render, writes={lead, stage}, reads={run, beside}, opens=(lead,), address=address)
