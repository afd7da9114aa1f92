"""Squares of uploads that a page names by numbers: what becomes current, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ganlab
from ganlab import images
from ganlab.explorer import Explorer
from ganlab.ui import items
from ganlab.ui.call import Answer
from ganlab.ui.items import Item
from ganlab.ui.pad import MAX_KEY, PAD, pad_value
from ganlab.ui.server.models import Models
from ganlab.ui.server.sent import SENT
from ganlab.ui.tabs import compare, interpolate, reconstruct
from ganlab.ui.uploads import describe_view
from tests.conftest import untrained_model
from tests.ui.parsed import elements
from tests.ui.visitor import Visitor


@pytest.fixture(scope="module")
def explorer(picture_model: str) -> Explorer:
    return ganlab.load(picture_model)


@pytest.fixture
def visitor(picture_model: str) -> Visitor:
    return Visitor(Models(picture_model), reconstruct.build)


@pytest.fixture
def photo() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (90, 150, 3)).astype(np.uint8)


def find_pad(visitor: Visitor) -> Any:
    (pad,) = [part for part in visitor.blocks.blocks.values() if getattr(part, "html_template", "") == PAD]
    return pad


def send(visitor: Visitor, **sent: Any) -> Answer:
    """What Python answers to the pad."""
    pad = find_pad(visitor)
    pad.elem_id = "pad"  # by which a visitor finds it
    visitor.values[pad] = sent
    return visitor.send("pad", "picture")


def current(visitor: Visitor) -> Item:
    item: Item = visitor.values[visitor.page.current]
    return item


def answered(visitor: Visitor, part: str) -> str | None:
    """The key of the square that a part shows."""
    return elements(visitor.values[visitor.find(part)], "div")[0].get("data-answers")


def test_a_square_becomes_current_and_its_answer_names_it(
    visitor: Visitor, explorer: Explorer, photo: np.ndarray
) -> None:
    name = SENT.add(photo)
    for kind, caption in (("upload", "your picture"), ("part", "part of a picture")):
        crop = [30.25, 10, 64]
        send(visitor, kind=kind, upload=name, crop=crop, key="a.1")
        item = current(visitor)
        assert item.x is not None
        assert torch.equal(item.x, explorer.prepare(photo, crop=crop))
        assert torch.equal(item.image, explorer.reconstruct(item.x))
        assert (item.caption, item.pad_key) == (caption, "a.1")
    for part in ("reconstruct-stage", "refine"):
        assert answered(visitor, part) == "a.1"
    (item,) = items.adapt_to(ganlab.load(str(explorer.model.folder)), [current(visitor)])
    assert item.pad_key == "a.1"


def test_another_picture_answers_no_square(visitor: Visitor, photo: np.ndarray) -> None:
    send(visitor, kind="upload", upload=SENT.add(photo), crop=[0, 0, 90], key="a.1")
    visitor.send("reconstruct-stage", "pick", action="neighbour", value="3")
    assert answered(visitor, "reconstruct-stage") == ""
    assert visitor.values[find_pad(visitor)]["view"] == {"size": 32, "channels": 3, "digits": False}


@pytest.mark.parametrize(
    ("crop", "message"),
    [
        ([0, 0, 91], "not inside"),
        ([0, 0, 2], "at least 8"),
        (None, ""),
        ("all", "three numbers"),
        ([1], "three"),
    ],
)
def test_a_square_that_makes_no_sense_is_refused_by_its_key(
    visitor: Visitor, photo: np.ndarray, crop: Any, message: str
) -> None:
    before = current(visitor)
    answer = send(visitor, kind="upload", upload=SENT.add(photo), crop=crop, key="a.2" * 99)
    if not message:  # no square: the middle
        assert current(visitor).notes[0] == "middle square kept"
        return
    refused = answer[find_pad(visitor)]
    assert message in refused.pop("says")
    assert refused == {"refused": ("a.2" * 99)[:MAX_KEY], "lost": False}
    assert not answer.get(visitor.page.notice)  # it is said on the pad
    assert current(visitor) is before


def test_a_picture_that_is_lost_is_asked_for_again_without_a_word(visitor: Visitor) -> None:
    before = current(visitor)
    answer = send(visitor, kind="upload", upload="gone", crop=[0, 0, 90], key="a.3")
    assert answer[find_pad(visitor)] == {"refused": "a.3", "lost": True, "says": ""}
    assert not answer.get(visitor.page.notice)
    assert current(visitor) is before


@pytest.mark.parametrize("sent", [{}, {"show": "data:,"}, {"refused": "a.1", "lost": True}])
def test_what_python_put_on_the_pad_is_no_upload(visitor: Visitor, sent: dict[str, Any]) -> None:
    before = current(visitor)
    answer = send(visitor, **sent)
    assert current(visitor) is before
    assert answer.get(visitor.page.notice, "") == ""


def test_an_upload_of_a_path_has_its_square(
    picture_model: str, explorer: Explorer, photo: np.ndarray
) -> None:
    visitor = Visitor(Models(picture_model), interpolate.build)
    sent = {"upload": SENT.add(photo), "crop": [40, 20, 50]}
    visitor.send("interpolate-stage", "upload", value="A", **sent)
    end = visitor.values[visitor.page.ends].a
    assert torch.equal(end.x, explorer.prepare(photo, crop=(40, 20, 50)))
    answer = visitor.send("film", "upload", **sent)
    film = answer[visitor.find("film")]
    assert film["uploaded"]["z"] == end.z[0].tolist()
    assert film["view"] == {"size": 32, "channels": 3, "digits": False}
    assert (
        "choose its file again"
        in visitor.send("film", "upload", upload="gone", crop=[0, 0, 9])[visitor.page.notice]
    )


def test_what_the_page_says_of_a_file_is_said_in_the_tab(picture_model: str) -> None:
    visitor = Visitor(Models(picture_model), interpolate.build)
    answer = visitor.send("film", "upload", refused="The file is <b>empty</b>." + "x" * 999)
    said = answer[visitor.page.notice]
    assert "The file is &lt;b&gt;empty&lt;/b&gt;." in said
    assert len(said) < 500


def test_a_comparison_names_the_square_that_it_shows(picture_model: str, photo: np.ndarray) -> None:
    visitor = Visitor(Models(picture_model), compare.build)
    send(visitor, kind="upload", upload=SENT.add(photo), crop=[0, 0, 90], key="b.1")
    assert 'data-answers="b.1"' in visitor.values[visitor.find("compare-stage")]


def test_models_of_digits_choose_no_square(bundled: Explorer) -> None:
    (item,) = items.from_examples(bundled, 0)
    assert describe_view(bundled) == {"size": 28, "channels": 1, "digits": True}
    assert set(pad_value(bundled, item)) == {"show", "item", "view"}


def test_the_pad_follows_how_a_model_takes_pictures(tmp_path: Path) -> None:
    """The same picture, for a model of the same shape that takes pictures as they are."""
    digit, plain = (untrained_model(tmp_path / kind, preparation=kind) for kind in ("digit", "picture"))
    models = Models(digit)
    for build in (reconstruct.build, compare.build):
        visitor = Visitor(models, build)
        pad = find_pad(visitor)
        visitor.render()
        explorer = models.get(plain)
        visitor.values[visitor.page.model] = plain
        (item,) = items.adapt_to(explorer, [current(visitor)])
        visitor.values[visitor.page.current] = item
        assert visitor.render()[pad]["view"] == {"size": 28, "channels": 1, "digits": False}
        assert pad not in visitor.render()


def test_what_the_pad_was_given_comes_back_as_it_was(
    visitor: Visitor, explorer: Explorer, bundled: Explorer
) -> None:
    """Undo leads back to a training picture, to a sample, and to either of another model."""
    training = items.from_gallery(explorer, 2)
    for item in (training, items.from_sample(explorer, seed=3)):
        given = pad_value(explorer, item)
        send(visitor, kind="given", picture=given["show"], item=given["item"], key="a.4")
        now = current(visitor)
        assert (now.key, now.caption, now.pad_key) == (item.key, item.caption, "a.4")
        assert torch.equal(now.z, item.z)
        assert (now.x is None) == (item.x is None)
        assert now.since > item.since
        foreign = {**given["item"], "fingerprint": "0" * 16, "z": [0.0]}
        send(visitor, kind="given", picture=given["show"], item=foreign, key="a.5")
        assert torch.equal(current(visitor).z, explorer.encode(current(visitor).picture))
        assert current(visitor).caption == item.caption
    digit = images.encode_data_uri(bundled.examples.inputs(slice(0, 1))[0])  # of another shape
    send(visitor, kind="given", picture=digit, item={**given["item"], "fingerprint": bundled.fingerprint})
    assert current(visitor).picture.shape[1:] == explorer.config.image_shape


def test_what_the_pad_was_never_given_is_refused_on_the_pad(visitor: Visitor) -> None:
    before = current(visitor)
    for item in (None, 7, {}, {"fingerprint": ["x"]}, {"fingerprint": before.fingerprint, "z": "x"}):
        for picture in (None, "", "data:image/png;base64,AAAA"):
            answer = send(visitor, kind="given", picture=picture, item=item, key="a.6")
            assert answer[find_pad(visitor)]["says"]
            assert current(visitor) is before


def test_the_opening_invites_and_a_picture_that_was_asked_for_does_not(
    bundled: Explorer, visitor: Visitor
) -> None:
    (item,) = items.from_examples(bundled, 0)
    assert pad_value(bundled, item, invites=True)["invites"] == "digit"
    assert "invites" not in pad_value(bundled, item)
    assert visitor.values[find_pad(visitor)]["invites"] == "picture"
    visitor.send("reconstruct-stage", "pick", action="neighbour", value="3")
    assert "invites" not in visitor.values[find_pad(visitor)]
