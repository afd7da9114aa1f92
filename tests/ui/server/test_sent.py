"""Uploads that a page sends once: kept by a name, dropped when there are too many or nobody uses them."""

from __future__ import annotations

import base64
import http.client
import json
import secrets
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from ganlab.ui.server.sent import (
    MAX_AGE,
    SENT,
    LostPictureError,
    SentPictures,
    list_missing,
    take_again,
)
from tests.pictures import ORIENTATION, encoded


def picture(value: int, side: int = 10) -> np.ndarray:
    return np.full((side, side, 3), value, np.uint8)


def is_kept(pictures: SentPictures, name: str) -> bool:
    try:
        pictures.get(name)
    except LostPictureError:
        return False
    return True


def test_a_picture_is_had_by_its_name_alone() -> None:
    pictures = SentPictures()
    name, other = pictures.add(picture(1)), pictures.add(picture(1))
    assert len({name, other}) == 2
    assert len(name) >= 20
    assert pictures.get(name)[0, 0, 0] == 1
    for wrong in ("", name[:-1], name + "x", None, 7, [name], {"name": name}):
        with pytest.raises(LostPictureError, match="choose its file again"):
            pictures.get(wrong)


def test_those_not_used_for_longest_make_room() -> None:
    pictures = SentPictures(max_bytes=700)  # two of them
    first, second = pictures.add(picture(1)), pictures.add(picture(2))
    pictures.get(first)
    third = pictures.add(picture(3))
    assert [is_kept(pictures, name) for name in (first, second, third)] == [True, False, True]
    large = pictures.add(picture(4, 100))  # more than there is room for: it is what the person wants now
    assert [is_kept(pictures, name) for name in (first, third, large)] == [False, False, True]


def test_what_nobody_uses_is_dropped() -> None:
    now = 0.0
    pictures = SentPictures(now=lambda: now)
    old, used = pictures.add(picture(1)), pictures.add(picture(2))
    now = 0.6 * MAX_AGE
    pictures.get(used)
    now = 1.2 * MAX_AGE
    assert [is_kept(pictures, name) for name in (old, used)] == [False, True]


def test_a_picture_comes_along_with_an_event_that_another_process_was_sent() -> None:
    content = base64.b64encode(encoded(Image.new("L", (9, 8), 7), "PNG")).decode()
    names = [secrets.token_urlsafe(16) for _ in range(3)]
    event = {"data": [None, {"upload": names[0]}], "event_data": {"upload": names[1]}}
    assert list_missing(event) == [names[1], names[0]]
    take_again({**event, "uploads": {names[0]: content, names[1]: "no picture", names[2]: content}})
    assert list_missing(event) == [names[1]]
    assert SENT.get(names[0]).shape == (8, 9)
    assert names[2] not in SENT  # which the event does not name
    mine = SENT.add(picture(5))
    SENT.add_again(mine, picture(6))
    assert (SENT.get(mine) == 5).all()  # nobody replaces another's
    for odd in (None, [], "x", {"short": content}, {names[1]: 5}):
        take_again({**event, "uploads": odd})
    assert list_missing({"data": "x", "event_data": {"upload": ["a"]}}) == []


def post(server: str, content: bytes) -> tuple[int, bytes]:
    address = urlsplit(server)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
    try:
        connection.request("POST", "/ganlab/upload", body=content)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_the_page_sends_a_file_and_gets_its_name_and_size(server: str) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    status, content = post(server, encoded(Image.new("RGB", (30, 20), "red"), "JPEG", exif=exif))
    answer = json.loads(content)
    assert status == 200
    assert (answer["width"], answer["height"]) == (20, 30)  # upright
    assert SENT.get(answer["upload"]).shape == (30, 20, 3)


@pytest.mark.parametrize("content", [b"", b"<svg></svg>", b"x" * 10_000_001])
def test_what_is_no_picture_is_refused_in_a_sentence(server: str, content: bytes) -> None:
    status, text = post(server, content)
    assert status == 400
    assert text.endswith(b".")
    assert any(word in text for word in (b"picture", b"too large", b"empty", b"PNG"))
