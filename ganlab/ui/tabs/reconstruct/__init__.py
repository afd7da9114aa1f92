"""Reconstruct, the home tab: a picture goes in, G(z) comes out, and how well it fits is said plainly.

z is E(x), or found by optimisation where there is no encoder.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from html import escape
from typing import Any, get_args

import gradio as gr
import torch
from torch import Tensor

from ganlab import images
from ganlab.explorer import Explorer, vote
from ganlab.gallery import load_test_pictures
from ganlab.images import Polarity, PreparedPicture
from ganlab.ui import items
from ganlab.ui.html import markup
from ganlab.ui.html.meters import error_html, fixed_point_html, identity_html, unusual_html
from ganlab.ui.items import Item
from ganlab.ui.page import (
    CLICK,
    LIVE,
    SLOW,
    STREAM,
    Ends,
    Page,
    Tab,
    html,
    notice_area,
    now_html,
    sentences,
    waits_on,
)
from ganlab.ui.tabs.neighbours import EXPLAINED
from ganlab.ui.tabs.reconstruct import refine

EXAMPLES = 16
NEIGHBOURS = 5
POLARITIES = [("automatic", "auto"), ("dark ink", "dark"), ("light ink", "light")]
NO_ENCODER = (
    "This GAN has no encoder; it inverts by optimisation: of many latents it takes those whose"
    " pictures come nearest, and improves them step by step."
)
PAD = """
<div class="gl-card gl-pad">
  <div class="gl-title">Your picture</div>
  <div class="gl-paper">
    <canvas width="280" height="280" role="img"
      aria-label="SampledLatent here, or drop or paste a picture"></canvas>
    <video playsinline muted hidden></video>
    <p class="gl-hint">draw, or drop a picture</p>
  </div>
  <div class="gl-tools">
    <button type="button" class="gl-button" data-do="undo">undo</button>
    <button type="button" class="gl-button" data-do="clear">clear</button>
    <label class="gl-pen">pen <input type="range" min="6" max="44" value="22" aria-label="Pen size"></label>
  </div>
  <div class="gl-tools">
    <button type="button" class="gl-button" data-do="upload">upload</button>
    <button type="button" class="gl-button" data-do="paste">paste</button>
    <button type="button" class="gl-button" data-do="camera">camera</button>
    <input type="file" accept="image/png,image/jpeg,image/webp,image/gif,image/bmp,image/tiff" hidden>
  </div>
</div>
"""


def from_data_uri(uri: object) -> bytes:
    """The bytes of a data: URI or of bare base64, as pages and API clients send pictures."""
    if not isinstance(uri, str):
        raise images.PictureError("A picture is sent as text: base64, or a data: URI.")
    if len(uri) > images.MAX_BYTES * 4 // 3 + 100:
        raise images.PictureError(f"This file is over {images.MAX_BYTES // 10**6} MB; send a smaller one.")
    try:
        return base64.b64decode(uri.partition("base64,")[2] or uri, validate=True)
    except (binascii.Error, ValueError):
        raise images.PictureError("This is not base64, so it is no picture.") from None


def prepare_upload(explorer: Explorer, uri: object, polarity: str) -> PreparedPicture:
    """What the model sees of a picture that was sent as text."""
    if polarity not in get_args(Polarity):
        raise ValueError(f"Polarity {polarity!r} not found; available = {list(get_args(Polarity))}.")
    return explorer.prepare_upload(from_data_uri(uri), polarity)  # type: ignore[arg-type]


def picture_item(explorer: Explorer, uri: object, polarity: str, caption: str) -> Item:
    found = prepare_upload(explorer, uri, polarity)
    return items.from_picture(explorer, found.x, caption, found.notes)


def example_items(explorer: Explorer, *indices: int) -> list[Item]:
    """Held-out pictures by their places in the test set, inverted all at once."""
    examples = load_test_pictures(explorer.model)
    for index in indices:
        if examples is None or not 0 <= index < len(examples):
            raise ValueError(f"There is no example {index}.")
    assert examples is not None
    rows = torch.tensor(indices)
    captions = [f"test {int(examples.labels[i])} (no. {int(examples.indices[i])})" for i in indices]
    return items.from_pictures(explorer, examples.inputs(rows), captions)


def examples_html(explorer: Explorer) -> str:
    examples = load_test_pictures(explorer.model)
    heading = '<h3 class="gl-h">examples from the test set</h3>'
    if examples is None:
        return heading + markup.reason("None here: this model comes without pictures of its data set.")
    noun = markup.noun(explorer.config)
    tiles = [
        markup.tile(
            examples.inputs(slice(i, i + 1))[0], f"Test {noun} {int(examples.labels[i])}", "example", i
        )
        for i in range(min(EXAMPLES, len(examples)))
    ]
    return heading + markup.row(tiles, "Examples")


def near_html(explorer: Explorer, x: Tensor) -> str:
    """The nearest training pictures in the most telling space that the model has."""
    if not explorer.spaces:
        return markup.reason("No nearest training pictures: this model comes without a gallery.")
    space, nouns = explorer.spaces[0], f"{markup.noun(explorer.config)}s"
    near = explorer.neighbours(x, NEIGHBOURS, space)
    label, count = vote(near)
    return (
        f'<h3 class="gl-h">nearest training {nouns} in {EXPLAINED[space]} · vote {markup.label(label)}'
        f" ({count} of {len(near)})</h3>{markup.neighbour_row(near, f'Nearest training {nouns}')}"
    )


def stage_html(explorer: Explorer, item: Item) -> str:
    """What the model sees, what it gives back, the difference, the error, the nearest neighbours."""
    x, y, config = item.picture, item.image, explorer.config
    if item.x is None:  # a latent was sent here: what is reconstructed is its picture
        y = explorer.invert(x).image
    encodes = "encoder" in explorer.model.networks
    size = f"{config.size} x {config.size}{' in colour' if config.channels == 3 else ''}"
    said = escape(", ".join((size, *item.notes)))
    title = "Reconstruction G(E(x))" if encodes else "G(z), z found by optimisation"
    (less, more), end = (
        (("less", "more"), "ink than the input")
        if config.preparation == "digit"
        else (("darker", "brighter"), "than the input")
    )
    low, _, high = images.DIVERGING
    legend = f'<b style="color:{low}">{less}</b> and <b style="color:{high}">{more}</b> {end}'
    cards = (
        markup.card("What the model sees", x[0], item.caption, said, "input")
        + markup.card(title, y[0], "the reconstruction", "", "reconstruction")
        + markup.card(
            "Difference", images.draw_difference(x[0], y[0]), "difference picture", legend, "difference"
        )
    )
    return (
        f'<div class="gl-cards" data-key="{escape(shown_key(explorer, item))}">{cards}</div>'
        f"{'' if encodes else markup.reason(NO_ENCODER)}"
        f"{error_html(explorer, explorer.error(x, y))}{identity_html(explorer, x, y)}"
        f"{unusual_html(explorer, x)}{near_html(explorer, x)}{fixed_point_html(explorer, x)}"
    )


def refined_html(explorer: Explorer, key: str, found: refine.Refinement | None) -> str:
    done = found is not None and not found.running
    verdict = identity_html(explorer, found.x, found.image) if found is not None and done else ""
    return refine.html_of(explorer, key, found, verdict)


def shown_key(explorer: Explorer, item: Item) -> str:
    return f"{explorer.fingerprint}/{item.key}"


def ink_of(explorer: Explorer) -> dict[str, Any]:
    """The switch for an upload's ink, and why it does nothing where pictures are taken as they are."""
    if explorer.config.preparation == "digit":
        return {"interactive": True, "info": ""}  # None would leave what another model said
    return {"interactive": False, "info": "This model takes pictures as they are."}


def render(explorer: Explorer, current: Item, ends: Ends, shown: str) -> tuple[Any, ...]:
    """Values of shown, pad, polarity, stage, refined, examples and notice. What is shown already stays
    untouched; so does the pad when only the model changed: a drawing under way, or an upload in full size."""
    key = shown_key(explorer, current)
    if shown == key:
        return *[gr.skip()] * 6, ""
    same = shown.endswith(f"/{current.key}")
    pad = gr.skip() if same else {"show": images.encode_data_uri(current.picture[0])}
    switch = gr.update(**ink_of(explorer))
    return (
        *(key, pad, switch, stage_html(explorer, current)),
        *(refine.html_of(explorer, key, None), examples_html(explorer), ""),
    )


def build(page: Page) -> Tab:
    opened = render(page.opened, page.first, page.first_ends, "")
    key, pad_value, _, stage_value, refined_value, examples_value, _ = opened
    shown = gr.State(key)
    found = gr.State(None)  # Refinement
    notice = notice_area()
    with gr.Row(elem_classes="gl-bench"):
        with gr.Column(scale=0, min_width=306):
            pad = gr.HTML(
                pad_value, html_template=PAD, js_on_load=markup.script("pad.js"), apply_default_css=False
            )
            polarity = gr.Radio(
                POLARITIES, value="auto", label="Ink of an upload", elem_id="polarity", **ink_of(page.opened)
            )
        with gr.Column(scale=1, min_width=300):
            stage = html(stage_value, "tiles", elem_id="reconstruct-stage", elem_classes=SLOW)
            refined = html(refined_value, "tiles", "refine", elem_id="refine")
    examples = html(examples_value, "tiles")

    outputs = [page.current, page.now, shown, stage, refined, notice]

    def show(explorer: Explorer, item: Item) -> tuple[Any, ...]:
        key = shown_key(explorer, item)
        return item, now_html(item), key, stage_html(explorer, item), refine.html_of(explorer, key, None)

    def take(model: str, sent: object, polarity: str) -> tuple[Any, ...]:
        """What the pad sent: a drawing, or a file."""
        explorer = page.models.get(model)
        sent = sent if isinstance(sent, dict) else {}
        drawn = sent.get("kind") == "draw"
        caption = "your drawing" if drawn else "your picture"
        return show(
            explorer, picture_item(explorer, sent.get("picture"), "dark" if drawn else polarity, caption)
        )

    def again(model: str, sent: object, polarity: str) -> tuple[Any, ...]:
        """The switch is about uploads: it leaves drawings and given digits alone."""
        if not isinstance(sent, dict) or sent.get("kind") != "upload":
            return tuple([gr.skip()] * 5)
        return take(model, sent, polarity)

    given = [page.model, pad, polarity]
    pad.picture(sentences(5)(take), given, outputs, **LIVE | waits_on(stage))
    polarity.input(sentences(5)(again), given, outputs, **LIVE | waits_on(stage))

    @sentences(6)
    def pick(model: str, event: gr.EventData) -> tuple[Any, ...]:
        explorer = page.models.get(model)
        index = int(event.value)
        if event.action == "example":
            (item,) = example_items(explorer, index)
        else:
            item = items.from_gallery(explorer, index)
        return *show(explorer, item), {"show": images.encode_data_uri(item.picture[0])}

    for tiles in (stage, examples):
        tiles.pick(pick, [page.model], [*outputs[:-1], pad, notice], **CLICK | waits_on(stage))

    def improve(model: str, current: Item, key: str) -> Iterator[tuple[Any, ...]]:
        explorer = page.models.get(model)
        for now in refine.refinements(explorer, current, key):
            yield now, refined_html(explorer, key, now)

    def stop(model: str, key: str, found: refine.Refinement | None) -> tuple[Any, ...]:
        """What was found so far stays, unless the stage shows another picture by now."""
        found = found and refine.stopped(found)
        return found, refined_html(page.models.get(model), key, found)

    refined.start(improve, [page.model, page.current, shown], [found, refined], **STREAM)
    refined.stop(stop, [page.model, shown, found], [found, refined], **CLICK)

    @sentences(2)
    def use(model: str, current: Item, found: refine.Refinement | None) -> tuple[Any, ...]:
        """The optimised latent becomes the current one; the stage still shows what it came of."""
        explorer = page.models.get(model)
        if found is None:
            raise ValueError("Nothing has been optimised yet.")
        item = refine.item_of(explorer, found, current.caption)
        return item, now_html(item)

    refined.pick(use, [page.model, page.current, found], [page.current, page.now, notice], **CLICK)
    return Tab("reconstruct", [shown, pad, polarity, stage, refined, examples, notice], render, [shown])
