"""How the page gets to where its address says: by a link, the browser's Back, a reload, or after the server
has lost its state. static/lib/visit.js sends where it wants to be, and what it remembers of it.

An address names a tab, a model, the current picture ("at", see `items.from_address`, or a recipe) and
settings of the tab. What a page remembers is an item as a snapshot, exact where an address has only a latent.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from html import escape
from typing import Any, NamedTuple

import gradio as gr

from ganlab.config import CheckpointError
from ganlab.explorer import Explorer
from ganlab.studio.recipe import Recipe, find_latents
from ganlab.ui import items, snapshots
from ganlab.ui.call import Answer, Call
from ganlab.ui.events import CLICK
from ganlab.ui.html import markup
from ganlab.ui.html.header import header_html
from ganlab.ui.items import Ends, Item, Opened, Shelf, Waiting
from ganlab.ui.page import Page, Tab, Tabs, View, html
from ganlab.ui.server.reading import speak
from ganlab.ui.shelf import MAX_KEPT, change_kept, waits_html
from ganlab.ui.switching import Frame, open_shelf, put_on_shelf, switch_shelf
from ganlab.ui.trail import Trail, unpack_trail

BACK, LINK, RESTORED = "back", "link", "restored"  # kinds of arrival; another is a reload
MAX_NAME = 200  # characters of a model's name


# ---------------------------------------------------------------------- what the page reads


def build(page: Page) -> None:
    """What tells the page which model and tab are in use, as views of the visitor's state."""
    page.views[page.model] = View(_hidden(model_html(page.first.explorer, page.first.model)), model_html)
    page.views[page.active] = View(_hidden(tab_html(page.first.explorer, page.active.value)), tab_html)


def _hidden(value: str) -> gr.HTML:
    return html(value, render=False, elem_classes="gl-visits")


def model_html(explorer: Explorer, name: str) -> str:
    """The name by which the model is chosen, which may be a folder or a Hub id."""
    return f'<i hidden="" data-choice="{escape(name)}" {markup.model_attributes(explorer)}></i>'


def tab_html(_: Explorer, tab: str) -> str:
    """The tab in use."""
    return f'<i hidden="" data-tab="{escape(tab)}"></i>'


# ---------------------------------------------------------------------- where to


class Destination(NamedTuple):
    """Where a page arrives."""

    model: str
    explorer: Explorer
    tab: str
    shelf: Shelf
    waiting: Waiting
    trail: Trail


def find_model(page: Page, call: Call) -> str:
    """The name of the model that the page asks for; ValueError for one that is not on offer."""
    name = call.text("model")[:MAX_NAME].strip()
    names = page.models.list_names()
    if call.text("kind") == LINK and call.text("recipe"):
        recipe = Recipe.from_query(call.text("recipe"))
        with contextlib.suppress(CheckpointError):  # of a broken model; another may make the same pictures
            if name in names and page.models.get(name).accepts(recipe.fingerprint):
                return name
        return page.models.find_by_recipe(recipe)
    if call.text("kind") == LINK and name and name not in names:
        raise ValueError(f"This server has no model {name[:60]!r}. It has {', '.join(names)}.")
    return name or call.model


def find_destination(page: Page, tabs: Tabs, waiting: Waiting, call: Call) -> Destination:
    """Where the page wants to be; ValueError for what cannot be shown."""
    name = find_model(page, call)
    explorer = page.models.get(name)
    shelf = Shelf(call.current, call.ends, call.kept)
    linked = _read_linked(explorer, call)
    current = _read_current(explorer, call) or (linked[0] if linked else None)
    if call.text("kind") == BACK:
        if name != call.model:
            shelf, waiting = switch_shelf(explorer, shelf, waiting)
    else:
        shelf = _read_shelf(explorer, call, current, linked)
        sent = snapshots.unpack_waiting(page.models.get, call.event.get("waiting"), MAX_KEPT)
        sent.pop(tuple(explorer.config.image_shape), None)  # which is not waiting
        waiting = {**sent, **waiting}
    tab = call.text("tab")
    if tab not in [each.id for each in tabs.tabs]:
        tab = call[page.active] if not linked else "latent" if len(linked) == 1 else "interpolate"
    if current is not None:
        shelf = shelf._replace(current=current)
    trail = call[page.trail].return_to(shelf.current)
    if call.text("kind") != BACK:
        trail = unpack_trail(explorer, call.text("checkpoint"), call.event.get("trail"), shelf.current.key)
    return Destination(name, explorer, tab, shelf, waiting, trail)


def _read_linked(explorer: Explorer, call: Call) -> list[Item]:
    """The latents of the recipe in a link. Of a film the page itself reads what lies between the first and
    the last."""
    if not (text := call.text("recipe")):
        return []
    latents = find_latents(explorer, Recipe.from_query(text))
    return [items.from_latent(explorer, z.unsqueeze(0), "a linked latent") for z in latents]


def _read_current(explorer: Explorer, call: Call) -> Item | None:
    """The picture that the page remembers, or that its address names; None where it says nothing."""
    remembered, address = call.event.get("current"), call.text("at")
    if isinstance(remembered, dict) and (
        call.text("kind") == RESTORED or explorer.accepts(call.text("checkpoint"))
    ):
        if remembered.get("key") == call.current.key and call.current.fingerprint == explorer.fingerprint:
            return call.current
        return snapshots.unpack(explorer, call.text("checkpoint"), remembered)
    if address and (address != call.current.address or call.current.fingerprint != explorer.fingerprint):
        return items.from_address(explorer, address)
    return None


def _read_shelf(explorer: Explorer, call: Call, current: Item | None, linked: list[Item]) -> Shelf:
    """The shelf of a page whose visit begins or goes on: what it remembers, else what a page opens with."""
    checkpoint = call.text("checkpoint")
    kept = call.kept if call.explorer.fingerprint == explorer.fingerprint else ()
    if call.text("kind") == RESTORED:
        kept = change_kept(explorer, kept, {"fingerprint": checkpoint, "kept": call.event.get("kept")})
    ends: Ends | None = None
    if call.event.get("ends") is not None and explorer.accepts(checkpoint):
        ends = snapshots.unpack_ends(explorer, checkpoint, call.event.get("ends"))
    elif len(linked) > 1:
        ends = Ends(linked[0], linked[-1])
    if current is not None and ends is not None:
        return Shelf(current, ends, kept[-MAX_KEPT:])
    if call.explorer.fingerprint == explorer.fingerprint:
        opened = Shelf(call.current, call.ends, kept)
    else:
        opened = open_shelf(explorer)
    return Shelf(current or opened.current, ends or opened.ends, kept[-MAX_KEPT:])


# ---------------------------------------------------------------------- the answer


def listen(page: Page, tabs: Tabs, frame: Frame) -> None:
    """A page that arrives is drawn there in one answer, so that nothing of two models is shown together."""
    states = {page.model, page.current, page.ends, page.kept, page.trail, page.active, frame.waiting}
    written = {*states, frame.header, frame.selected, frame.waits, frame.visit, *tabs.writes}

    def arrive(call: Call) -> Answer:
        number = call.text("id")[:40]  # none for a state that is put back
        mark = {frame.visit: f'<i hidden="" data-arrived="{escape(number)}"></i>'} if number else {}
        try:
            to = find_destination(page, tabs, call[frame.waiting], call)
            return {**_show(page, tabs, frame, call, to), **mark}
        except ValueError as error:
            mark[page.notice] = markup.notice(speak(error))
            if call.text("kind") != RESTORED:
                return mark
            # What the page shows is of no use any more; what the browser remembers stays.
            opened = Shelf(call.current, call.ends, call.kept or Opened())
            to = Destination(call.model, call.explorer, call[page.active], opened, {}, Trail())
            return {**_show(page, tabs, frame, call, to), **mark}

    written |= {setting.component for tab in tabs.tabs for setting in tab.address.values()}
    reads = {page.active, page.trail, frame.waiting, *tabs.reads}
    page.on(frame.visit.arrive, arrive, reads, written, **CLICK)


def _show(page: Page, tabs: Tabs, frame: Frame, call: Call, to: Destination) -> Answer:
    """All of the page that depends on the visitor's state."""
    answer: Answer = {
        page.model: to.model,
        **put_on_shelf(page, to.shelf),
        page.trail: to.trail,
        page.active: to.tab,
        frame.waiting: to.waiting,
        frame.waits: waits_html(to.waiting, page.models.find_name),
        frame.header: header_html(to.explorer),
        frame.selected: gr.Tabs(selected=to.tab),
    }
    tab = next(each for each in tabs.tabs if each.id == to.tab)
    chosen = _read_settings(tab, to.explorer, call.event.get("chosen"))
    arrived = replace(
        call,
        explorer=to.explorer,
        model=to.model,
        current=to.shelf.current,
        ends=to.shelf.ends,
        kept=to.shelf.kept,
        values={**call.values, **chosen, page.trail: to.trail, page.active: to.tab},
    )
    drawn = tabs.render(arrived, to.tab)
    for component, value in chosen.items():
        settings = drawn.get(component)
        drawn[component] = {**(settings if isinstance(settings, dict) else gr.update()), "value": value}
    return {**answer, **drawn}


def _read_settings(tab: Tab, explorer: Explorer, chosen: object) -> dict[Any, Any]:
    """Values of the tab's controls that an address names; what they cannot be is left as it is."""
    values: dict[Any, Any] = {}
    for name, text in chosen.items() if isinstance(chosen, dict) else ():
        setting = tab.address.get(name)
        if setting is None:
            continue
        try:
            values[setting.component] = setting.read(explorer, str(text)[:MAX_NAME])
        except (ValueError, OverflowError):
            continue
    return values
