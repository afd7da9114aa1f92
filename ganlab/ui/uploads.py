"""What tabs do with a picture that somebody sends: decode it, prepare it, invert it; and the drawing pad."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import Any, get_args

import gradio as gr

from ganlab import images
from ganlab.explorer import Explorer
from ganlab.images import Polarity, PreparedPicture
from ganlab.ui import items
from ganlab.ui.call import Answer, Call, Component
from ganlab.ui.events import LIVE, waits_on
from ganlab.ui.html import markup
from ganlab.ui.items import Item
from ganlab.ui.page import Page

PAD = """
<div class="gl-card gl-pad">
  <div class="gl-title">Your picture</div>
  <div class="gl-paper">
    <canvas width="280" height="280" role="img"
      aria-label="Draw here, or drop or paste a picture"></canvas>
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


def decode_data_uri(uri: object) -> bytes:
    """The bytes of a data: URI or of bare base64, as pages and API clients send pictures; PictureError, a
    ValueError, for anything else."""
    if not isinstance(uri, str):
        raise images.PictureError("A picture is sent as text: base64, or a data: URI.")
    if len(uri) > images.MAX_BYTES * 4 // 3 + 100:
        raise images.PictureError(f"This file is over {images.MAX_BYTES // 10**6} MB; send a smaller one.")
    try:
        return base64.b64decode(uri.partition("base64,")[2] or uri, validate=True)
    except (binascii.Error, ValueError):
        raise images.PictureError("This is not base64, so it is no picture.") from None


def prepare_upload(explorer: Explorer, uri: object, polarity: object) -> PreparedPicture:
    """What the model sees of a picture that was sent as text. `polarity` is one of images.Polarity."""
    if polarity not in get_args(Polarity):
        raise ValueError(f"Polarity {polarity!r} not found; available = {list(get_args(Polarity))}.")
    return explorer.prepare_upload(decode_data_uri(uri), polarity)  # type: ignore[arg-type]


def invert_upload(explorer: Explorer, uri: object, polarity: object, caption: str) -> Item:
    """An item of a picture that was sent as text."""
    prepared = prepare_upload(explorer, uri, polarity)
    return items.from_picture(explorer, prepared.x, caption, prepared.notes)


def pad_value(item: Item) -> dict[str, str]:
    """What shows an item's picture on the pad."""
    return {"show": images.encode_data_uri(item.picture[0])}


def build_pad(value: object = None, **settings: Any) -> gr.HTML:
    """A pad to draw on, with upload, paste and camera. It sends {"kind": "draw" or "upload", "picture"}."""
    return gr.HTML(
        value, html_template=PAD, js_on_load=markup.read_script("pad.js"), apply_default_css=False, **settings
    )


def read_pad(explorer: Explorer, sent: object, polarity: object) -> Item:
    """The item of what a pad sent. `polarity` holds for uploads; a drawing is dark ink."""
    sent = sent if isinstance(sent, dict) else {}
    if sent.get("kind") == "draw":
        return invert_upload(explorer, sent.get("picture"), "dark", "your drawing")
    return invert_upload(explorer, sent.get("picture"), polarity, "your picture")


def listen_to_pad(
    page: Page,
    pad: gr.HTML,
    show: Callable[[Call, Item], Answer],
    stage: Component,
    writes: Iterable[Component],
    polarity: Component = None,
) -> None:
    """What is drawn or uploaded becomes current, and `show` draws it. `polarity` is a component that holds
    the ink of uploads, which is found out without one; another ink takes an upload again."""

    def take(call: Call) -> Answer:
        item = read_pad(call.explorer, call[pad], "auto" if polarity is None else call[polarity])
        return {page.current: item, **show(call, item)}

    def take_again(call: Call) -> Answer:
        sent = call[pad]
        return take(call) if isinstance(sent, dict) and sent.get("kind") == "upload" else {}

    reads = {pad} if polarity is None else {pad, polarity}
    writes = {page.current, *writes}
    page.on(pad.picture, take, reads, writes, **LIVE | waits_on(stage))
    if polarity is not None:
        page.on(polarity.input, take_again, reads, writes, **LIVE | waits_on(stage))
