"""How the page comes to another model by the picker, and what else it draws anew."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from ganlab.explorer import Explorer
from ganlab.ui import items
from ganlab.ui.call import Answer, Call
from ganlab.ui.events import LIVE, waits_on
from ganlab.ui.html import markup
from ganlab.ui.html.header import header_html
from ganlab.ui.items import Ends, Opened, Shelf, Waiting, adapt_shelf
from ganlab.ui.page import Page, Tabs
from ganlab.ui.server.reading import speak
from ganlab.ui.shelf import waits_html


def open_shelf(explorer: Explorer) -> Shelf:
    """What a page opens with: a test picture already reconstructed, and another as the far end of a path."""
    if explorer.examples is not None and len(explorer.examples) > 1:
        current, other = items.from_examples(explorer, 0, 1)
    else:
        current, other = (items.from_sample(explorer, 0, i) for i in range(2))
    return Shelf(current, Ends(current, other), Opened())


def switch_shelf(explorer: Explorer, shelf: Shelf, waiting: Waiting) -> tuple[Shelf, Waiting]:
    """The shelf after a switch to another model. Pictures of a shape that it takes are inverted anew; others
    wait until a model of theirs comes back, and meanwhile the new model shows its own."""
    shape, taken = tuple(shelf.current.image.shape[1:]), explorer.config.image_shape
    if shape != taken:
        waiting = {**waiting, shape: shelf}
        if taken not in waiting:
            return open_shelf(explorer), waiting
        shelf = waiting.pop(taken)
    return adapt_shelf(explorer, shelf), waiting


@dataclass(frozen=True)
class Frame:
    """The parts of the page that a switch changes beside the shelf and the tabs."""

    picker: gr.HTML
    header: gr.HTML
    waits: gr.HTML
    waiting: gr.State  # Waiting
    selected: gr.Tabs
    visit: gr.HTML  # by which the page tells where it comes from, see `arrival`


def listen_to_picker(page: Page, tabs: Tabs, frame: Frame) -> None:
    """Another model: first its figures and the shelf, then the tab in use, which may take seconds; what it
    shows until then is marked in the page (static/lib/stale.js). Other tabs follow when they are opened."""

    def switch(call: Call) -> Answer:
        name = str(call[frame.picker] or "").strip()
        try:
            explorer = page.models.get(name)
        except ValueError as error:
            return {frame.picker: call.model, page.notice: markup.notice(speak(error))}
        shelf, waiting = switch_shelf(
            explorer, Shelf(call.current, call.ends, call.kept), call[frame.waiting]
        )
        return {
            page.model: name,
            frame.header: header_html(explorer),
            **put_on_shelf(page, shelf),
            frame.waiting: waiting,
            frame.waits: waits_html(waiting, page.models.find_name),
        }

    def draw(call: Call) -> Answer:
        return tabs.render(call, call[page.active])

    def draw_late(call: Call) -> Answer:
        return draw(replace(call, event={"late": True}))

    written = {page.model, page.current, page.ends, page.kept}
    written |= {frame.picker, frame.header, frame.waiting, frame.waits}
    settings = LIVE | waits_on(frame.header)
    picked = page.on(frame.picker.choose, switch, {frame.picker, frame.waiting}, written, **settings)
    silent = replace(page, notice=None)  # a sentence on a model that cannot be loaded stays
    # The page asks for a "redraw" of what stays late, whatever the server believes to be drawn.
    for event, draw_tab in ((picked.then, draw), (frame.header.redraw, draw_late)):
        silent.on(event, draw_tab, {page.active, *tabs.reads}, tabs.writes, **LIVE | tabs.waits)


def put_on_shelf(page: Page, shelf: Shelf) -> dict[Any, Any]:
    return {page.current: shelf.current, page.ends: shelf.ends, page.kept: shelf.kept}


def listen_to_tabs(page: Page, tabs: Tabs, frame: Frame, openings: dict[str, gr.Tab]) -> None:
    """A tab is drawn anew when it is opened."""
    for key, opening in openings.items():

        def show(call: Call, key: str = key) -> Answer:
            return {page.active: key, **tabs.render(call, key)}

        replace(page, notice=None).on(
            opening.select, show, tabs.reads, {page.active, *tabs.writes}, **LIVE | tabs.waits
        )
