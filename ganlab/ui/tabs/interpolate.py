"""Interpolate: a film through two or more latents, made in the page (static/lib/film-studio.js).

Where the server makes a model's pictures, it is the path from A to B, decoded all at once.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import random
from dataclasses import replace
from html import escape
from typing import Any

import gradio as gr
import torch
from torch import Tensor

from ganlab import images
from ganlab.explorer import Explorer
from ganlab.studio import codemap, film, paths, portable
from ganlab.studio.recipe import hash_picture
from ganlab.ui import items
from ganlab.ui.call import Answer, Call, latents_payload
from ganlab.ui.events import CLICK, SLOW, waits_on
from ganlab.ui.html import markup
from ganlab.ui.html.promise import promise_html, step
from ganlab.ui.items import Ends, Item
from ganlab.ui.page import Page, Tab, html
from ganlab.ui.server import budget
from ganlab.ui.uploads import describe_view, invert_sent

FINE = 61  # positions of the scrubber, all decoded at once: scrubbing asks nobody
FRAMES = 11  # of the filmstrip
WAYS = {
    "uniform": "a straight line (lerp), which stays inside the uniform prior's box",
    "normal": "a great circle (slerp), which keeps the norms that a normal prior gives",
}
FILM = '<div class="gl-films"></div>'  # filled by static/lib/film-studio.js


def _slot(explorer: Explorer, name: str, item: Item | None) -> str:
    """One end of the path: its picture, and where another can come from."""
    lack = ""
    if explorer.examples is None:
        lack = f"No test pictures: {explorer.parts.explain_missing_examples()}."
    title = f"{name}: {item.caption}" if item is not None else name
    face = markup.NO_PICTURE if item is None else markup.picture(item.image[0], title, "gl-large")
    ways = "".join(
        markup.button(text, action, name, disabled)
        for text, action, disabled in (
            ("current", "current", ""),
            ("sample", "random", ""),
            (f"test {markup.get_noun(explorer.config)}", "example", lack),
        )
    )
    view = json.dumps(describe_view(explorer))
    upload = (
        f'<label class="gl-button">upload<input type="file" accept="image/*,.heic,.heif,.avif"'
        f' data-upload="{name}" data-crop="{escape(view)}" class="gl-file"'
        f' aria-label="Upload a picture for {name}"></label>'
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
        '<div class="gl-title"><span>between</span><output>t = 0.00</output></div>'
        f'<div class="gl-picture gl-large gl-sprite" role="img" aria-label="G at t" style="{style}"></div>'
        f'<input type="range" class="gl-scrub" min="0" max="{count - 1}" value="0" step="1"'
        ' aria-label="Position between A and B"><figcaption>drag from A to B</figcaption></figure>'
    )


def lead_html(explorer: Explorer, ends: Ends) -> str:
    """What the hand can do here."""
    if None in ends:
        text = "Give A and B a picture each, and the one turns into the other."
    elif portable.explain_limit(explorer.model):
        text = "Drag from A to B, and the one turns into the other."
    else:
        text = "Press play: A turns into B, step by step. Put other pictures at the ends, or between."
    following = step("see both on the map", "map") if not codemap.explain_absence(explorer) else ""
    return promise_html(explorer, text, following or step("take other pictures", "sample"))


def stage_html(explorer: Explorer, ends: Ends, frames: int = FRAMES) -> str:
    """A and B; and the path between them, for a model whose films the page cannot make."""
    return markup.stage(explorer, _path_html(explorer, ends, frames))


def _path_html(explorer: Explorer, ends: Ends, frames: int) -> str:
    a, b = ends
    first, last = _slot(explorer, "A", a), _slot(explorer, "B", b)
    way = f"From A to B leads {WAYS[explorer.config.prior]}; the ends are exact."
    swap, figures = markup.button("swap A and B", "swap"), markup.details(markup.reason(way), "figures")
    if a is None or b is None:
        hint = markup.notice("Give A and B a picture each: the path between them appears here.")
        return f'<div class="gl-path">{first}{hint}{last}</div>'
    if not portable.explain_limit(explorer.model):
        return f'<div class="gl-path gl-sources">{first}{last}</div><p class="gl-meter">{swap}</p>{figures}'
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
        f'<p class="gl-meter">{downloads}{swap}</p>{figures}'
    )


def keyframe(item: Item | None) -> dict[str, Any] | None:
    """A keyframe as the page knows it."""
    if item is None:
        return None
    picture = "" if item.x is None else hash_picture(item.x)
    return {"z": item.z[0].tolist(), "caption": item.caption, "picture": picture}


def film_value(call: Call, uploaded: Item | None = None) -> dict[str, Any]:
    """What the film studio starts from; `uploaded` becomes a keyframe."""
    return latents_payload(call) | {
        "prior": call.explorer.config.prior,
        "a": keyframe(call.ends.a),
        "b": keyframe(call.ends.b),
        "current": keyframe(call.current),
        "uploaded": keyframe(uploaded),
        "view": describe_view(call.explorer),
        "ways": offer_ways(call.explorer),
        "limits": budget.list_film_limits(call.explorer.config),
        "formats": [kind for kind in film.FORMATS if kind != "mp4" or importlib.util.find_spec("av")],
    }


def offer_ways(explorer: Explorer) -> list[tuple[str, str]]:
    """The ways between keyframes that this model has, with their titles; first the prior's, as ""."""
    default = paths.WAYS[paths.find_default(explorer)]
    return [("", f"the prior’s: {default}"), *((way, paths.WAYS[way]) for way in paths.list_ways(explorer))]


def find_end(call: Call, action: str) -> Item:
    """What becomes A or B: the current picture, a sample ("random") or a test picture ("example")."""
    if action == "current":
        return call.current
    if action == "random":
        return items.from_sample(call.explorer, random.randrange(1_000_000))
    examples = call.explorer.examples
    index = random.randrange(len(examples)) if examples is not None else 0
    (item,) = items.from_examples(call.explorer, index)
    return item


def find_frame(explorer: Explorer, ends: Ends, index: int, steps: int) -> Item:
    """Frame `index` of the path from A to B in `steps` frames; ValueError where there is none."""
    if ends.a is None or ends.b is None:
        raise ValueError("There is no path yet: give A and B a picture each.")
    if not 0 <= index < steps:
        raise ValueError(f"The path has {steps} frames, so there is no frame {index + 1}.")
    z = explorer.interpolate(ends.a.z[0], ends.b.z[0], steps)[index : index + 1]
    return items.from_latent(explorer, z, f"between A and B, t = {index / (steps - 1):.2f}")


def build(page: Page) -> Tab:
    """The film studio, and the ends of the path below it."""
    lead = html(lead_html(page.first.explorer, page.first.ends), "open")
    studio = gr.HTML(
        film_value(page.first),
        html_template=FILM,
        apply_default_css=False,
        js_on_load=markup.read_script("film.js"),
        elem_id="film",
    )
    first = stage_html(page.first.explorer, page.first.ends)
    stage = html(first, "tiles", "path", elem_id="interpolate-stage", elem_classes=SLOW)

    def render(call: Call) -> Answer:
        return {
            lead: lead_html(call.explorer, call.ends),
            stage: stage_html(call.explorer, call.ends),
            studio: film_value(call),
        }

    def show(call: Call, ends: Ends) -> Answer:
        return {page.ends: ends, **render(replace(call, ends=ends))}

    def use(call: Call) -> Answer:
        return {page.current: items.from_page(call.explorer, dict(call.event))}

    def add_upload(call: Call) -> Answer:
        """An upload as a keyframe."""
        item = invert_sent(call.explorer, call.event, "your picture")
        return {studio: film_value(call, item)}

    def pick(call: Call) -> Answer:
        """A frame of the path, a position of the scrubber ("rest"), or what A or B shall be."""
        action = call.text("action")
        if action in ("frame", "rest"):
            steps = FRAMES if action == "frame" else FINE
            item = find_frame(call.explorer, call.ends, call.index(), steps)
            return {page.current: item, studio: film_value(replace(call, current=item))}
        if action == "swap":
            return show(call, Ends(call.ends.b, call.ends.a))
        return show(call, call.ends.with_end(call.text("value"), find_end(call, action)))

    def upload(call: Call) -> Answer:
        name = call.text("value")
        item = invert_sent(call.explorer, call.event, f"your picture {name[:1]}")
        return show(call, call.ends.with_end(name, item))

    written, settings = {page.ends, lead, stage, studio}, CLICK | waits_on(stage)
    page.on(studio.use, use, writes={page.current}, **CLICK)
    page.on(studio.upload, add_upload, writes={studio}, **CLICK)
    page.on(stage.pick, pick, writes={page.current, *written}, **settings)
    page.on(stage.upload, upload, writes=written, **settings)
    return Tab(render, writes={lead, stage, studio}, opens=(lead,))
