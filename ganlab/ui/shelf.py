"""The shelf beside the tabs: the current latent, A and B, what was kept, and what waits for another model."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from html import escape
from typing import Any

import gradio as gr
import torch

from ganlab.explorer import Explorer
from ganlab.studio import shelf
from ganlab.ui import snapshots
from ganlab.ui.call import Answer, Call
from ganlab.ui.events import CLICK
from ganlab.ui.html import markup
from ganlab.ui.items import MAX_CAPTION, Ends, Item, Opened, Waiting, from_latent
from ganlab.ui.page import Page, Tabs, View, html

MAX_KEPT = 24
USE_ENDS = ("latent", "interpolate")  # tabs that show something else once A or B is another


# ---------------------------------------------------------------------- as HTML


def now_html(explorer: Explorer, current: Item) -> str:
    """The current latent, and where it can be sent."""
    face = markup.picture(current.image[0], f"the current latent: {current.caption}")
    buttons = "".join(
        markup.button(text, action, value)
        for text, action, value in (
            ("to A", "end", "A"),
            ("to B", "end", "B"),
            ("keep", "keep", ""),
            ("sliders", "open", "latent"),
            ("neighbours", "open", "neighbours"),
        )
    )
    kept_by_page = escape(json.dumps(snapshots.pack(current)))
    return (
        f'<div class="gl-current" {markup.model_attributes(explorer)} data-item="{kept_by_page}">'
        f'<figure class="gl-now">{face}'
        f"<figcaption>current<br><small>{escape(current.caption)}</small></figcaption></figure>"
        f'<div class="gl-send">{buttons}</div></div>'
    )


def slots_html(explorer: Explorer, ends: Ends) -> str:
    """A and B; an empty slot says how to fill it."""
    tiles = "".join(
        markup.tile(item.image[0], f"{name}: {item.caption}. Make it current", "use", name, name)
        if item is not None
        else f'<div class="gl-tile gl-vacant" title="Send the current picture to {name}">{name}</div>'
        for name, item in zip("AB", ends, strict=True)
    )
    kept_by_page = escape(json.dumps([snapshots.pack(item) for item in ends]))
    return (
        f'<div class="gl-ends" {markup.model_attributes(explorer)} data-items="{kept_by_page}">{tiles}</div>'
    )


def keeps_html(explorer: Explorer, kept: tuple[Item, ...]) -> str:
    """What was kept, each with a way to drop it; the page remembers the latents (static/glue/shelf.js)."""
    tiles = "".join(
        f'<div class="gl-keep">'
        f"{markup.tile(item.image[0], f'Kept: {item.caption}. Make it current', 'use', index)}"
        f'<button type="button" class="gl-drop" data-action="drop" data-value="{item.key}"'
        f' aria-label="Drop {escape(item.caption)}" title="drop">×</button></div>'
        for index, item in enumerate(kept)
    )
    latents = json.dumps([snapshots.pack(item) for item in kept])
    opened = ' data-opened=""' if isinstance(kept, Opened) else ""
    earlier = {"aliases": explorer.config.aliases, "replaced": list(explorer.config.replaced)}
    memory = json.dumps({**earlier, "most": MAX_KEPT, "size": explorer.config.latent_dim})
    return (
        f'<div class="gl-kept" {markup.model_attributes(explorer)}{opened}'
        f' data-memory="{escape(memory)}" data-kept="{escape(latents)}">'
        f"{tiles}</div>"
        f"{files_html(explorer, kept)}"
    )


def files_html(explorer: Explorer, kept: tuple[Item, ...]) -> str:
    """Buttons that save the kept latents as a file and load such a file."""
    save = ""
    if kept:
        z = torch.cat([item.z for item in kept])
        content = base64.b64encode(shelf.pack(explorer, z, [item.caption for item in kept])).decode()
        save = (
            f'<a class="gl-button" download="{escape(explorer.config.name)}-shelf.safetensors"'
            f' href="data:application/octet-stream;base64,{content}">save shelf</a>'
        )
    load = (
        '<label class="gl-button">load shelf<input type="file" accept=".safetensors" class="gl-file gl-load"'
        ' aria-label="Load a shelf that was saved"></label>'
    )
    return f'<div class="gl-send">{save}{load}</div>'


def waits_html(waiting: Waiting, find_name: Callable[[str], str] = str) -> str:
    """Which pictures the model does not take, and that they are not lost. `find_name` gives the name of the
    model that has a fingerprint, for the day when the page puts them back."""
    sentences = []
    for (channels, height, width), waiting_shelf in waiting.items():
        count = len({item.key for item in waiting_shelf.items})
        pictures = f"{count} {'picture' if count == 1 else 'pictures'} of {width} x {height}"
        kind = "in colour" if channels == 3 else "in grey"
        sentences.append(f"{pictures} {kind} don't fit this model; they return when you switch back.")
    if not waiting:
        return ""
    packed = escape(json.dumps(snapshots.pack_waiting(waiting, find_name)))
    return f'<div data-waiting="{packed}">{"".join(map(markup.reason, sentences))}</div>'


# ---------------------------------------------------------------------- what a page sends


def read_file(explorer: Explorer, content: object) -> tuple[Item, ...]:
    """The last items of a shelf's file, sent as base64; ValueError for what is none of this model's."""
    try:
        blob = base64.b64decode(str(content)[: 2 * shelf.MAX_BYTES], validate=True)
    except ValueError:
        blob = b""
    z, captions = shelf.unpack(explorer, blob)
    return tuple(
        from_latent(explorer, row.unsqueeze(0), caption[:MAX_CAPTION])
        for row, caption in zip(z[-MAX_KEPT:], captions[-MAX_KEPT:], strict=True)
    )


def change_kept(explorer: Explorer, kept: tuple[Item, ...], payload: Mapping[str, Any]) -> tuple[Item, ...]:
    """What was kept after what a browser remembers of other visits and tabs was added, and what it forgot was
    taken away: {"fingerprint", "kept": [items as snapshots], "remove": [keys], "order": [keys]}. Anybody can
    send it, so all is checked, and what is of no use is left alone."""
    removed, order = (_read_keys(payload.get(name)) for name in ("remove", "order"))
    stays = {item.key: item for item in kept if item.key not in removed}
    fingerprint = payload.get("fingerprint")
    for item in snapshots.unpack_all(explorer, fingerprint, payload.get("kept"), MAX_KEPT):
        stays.setdefault(item.key, item)
    ranks = {key: rank for rank, key in enumerate(order)}
    return tuple(sorted(stays.values(), key=lambda item: ranks.get(item.key, len(ranks))))[-MAX_KEPT:]


def _read_keys(keys: object) -> list[str]:
    return [str(key) for key in keys[: 4 * MAX_KEPT]] if isinstance(keys, list) else []


# ---------------------------------------------------------------------- components and handlers


def build(page: Page) -> None:
    """The shelf's components, not yet placed on the page, as the views of the visitor's state."""
    first = page.first
    page.views[page.current] = View(
        html(now_html(first.explorer, first.current), "tiles", render=False), now_html
    )
    page.views[page.ends] = View(
        html(slots_html(first.explorer, first.ends), "tiles", render=False), slots_html
    )
    page.views[page.kept] = View(
        html(keeps_html(first.explorer, first.kept), "tiles", "shelf", render=False), keeps_html
    )


def find_item(call: Call, slot: str) -> Item:
    """What lies in slot A or B, or among the kept pictures at a position from 0; ValueError for nothing."""
    if slot in ("A", "B"):
        item = call.ends.a if slot == "A" else call.ends.b
    else:
        index = call.index()
        item = call.kept[index] if index < len(call.kept) else None
    if item is None:
        raise ValueError("That slot is empty.")
    return item


def listen(page: Page, tabs: Tabs, selected: gr.Tabs) -> None:
    """The shelf's buttons: send the current picture to a slot or a tab, and take back what lies in a slot.
    `selected` opens a tab."""
    now, slots, keeps = (page.views[state].component for state in (page.current, page.ends, page.kept))
    reads, settings = {page.active, *tabs.reads}, {**CLICK, **tabs.waits}

    def send(call: Call) -> Answer:
        action, value = call.text("action"), call.text("value")
        if action == "end":
            ends = call.ends.with_end(value, call.current)
            drawn = [call[page.active]] if call[page.active] in USE_ENDS else []
            return {page.ends: ends, **tabs.render(replace(call, ends=ends), *drawn)}
        if action == "keep" and all(item.key != call.current.key for item in call.kept):
            return {page.kept: (*call.kept, call.current)[-MAX_KEPT:]}
        if action == "open" and value in [tab.id for tab in tabs.tabs]:
            return {selected: gr.Tabs(selected=value), page.active: value, **tabs.render(call, value)}
        return {}

    sent = {page.ends, page.kept, selected, page.active, *tabs.writes}
    page.on(now.pick, send, reads, sent, **settings)

    def use(call: Call) -> Answer:
        current = replace(find_item(call, call.text("value")), since=time.time())
        return {page.current: current, **tabs.render(replace(call, current=current), call[page.active])}

    page.on(slots.pick, use, reads, {page.current, *tabs.writes}, **settings)

    def use_or_drop(call: Call) -> Answer:
        if call.text("action") != "drop":
            return use(call)
        return {page.kept: tuple(item for item in call.kept if item.key != call.text("value"))}

    page.on(keeps.pick, use_or_drop, reads, {page.current, page.kept, *tabs.writes}, **settings)
    _listen_for_latents(page, keeps)


def _listen_for_latents(page: Page, keeps: Any) -> None:
    """Latents that come back from the browser's memory or a file."""

    def restore(call: Call) -> Answer:
        kept = change_kept(call.explorer, call.kept, call.event)
        same = [item.key for item in kept] == [item.key for item in call.kept]
        return {} if same else {page.kept: kept}

    def add_file(call: Call) -> Answer:
        return {page.kept: (*call.kept, *read_file(call.explorer, call.event.get("content")))[-MAX_KEPT:]}

    page.on(keeps.restore, restore, writes={page.kept}, **CLICK)
    page.on(keeps.add_file, add_file, writes={page.kept}, **CLICK)
