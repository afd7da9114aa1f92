"""What the interface's HTML holds, for tests: its elements, and the pixels of its pictures."""

from __future__ import annotations

import base64
import io
import re
from xml.etree import ElementTree

import numpy as np
from PIL import Image

HOSTILE = "<img src=x onerror=alert(1)>&\"'"


def elements(html: str, tag: str) -> list[ElementTree.Element]:
    """All of a tag in our HTML, which is well-formed XML but for <img>, <br> and what is disabled."""
    text = re.sub(r"<(img|br)\b([^>]*)>", r"<\1\2/>", html).replace(" disabled ", ' disabled="" ')
    root = ElementTree.fromstring(f"<page>{text}</page>")
    return [one for one in root.iter() if one.tag.rpartition("}")[2] == tag]


def pictures(html: str) -> list[list[np.ndarray]]:
    """Pixels of all pictures, strip by strip."""
    strips = [one for one in elements(html, "div") if one.get("role") == "img"]
    assert all(one.get("aria-label") for one in strips)
    return [
        [
            np.asarray(Image.open(io.BytesIO(base64.b64decode((face.get("src") or "").partition(",")[2]))))
            for face in strip
        ]
        for strip in strips
    ]
