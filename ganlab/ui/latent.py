"""Latent: sliders through the current latent, along principal directions and raw dimensions.

Principal directions are those of the gallery's codes. Where a model has none they would be those of
random draws, which mean nothing, so that only the raw dimensions are offered.
"""

from __future__ import annotations

import random
from dataclasses import replace
from html import escape
from typing import Any

import gradio as gr
import torch

from ganlab.explorer import Explorer
from ganlab.ui import items, markup
from ganlab.ui.items import Item
from ganlab.ui.page import CLICK, LIVE, Ends, Page, Tab, html, notice_area, now_html, sentences

PRINCIPAL = 10  # sliders for the first principal directions
REACH = 3.0  # standard deviations to each side
RAW_REACH = 2.0  # latent units to each side: the width of the uniform prior's box
PANEL = '<div class="gl-panel"></div>'  # filled by static/sliders.js from the component's value


def has_codes(explorer: Explorer) -> bool:
    return "code" in explorer.spaces


def note_html(explorer: Explorer) -> str:
    """Why there are no principal directions, where there are none."""
    if has_codes(explorer):
        return ""
    encodes = "encoder" in explorer.model.networks
    lack = "this model has no gallery" if encodes else "this GAN has no encoder"
    return markup.reason(
        f"No principal directions: those are of the training pictures' codes, and {lack}."
        " Each slider below is one raw dimension of z."
    )


def panel_value(explorer: Explorer, base: Item) -> dict[str, Any]:
    """What the page needs to lay out the sliders, all in the middle, for offsets from `base`."""
    shares = torch.zeros(0)
    if has_codes(explorer):
        variances = explorer.principal[1].square()
        shares = variances / variances.sum()
    return {
        "key": f"{explorer.fingerprint}/{base.key}",
        "principal": [f"PC {i + 1} · {100 * float(s):.1f} %" for i, s in enumerate(shares[:PRINCIPAL])],
        "reach": REACH,
        "raw": explorer.config.latent_dim,
        "raw_reach": RAW_REACH,
    }


def stage_html(item: Item) -> str:
    return markup.card("G(z)", item.image[0], item.caption, escape(item.caption), "latent")


def _numbers(sent: object, group: str) -> list[float]:
    """The page is anybody's: what it sends is checked."""
    offsets = sent.get("offsets") if isinstance(sent, dict) else None
    values = offsets.get(group) if isinstance(offsets, dict) else None
    if not isinstance(values, list) or not all(isinstance(v, int | float) for v in values):
        raise ValueError("Sliders send two lists of numbers, principal and raw.")
    return values


def moved(explorer: Explorer, base: Item, offsets: object) -> Item:
    """The item that lies `offsets` from base; base itself when all sliders are in the middle."""
    principal, raw = (_numbers(offsets, group) for group in ("principal", "raw"))
    if not any(principal) and not any(raw):
        return base
    z = explorer.move(base.z, principal, raw)
    caption = base.caption if base.caption.startswith("moved from ") else f"moved from {base.caption}"
    return replace(items.of_latent(explorer, z, caption), moved_from=base.key)


def render(explorer: Explorer, current: Item, ends: Ends, base: Item) -> tuple[Any, ...]:
    """Values of base, panel, picture, note and notice. A latent that these sliders made leaves them where
    they are; any other starts from the middle."""
    if current.moved_from == base.key and base.fingerprint == explorer.fingerprint:
        return gr.skip(), gr.skip(), stage_html(current), gr.skip(), ""
    return current, panel_value(explorer, current), stage_html(current), note_html(explorer), ""


def build(page: Page) -> Tab:
    notice = notice_area()
    opened = page.first
    base = gr.State(opened)
    with gr.Row(elem_classes="gl-bench"):
        with gr.Column(scale=0, min_width=300):
            stage = html(stage_html(opened), elem_id="latent-stage")
        with gr.Column(scale=1, min_width=300):
            note = html(note_html(page.opened), elem_id="latent-note")
            panel = gr.HTML(
                panel_value(page.opened, opened),
                html_template=PANEL,
                apply_default_css=False,
                js_on_load=markup.script("sliders.js"),
                elem_id="latent-panel",
            )

    @sentences(3)
    def slide(model: str, base: Item, offsets: object) -> tuple[Any, ...]:
        item = moved(page.models.get(model), base, offsets)
        return item, now_html(item), stage_html(item)

    panel.move(slide, [page.model, base, panel], [page.current, page.now, stage, notice], **LIVE)

    @sentences(5)
    def randomise(model: str) -> tuple[Any, ...]:
        explorer, seed = page.models.get(model), random.randrange(1_000_000)
        item = items.of_sample(explorer, seed)
        return item, now_html(item), item, panel_value(explorer, item), stage_html(item)

    panel.randomise(
        randomise,
        [page.model],
        [page.current, page.now, base, panel, stage, notice],
        **CLICK,
    )
    return Tab("latent", [base, panel, stage, note, notice], render, [base])
