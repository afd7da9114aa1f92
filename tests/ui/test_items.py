"""Items and the shelf: how pictures move from one model to another."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

import ganlab
from ganlab import explorer as explorers
from ganlab import images
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from ganlab.ui import items, switching
from ganlab.ui.items import Ends, Shelf, Waiting
from ganlab.ui.shelf import waits_html


@pytest.fixture(scope="module")
def other(other_model: str) -> Explorer:
    return ganlab.load(other_model)


@pytest.fixture(scope="module")
def gan(gan_model: str) -> Explorer:
    return ganlab.load(gan_model)


@pytest.fixture(scope="module")
def colour(colour_model: str) -> Explorer:
    return ganlab.load(colour_model)


@pytest.fixture
def inversions(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pictures each call of Explorer.invert was given."""
    counts: list[int] = []
    real = Explorer.invert

    def counting(self: Explorer, x: torch.Tensor, *args: object, **settings: object) -> object:
        counts.append(len(x))
        return real(self, x, *args, **settings)

    monkeypatch.setattr(explorers.Explorer, "invert", counting)
    return counts


def shelf_of(explorer: Explorer, digits: Pictures) -> Shelf:
    """A current picture that is also A, a sample as B, and two kept pictures."""
    first, second, third = items.from_pictures(explorer, digits.inputs(slice(0, 3)), ["a", "b", "c"])
    sample = items.from_latent(explorer, explorer.sample(1, seed=4), "sample 0 of seed 4")
    first = replace(first, notes=("dark ink on light: inverted",))
    return Shelf(first, Ends(first, sample), (second, third))


def test_many_pictures_are_inverted_as_one_by_one(other: Explorer, gan: Explorer, digits: Pictures) -> None:
    x = digits.inputs(slice(0, 2))
    for explorer in (other, gan):
        for item, picture in zip(items.from_pictures(explorer, x, "ab"), x, strict=True):
            alone = items.from_picture(explorer, picture[None], item.caption)
            torch.testing.assert_close(item.image, alone.image, atol=1e-3, rtol=1e-3)
            assert torch.equal(item.picture, picture[None])
            assert item.fingerprint == explorer.fingerprint
    assert torch.equal(items.from_pictures(other, x, "ab")[1].z, other.encode(x)[1:2])


def test_what_preparation_says_of_an_upload_travels(bundled: Explorer, gan: Explorer) -> None:
    x, boxes = torch.rand(1, 1, 28, 28), ((5.0, 6.0, 20.0, 30.0), (50.0, 6.0, 20.0, 25.0))
    prepared = images.PreparedPicture(x, ("a note",), True, boxes, "This is a doubt.")
    item = items.from_upload(bundled, prepared, "an upload")
    (there,) = items.adapt_to(gan, [item])
    for each in (item, there):
        assert torch.equal(each.picture, x)
        assert (each.notes, each.digits, each.doubt) == (("a note",), boxes, "This is a doubt.")


def test_the_whole_shelf_is_inverted_at_once(
    bundled: Explorer, gan: Explorer, digits: Pictures, inversions: list[int]
) -> None:
    before = shelf_of(bundled, digits)
    inversions.clear()
    after, waiting = switching.switch_shelf(gan, before, {})
    assert inversions == [4]  # current and A are one picture
    assert waiting == {}
    for old, new in zip(before.items, after.items, strict=True):
        assert (new.key, new.caption, new.notes) == (old.key, old.caption, old.notes)
        assert torch.equal(new.picture, old.picture)
        assert new.z.shape == (1, gan.config.latent_dim)
        torch.testing.assert_close(new.image, gan.decode(new.z))
    assert after.ends.a is not None
    assert after.ends.a.key == after.current.key


def test_coming_back_restores_what_was_there(
    bundled: Explorer, gan: Explorer, other: Explorer, digits: Pictures, inversions: list[int]
) -> None:
    before = shelf_of(bundled, digits)
    shelf, waiting = before, {}
    for explorer in (gan, other):
        shelf, waiting = switching.switch_shelf(explorer, shelf, waiting)
    inversions.clear()
    back, _ = switching.switch_shelf(bundled, shelf, waiting)
    assert inversions == []
    for old, new in zip(before.items, back.items, strict=True):
        assert torch.equal(new.z, old.z)  # the sample too, which no encoder would find again
        assert new.key == old.key


def test_what_is_of_this_model_already_stays(
    bundled: Explorer, gan: Explorer, digits: Pictures, inversions: list[int]
) -> None:
    moved, _ = switching.switch_shelf(gan, shelf_of(bundled, digits), {})
    inversions.clear()
    again = items.adapt_to(gan, moved.items)
    assert all(one.key == other.key for one, other in zip(again, moved.items, strict=True))
    assert all(one.z is other.z for one, other in zip(again, moved.items, strict=True))
    assert inversions == []


def test_pictures_that_do_not_fit_wait(
    bundled: Explorer, colour: Explorer, gan: Explorer, digits: Pictures
) -> None:
    before = shelf_of(bundled, digits)
    waiting: Waiting = {}
    shown, waiting = switching.switch_shelf(colour, before, waiting)
    assert shown.current.image.shape == (1, 3, 32, 32)
    assert shown.kept == ()
    assert waiting == {(1, 28, 28): before}
    assert (
        "4 pictures of 28 x 28 in grey don&#x27;t fit this model; they return when you switch back."
        in waits_html(waiting)
    )
    grey, waiting = switching.switch_shelf(gan, shown, waiting)
    assert [item.key for item in grey.items] == [item.key for item in before.items]
    assert grey.current.fingerprint == gan.fingerprint
    assert list(waiting) == [(3, 32, 32)]
    again, waiting = switching.switch_shelf(colour, grey, waiting)
    assert torch.equal(again.current.z, shown.current.z)
    back, waiting = switching.switch_shelf(bundled, again, waiting)
    assert torch.equal(back.current.z, before.current.z)


def test_an_empty_end_stays_empty(bundled: Explorer, other: Explorer, digits: Pictures) -> None:
    shelf = shelf_of(bundled, digits)._replace(ends=Ends(None, None), kept=())
    moved, _ = switching.switch_shelf(other, shelf, {})
    assert moved.ends == Ends(None, None)
    assert len(moved.items) == 1


def test_a_picture_of_another_shape_is_refused(colour: Explorer, bundled: Explorer, digits: Pictures) -> None:
    with pytest.raises(ValueError, match=r"takes pictures \(N, 3, 32, 32\)"):
        items.adapt_to(colour, shelf_of(bundled, digits).items[:1])
