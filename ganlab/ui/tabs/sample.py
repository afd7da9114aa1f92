"""Sample: a grid of pictures of a seed; a click makes one current."""

from __future__ import annotations

import contextlib
import random
from dataclasses import asdict
from html import escape
from typing import Any
from urllib.parse import urlencode

import gradio as gr
from torch import Tensor

from ganlab.explorer import Explorer
from ganlab.gallery import Neighbour, explain_absence
from ganlab.latent import MAX_SEED
from ganlab.ui import items
from ganlab.ui.call import Answer, Call, Component
from ganlab.ui.events import CLICK, LIVE
from ganlab.ui.html import markup
from ganlab.ui.html.promise import fold, promise_html, step, term
from ganlab.ui.page import Page, Setting, Tab, html
from ganlab.ui.sampling import Draw, choose_source, describe_source, list_sources, read_draw

COUNTS = [16, 36, 64, 100]
FIRST = Draw(0, COUNTS[1], 1.0)


def source_settings(explorer: Explorer, source: str) -> dict[str, Any]:
    """The switch between sources of latents, which can be moved only where the model has two."""
    return {
        "choices": list_sources(explorer),
        "value": source,
        "interactive": len(explorer.sources) > 1,
    }


def figures_html(explorer: Explorer, source: str, nearest: bool) -> str:
    """Behind "details": what the samples are drawn from, how near to real pictures such samples are, and
    whether they repeat training pictures."""
    text = f"Each picture is G(z), z drawn from {describe_source(explorer, source)}."
    if len(explorer.sources) == 1:
        text += " No density was fitted to codes of this model."
    key = "mixture" if source == "mixture" else "distance"
    distance, n, floor = (explorer.get_figure("frechet", name) for name in (key, "n", "floor"))
    if distance is not None and n is not None and floor is not None:
        text += (
            f" Fréchet distance of {n:,.0f} such samples {distance:.2f}, of real pictures {floor:.2f}"
            " (features of the classifier, lower is nearer)."
        )
    return markup.details(markup.reason(text) + memorization_html(explorer, source, nearest), "figures")


def memorization_html(explorer: Explorer, source: str, shown: bool) -> str:
    """What the numbers beside the samples mean, and what was measured of many samples of the source."""
    if not shown or explorer.gallery is None or explorer.gallery.pictures.kind != "data":
        return ""
    text = (
        "Below each pair: the L2 distance of the pixels to the nearest training picture, and the share of"
        " test pictures that lie farther from theirs."
    )
    measured = explorer.get_metrics("memorization")
    if isinstance(measured, dict) and measured.get("fingerprint") == explorer.fingerprint:
        with contextlib.suppress(KeyError, TypeError, ValueError, ZeroDivisionError):  # of another form
            text += _describe_measured(measured, source)
    return markup.reason(text)


def _describe_measured(measured: dict[str, Any], source: str) -> str:
    """What `python -m train.memorization` measured of a source of samples."""
    kinds = [measured, *measured.get("others", [])]
    figures = next((kind for kind in kinds if kind["source"] == source), None)
    if figures is None:
        return f" For many samples of the {source} it was not measured."
    return (
        f" Of {measured['samples']:,} samples of the {source}"
        f" {100 * figures['closer'] / measured['samples']:.1f} % are"
        f" nearer than {100 - measured['percentile']} % of test pictures;"
        f" {100 * figures['nearer_to_training']:.1f} % lie nearer to training than to as many test"
        " pictures, and 50 % would if nothing were memorized."
    )


def _describe(explorer: Explorer, near: Neighbour) -> str:
    """ "nearest training picture, a 7"."""
    what = f"nearest of the {markup.name_gallery(explorer)}"
    return f"{what}, {markup.with_article(near.name)}" if near.name else what


def nearest_html(explorer: Explorer, pictures: Tensor) -> list[str]:
    """Beside each sample its nearest training picture, and how near real pictures are to theirs."""
    return [
        f"{markup.picture(near.image, _describe(explorer, near))}"
        f'<small class="gl-figure">{near.distance:.1f}'
        f"{'' if share is None else f' · nearer than {100 * share:.0f} %'}</small>"
        for near, share in explorer.find_memorized(pictures)
    ]


def stage_html(
    explorer: Explorer, draw: Draw, source: object = None, nearest: bool = True, chosen: int = -1
) -> str:
    """The samples of a draw, each beside its nearest training picture if asked for; `chosen` is marked."""
    source = choose_source(explorer, source)
    pictures = explorer.decode(explorer.sample(draw.count, draw.seed, draw.truncation, source))
    paired = nearest and explorer.gallery is not None
    captions = nearest_html(explorer, pictures) if paired else [""] * draw.count
    tiles = [
        markup.tile(
            x, f"Sample {i} of seed {draw.seed}: make it current", "sample", i, captions[i], i == chosen
        )
        for i, x in enumerate(pictures)
    ]
    text = ""
    if paired:
        text = f"Beside each stands the most similar of the {markup.name_gallery(explorer)}."
    elif nearest:
        text = f"No similar training pictures: {explain_absence(explorer.model)}."
    kind = "gl-grid gl-pairs" if paired else "gl-grid"
    grid = f'<div class="{kind}" role="group" aria-label="Samples of seed {draw.seed}">{"".join(tiles)}</div>'
    above = (markup.reason(text) if text else "") + (markup.stand_in_html(explorer) if paired else "")
    settings = urlencode({**asdict(draw), "source": source})
    chosen_html = f'<i hidden="" data-chosen="{escape(settings)}"></i>'
    return markup.stage(explorer, f"{above}{figures_html(explorer, source, nearest)}{chosen_html}{grid}")


def lead_html(explorer: Explorer) -> str:
    """What stands here and what the hand can do with it."""
    noun = markup.get_noun(explorer.config)
    text = f"The model makes up these {noun}s from random {term('latent', 'latents')}; click one to take it."
    return promise_html(explorer, text, step("slide it", "latent"), fold())


def read_within(text: str, highest: float) -> float:
    """A number from 0 to `highest`, whole where that is; ValueError for another."""
    value = type(highest)(text)
    if not 0 <= value <= highest:
        raise ValueError(f"This is a number from 0 to {highest}, not {text[:40]!r}.")
    return value


def _build_controls(page: Page) -> tuple[Component, ...]:
    """Seed, count, truncation, source, whether nearest pictures are shown; and a button for another seed."""
    explorer = page.first.explorer
    with gr.Row(elem_classes="gl-controls"):
        return (
            gr.Number(
                FIRST.seed, label="Seed", precision=0, minimum=0, scale=1, min_width=90, elem_id="seed"
            ),
            gr.Radio(COUNTS, value=FIRST.count, label="Pictures", scale=2, min_width=170),
            gr.Slider(
                0,
                1,
                value=FIRST.truncation,
                step=0.05,
                label="Truncation",
                scale=2,
                min_width=170,
                info="lower: more typical, less varied",
            ),
            gr.Radio(
                **source_settings(explorer, explorer.sources[0]),
                label="Sample from",
                scale=2,
                min_width=210,
                elem_id="sample-source",
            ),
            gr.Checkbox(
                True, label="nearest training pictures", scale=1, min_width=130, elem_id="sample-beside"
            ),
            gr.Button("another seed", size="sm", scale=0, min_width=100, elem_id="another-seed"),
        )


def build(page: Page) -> Tab:
    """Seed, count, truncation and source, and the grid of samples."""
    lead = html(lead_html(page.first.explorer), "open")
    seed, count, truncation, source, nearest, another = _build_controls(page)
    stage = html(stage_html(page.first.explorer, FIRST), "tiles", elem_id="sample-stage")
    controls = {seed, count, truncation, source, nearest}

    def draw(call: Call, chosen: int = -1) -> Answer:
        samples = read_draw(call[seed], call[count], call[truncation])
        return {stage: stage_html(call.explorer, samples, call[source], bool(call[nearest]), chosen)}

    def render(call: Call) -> Answer:
        used = choose_source(call.explorer, call[source])
        return {
            **draw(call),
            lead: lead_html(call.explorer),
            source: gr.update(**source_settings(call.explorer, used)),
        }

    def pick(call: Call) -> Answer:
        index, samples = call.index(), read_draw(call[seed], call[count], call[truncation])
        if index >= samples.count:
            raise ValueError(f"There is no sample {index}.")
        used = choose_source(call.explorer, call[source])
        item = items.from_sample(call.explorer, samples.seed, index, samples.truncation, used)
        return {page.current: item, **draw(call, chosen=index)}

    for control in (seed, count, truncation, nearest):
        page.on(control.change, draw, controls, {stage}, **LIVE)
    page.on(source.input, draw, controls, {stage}, **LIVE)  # a switch of models sets it too
    page.on(another.click, lambda call: {seed: random.randrange(1_000_000)}, writes={seed}, **CLICK)
    page.on(stage.pick, pick, controls, {page.current, stage}, **CLICK)
    address = {
        "seed": Setting(seed, lambda explorer, text: read_within(text, MAX_SEED)),
        "count": Setting(count, lambda explorer, text: COUNTS[COUNTS.index(int(text))]),
        "truncation": Setting(truncation, lambda explorer, text: read_within(text, 1.0)),
        "source": Setting(source, choose_source),
    }
    writes = {lead, stage, source}
    return Tab(render, writes=writes, reads=controls, opens=(lead,), address=address)
