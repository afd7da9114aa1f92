"""What the tabs share: the frame's state, the shelf, and the one way in which pictures move about."""

from __future__ import annotations

import base64
import functools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any, NamedTuple, TypeAlias

import gradio as gr
import torch

from ganlab.explorer import Explorer
from ganlab.studio import portable, shelf
from ganlab.ui.html import markup
from ganlab.ui.items import MAX_CAPTION, Item, adapt_to, from_latent, from_page
from ganlab.ui.server.models import Models

# Handlers of the page itself: off the queue for speed, no progress veil, not part of the API.
QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
CLICK = {**QUIET, "trigger_mode": "multiple"}  # no click is lost
LIVE = {**QUIET, "trigger_mode": "always_last"}  # stale frames are dropped, the last one is shown
STREAM: dict[str, Any] = {  # in the queue, where alone a handler can answer more than once
    "concurrency_limit": 2,  # of all visitors; others wait
    "show_progress": "hidden",
    "api_visibility": "private",
}
MAX_KEPT = 24
SLOW = "gl-slow"  # class of what may take seconds to make, and then says so; see app.css


def waits_on(*parts: Any) -> dict[str, Any]:
    """Settings of an event for which `parts`, of the class SLOW, show that they are being made."""
    return {"show_progress": "minimal", "show_progress_on": list(parts)}


class Ends(NamedTuple):
    """The ends of a path."""

    a: Item | None
    b: Item | None

    def with_end(self, name: str, item: Item | None) -> Ends:
        """A copy with another A or B."""
        return self._replace(a=item) if name.upper() == "A" else self._replace(b=item)


class Shelf(NamedTuple):
    """What lies beside the tabs, all of one shape."""

    current: Item
    ends: Ends
    kept: tuple[Item, ...]

    @property
    def items(self) -> list[Item]:
        return [self.current, *(item for item in self.ends if item is not None), *self.kept]


Waiting: TypeAlias = dict[tuple[int, ...], Shelf]  # by shape (C, H, W): those that the model does not take


def adapt_shelf(explorer: Explorer, shelf: Shelf) -> Shelf:
    """The same pictures for another model, which takes their shape."""
    moved = {item.key: item for item in adapt_to(explorer, shelf.items)}
    a, b = (item and moved[item.key] for item in shelf.ends)
    # The same picture may lie in several places; since when it is current only the current one knows.
    current = replace(moved[shelf.current.key], since=shelf.current.since)
    return Shelf(current, Ends(a, b), tuple(moved[item.key] for item in shelf.kept))


@dataclass
class Tab:
    """A tab's side of the bargain: how it redraws itself when the model or the pictures changed."""

    id: str
    outputs: list[Any]  # the last one is the tab's notice
    render: Callable[..., tuple[Any, ...]]  # (explorer, current, ends, *inputs) -> values of outputs
    inputs: list[Any] = field(default_factory=list)


@dataclass
class Page:
    """What every tab may read or write, a visitor's own: each part of the shelf is a state and its
    picture, and a handler writes only the parts that it changes, so that none undoes another's."""

    models: Models
    opened: Explorer  # what the page shows at first, with the next two
    first: Item
    first_ends: Ends
    model: gr.State  # name of the model in use
    current: gr.State  # Item
    now: gr.HTML
    ends: gr.State  # Ends
    slots: gr.HTML
    kept: gr.State  # tuple of Items
    keeps: gr.HTML
    shelf_notice: gr.HTML
    waiting: gr.State  # Waiting
    waits: gr.HTML


def html(value: str, *scripts: str, **settings: Any) -> gr.HTML:
    """An HTML component; `scripts` in static/ may trigger "pick" and others, for Python to hear."""
    code = "\n".join(markup.script(f"{name}.js") for name in scripts) or None
    return gr.HTML(value, js_on_load=code, apply_default_css=False, **settings)


def notice_area() -> gr.HTML:
    """Where a tab says what went wrong; takes no room while it is empty."""
    return html("", elem_classes="gl-notices")


def latents_value(explorer: Explorer, name: str, current: Item, ends: Ends) -> dict[str, Any]:
    """What a script of ours that moves latents itself starts from: the current one, A and B, when this was
    made, and why the server makes the pictures, if it does; `name` is the model's among those that it may
    ask for."""
    a, b = (None if item is None else item.z[0].tolist() for item in ends)
    return {
        "model": name,
        "fingerprint": explorer.fingerprint,
        "made": time.time(),
        "z": current.z[0].tolist(),
        "caption": current.caption,
        "a": a,
        "b": b,
        "server": portable.explain_limit(explorer.model),
    }


def now_html(current: Item) -> str:
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
    return (
        f'<div class="gl-current"><figure class="gl-now">{face}'
        f"<figcaption>current<br><small>{escape(current.caption)}</small></figcaption></figure>"
        f'<div class="gl-send">{buttons}</div></div>'
    )


def slots_html(ends: Ends) -> str:
    tiles = "".join(
        markup.tile(item.image[0], f"{name}: {item.caption}. Make it current", "use", name, name)
        if item is not None
        else f'<div class="gl-tile gl-vacant" title="Send the current picture to {name}">{name}</div>'
        for name, item in zip("AB", ends, strict=True)
    )
    return f'<div class="gl-ends">{tiles}</div>'


def keeps_html(explorer: Explorer, kept: tuple[Item, ...]) -> str:
    """What was kept, each with a way to drop it; the page remembers the latents (static/shelf.js)."""
    tiles = "".join(
        f'<div class="gl-keep">'
        f"{markup.tile(item.image[0], f'Kept: {item.caption}. Make it current', 'use', index)}"
        f'<button type="button" class="gl-drop" data-action="drop" data-value="{index}"'
        f' aria-label="Drop {escape(item.caption)}" title="drop">×</button></div>'
        for index, item in enumerate(kept)
    )
    latents = json.dumps([{"z": item.z[0].tolist(), "caption": item.caption} for item in kept])
    remembered = f'data-fingerprint="{explorer.fingerprint}" data-kept="{escape(latents)}"'
    return f'<div class="gl-kept" {remembered}>{tiles}</div>{files_html(explorer, kept)}'


def files_html(explorer: Explorer, kept: tuple[Item, ...]) -> str:
    """The shelf to take home as a file, and back."""
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


def loaded(explorer: Explorer, content: object) -> tuple[Item, ...]:
    """The last of what a shelf's file holds, sent by a page as base64."""
    try:
        blob = base64.b64decode(str(content)[: 2 * shelf.MAX_BYTES], validate=True)
    except ValueError:
        blob = b""
    z, captions = shelf.unpack(explorer, blob)
    return tuple(
        from_latent(explorer, row.unsqueeze(0), caption[:MAX_CAPTION])
        for row, caption in zip(z[-MAX_KEPT:], captions[-MAX_KEPT:], strict=True)
    )


def restored(explorer: Explorer, told: object) -> tuple[Item, ...]:
    """What a page remembered of an earlier visit to this checkpoint. It is anybody's page: all is checked."""
    told = told if isinstance(told, dict) else {}
    latents = told.get("kept")
    if not isinstance(latents, list) or not all(isinstance(one, dict) for one in latents):
        raise ValueError("A shelf is a list of latents with their captions.")
    fingerprint = told.get("fingerprint")
    return tuple(
        from_page(explorer, {"fingerprint": fingerprint, "z": one.get("z"), "about": one.get("caption", "")})
        for one in latents[-MAX_KEPT:]
    )


def waits_html(waiting: Waiting) -> str:
    """Pictures that the model does not take are not lost: they wait for one that does."""
    return "".join(
        markup.reason(
            f"{len({item.key for item in one.items})} pictures of {width} x {height}"
            f" {'in colour' if channels == 3 else 'in grey'} wait for a model that takes them."
        )
        for (channels, height, width), one in waiting.items()
    )


def sentences(outputs: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A handler whose last output is the tab's notice: errors of use become its sentence there, all
    `outputs` others stay as they are, and the next success takes the sentence away."""

    def wrap(handler: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(handler)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            try:
                made = handler(*args, **kwargs)
            except ValueError as error:
                return (*[gr.skip()] * outputs, markup.notice(str(error)))
            return (*(made if isinstance(made, tuple) else (made,)), "")

        return guarded

    return wrap
