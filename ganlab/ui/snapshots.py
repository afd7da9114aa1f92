"""Items as a page keeps them, for the day when the server has lost them: after a restart, or a reload.

A page gets them with what it shows, as JSON, and sends them back; by then they are anybody's, so all is
checked.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ganlab import images
from ganlab.explorer import Explorer
from ganlab.ui import items
from ganlab.ui.items import Ends, Item, Shelf, Waiting
from ganlab.ui.uploads import decode_data_uri

MAX_NOTES = 8
MAX_BOXES = 200
MAX_WAITING = 4  # shelves, each of another shape
MAX_TEXT = 200  # characters of a note, a name or an address
KEY = re.compile(r"[0-9a-f]{8,64}", re.ASCII)


def pack(item: Item | None) -> dict[str, Any] | None:
    """The item as JSON, its picture x rounded to 8 bits; None for none."""
    if item is None:
        return None
    fields: dict[str, Any] = {"key": item.key, "z": item.z[0].tolist(), "caption": item.caption}
    if item.x is not None:
        fields["x"] = images.encode_data_uri(item.x[0])
    if item.notes:
        fields["notes"] = list(item.notes)
    if item.digits:
        fields["digits"] = [list(box) for box in item.digits]
    for name in ("page_key", "pad_key", "address", "doubt"):
        if text := getattr(item, name):
            fields[name] = text
    if (origin := item.origin) is not None and origin.x is None:  # an inverted one is inverted anew as well
        fields["origin"] = {
            "checkpoint": origin.fingerprint,
            "z": origin.z[0].tolist(),
            "address": origin.address,
        }
    return {**fields, "since": item.since}


def unpack(explorer: Explorer, fingerprint: object, fields: object) -> Item:
    """The item that `pack` wrote, of the checkpoint with this fingerprint; ValueError for one that is none,
    or is another checkpoint's."""
    sent = fields if isinstance(fields, dict) else {}
    item = items.from_page(
        explorer, {"fingerprint": fingerprint, "z": sent.get("z"), "about": sent.get("caption", "")}
    )
    key, notes, since = sent.get("key"), sent.get("notes"), sent.get("since")
    page_key, pad_key, address, doubt = (
        str(sent.get(name, ""))[:MAX_TEXT] for name in ("page_key", "pad_key", "address", "doubt")
    )
    item = replace(
        item,
        key=key if isinstance(key, str) and KEY.fullmatch(key) else item.key,
        x=read_picture(explorer, sent["x"]) if "x" in sent else None,
        notes=tuple(str(note)[:MAX_TEXT] for note in notes[:MAX_NOTES]) if isinstance(notes, list) else (),
        since=float(since) if isinstance(since, int | float) and 0 < since < item.since else item.since,
        page_key=page_key,
        pad_key=pad_key,
        doubt=doubt,
        digits=_read_boxes(sent.get("digits")),
        address=address if items.ADDRESS.fullmatch(address) else "",
    )
    return replace(item, origin=_read_origin(item, sent.get("origin")))


def _read_origin(item: Item, fields: object) -> Item | None:
    """The latent that an item had in the model where it was made, whose picture it was inverted from; None
    for none. Whether it is a latent of that model shows when that is chosen, see `items.adapt_to`."""
    sent = fields if isinstance(fields, dict) else {}
    checkpoint, address = sent.get("checkpoint"), str(sent.get("address", ""))[:MAX_TEXT]
    if item.x is None or not isinstance(checkpoint, str) or checkpoint == item.fingerprint:
        return None
    try:
        z = torch.tensor(sent.get("z"), dtype=torch.float32)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return None
    if z.dim() != 1 or not torch.isfinite(z).all():
        return None
    return Item(
        z.unsqueeze(0),
        item.x,
        item.caption,
        checkpoint,
        address=address if items.ADDRESS.fullmatch(address) else "",
        key=item.key,
        since=item.since,
    )


def _read_boxes(boxes: object) -> tuple[tuple[float, float, float, float], ...]:
    """Boxes (left, top, width, height); none where one of them is none."""
    try:
        read = torch.tensor(boxes[:MAX_BOXES] if isinstance(boxes, list) else [], dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return ()
    if read.dim() != 2 or read.shape[1] != 4 or not torch.isfinite(read).all():
        return ()
    return tuple((box[0], box[1], box[2], box[3]) for box in read.tolist())


def unpack_ends(explorer: Explorer, fingerprint: object, fields: object) -> Ends:
    """A and B, each of which may be None; ValueError for anything else."""
    if not isinstance(fields, list) or len(fields) != 2:
        raise ValueError("A path has two ends, A and B.")
    return Ends(*(None if end is None else unpack(explorer, fingerprint, end) for end in fields))


def unpack_all(explorer: Explorer, fingerprint: object, fields: object, limit: int) -> tuple[Item, ...]:
    """The last `limit` items of a list; what is none of this checkpoint's is left out."""
    return tuple(_unpack_some(explorer, fingerprint, fields[-limit:] if isinstance(fields, list) else []))


def _unpack_some(explorer: Explorer, fingerprint: object, fields: list[object]) -> Iterable[Item]:
    for each in fields:
        try:
            yield unpack(explorer, fingerprint, each)
        except ValueError:
            continue


# ---------------------------------------------------------------------- shelves that wait for another model


def pack_waiting(waiting: Waiting, find_name: Callable[[str], str]) -> list[dict[str, Any]]:
    """Shelves that wait as JSON, each with the model that its items belong to."""
    return [
        {
            "model": find_name(shelf.current.fingerprint),
            "checkpoint": shelf.current.fingerprint,
            "current": pack(shelf.current),
            "ends": [pack(item) for item in shelf.ends],
            "kept": [pack(item) for item in shelf.kept],
        }
        for shelf in waiting.values()
    ]


def unpack_waiting(get_model: Callable[[str], Explorer], fields: object, limit: int) -> Waiting:
    """The shelves that `pack_waiting` wrote, with at most `limit` kept items each; one of a model that is not
    there is left out."""
    waiting: Waiting = {}
    for each in fields[:MAX_WAITING] if isinstance(fields, list) else ():
        with contextlib.suppress(ValueError):
            sent = each if isinstance(each, dict) else {}
            explorer, fingerprint = get_model(str(sent.get("model", ""))[:MAX_TEXT]), sent.get("checkpoint")
            shelf = Shelf(
                unpack(explorer, fingerprint, sent.get("current")),
                unpack_ends(explorer, fingerprint, sent.get("ends")),
                unpack_all(explorer, fingerprint, sent.get("kept"), limit),
            )
            waiting[tuple(explorer.config.image_shape)] = shelf
    return waiting


def read_picture(explorer: Explorer, uri: object) -> Tensor:
    """A picture of the model's shape, (1, C, H, W) in [0, 1], from a data: URI; ValueError for another."""
    channels, height, width = explorer.config.image_shape
    if not isinstance(uri, str) or len(uri) > 4 * channels * height * width + 2000:
        raise ValueError(f"A picture of this model has {width} x {height} pixels.")
    pixels = torch.from_numpy(images.read_pixels(decode_data_uri(uri)).copy())
    if pixels.dtype != torch.uint8 or pixels.shape != (
        (height, width) if channels == 1 else (height, width, 3)
    ):
        raise ValueError(f"A picture of this model has {width} x {height} pixels.")
    x = pixels.float() / 255
    return x[None, None] if channels == 1 else x.permute(2, 0, 1)[None]
