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
    return [element for element in root.iter() if element.tag.rpartition("}")[2] == tag]


def pictures(html: str) -> list[list[np.ndarray]]:
    """Pixels of all pictures, strip by strip."""
    strips = [element for element in elements(html, "div") if element.get("role") == "img"]
    assert all(element.get("aria-label") for element in strips)
    return [
        [
            np.asarray(Image.open(io.BytesIO(base64.b64decode((face.get("src") or "").partition(",")[2]))))
            for face in strip
        ]
        for strip in strips
    ]
