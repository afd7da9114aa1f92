"""Sample: a grid of G(z), z from the prior or from a mixture fitted to codes; a click makes one current."""

from __future__ import annotations

import random
from typing import Any

import gradio as gr
from torch import Tensor

from ganlab.explorer import Explorer
from ganlab.ui import items
from ganlab.ui.html import markup
from ganlab.ui.items import Item
from ganlab.ui.page import CLICK, LIVE, Ends, Page, Tab, html, notice_area, now_html, sentences

COUNTS = [16, 36, 64, 100]
MAX_COUNT = 256  # in one call of the API
SOURCES = [("codes of training pictures", "mixture"), ("the prior", "prior")]


def checked(seed: object, count: object, truncation: object) -> tuple[int, int, float]:
    """Numbers as a person or a client typed them."""
    try:
        whole, many, cut = int(seed), int(count), float(truncation)  # type: ignore[call-overload,arg-type]
    except (TypeError, ValueError, OverflowError):
        raise ValueError("A seed and a count are whole numbers, truncation is between 0 and 1.") from None
    if not 1 <= many <= MAX_COUNT:
        raise ValueError(f"From 1 to {MAX_COUNT} samples can be drawn at once, not {many}.")
    return whole, many, cut


def source_of(explorer: Explorer, wanted: str | None) -> str:
    """What the model draws from when asked for `wanted`, or for nothing: without a mixture it has its prior
    only."""
    if wanted not in [None, *(value for _, value in SOURCES)]:
        raise ValueError(f"Samples are of one of {[value for _, value in SOURCES]}, not {wanted!r}.")
    return wanted if wanted in explorer.sources else explorer.sources[0]


def choice(explorer: Explorer, source: str) -> dict[str, Any]:
    """Settings of the choice of a source, which is one only where the model has two."""
    alone = len(explorer.sources) == 1
    return {"value": None if alone else source, "interactive": not alone}


def named(explorer: Explorer, source: str) -> str:
    """What samples are of, in words."""
    config = explorer.config
    if source == "mixture":
        return (
            f"a mixture of {config.gaussians} Gaussians, fitted after training to the codes of the training"
            f" {markup.noun(config)}s"
        )
    return f"the prior, {'N(0, I)' if config.prior == 'normal' else 'uniform on [−1, 1]'}"


def source_html(explorer: Explorer, wanted: str | None) -> str:
    """A sentence under the samples: what they are of, and how near to real pictures."""
    source = source_of(explorer, wanted)
    said = f"G(z), z of {named(explorer, source)}."
    key = "mixture" if source == "mixture" else "distance"
    distance, n, floor = (explorer.get_figure("frechet", name) for name in (key, "n", "floor"))
    if distance is not None and n is not None and floor is not None:
        said += (
            f" Fréchet distance of {n:,.0f} such samples {distance:.2f}, of real pictures {floor:.2f} (judge"
            " features, lower is nearer)."
        )
    if len(explorer.sources) == 1:
        said += " No density was fitted to codes of this model."
    return markup.reason(said)


def beside_html(explorer: Explorer, pictures: Tensor) -> list[str]:
    """Beside each sample its nearest training picture, and how near real pictures are to theirs."""
    return [
        f"{markup.picture(near.image, f'nearest training picture, a {near.label}')}"
        f"<small>{near.distance:.1f}"
        f"{'' if share is None else f' · nearer than {100 * share:.0f} %'}</small>"
        for near, share in explorer.find_memorized(pictures)
    ]


def memory_html(explorer: Explorer, shown: bool) -> str:
    """What the numbers beside the samples mean, and what was measured of many."""
    if explorer.gallery is None:
        return markup.reason("No nearest training pictures: this model comes without a gallery.")
    if not shown:
        return ""
    said = (
        "Right of each sample: the training picture whose pixels are nearest, their L2 distance, and the"
        " share of test pictures that lie farther from theirs."
    )
    found = explorer.get_metrics("memorization")
    if isinstance(found, dict) and found.get("fingerprint") == explorer.fingerprint:
        said += (
            f" Of {found['samples']:,} samples {100 * found['closer'] / found['samples']:.1f} % are nearer"
            f" than {100 - found['percentile']} % of test pictures;"
            f" {100 * found['nearer_to_training']:.1f} % lie nearer to training than to as many test"
            " pictures, and 50 % would if nothing were memorized."
        )
    return markup.reason(said)


def stage_html(
    explorer: Explorer,
    seed: int,
    count: int,
    truncation: float,
    wanted: str | None,
    beside: bool,
    chosen: int = -1,
) -> str:
    source = source_of(explorer, wanted)
    pictures = explorer.decode(explorer.sample(count, seed, truncation, source))
    paired = beside and explorer.gallery is not None
    near = beside_html(explorer, pictures) if paired else [""] * count
    tiles = [
        markup.tile(x, f"Sample {i} of seed {seed}: make it current", "sample", i, near[i], i == chosen)
        for i, x in enumerate(pictures)
    ]
    kind = "gl-grid gl-pairs" if paired else "gl-grid"
    grid = f'<div class="{kind}" role="group" aria-label="Samples of seed {seed}">{"".join(tiles)}</div>'
    return grid + source_html(explorer, wanted) + memory_html(explorer, beside)


def render(
    explorer: Explorer,
    current: Item,
    ends: Ends,
    seed: object,
    count: object,
    truncation: object,
    source: str | None,
    beside: bool,
) -> tuple[Any, ...]:
    used = source_of(explorer, source)
    return (
        stage_html(explorer, *checked(seed, count, truncation), used, beside),
        gr.Radio(**choice(explorer, used)),
        "",
    )


def build(page: Page) -> Tab:
    notice = notice_area()
    with gr.Row(elem_classes="gl-controls"):
        seed = gr.Number(0, label="Seed", precision=0, minimum=0, scale=1, min_width=90, elem_id="seed")
        count = gr.Radio(COUNTS, value=COUNTS[1], label="Pictures", scale=2, min_width=170)
        truncation = gr.Slider(
            0,
            1,
            value=1,
            step=0.05,
            label="Truncation",
            scale=2,
            min_width=170,
            info="lower: more typical, less varied",
        )
        source = gr.Radio(
            SOURCES,
            **choice(page.opened, page.opened.sources[0]),
            label="Latents of",
            scale=2,
            min_width=210,
            elem_id="sample-source",
        )
        beside = gr.Checkbox(
            True, label="nearest training pictures", scale=1, min_width=130, elem_id="sample-beside"
        )
        another = gr.Button("another seed", size="sm", scale=0, min_width=100, elem_id="another-seed")
    opened = stage_html(page.opened, 0, COUNTS[1], 1.0, page.opened.sources[0], True)
    stage = html(opened, "tiles", elem_id="sample-stage")
    controls = [seed, count, truncation, source, beside]

    @sentences(1)
    def draw(
        model: str, seed: object, count: object, truncation: object, source: str | None, beside: bool
    ) -> str:
        return stage_html(page.models.get(model), *checked(seed, count, truncation), source, beside)

    for control in (seed, count, truncation, beside):
        control.change(draw, [page.model, *controls], [stage, notice], **LIVE)
    source.input(draw, [page.model, *controls], [stage, notice], **LIVE)  # a switch of models sets it too
    another.click(lambda: random.randrange(1_000_000), None, seed, **CLICK)

    @sentences(3)
    def pick(
        model: str, s: object, n: object, t: object, wanted: str | None, beside: bool, event: gr.EventData
    ) -> tuple[Any, ...]:
        explorer, index = page.models.get(model), int(event.value)
        values = checked(s, n, t)
        if not 0 <= index < values[1]:
            raise ValueError(f"There is no sample {index}.")
        item = items.from_sample(explorer, values[0], index, values[2], source_of(explorer, wanted))
        return item, now_html(item), stage_html(explorer, *values, wanted, beside, chosen=index)

    stage.pick(pick, [page.model, *controls], [page.current, page.now, stage, notice], **CLICK)
    return Tab("sample", [stage, source, notice], render, controls)
