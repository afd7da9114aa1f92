"""What browser tests do with a page, as a person would: choose a tab, draw, upload, read a picture."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganlab.gallery import Pictures

expect = pytest.importorskip("playwright.sync_api").expect

Open = Callable[..., Any]


def caption(page: Any) -> Any:
    """What the shelf says of the current latent."""
    return page.locator(".gl-now figcaption")


def pixels(picture: Any) -> np.ndarray:
    """The exact pixels of an <img>: pictures travel as data: URIs."""
    uri = picture.get_attribute("src")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))))


def card(page: Any, stage: str, number: int) -> Any:
    return page.locator(f"#{stage} .gl-card img").nth(number)


def tab(page: Any, name: str) -> None:
    """Open a tab and wait until what it shows belongs to the model in use."""
    page.get_by_role("tab", name=name).click()
    expect(page.locator("#tabs .gl-stale:visible")).to_have_count(0)


def choose_model(page: Any, name: str) -> None:
    """By the list at the top, or by its name where it is not on the list."""
    choice = page.get_by_label("Model", exact=True)
    if choice.evaluate("(list, name) => [...list.options].some((each) => each.value === name)", name):
        choice.select_option(name)
        return
    choice.select_option("another...")
    field = page.get_by_label("Folder or Hub id of a model")
    field.fill(name)
    field.press("Enter")


def draw(page: Any, points: list[tuple[int, int]], lift: bool = True) -> None:
    box = page.locator(".gl-paper > canvas").bounding_box()
    page.mouse.move(box["x"] + points[0][0], box["y"] + points[0][1])
    page.mouse.down()
    for x, y in points[1:]:
        page.mouse.move(box["x"] + x, box["y"] + y, steps=6)
    if lift:
        page.mouse.up()


def photo(digits: Pictures, row: int, size: int = 300) -> bytes:
    """A test digit as dark ink on a large light JPEG."""
    image = Image.fromarray(255 - digits.pixels[row, 0].numpy()).resize((size, size))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return file.getvalue()


def upload(page: Any, content: bytes, name: str = "digit.jpg", kind: str = "image/jpeg") -> None:
    page.set_input_files(".gl-pad input[type=file]", {"name": name, "mimeType": kind, "buffer": content})


SEVEN = [(70, 60), (210, 60), (150, 150), (120, 240)]
