"""What tabs do with a picture that somebody sends: decode it, prepare it, invert it; and the drawing pad."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, get_args

import gradio as gr
import numpy as np

from ganlab import images
from ganlab.explorer import Explorer
from ganlab.images import Polarity, PreparedPicture
from ganlab.ui import items
from ganlab.ui.call import Answer, Call, Component
from ganlab.ui.events import LIVE, waits_on
from ganlab.ui.html import markup
from ganlab.ui.items import Item
from ganlab.ui.page import Page
from ganlab.ui.server.sent import SENT, LostPictureError

MAX_KEY = 40  # characters by which a page names a square
CAPTIONS = {"draw": "your drawing", "part": "part of a picture"}  # others are uploads
PAD = """
<div class="gl-card gl-pad">
  <div class="gl-title">Your picture</div>
  <div class="gl-paper">
    <canvas width="280" height="280" role="img"
      aria-label="Draw here, or drop or paste a picture"></canvas>
    <video playsinline muted hidden></video>
    <p class="gl-hint">draw, or drop a picture</p>
  </div>
  <div class="gl-lens" hidden></div>
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


def prepare_upload(
    explorer: Explorer, source: object, polarity: object, crop: images.Crop | None = None
) -> PreparedPicture:
    """What the model sees of a picture that was sent as text, or is read already. `polarity` is one of
    images.Polarity; `crop` is the square to take, see `images.prepare`."""
    polarity = check_polarity(polarity)
    picture = source if isinstance(source, np.ndarray) else decode_data_uri(source)
    return explorer.prepare_upload(picture, polarity, crop)


def check_polarity(polarity: object) -> Polarity:
    """One of images.Polarity; ValueError for anything else."""
    if polarity not in get_args(Polarity):
        raise ValueError(f"Polarity {polarity!r} not found; available = {list(get_args(Polarity))}.")
    return polarity  # type: ignore[return-value]


def invert_upload(
    explorer: Explorer, source: object, polarity: object, caption: str, crop: images.Crop | None = None
) -> Item:
    """An item of a picture that was sent as text, or is read already."""
    prepared = prepare_upload(explorer, source, polarity, crop)
    return items.from_upload(explorer, prepared, caption)


def invert_sent(explorer: Explorer, sent: Mapping[str, Any], caption: str, polarity: object = "auto") -> Item:
    """An item of what a page sent: {"picture"} as text; or {"upload"}, the name of a picture that it sent
    before, and "crop", the square of it. LostPictureError for a name that means nothing any more."""
    if "upload" not in sent:
        return invert_upload(explorer, sent.get("picture"), polarity, caption)
    crop = sent.get("crop")
    return invert_upload(explorer, SENT.get(sent["upload"]), polarity, caption, crop)


def describe_view(explorer: Explorer) -> dict[str, int] | None:
    """What a page needs to let a person choose a square: the model's pictures are size x size. None for a
    model that finds the digit in a picture itself."""
    config = explorer.config
    if config.preparation != "picture":
        return None
    return {"size": config.size, "channels": config.channels}


def pad_value(explorer: Explorer, item: Item) -> dict[str, Any]:
    """What shows an item's picture on the pad, with a square on it where the model takes one."""
    value: dict[str, Any] = {"show": images.encode_data_uri(item.picture[0])}
    if (view := describe_view(explorer)) is not None:
        value["view"] = view
    return value


def build_pad(value: object = None, **settings: Any) -> gr.HTML:
    """A pad to draw on, with upload, paste and camera.

    It sends {"kind": "draw" or "upload", "picture"}; where a square is chosen, {"kind": "upload" or "part",
    "upload", "crop", "key"}: a part is one of the picture that the pad was given, and the key names the
    square, so that the page can tell its answer from that of an earlier one (static/lib/stale.js)."""
    return gr.HTML(
        value, html_template=PAD, js_on_load=markup.read_script("pad.js"), apply_default_css=False, **settings
    )


def read_pad(explorer: Explorer, sent: Mapping[str, Any], polarity: object) -> Item:
    """The item of what a pad sent. `polarity` holds for uploads; a drawing is dark ink."""
    kind = sent.get("kind")
    polarity = "dark" if kind == "draw" else polarity
    item = invert_sent(explorer, sent, CAPTIONS.get(str(kind), "your picture"), polarity)
    return replace(item, pad_key=_read_key(sent))


def _read_key(sent: Mapping[str, Any]) -> str:
    return str(sent.get("key", ""))[:MAX_KEY]


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
        sent = call[pad]
        if not isinstance(sent, dict) or "kind" not in sent:
            return {}  # what Python put there: the event that it overtook
        try:
            item = read_pad(call.explorer, sent, "auto" if polarity is None else call[polarity])
        except ValueError as error:
            if not (key := _read_key(sent)):
                raise
            lost = isinstance(error, LostPictureError)  # the page sends it again
            return {
                pad: {"refused": key, "lost": lost},
                page.notice: markup.notice("" if lost else str(error)),
            }
        return {page.current: item, **show(call, item)}

    def take_again(call: Call) -> Answer:
        sent = call[pad]
        return take(call) if isinstance(sent, dict) and sent.get("kind") == "upload" else {}

    reads = {pad} if polarity is None else {pad, polarity}
    writes = {page.current, pad, *writes}
    page.on(pad.picture, take, reads, writes, **LIVE | waits_on(stage))
    if polarity is not None:
        page.on(polarity.input, take_again, reads, writes, **LIVE | waits_on(stage))
