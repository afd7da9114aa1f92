"""What tabs do with a picture that somebody sends: decode it, prepare it, invert it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, get_args

import numpy as np

from ganlab import images
from ganlab.explorer import Explorer
from ganlab.images import Polarity, PreparedPicture
from ganlab.ui import items
from ganlab.ui.items import Item
from ganlab.ui.server.sent import SENT

MAX_SENTENCE = 300  # characters of what a page says is wrong with a file


def decode_data_uri(uri: object) -> bytes:
    """The bytes of a data: URI or of bare base64, as pages and API clients send pictures; PictureError, a
    ValueError, for anything else."""
    if not isinstance(uri, str):
        raise images.PictureError("A picture is sent as text: base64, or a data: URI.")
    if len(uri) > images.MAX_BYTES * 4 // 3 + 100:
        raise images.PictureError(f"This file is over {images.MAX_BYTES // 10**6} MB; send a smaller one.")
    try:
        _, comma, content = uri.partition("base64,")
        return base64.b64decode(content if comma else uri, validate=True)
    except (binascii.Error, ValueError):
        raise images.PictureError("This is not base64, so it is no picture.") from None


def prepare_upload(
    explorer: Explorer, source: object, polarity: object, crop: images.Crop | None = None
) -> PreparedPicture:
    """What the model sees of a picture that was sent as text, or is read already. `polarity` is one of
    images.Polarity; `crop` is the part to take, see `images.prepare`."""
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
    before, and "crop", the part of it, or nothing for all; or {"refused"}, what it says is wrong with a file.
    LostPictureError for a name that means nothing any more."""
    if refused := sent.get("refused"):
        raise images.PictureError(str(refused)[:MAX_SENTENCE])
    if "upload" not in sent:
        return invert_upload(explorer, sent.get("picture"), polarity, caption)
    crop = sent.get("crop")
    return invert_upload(explorer, SENT.get(sent["upload"]), polarity, caption, crop)


def describe_view(explorer: Explorer) -> dict[str, Any]:
    """What a page needs to let a person choose a part of an upload: the model's pictures are size x size, and
    whether it is shown digits, which preparation finds in the picture or in the part."""
    config = explorer.config
    return {"size": config.size, "channels": config.channels, "digits": config.preparation == "digit"}
