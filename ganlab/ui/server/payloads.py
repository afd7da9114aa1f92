"""What the named endpoints take and give: checked numbers and lists, models and pictures as JSON.

A latent travels as {"fingerprint": ..., "z": [...]} and is refused by any other checkpoint.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from torch import Tensor

from ganlab import images
from ganlab.explorer import Explorer
from ganlab.gallery import Neighbour
from ganlab.images import PreparedPicture
from ganlab.ui.items import Item
from ganlab.ui.uploads import decode_data_uri

Json = dict[str, Any]
MAX_PICTURES = 100  # of a list in one call
MAX_LIST_TEXT = 13_400_000  # characters of a list as base64: 10 MB of files
MAX_LIST_PIXELS = 32_000_000  # of all pictures of a list together


def describe_model(name: str, explorer: Explorer) -> Json:
    config = explorer.config
    return {
        "name": name,
        "title": config.title,
        "fingerprint": explorer.fingerprint,
        "latent_dim": config.latent_dim,
        "prior": config.prior,
        "sources": list(explorer.sources),
        "picture": list(config.image_shape),
        "networks": list(config.networks),
        "spaces": list(explorer.spaces),
        "metrics": explorer.metrics,
    }


def describe_preparation(upload: PreparedPicture | Item) -> Json:
    """What preparation says of an upload: notes, the boxes of the digits it saw, and its doubt."""
    digits = [[round(number, 2) for number in box] for box in upload.digits]
    return {"notes": list(upload.notes), "digits": digits, "doubt": upload.doubt}


def describe_neighbour(neighbour: Neighbour) -> Json:
    return {
        "index": neighbour.index,
        "label": neighbour.label,
        "name": neighbour.name,
        "distance": neighbour.distance,
        "picture": encode_base64(neighbour.image),
    }


def read_list(pictures: list[str]) -> Iterator[np.ndarray | images.PictureError]:
    """Pictures that were sent as text, read one after the other, or why one cannot be. ValueError as soon as
    those read hold too many pixels."""
    pixels = 0
    for text in pictures:
        try:
            picture = images.read_pixels(decode_data_uri(text))
        except images.PictureError as error:
            yield error
            continue
        pixels += picture.shape[0] * picture.shape[1]
        if pixels > MAX_LIST_PIXELS:
            raise ValueError(
                f"The pictures hold over {MAX_LIST_PIXELS // 10**6} megapixels together; send fewer a call."
            )
        yield picture


def encode_base64(x: Tensor, scale: int = 1) -> str:
    """A picture (C, H, W) in [0, 1] as base64 PNG, each pixel `scale` pixels wide."""
    return encode_bytes(images.encode_png(images.to_pil(x, scale)))


def encode_bytes(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def check_number(name: str, value: object, low: int, high: int) -> None:
    """ValueError unless the value is a whole number from low to high."""
    if not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{name} is a whole number from {low} to {high}, not {value!r}.")


def check_list(pictures: object) -> None:
    """ValueError unless the pictures are a list of texts, few and short enough for a call."""
    if not isinstance(pictures, list) or not pictures or not all(isinstance(each, str) for each in pictures):
        raise ValueError("pictures_base64 is a list of pictures, each as text: base64, or a data: URI.")
    if len(pictures) > MAX_PICTURES:
        raise ValueError(f"A list holds at most {MAX_PICTURES} pictures, not {len(pictures)}; send fewer.")
    if (size := sum(map(len, pictures))) > MAX_LIST_TEXT:
        raise ValueError(f"A list holds at most 10 MB, not {size * 3 / 4e6:.1f} MB; send fewer a call.")


def check_numbers(name: str, values: object) -> None:
    """ValueError unless the values are a list of finite numbers."""
    try:
        if isinstance(values, list) and all(math.isfinite(value) for value in values):
            return
    except (TypeError, OverflowError):  # no number; a whole number that no float can hold
        pass
    raise ValueError(f"{name} is a list of finite numbers.")
