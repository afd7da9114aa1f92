"""What work costs before it is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from ganlab import images, interruption
from ganlab.explorer import Explorer, load
from ganlab.gallery import Pictures
from ganlab.large.gallery import LargeGallery
from ganlab.ui import app
from ganlab.ui.server import budget
from ganlab.ui.server.budget import TooMuchError, price_neighbours
from ganlab.ui.server.models import Models
from ganlab.ui.tabs import interpolate
from tests.ui.visitor import Visitor
from train.data.large import Builder

COUNT = 4  # pictures of the folder


@pytest.fixture
def folder(tiny_folder: Path, digits: Pictures, tmp_path: Path) -> Path:
    """A folder of a few pictures, encoded by the tiny model."""
    (pictures := tmp_path / "pictures").mkdir()
    for row in range(COUNT):
        x = digits.inputs(slice(row, row + 1))[0]
        (pictures / f"{row}.png").write_bytes(images.encode_png(images.to_pil(x)))
    with Builder(Explorer(load(str(tiny_folder)).model), pictures, tmp_path / "out") as builder:
        builder.run()
    return tmp_path / "out"


def test_neighbours_in_a_large_gallery_are_priced_by_what_is_read_and_compared(
    tiny_folder: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    explorer = load(str(tiny_folder), gallery=folder)
    assert isinstance(explorer.gallery, LargeGallery)
    price_neighbours(explorer, 100, 2, "features")
    with pytest.raises(TooMuchError, match=r"it holds 200, so take k up to 2, or fewer pictures\.$"):
        price_neighbours(explorer, 100, 3, "features")
    price_neighbours(load(str(tiny_folder)), 100, 50, "features")  # whose pictures are at hand
    numbers = explorer.gallery.points("features").numel()
    monkeypatch.setattr(budget, "MAX_COMPARED", 7 * numbers)
    price_neighbours(explorer, 7, 1, "features")
    price_neighbours(explorer, 8, 0, "features")
    with pytest.raises(TooMuchError, match=r"with all 4 of the gallery, and 8 .* take at most 7\.$"):
        price_neighbours(explorer, 8, 1, "features")


def test_a_search_ends_when_its_visitor_leaves(tiny_folder: Path, folder: Path) -> None:
    explorer = load(str(tiny_folder), gallery=folder)
    x, steps = explorer.get_training_picture(0)[0], list[int]()

    def leave() -> None:
        steps.append(len(steps))
        if len(steps) > 2:  # one block is compared; then a picture after the other is read
            raise interruption.InterruptedWorkError

    with interruption.checking(leave), pytest.raises(interruption.InterruptedWorkError):
        explorer.neighbours(x, COUNT)
    assert len(steps) == 3


def test_the_page_shows_what_a_folder_of_a_few_pictures_has(tiny_folder: Path, folder: Path) -> None:
    visitor = Visitor(app.build(Models(str(tiny_folder), gallery=folder)))
    shown = str(visitor.values[visitor.find("neighbours-stage")])
    assert shown.count('data-action="neighbour"') == COUNT


def test_the_page_knows_what_a_film_may_cost(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MAX_FILM_PIXELS", 12345)
    visitor = Visitor(Models(str(tiny_folder)), interpolate.build)
    limits = visitor.values[visitor.find("film")]["limits"]
    assert limits == {"side": 28, "maxSide": 1024, "maxPixels": 12345}


def test_no_address_has_all_places() -> None:
    for line in (budget.QUICK, budget.PARTS, budget.MAPS, budget.LONG, budget.BODIES):
        assert 1 <= line.places_each < line.places
