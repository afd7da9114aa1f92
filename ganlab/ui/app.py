"""The page as a whole: frame, header, tabs and shelf, and how a picture moves from one to another."""

from __future__ import annotations

import functools
import time
from dataclasses import replace
from typing import Any

import gradio as gr

from ganlab.explorer import Explorer
from ganlab.gallery import load_test_pictures
from ganlab.studio.recipe import Recipe, find_latents
from ganlab.ui import items
from ganlab.ui.html import markup
from ganlab.ui.html.header import header_html
from ganlab.ui.items import Item
from ganlab.ui.page import (
    CLICK,
    LIVE,
    MAX_KEPT,
    QUIET,
    SLOW,
    Ends,
    Page,
    Shelf,
    Tab,
    Waiting,
    adapt_shelf,
    html,
    keeps_html,
    loaded,
    notice_area,
    now_html,
    restored,
    sentences,
    slots_html,
    waits_html,
    waits_on,
)
from ganlab.ui.server import api
from ganlab.ui.server.models import Models
from ganlab.ui.tabs import code_map, compare, interpolate, latent, methods, neighbours, reconstruct, sample

USE_ENDS = ("latent", "interpolate")  # tabs that show something else once A or B is another
CACHE = (600, 3600)  # seconds: how often, and how old, files of visitors are deleted
TABS = (
    ("Reconstruct", "reconstruct", reconstruct.build),
    ("Latent", "latent", latent.build),
    ("Interpolate", "interpolate", interpolate.build),
    ("Neighbours", "neighbours", neighbours.build),
    ("Sample", "sample", sample.build),
    ("Map", "map", code_map.build),
    ("Compare", "compare", compare.build),
    ("Methods", "methods", methods.build),
)


def opening(explorer: Explorer) -> Shelf:
    """Something alive at once: a test picture already reconstructed, and a path to another."""
    if load_test_pictures(explorer.model) is not None:
        current, other = reconstruct.example_items(explorer, 0, 1)
    else:
        current, other = (items.from_sample(explorer, 0, i) for i in range(2))
    return Shelf(current, Ends(current, other), ())


def switched(explorer: Explorer, shelf: Shelf, waiting: Waiting) -> tuple[Shelf, Waiting]:
    """The shelf after a switch to another model. Pictures of a shape that it takes are inverted anew; others
    wait until a model of theirs comes back, and meanwhile the new model shows its own."""
    shape, taken = tuple(shelf.current.image.shape[1:]), explorer.config.image_shape
    if shape != taken:
        waiting = {**waiting, shape: shelf}
        if taken not in waiting:
            return opening(explorer), waiting
        shelf = waiting.pop(taken)
    return adapt_shelf(explorer, shelf), waiting


def build(models: Models) -> gr.Blocks:
    opened = models.get(models.default)
    first = opening(opened)
    with gr.Blocks(title="ganlab", analytics_enabled=False, fill_width=True, delete_cache=CACHE) as blocks:
        with gr.Row(elem_classes="gl-header"):
            html('<h1 class="gl-mark">ganlab</h1>', elem_classes="gl-brand")
            picker = gr.Dropdown(
                models.list_names(),
                value=models.default,
                allow_custom_value=models.allow_any,
                show_label=False,
                label="Model",
                container=False,
                scale=0,
                min_width=220,
                elem_id="model-picker",
            )
            header = html(header_html(opened), elem_classes=["gl-figures", SLOW])
        model_notice = notice_area()
        page = Page(
            models,
            opened,
            first.current,
            first.ends,
            model=gr.State(models.default),
            current=gr.State(first.current),
            now=html(now_html(first.current), "tiles", render=False),
            ends=gr.State(first.ends),
            slots=html(slots_html(first.ends), "tiles", render=False),
            kept=gr.State(()),
            keeps=html(keeps_html(opened, ()), "tiles", "shelf", render=False),
            shelf_notice=html("", render=False, elem_classes="gl-notices"),
            waiting=gr.State({}),
            waits=html("", render=False, elem_classes="gl-waits"),
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
                for part in (page.now, page.slots, page.keeps, page.shelf_notice, page.waits):
                    part.render()
        _wire_tabs(page, made, openings, active)
        _wire_shelf(page, made, tabs, active)
        _wire_picker(page, made, active, picker, header, model_notice)
        _wire_links(blocks, page, made, active, tabs, picker, header, model_notice)
        api.register(models)
    return blocks


def _all(tabs: list[Tab]) -> tuple[list[Any], list[Any]]:
    """Inputs and outputs of all tabs, in order."""
    return (
        [component for tab in tabs for component in tab.inputs],
        [component for tab in tabs for component in tab.outputs],
    )


def _slow(tabs: list[Tab]) -> dict[str, Any]:
    """Settings of an event that redraws tabs: what may take seconds shows it."""
    return waits_on(*(part for part in _all(tabs)[1] if SLOW in (part.elem_classes or ())))


def _redraw(
    tabs: list[Tab], explorer: Explorer, current: Item, ends: Ends, values: tuple[Any, ...], shown: set[str]
) -> list[Any]:
    """Outputs of all tabs from the values of all their inputs; only the shown ones do any work. An error
    of use becomes the sentence of its tab."""
    made: list[Any] = []
    start = 0
    for tab in tabs:
        own = values[start : start + len(tab.inputs)]
        start += len(tab.inputs)
        if tab.id in shown:
            try:
                # A slow handler may leave behind what belongs to the model that was in use when it began.
                fitting = adapt_shelf(explorer, Shelf(current, ends, ()))
                made += tab.render(explorer, fitting.current, fitting.ends, *own)
            except ValueError as error:
                made += [*[gr.skip()] * (len(tab.outputs) - 1), markup.notice(str(error))]
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
            **LIVE | _slow(tabs),
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
            made[2:4] = kept, keeps_html(explorer, kept)
        elif action == "open" and value in [tab.id for tab in tabs]:
            active = value
            made[4:] = gr.Tabs(selected=value), value
        shown = {active} if action == "open" or (action == "end" and active in USE_ENDS) else set()
        return [*made, *_redraw(tabs, explorer, current, ends, values, shown)]

    sent = [page.ends, page.slots, page.kept, page.keeps, selected, active, *outputs]
    page.now.pick(send, given, sent, **CLICK | _slow(tabs))

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
        current = replace(chosen, since=time.time()) if chosen else current
        explorer = page.models.get(name)
        return [current, now_html(current), *_redraw(tabs, explorer, current, ends, values, {active})]

    page.slots.pick(use, given, [page.current, page.now, *outputs], **CLICK | _slow(tabs))

    def use_or_drop(
        event: gr.EventData, name: str, current: Item, ends: Ends, kept: Any, *values: Any
    ) -> Any:
        if str(event.action) != "drop":
            return gr.skip(), gr.skip(), *use(event, name, current, ends, kept, *values)
        left = tuple(item for index, item in enumerate(kept) if str(index) != str(event.value))
        return left, keeps_html(page.models.get(name), left), *[gr.skip()] * (2 + len(outputs))

    page.keeps.pick(
        use_or_drop,
        given,
        [page.kept, page.keeps, page.current, page.now, *outputs],
        **CLICK | _slow(tabs),
    )

    def restore(event: gr.EventData, name: str, kept: tuple[Item, ...]) -> tuple[Any, Any]:
        """What the browser remembers, once, ahead of what was kept since; nothing where it is of no use."""
        try:
            found = restored(page.models.get(name), event._data)
        except ValueError:
            return gr.skip(), gr.skip()
        kept = (*found, *kept)[-MAX_KEPT:]
        return kept, keeps_html(page.models.get(name), kept)

    page.keeps.restore(restore, [page.model, page.kept], [page.kept, page.keeps], **CLICK)

    @sentences(2)
    def bring(event: gr.EventData, name: str, kept: tuple[Item, ...]) -> tuple[Any, Any]:
        explorer = page.models.get(name)
        kept = (*kept, *loaded(explorer, event.content))[-MAX_KEPT:]
        return kept, keeps_html(explorer, kept)

    page.keeps.bring(bring, [page.model, page.kept], [page.kept, page.keeps, page.shelf_notice], **CLICK)


def _wire_picker(
    page: Page, tabs: list[Tab], active: gr.State, picker: Any, header: Any, notice: Any
) -> None:
    """Another model: first its figures and the shelf, then the tab in use; others when they are opened."""
    inputs, outputs = _all(tabs)

    @sentences(10)
    def switch(
        name: str, current: Item, ends: Ends, kept: tuple[Item, ...], waiting: Waiting
    ) -> tuple[Any, ...]:
        explorer = page.models.get(name)
        shelf, waiting = switched(explorer, Shelf(current, ends, kept), waiting)
        return (
            name.strip(),
            header_html(explorer),
            *(shelf.current, now_html(shelf.current)),
            *(shelf.ends, slots_html(shelf.ends)),
            *(shelf.kept, keeps_html(explorer, shelf.kept)),
            *(waiting, waits_html(waiting)),
        )

    def redraw(active: str, name: str, current: Item, ends: Ends, *values: Any) -> list[Any]:
        return _redraw(tabs, page.models.get(name), current, ends, values, {active})

    states = [page.current, page.now, page.ends, page.slots, page.kept, page.keeps, page.waiting, page.waits]
    picked = picker.input(
        switch,
        [picker, page.current, page.ends, page.kept, page.waiting],
        [page.model, header, *states, notice],
        **LIVE | waits_on(header),
    )
    drawn = [active, page.model, page.current, page.ends, *inputs]
    picked.then(redraw, drawn, outputs, **LIVE | _slow(tabs))


def linked(models: Models, text: str) -> tuple[str, Shelf, str]:
    """The model, the shelf and the tab of a permalink's recipe; ValueError for one that this server cannot
    show. Of a film the page itself reads what lies between the first and the last latent."""
    recipe = Recipe.from_query(text)
    name = models.find_by_recipe(recipe)
    explorer = models.get(name)
    found = [
        items.from_latent(explorer, z.unsqueeze(0), "a linked latent") for z in find_latents(explorer, recipe)
    ]
    shelf = opening(explorer)._replace(current=found[0])
    if recipe.operation == "decode":
        return name, shelf, "latent"
    return name, shelf._replace(ends=Ends(found[0], found[-1])), "interpolate"


def _wire_links(
    blocks: gr.Blocks,
    page: Page,
    made: list[Tab],
    active: gr.State,
    selected: gr.Tabs,
    picker: Any,
    header: Any,
    notice: Any,
) -> None:
    """A page that is opened with ?recipe= shows its latent in the studio, or its film."""
    inputs, outputs = _all(made)

    @sentences(11)
    def arrive(request: gr.Request) -> tuple[Any, ...]:
        text = request.query_params.get("recipe")
        if not text:
            return tuple([gr.skip()] * 11)
        name, shelf, tab = linked(page.models, str(text))
        explorer = page.models.get(name)
        own = name == page.models.default  # whose shelf the browser has asked back already
        return (
            *([gr.skip()] * 2 if own else ((), keeps_html(explorer, ()))),
            *(name, name, header_html(explorer)),
            *(shelf.current, now_html(shelf.current)),
            *(shelf.ends, slots_html(shelf.ends)),
            *(gr.Tabs(selected=tab), tab),
        )

    def redraw(active: str, name: str, current: Item, ends: Ends, *values: Any) -> list[Any]:
        shown = {active} - {TABS[0][1]}  # which is drawn already
        return _redraw(made, page.models.get(name), current, ends, values, shown)

    shelf = [page.kept, page.keeps]
    current = [page.current, page.now, page.ends, page.slots]
    parts = [*shelf, page.model, picker, header, *current, selected, active, notice]
    arrived = blocks.load(arrive, None, parts, **QUIET)
    arrived.then(redraw, [active, page.model, page.current, page.ends, *inputs], outputs, **QUIET)
