"""Methods: the losses and data flow of each method, pictures from its models, and the measured table."""

from __future__ import annotations

import random

import gradio as gr

from ganlab.explorer import Explorer
from ganlab.ui.call import Answer, Call
from ganlab.ui.events import CLICK, LIVE
from ganlab.ui.html import markup
from ganlab.ui.html.promise import promise_html, step, term
from ganlab.ui.page import Page, Tab, html
from ganlab.ui.server.models import Models
from ganlab.ui.tabs.methods.explained import EXPLANATIONS
from ganlab.ui.tabs.methods.lecture import glossary_html, lecture_html
from ganlab.ui.tabs.methods.measured import ratios_html, table_html
from ganlab.ui.tabs.methods.results import results_html


def stage_html(models: Models, key: object, used: Explorer, seed: int = 0) -> str:
    """All of one method; `used` is the model that all tabs show. ValueError for an unknown method."""
    if not isinstance(key, str) or key not in EXPLANATIONS:
        raise ValueError(f"Method {key!r} is not explained; available = {list(EXPLANATIONS)}.")
    ratios = ""
    if EXPLANATIONS[key].shows_ratios:
        ratios = f'<h3 class="gl-h gl-part">updates of D per update of G</h3>{ratios_html()}'
    return markup.stage(used, f"{lecture_html(key)}{results_html(models, key, used, seed)}{ratios}")


def lead_html(explorer: Explorer) -> str:
    """What stands here, and the words that all tabs use."""
    words = ", ".join(term(word) for word in ("latent", "encoder", "reconstruction"))
    text = f"How these models learn, a page each; and what the words mean: {words}."
    return promise_html(
        explorer, text, step(f"try one on a {markup.get_noun(explorer.config)}", "reconstruct")
    )


def build(page: Page) -> Tab:
    """The choice of a method, its explanation with what its models make, the measured table, the words."""

    def measured_html() -> str:
        return f'<h3 class="gl-h gl-part">all methods compared</h3>{table_html()}'

    explorer = page.first.explorer
    own = explorer.config.method
    first = own if own in EXPLANATIONS else next(iter(EXPLANATIONS))
    followed = gr.State(explorer.fingerprint)  # of the model whose method was shown last by itself
    lead = html(lead_html(explorer), "open")
    chosen = gr.Radio(
        [(method.name, key) for key, method in EXPLANATIONS.items()],
        value=first,
        label="Method",
        elem_id="method",
    )
    stage = html(stage_html(page.models, first, explorer), "methods", elem_id="methods-stage")
    table = html(measured_html(), elem_id="methods-table")
    html(glossary_html(), elem_id="methods-words")

    def render(call: Call) -> Answer:
        """Another model shows its own method, if it is explained; the table is read anew."""
        explorer = call.explorer
        if call[followed] == explorer.fingerprint:
            return {table: measured_html()}
        own = explorer.config.method
        key = own if own in EXPLANATIONS else call[chosen] if call[chosen] in EXPLANATIONS else first
        return {
            chosen: gr.update(value=key),
            followed: explorer.fingerprint,
            lead: lead_html(explorer),
            stage: stage_html(page.models, key, explorer),
            table: measured_html(),
        }

    def choose(call: Call) -> Answer:
        return {
            followed: call.explorer.fingerprint,
            stage: stage_html(page.models, call[chosen], call.explorer),
        }

    def another(call: Call) -> Answer:
        seed = random.randrange(1_000_000)
        return {stage: stage_html(page.models, call[chosen], call.explorer, seed)}

    page.on(chosen.input, choose, {chosen}, {followed, stage}, **LIVE)
    page.on(stage.another, another, {chosen}, {stage}, **CLICK)
    writes = {chosen, followed, lead, stage, table}
    return Tab(render, writes=writes, reads={chosen, followed}, opens=(lead,))
