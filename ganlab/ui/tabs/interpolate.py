"""Interpolate: a film through two or more latents, made in the page (static/film.js).

Where the server makes a model's pictures, it is the path from A to B, decoded all at once.
"""

from __future__ import annotations

import base64
import importlib.util
import random
from html import escape
from typing import Any

import gradio as gr
import torch
from torch import Tensor

from ganlab import images
from ganlab.explorer import Explorer
from ganlab.gallery import load_test_pictures
from ganlab.studio import film, portable
from ganlab.studio.recipe import picture_hash
from ganlab.ui import items
from ganlab.ui.html import markup
from ganlab.ui.items import Item
from ganlab.ui.page import (
    CLICK,
    SLOW,
    Ends,
    Page,
    Tab,
    html,
    latents_value,
    notice_area,
    now_html,
    sentences,
    slots_html,
    waits_on,
)
from ganlab.ui.tabs.reconstruct import example_items, picture_item

FINE = 61  # positions of the scrubber, all decoded at once: scrubbing asks nobody
FRAMES = 11  # of the filmstrip
MAX_FRAMES = 61  # of a path that a client asks for
WAYS = {
    "uniform": "a straight line (lerp), which stays inside the uniform prior's box",
    "normal": "a great circle (slerp), which keeps the norms that a normal prior gives",
}


def _slot(explorer: Explorer, name: str, item: Item | None) -> str:
    """One end of the path: its picture, and where another can come from."""
    no_tests = "This model comes without pictures of its data set."
    lack = no_tests if load_test_pictures(explorer.model) is None else ""
    title = f"{name}: {item.caption}" if item is not None else name
    face = markup.NO_PICTURE if item is None else markup.picture(item.image[0], title, "gl-large")
    ways = "".join(
        markup.button(text, action, name, disabled)
        for text, action, disabled in (
            ("current", "current", ""),
            ("sample", "random", ""),
            (f"test {markup.noun(explorer.config)}", "example", lack),
        )
    )
    upload = (
        f'<label class="gl-button">upload<input type="file" accept="image/*" data-upload="{name}"'
        f' class="gl-file" aria-label="Upload a picture for {name}"></label>'
    )
    caption = f"<span>{escape(item.caption) if item is not None else 'empty'}</span>"
    if item is not None and item.x is not None:
        caption += markup.picture(item.x[0], f"what the model sees of {item.caption}", "gl-small")
    return (
        f'<figure class="gl-card gl-slot"><div class="gl-title">{name}</div>{face}'
        f'<figcaption>{caption}</figcaption><div class="gl-tools">{ways}{upload}</div></figure>'
    )


def _download(text: str, file: str, kind: str, content: bytes) -> str:
    data = base64.b64encode(content).decode()
    return f'<a class="gl-button" download="{file}" href="data:{kind};base64,{data}">{text}</a>'


def _between(path: Tensor) -> str:
    """The picture at t, scrubbed in the page: all frames lie side by side in one background picture."""
    count = len(path)
    sprite = images.encode_data_uri(torch.cat(list(path), dim=2))
    style = f"background-image:url({sprite});background-size:{100 * count}% 100%"
    return (
        '<figure class="gl-card gl-middle">'
        '<div class="gl-title"><span>between</span><output>t = 0.50</output></div>'
        f'<div class="gl-picture gl-large gl-sprite" role="img" aria-label="G at t" style="{style}"></div>'
        f'<input type="range" class="gl-scrub" min="0" max="{count - 1}" value="{count // 2}" step="1"'
        ' aria-label="Position between A and B"><figcaption>drag from A to B</figcaption></figure>'
    )


def stage_html(explorer: Explorer, ends: Ends, frames: int = FRAMES) -> str:
    """A and B; and the path between them, for a model whose films the page cannot make."""
    a, b = ends
    first, last = _slot(explorer, "A", a), _slot(explorer, "B", b)
    way = f"<small>{WAYS[explorer.config.prior]}; the ends are exact</small>"
    swap = f"{markup.button('swap A and B', 'swap')} {way}"
    if a is None or b is None:
        hint = markup.notice("Give A and B a picture each: the path between them appears here.")
        return f'<div class="gl-path">{first}{hint}{last}</div>'
    if not portable.explain_limit(explorer.model):
        return f'<div class="gl-path gl-sources">{first}{last}</div><p class="gl-meter">{swap}</p>'
    fine = explorer.decode(explorer.interpolate(a.z[0], b.z[0], FINE))
    shown = explorer.decode(explorer.interpolate(a.z[0], b.z[0], frames))
    strip = markup.row(
        [
            markup.tile(x, f"Frame {i + 1} of {frames}: make it current", "frame", i)
            for i, x in enumerate(shown)
        ],
        "Filmstrip from A to B",
    )
    downloads = _download("strip (PNG)", "path.png", "image/png", images.encode_png(images.draw_strip(shown)))
    downloads += _download("film (GIF)", "path.gif", "image/gif", images.encode_animation(shown))
    return (
        f'<div class="gl-path">{first}{_between(fine)}{last}</div>{strip}'
        f'<p class="gl-meter">{downloads}{swap}</p>'
    )


def told(item: Item | None) -> dict[str, Any] | None:
    """A keyframe as the page knows it."""
    if item is None:
        return None
    picture = "" if item.x is None else picture_hash(item.x)
    return {"z": item.z[0].tolist(), "caption": item.caption, "picture": picture}


def film_value(
    explorer: Explorer, name: str, current: Item, ends: Ends, brought: Item | None = None
) -> dict[str, Any]:
    """What the film studio starts from; `brought` was just uploaded, to become a keyframe."""
    return latents_value(explorer, name, current, ends) | {
        "prior": explorer.config.prior,
        "a": told(ends.a),
        "b": told(ends.b),
        "current": told(current),
        "brought": told(brought),
        "palette": markup.PALETTE,
        "formats": [kind for kind in film.FORMATS if kind != "mp4" or importlib.util.find_spec("av")],
    }


def render(explorer: Explorer, current: Item, ends: Ends, name: str) -> tuple[Any, ...]:
    return stage_html(explorer, ends), film_value(explorer, name, current, ends), ""


def _end(explorer: Explorer, current: Item, action: str) -> Item:
    if action == "current":
        return current
    if action == "random":
        seed = random.randrange(1_000_000)
        return items.from_sample(explorer, seed)
    examples = load_test_pictures(explorer.model)
    (item,) = example_items(explorer, random.randrange(len(examples) if examples is not None else 1))
    return item


def _on_path(explorer: Explorer, ends: Ends, index: int, steps: int) -> Item:
    if ends.a is None or ends.b is None:
        raise ValueError("There is no path yet: give A and B a picture each.")
    if not 0 <= index < steps:
        raise ValueError(f"The path has {steps} frames, so there is no frame {index + 1}.")
    z = explorer.interpolate(ends.a.z[0], ends.b.z[0], steps)[index : index + 1]
    return items.from_latent(explorer, z, f"between A and B, t = {index / (steps - 1):.2f}")


def build(page: Page) -> Tab:
    notice = notice_area()
    studio = gr.HTML(
        film_value(page.opened, page.models.default, page.first, page.first_ends),
        html_template='<div class="gl-films"></div>',
        apply_default_css=False,
        js_on_load=markup.script("path-film.js"),
        elem_id="film",
    )
    first = stage_html(page.opened, page.first_ends)
    stage = html(first, "tiles", "path", elem_id="interpolate-stage", elem_classes=SLOW)

    @sentences(2)
    def use(event: gr.EventData, model: str) -> tuple[Any, ...]:
        item = items.from_page(page.models.get(model), event._data)
        return item, now_html(item)

    studio.use(use, [page.model], [page.current, page.now, notice], **CLICK)

    @sentences(1)
    def bring(event: gr.EventData, model: str, current: Item, ends: Ends) -> dict[str, Any]:
        """An upload as a keyframe."""
        explorer = page.models.get(model)
        item = picture_item(explorer, event.picture, "auto", "your picture")
        return film_value(explorer, model, current, ends, item)

    studio.bring(bring, [page.model, page.current, page.ends], [studio, notice], **CLICK)

    @sentences(6)
    def pick(model: str, current: Item, ends: Ends, event: gr.EventData) -> tuple[Any, ...]:
        explorer, action, value = page.models.get(model), str(event.action), str(event.value)
        if action in ("frame", "rest"):
            item = _on_path(explorer, ends, int(value), FRAMES if action == "frame" else FINE)
            return item, now_html(item), *[gr.skip()] * 3, film_value(explorer, model, item, ends)
        if action == "swap":
            ends = Ends(ends.b, ends.a)
        elif value in ("A", "B"):
            ends = ends.with_end(value, _end(explorer, current, action))
        drawn = stage_html(explorer, ends), film_value(explorer, model, current, ends)
        return gr.skip(), gr.skip(), ends, slots_html(ends), *drawn

    given, outputs = [page.model, page.current, page.ends], [page.ends, page.slots, stage, studio, notice]
    stage.pick(pick, given, [page.current, page.now, *outputs], **CLICK | waits_on(stage))

    @sentences(4)
    def upload(model: str, current: Item, ends: Ends, event: gr.EventData) -> tuple[Any, ...]:
        explorer, name = page.models.get(model), str(event.value)
        if name not in ("A", "B"):
            raise ValueError(f"A path has the ends A and B, not {name!r}.")
        ends = ends.with_end(name, picture_item(explorer, event.picture, "auto", f"your picture {name}"))
        return ends, slots_html(ends), stage_html(explorer, ends), film_value(explorer, model, current, ends)

    stage.upload(upload, given, outputs, **CLICK | waits_on(stage))
    return Tab("interpolate", [stage, studio, notice], render, [page.model])
