"""The page as a whole: frame, header, tabs and shelf, and how a picture moves from one to another."""

from __future__ import annotations

import functools
from html import escape
from typing import Any, TypeAlias

import gradio as gr

from ganlab.explorer import Explorer
from ganlab.gallery import test_pictures
from ganlab.ui import api, interpolate, items, latent, markup, neighbours, reconstruct, sample
from ganlab.ui.items import Item
from ganlab.ui.models import Models
from ganlab.ui.page import (
    CLICK,
    QUIET,
    Ends,
    Page,
    Tab,
    html,
    keeps_html,
    notice_area,
    now_html,
    sentences,
    slots_html,
)

MAX_KEPT = 24
CACHE = (600, 3600)  # seconds: how often, and how old, files of visitors are deleted
Kept: TypeAlias = tuple[Item, ...]
TABS = (
    ("Reconstruct", "reconstruct", reconstruct.build),
    ("Latent", "latent", latent.build),
    ("Interpolate", "interpolate", interpolate.build),
    ("Neighbours", "neighbours", neighbours.build),
    ("Sample", "sample", sample.build),
)


def opening(explorer: Explorer) -> tuple[Item, Ends]:
    """Something alive at once: a test digit already reconstructed, and a path to another."""
    if "encoder" in explorer.model.networks and test_pictures(explorer.model) is not None:
        current, other = (reconstruct.example_item(explorer, index) for index in (0, 1))
    else:
        z = explorer.sample(2)
        current, other = (items.of_latent(explorer, z[i : i + 1], f"sample {i} of seed 0") for i in range(2))
    return current, Ends(current, other)


def header_html(explorer: Explorer) -> str:
    """The model's measured figures, all from its metrics.json; the rest opens on demand."""
    config, measured = explorer.config, explorer.metrics
    facts = [f"<b>{escape(config.title or config.name)}</b>", f"{config.latent_dim} latents"]
    rows = [("latent prior", config.prior), ("fingerprint", explorer.fingerprint)]
    if training := measured.get("training"):
        rows.append(
            (
                "training",
                f"{training['epochs']} epochs, seed {training['seed']}, {training['updates']} updates,"
                f" {training['precision']}, {training['seconds'] / 60:.0f} min",
            )
        )
    if identity := measured.get("identity"):
        kept = markup.percent(identity["label_kept"])
        facts.append(f"keeps the digit {kept}")
        rows.append(("keeps the digit's class", f"{kept} of 10,000 test digits; judge: {identity['judge']}"))
    if one_nn := measured.get("one_nn"):
        facts.append(f"1NN {markup.percent(one_nn['features']['accuracy'], 2)}")
        for space, name in (("features", "hidden layer"), ("code", "codes"), ("pixels", "raw pixels")):
            figure = one_nn[space]
            said = f"{markup.percent(figure['accuracy'], 2)} ± {markup.percent(figure['standard_error'], 2)}"
            if "untrained" in figure:
                said += f"; untrained encoder {markup.percent(figure['untrained'], 2)}"
            rows.append((f"1NN, {name}", said))
    if error := measured.get("reconstruction"):
        rows.append(
            (
                "reconstruction error |x − G(E(x))|",
                f"{error['l2']:.2f}; of another digit {error['l2_random_pair']:.2f}",
            )
        )
        rows.append(
            (
                "mean squared error per pixel",
                f"{error['mse']:.4f}; the mean image {error['mse_mean_image']:.4f},"
                f" a random pair {error['mse_random_pair']:.4f}",
            )
        )
    if made := measured.get("evaluation"):
        rows.append(("measured by", f"{made['command']} ({made['date']})"))
    else:
        rows.append(("measured by", "not yet measured: python -m train.evaluate"))
    table = "".join(f"<dt>{escape(k)}</dt><dd>{escape(str(v))}</dd>" for k, v in rows)
    return (
        f'<div class="gl-facts"><span>{" · ".join(facts)}</span>'
        f'<details class="gl-about"><summary aria-label="About this model">about</summary>'
        f"<dl>{table}</dl></details></div>"
    )


def build(models: Models) -> gr.Blocks:
    opened = models.get(models.default)
    first, ends = opening(opened)
    with gr.Blocks(title="ganlab", analytics_enabled=False, fill_width=True, delete_cache=CACHE) as blocks:
        with gr.Row(elem_classes="gl-header"):
            html('<h1 class="gl-mark">ganlab</h1>', elem_classes="gl-brand")
            picker = gr.Dropdown(
                models.names(),
                value=models.default,
                allow_custom_value=models.anything,
                show_label=False,
                label="Model",
                container=False,
                scale=0,
                min_width=220,
                elem_id="model-picker",
            )
            header = html(header_html(opened), elem_classes="gl-figures")
        model_notice = notice_area()
        page = Page(
            models,
            opened,
            first,
            ends,
            model=gr.State(models.default),
            current=gr.State(first),
            now=html(now_html(first), "tiles", render=False),
            ends=gr.State(ends),
            slots=html(slots_html(ends), "tiles", render=False),
            kept=gr.State(()),
            keeps=html("", "tiles", render=False),
        )
        active = gr.State(TABS[0][1])
        with gr.Row(elem_classes="gl-frame"):
            with gr.Column(scale=1, min_width=300, elem_classes="gl-main"):
                openings: list[Any] = []
                made: list[Tab] = []
                with gr.Tabs(selected=TABS[0][1], elem_id="tabs") as tabs:
                    for name, key, builder in TABS:
                        with gr.Tab(name, id=key) as one:
                            made.append(builder(page))
                        openings.append(one)
            with gr.Column(scale=0, min_width=190, elem_classes="gl-side gl-shelf"):
                for part in (page.now, page.slots, page.keeps):
                    part.render()
        _wire_tabs(page, made, openings, active)
        _wire_shelf(page, made, tabs, active)
        _wire_picker(page, made, picker, header, model_notice)
        api.add(models)
    return blocks


def _all(tabs: list[Tab]) -> tuple[list[Any], list[Any]]:
    """Inputs and outputs of all tabs, in order."""
    return (
        [component for tab in tabs for component in tab.inputs],
        [component for tab in tabs for component in tab.outputs],
    )


def _redraw(
    tabs: list[Tab], explorer: Explorer, current: Item, ends: Ends, values: tuple[Any, ...], shown: set[str]
) -> list[Any]:
    """Outputs of all tabs from the values of all their inputs; only the shown ones do any work."""
    made: list[Any] = []
    start = 0
    for tab in tabs:
        own = values[start : start + len(tab.inputs)]
        start += len(tab.inputs)
        if tab.id in shown:
            made += tab.render(explorer, current, ends, *own)
        else:
            made += [gr.skip()] * len(tab.outputs)
    return made


def _wire_tabs(page: Page, tabs: list[Tab], openings: list[Any], active: gr.State) -> None:
    """A tab redraws itself when it is opened."""
    inputs, outputs = _all(tabs)

    def show(key: str, name: str, current: Item, ends: Ends, *values: Any) -> list[Any]:
        return [key, *_redraw(tabs, page.models.get(name), current, ends, values, {key})]

    for tab, one in zip(tabs, openings, strict=True):
        one.select(
            functools.partial(show, tab.id),
            [page.model, page.current, page.ends, *inputs],
            [active, *outputs],
            **QUIET,
        )


def _wire_shelf(page: Page, tabs: list[Tab], selected: gr.Tabs, active: gr.State) -> None:
    """The shelf sends the current picture to a place, and takes what lies in a place back.

    The event stands first in both handlers: Gradio places it by position."""
    inputs, outputs = _all(tabs)
    given = [page.model, page.current, page.ends, page.kept, active, *inputs]

    def send(
        event: gr.EventData,
        name: str,
        current: Item,
        ends: Ends,
        kept: tuple[Item, ...],
        active: str,
        *values: Any,
    ) -> list[Any]:
        explorer, action, value = page.models.get(name), str(event.action), str(event.value)
        made: list[Any] = [gr.skip()] * 6
        if action == "end" and value in ("A", "B"):
            ends = ends.with_end(value, current)
            made[:2] = ends, slots_html(ends)
        elif action == "keep" and all(item.key != current.key for item in kept):
            kept = (*kept, current)[-MAX_KEPT:]
            made[2:4] = kept, keeps_html(kept)
        elif action == "open" and value in [tab.id for tab in tabs]:
            active = value
            made[4:] = gr.Tabs(selected=value), value
        shown = {active} if action == "open" or (action == "end" and active == "interpolate") else set()
        return [*made, *_redraw(tabs, explorer, current, ends, values, shown)]

    page.now.pick(
        send, given, [page.ends, page.slots, page.kept, page.keeps, selected, active, *outputs], **CLICK
    )

    def use(
        event: gr.EventData,
        name: str,
        current: Item,
        ends: Ends,
        kept: tuple[Item, ...],
        active: str,
        *values: Any,
    ) -> list[Any]:
        place = str(event.value)
        index = int(place) if place.isdigit() else len(kept)
        chosen = kept[index] if index < len(kept) else {"A": ends.a, "B": ends.b}.get(place)
        current = chosen or current
        explorer = page.models.get(name)
        return [current, now_html(current), *_redraw(tabs, explorer, current, ends, values, {active})]

    for part in (page.slots, page.keeps):
        part.pick(use, given, [page.current, page.now, *outputs], **CLICK)


def _wire_picker(page: Page, tabs: list[Tab], picker: Any, header: Any, notice: Any) -> None:
    """Another model: what lies on the shelf is encoded anew, nothing is lost."""
    inputs, outputs = _all(tabs)

    @sentences(8 + len(outputs))
    def switch(name: str, current: Item, ends: Ends, kept: Kept, *values: Any) -> tuple[Any, ...]:
        explorer = page.models.get(name)
        if "encoder" in explorer.model.networks:
            current = items.moved_to(explorer, current)
            ends = Ends(*(item and items.moved_to(explorer, item) for item in ends))
            kept = tuple(items.moved_to(explorer, item) for item in kept)
        else:
            (current, ends), kept = opening(explorer), ()
        redrawn = _redraw(tabs, explorer, current, ends, values, {tab.id for tab in tabs})
        shelf = (current, now_html(current), ends, slots_html(ends), kept, keeps_html(kept))
        return name.strip(), header_html(explorer), *shelf, *redrawn

    states = [page.current, page.now, page.ends, page.slots, page.kept, page.keeps]
    picker.input(
        switch,
        [picker, page.current, page.ends, page.kept, *inputs],
        [page.model, header, *states, *outputs, notice],
        **CLICK,
    )
