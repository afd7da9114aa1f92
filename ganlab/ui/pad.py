"""The drawing pad: what it shows, and what becomes of the pictures that it sends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import gradio as gr

from ganlab import images
from ganlab.explorer import Explorer
from ganlab.ui import items, snapshots
from ganlab.ui.call import Answer, Call, Component
from ganlab.ui.events import LIVE, waits_on
from ganlab.ui.html import markup
from ganlab.ui.items import Item
from ganlab.ui.page import Page
from ganlab.ui.server.reading import speak
from ganlab.ui.server.sent import LostPictureError
from ganlab.ui.uploads import describe_view, invert_sent, invert_upload

MAX_KEY = 40  # characters by which a page names a square
CAPTIONS = {"draw": "your drawing", "part": "part of a picture"}  # others are uploads
PAD = """
<div class="gl-card gl-pad">
  <div class="gl-title">Your picture</div>
  <div class="gl-paper">
    <canvas width="280" height="280" tabindex="0" role="application" aria-roledescription="drawing pad"
      aria-label="Draw here, or drop or paste a picture"></canvas>
    <video playsinline muted hidden></video>
    <p class="gl-hint" role="status">draw, or drop a picture</p>
  </div>
  <div class="gl-lens" hidden></div>
  <div class="gl-tools">
    <button type="button" class="gl-button" data-do="undo" disabled>undo</button>
    <button type="button" class="gl-button" data-do="redo" disabled>redo</button>
    <button type="button" class="gl-button" data-do="clear">clear</button>
    <label class="gl-pen">pen <input type="range" min="6" max="44" value="22" aria-label="Pen size"></label>
  </div>
  <div class="gl-tools">
    <button type="button" class="gl-button" data-do="upload"
      title="a picture from this device">upload</button>
    <button type="button" class="gl-button" data-do="paste"
      title="the picture in the clipboard; by keys, Ctrl+V or Cmd+V">paste</button>
    <button type="button" class="gl-button" data-do="camera"
      title="asks for the camera, which needs a page that came by https">camera</button>
    <input type="file" accept="image/*,.heic,.heif,.avif" hidden>
  </div>
</div>
"""


def pad_value(explorer: Explorer, item: Item, invites: bool = False) -> dict[str, Any]:
    """What shows an item's picture on the pad, with a square on it where the model takes one. With `invites`
    nobody has asked for the picture: whoever comes for the first time is invited to draw or bring another."""
    own = {"fingerprint": item.fingerprint, **(snapshots.pack(item) or {})}
    value: dict[str, Any] = {"show": images.encode_data_uri(item.picture[0]), "item": own}
    if invites:
        draws = explorer.config.preparation == "digit"
        value["invites"] = markup.get_noun(explorer.config) if draws else "picture"
    value["view"] = describe_view(explorer)
    return value


def build_pad(value: object = None, **settings: Any) -> gr.HTML:
    """A pad to draw on, with upload, paste and camera.

    It sends {"kind": "draw", "picture"}, or {"kind": "upload" or "part", "upload", "crop"} of a picture that
    it has sent before: a part is one of the picture that the pad was given. When undo shows that picture
    again it sends {"kind": "given", "picture", "item"}, what `pad_value` had given it. A "key" names each, so
    that the page can tell its answer from that of an earlier one (static/lib/stale.js), and says what is
    wrong with it on the pad itself."""
    return gr.HTML(
        value, html_template=PAD, js_on_load=markup.read_script("pad.js"), apply_default_css=False, **settings
    )


def read_pad(explorer: Explorer, sent: Mapping[str, Any], polarity: object) -> Item:
    """The item of what a pad sent. `polarity` holds for uploads; a drawing is dark ink."""
    kind = sent.get("kind")
    if kind == "given":
        return replace(_read_given(explorer, sent), pad_key=_read_key(sent), since=time.time())
    polarity = "dark" if kind == "draw" else polarity
    item = invert_sent(explorer, sent, CAPTIONS.get(str(kind), "your picture"), polarity)
    return replace(item, pad_key=_read_key(sent))


def _read_given(explorer: Explorer, sent: Mapping[str, Any]) -> Item:
    """The item that the pad was given; if by another model, its picture is inverted anew, and prepared as an
    upload where it has another shape."""
    fields = sent.get("item")
    fields = fields if isinstance(fields, dict) else {}
    fingerprint = str(fields.get("fingerprint", ""))
    if explorer.accepts(fingerprint):
        return snapshots.unpack(explorer, fingerprint, fields)
    caption = str(fields.get("caption", ""))[: items.MAX_CAPTION]
    try:
        x = snapshots.read_picture(explorer, sent.get("picture"))
    except ValueError:
        return invert_upload(explorer, sent.get("picture"), "auto", caption)
    return items.from_picture(explorer, x, caption)


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
            return {pad: {"refused": key, "lost": lost, "says": "" if lost else speak(error)}}
        return {page.current: item, **show(call, item)}

    def take_again(call: Call) -> Answer:
        sent = call[pad]
        return take(call) if isinstance(sent, dict) and sent.get("kind") == "upload" else {}

    reads = {pad} if polarity is None else {pad, polarity}
    writes = {page.current, pad, *writes}
    page.on(pad.picture, take, reads, writes, **LIVE | waits_on(stage))
    if polarity is not None:
        page.on(polarity.input, take_again, reads, writes, **LIVE | waits_on(stage))
