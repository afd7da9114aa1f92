"""Items as a page keeps them: they come back as they were, and what anybody else sends is checked."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import torch

import ganlab
from ganlab import images
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from ganlab.ui import items, snapshots
from ganlab.ui.items import Ends, Item, Opened, Shelf
from ganlab.ui.shelf import MAX_KEPT, change_kept, keeps_html
from ganlab.ui.switching import open_shelf


@pytest.fixture(scope="module")
def other(other_model: str) -> Explorer:
    return ganlab.load(other_model)


def build_item(explorer: Explorer, digits: Pictures) -> Item:
    item = items.from_picture(explorer, digits.inputs(slice(0, 1)), "a digit", ("centred",))
    return replace(
        item, page_key="p", pad_key="a.1", address="test-0", doubt="A doubt.", digits=((1, 2, 3.5, 4),)
    )


def test_an_item_comes_back_as_it_was(other: Explorer, digits: Pictures) -> None:
    item = build_item(other, digits)
    back = snapshots.unpack(other, other.fingerprint, snapshots.pack(item))
    for name in (
        "key",
        "caption",
        "notes",
        "page_key",
        "pad_key",
        "address",
        "fingerprint",
        "since",
        "doubt",
        "digits",
    ):
        assert getattr(back, name) == getattr(item, name), name
    for name in ("z", "x", "image"):
        torch.testing.assert_close(getattr(back, name), getattr(item, name))
    sample = items.from_sample(other, 3)
    assert snapshots.unpack(other, other.fingerprint, snapshots.pack(sample)).x is None
    ends = snapshots.unpack_ends(other, other.fingerprint, [snapshots.pack(item), snapshots.pack(None)])
    assert ends.a is not None
    assert (ends.a.key, ends.b) == (item.key, None)


def test_colour_comes_back_too(colour_model: str) -> None:
    explorer = ganlab.load(colour_model)
    x = torch.randint(0, 256, (1, *explorer.config.image_shape)) / 255
    torch.testing.assert_close(snapshots.read_picture(explorer, images.encode_data_uri(x[0])), x)


def test_a_sample_that_went_through_another_model_and_a_restart_is_what_it_was(
    other: Explorer, bundled: Explorer
) -> None:
    sample = items.from_sample(bundled, 7, 3)
    (inverted,) = items.adapt_to(other, [sample])
    packed = json.loads(json.dumps(snapshots.pack(inverted)))
    back = snapshots.unpack(other, other.fingerprint, packed)
    (again,) = items.adapt_to(bundled, [back])
    assert torch.equal(again.z, sample.z)
    assert (again.address, again.key, again.x) == (sample.address, sample.key, None)
    assert (again.image - sample.image).abs().max() <= 0.5 / 255 + 1e-6
    for odd in (
        5,
        {},
        {"z": [1.0]},
        {"z": "x"},
        {"z": [float("nan")] * 50},
        {"z": [[1.0]]},
        {"z": [10**400]},
    ):
        forged = {
            **packed,
            "origin": {"checkpoint": bundled.fingerprint, **odd} if isinstance(odd, dict) else odd,
        }
        (anew,) = items.adapt_to(bundled, [snapshots.unpack(other, other.fingerprint, forged)])
        assert anew.fingerprint == bundled.fingerprint
        assert anew.x is not None  # its picture is inverted


def test_shelves_that_wait_come_back(other: Explorer, digits: Pictures) -> None:
    kept = tuple(items.from_sample(other, seed) for seed in range(3))
    shelf = Shelf(build_item(other, digits), Ends(kept[0], None), kept)
    names = {other.fingerprint: "its model"}
    packed = json.loads(json.dumps(snapshots.pack_waiting({(1, 28, 28): shelf}, names.__getitem__)))

    def get_model(name: str) -> Explorer:
        if name != "its model":
            raise ValueError("There is no such model.")
        return other

    (back,) = snapshots.unpack_waiting(get_model, packed, MAX_KEPT).values()
    assert [item.key for item in back.items] == [item.key for item in shelf.items]
    assert back.ends.b is None
    torch.testing.assert_close(back.current.image, shelf.current.image)
    gone = {**packed[0], "model": "another"}
    assert list(snapshots.unpack_waiting(get_model, [gone, *packed], MAX_KEPT)) == [(1, 28, 28)]
    for odd in (None, 5, [None, 5], [{}], [{**packed[0], "ends": 5}], [{**packed[0], "current": None}]):
        assert snapshots.unpack_waiting(get_model, odd, MAX_KEPT) == {}


def test_a_shelf_that_opens_says_so(other: Explorer) -> None:
    """So that the browser does not take what is not in it for dropped."""
    assert isinstance(open_shelf(other).kept, Opened)
    assert "data-opened" in keeps_html(other, open_shelf(other).kept)
    assert "data-opened" not in keeps_html(other, ())


@pytest.mark.parametrize(
    "changes",
    [
        {"z": None},
        {"z": [1.0]},
        {"z": [float("nan")] * 4},
        {"x": "data:image/png;base64,AAAA"},
        {"x": 7},
        {"x": "A" * 10**6},
        {"x": images.encode_data_uri(torch.zeros(1, 27, 28))},
        {"x": images.encode_data_uri(torch.zeros(3, 28, 28))},
    ],
    ids=str,
)
def test_what_is_no_item_is_refused(other: Explorer, digits: Pictures, changes: dict[str, Any]) -> None:
    fields = {**(snapshots.pack(build_item(other, digits)) or {}), **changes}
    with pytest.raises(ValueError, match=r"[A-Z].*\."):
        snapshots.unpack(other, other.fingerprint, fields)
    assert snapshots.unpack_all(other, other.fingerprint, [fields, 7, None], 9) == ()


def test_odd_names_and_times_are_put_right(other: Explorer, digits: Pictures) -> None:
    fields = snapshots.pack(build_item(other, digits)) or {}
    odd = {
        "key": "<b>",
        "notes": "x",
        "since": 1e300,
        "address": "test-0 or else",
        "digits": [[1], 2],
        "pad_key": "p" * 999,
    }
    item = snapshots.unpack(other, other.fingerprint, {**fields, **odd})
    assert len(item.key) == 32
    assert (item.notes, item.address, item.digits) == ((), "", ())
    assert len(item.pad_key) == snapshots.MAX_TEXT
    with pytest.raises(ValueError, match="two ends"):
        snapshots.unpack_ends(other, other.fingerprint, [None])


def test_tabs_of_one_browser_share_what_was_kept(other: Explorer) -> None:
    a, b, c = (items.from_sample(other, seed) for seed in range(3))

    def change(*kept: Item, **payload: Any) -> list[str]:
        changed = change_kept(other, kept, {"fingerprint": other.fingerprint, **payload})
        return [item.caption for item in changed]

    packed = [snapshots.pack(item) for item in (a, b)]
    assert change(c, kept=packed) == [c.caption, a.caption, b.caption]
    assert change(c, kept=packed, order=[a.key, b.key, c.key]) == [a.caption, b.caption, c.caption]
    assert change(a, c, kept=packed, remove=[c.key]) == [a.caption, b.caption]
    assert change(a, kept="x", remove={"a": 1}, order=3) == [a.caption]
    assert change(a, kept=[{"z": [1]}, packed[1]]) == [a.caption, b.caption]
    assert change(a, kept=packed, fingerprint="other") == [a.caption]
    many = [{**(packed[0] or {}), "key": f"{number:032x}"} for number in range(2 * MAX_KEPT)]
    assert len(change(a, kept=many)) == MAX_KEPT


@pytest.mark.parametrize("address", ["test-3", "training-0", "sample-7-3", "sample-7-0-prior-0.5"])
def test_an_address_leads_to_its_item(bundled: Explorer, address: str) -> None:
    if address.startswith("training"):
        assert bundled.gallery is not None
        address = f"training-{int(bundled.gallery.pictures.indices[0])}"
    item = items.from_address(bundled, address)
    assert item.address == address
    assert torch.equal(items.from_address(bundled, item.address).z, item.z)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "test--1",
        "test-99999",
        "test-\u0661",
        "training-9999999999",
        "sample-1",
        "sample-1-2-other",
        "sample-9999999999999999999-0",
        "sample-1-2-prior-7",
    ],
)
def test_an_address_that_leads_nowhere_is_refused(bundled: Explorer, address: str) -> None:
    with pytest.raises(ValueError, match=r"[A-Z].*\."):
        items.from_address(bundled, address)


def test_an_address_stays_where_another_model_has_the_same_picture(
    bundled: Explorer, other: Explorer
) -> None:
    test, sample = items.from_address(bundled, "test-1"), items.from_address(bundled, "sample-1-0")
    adapted = items.adapt_to(other, [test, sample])
    assert [item.address for item in adapted] == ["test-1", ""]
    assert [item.address for item in items.adapt_to(bundled, adapted)] == ["test-1", "sample-1-0"]
