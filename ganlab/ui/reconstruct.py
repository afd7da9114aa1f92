"""Reconstruct, the home tab: a picture goes in, G(E(x)) comes out, and how well is said plainly."""

from __future__ import annotations

import base64
import binascii
from html import escape
from typing import Any, get_args

import gradio as gr

from ganlab import images, metrics
from ganlab.explorer import Explorer, vote
from ganlab.gallery import test_pictures
from ganlab.images import Polarity
from ganlab.ui import items, markup
from ganlab.ui.items import Item
from ganlab.ui.page import CLICK, LIVE, Ends, Page, Tab, html, notice_area, now_html, sentences

EXAMPLES = 16
NEIGHBOURS = 5
POLARITIES = [("automatic", "auto"), ("dark ink", "dark"), ("light ink", "light")]
PAD = """
<div class="gl-card gl-pad">
  <div class="gl-title">Your picture</div>
  <div class="gl-paper">
    <canvas width="280" height="280" role="img"
      aria-label="Draw a digit here, or drop or paste a picture"></canvas>
    <video playsinline muted hidden></video>
    <p class="gl-hint">draw a digit, or drop a picture</p>
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


def picture_item(explorer: Explorer, uri: object, polarity: str, caption: str) -> Item:
    if polarity not in get_args(Polarity):
        raise ValueError(f"Polarity {polarity!r} not found; available = {list(get_args(Polarity))}.")
    prepared = explorer.prepared(from_data_uri(uri), polarity)  # type: ignore[arg-type]
    return items.of_picture(explorer, prepared.x, caption, prepared.notes)


def example_item(explorer: Explorer, index: int) -> Item:
    """A held-out digit by its index in the test set."""
    examples = test_pictures(explorer.model)
    if examples is None or not 0 <= index < len(examples):
        raise ValueError(f"There is no example {index}.")
    caption = f"test {int(examples.labels[index])} (no. {int(examples.indices[index])})"
    return items.of_picture(explorer, examples.inputs(slice(index, index + 1)), caption)


def examples_html(explorer: Explorer) -> str:
    examples = test_pictures(explorer.model)
    if examples is None:
        return ""
    tiles = [
        markup.tile(
            examples.inputs(slice(i, i + 1))[0], f"Test digit {int(examples.labels[i])}", "example", i
        )
        for i in range(EXAMPLES)
    ]
    return f'<h3 class="gl-h">examples from the test set</h3>{markup.row(tiles, "Examples")}'


def meter(explorer: Explorer, error: float) -> str:
    """The error with its unit, its baselines and where it lies among the test set's, if measured."""
    said = [f"<b>error {error:.4f}</b>"]
    if measured := explorer.metrics.get("reconstruction"):
        better = metrics.percentile_of(error, measured["mse_quantiles"])
        said += [
            f"better than {100 * better:.0f} % of test digits",
            f"mean image {measured['mse_mean_image']:.3f}",
            f"random digit {measured['mse_random_pair']:.3f}",
        ]
    unit = "<small>mean squared error per pixel, pixels 0 to 1</small>"
    return f'<p class="gl-meter"><span>{" · ".join(said)}</span> {unit}</p>'


def stage_html(explorer: Explorer, item: Item) -> str:
    """What the model sees, what it gives back, the difference, the error, the nearest neighbours."""
    if "encoder" not in explorer.model.networks:
        return markup.notice(f"{explorer.config.name} has no encoder, so it cannot reconstruct yet.")
    x, y = item.picture, item.image
    if item.x is None:  # a latent was sent here: what is reconstructed is its picture
        y = explorer.reconstruct(x)
    size = f"{explorer.config.size} x {explorer.config.size}"
    said = escape(", ".join((size, *item.notes)))
    less, _, more = images.DIVERGING
    legend = f'<b style="color:{less}">less</b> and <b style="color:{more}">more</b> ink than the input'
    cards = (
        markup.card("What the model sees", x[0], item.caption, said, "input")
        + markup.card("Reconstruction G(E(x))", y[0], "the reconstruction", "", "reconstruction")
        + markup.card("Difference", images.difference(x[0], y[0]), "difference picture", legend, "difference")
    )
    below = ""
    if explorer.gallery is not None:
        near = explorer.neighbours(x, NEIGHBOURS, "features")
        label, count = vote(near)
        below = (
            f'<h3 class="gl-h">nearest training digits in feature space · vote {markup.label(label)}'
            f" ({count} of {len(near)})</h3>{markup.neighbour_row(near, 'Nearest training digits')}"
        )
    return f'<div class="gl-cards">{cards}</div>{meter(explorer, explorer.error(x, y))}{below}'


def shown_key(explorer: Explorer, item: Item) -> str:
    return f"{explorer.fingerprint}/{item.key}"


def render(explorer: Explorer, current: Item, ends: Ends, shown: str) -> tuple[Any, ...]:
    """Values of shown, pad, stage, examples and notice. What is shown already stays untouched: a drawing
    under way, or an upload in its full size."""
    key = shown_key(explorer, current)
    if shown == key:
        return *[gr.skip()] * 4, ""
    pad = {"show": images.data_uri(current.picture[0])}
    return key, pad, stage_html(explorer, current), examples_html(explorer), ""


def build(page: Page) -> Tab:
    key, pad_value, stage_value, examples_value, _ = render(page.opened, page.first, page.first_ends, "")
    shown = gr.State(key)
    notice = notice_area()
    with gr.Row(elem_classes="gl-bench"):
        with gr.Column(scale=0, min_width=306):
            pad = gr.HTML(
                pad_value, html_template=PAD, js_on_load=markup.script("pad.js"), apply_default_css=False
            )
            polarity = gr.Radio(POLARITIES, value="auto", label="Ink of an upload", elem_id="polarity")
        with gr.Column(scale=1, min_width=300):
            stage = html(stage_value, "tiles", elem_id="reconstruct-stage")
    examples = html(examples_value, "tiles")

    outputs = [page.current, page.now, shown, stage, notice]

    def take(model: str, sent: object, polarity: str) -> tuple[Any, ...]:
        """What the pad sent: a drawing, or a file."""
        explorer = page.models.get(model)
        sent = sent if isinstance(sent, dict) else {}
        drawn = sent.get("kind") == "draw"
        caption = "your drawing" if drawn else "your picture"
        item = picture_item(explorer, sent.get("picture"), "dark" if drawn else polarity, caption)
        return item, now_html(item), shown_key(explorer, item), stage_html(explorer, item)

    def again(model: str, sent: object, polarity: str) -> tuple[Any, ...]:
        """The switch is about uploads: it leaves drawings and given digits alone."""
        if not isinstance(sent, dict) or sent.get("kind") != "upload":
            return tuple([gr.skip()] * 4)
        return take(model, sent, polarity)

    given = [page.model, pad, polarity]
    pad.picture(sentences(4)(take), given, outputs, **LIVE)
    polarity.input(sentences(4)(again), given, outputs, **LIVE)

    @sentences(5)
    def pick(model: str, event: gr.EventData) -> tuple[Any, ...]:
        explorer = page.models.get(model)
        index = int(event.value)
        make = example_item if event.action == "example" else items.of_gallery
        item = make(explorer, index)
        pad_value = {"show": images.data_uri(item.picture[0])}
        return item, now_html(item), shown_key(explorer, item), stage_html(explorer, item), pad_value

    for tiles in (stage, examples):
        tiles.pick(pick, [page.model], [*outputs[:-1], pad, notice], **CLICK)

    return Tab("reconstruct", [shown, pad, stage, examples, notice], render, [shown])
