"""Fifty switches among models of every kind: nothing that a model brought along stays behind."""

from __future__ import annotations

import gc
import os
import weakref
from pathlib import Path
from typing import Any

import pytest

from ganlab.explorer import Explorer
from ganlab.gallery import MAX_CACHED_SPACES, TRAIN_FILE, Pictures, save_pictures
from ganlab.ui import switching
from ganlab.ui.html import header
from ganlab.ui.items import Shelf, Waiting
from ganlab.ui.server import models as module
from ganlab.ui.server.models import Models
from ganlab.ui.tabs import neighbours
from tests.conftest import untrained_model

SWITCHES = 50
ALLOWED = 100e6  # bytes
KEPT = 2  # models in memory, so that nearly every switch loads one anew
BUNDLED = "mnist-bigan-plus"
COPIES = 4  # of the 500 digits in each gallery: a space of 256 features takes 2 MB
KINDS: dict[str, dict[str, Any]] = {
    "joint": {},
    "encoder-only": {"networks": ("generator", "encoder")},
    "regressor": {"networks": ("generator", "discriminator", "encoder"), "prior": "normal"},
    "gan": {"networks": ("generator", "discriminator"), "family": "tutorial-gan", "prior": "normal"},
    "colour": {
        "networks": ("generator", "discriminator"),
        "dataset": "cifar10",
        "family": "conv",
        "channels": 3,
        "size": 32,
        "width": 4,
        "preparation": "picture",
    },
}


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory, digits: Pictures) -> list[str]:
    """A folder for each kind, all but the colour model with a gallery of its own, and the bundled model."""
    root = tmp_path_factory.mktemp("kinds")
    many = Pictures(
        *(
            part.repeat(COPIES, *[1] * (part.dim() - 1))
            for part in (digits.pixels, digits.labels, digits.indices)
        )
    )
    for name, settings in KINDS.items():
        untrained_model(root / name, **{"width": 256, **settings})
        if settings.get("channels", 1) == 1:
            (root / name / "gallery").mkdir()
            save_pictures(root / name / "gallery" / TRAIN_FILE, many)
    return [*(str(root / name) for name in KINDS), BUNDLED]


@pytest.fixture
def models(names: list[str], monkeypatch: pytest.MonkeyPatch) -> Models:
    monkeypatch.setattr(module, "MAX_LOADED", KEPT)
    return Models(names[0])


def large(explorer: Explorer, turn: int) -> str | None:
    """One of the spaces that are made on first use. Those of the bundled model take seconds: its stored
    features stand for them, since they are loaded anew with it."""
    if explorer.config.name == BUNDLED:
        return "features"
    spaces = [space for space in explorer.spaces if space not in ("pixels", "code")]
    return spaces[turn % len(spaces)] if spaces else None


def switch(models: Models, name: str, turn: int, shelf: Shelf, waiting: Waiting) -> tuple[Shelf, Waiting]:
    """What choosing a model in the page does, with Neighbours open."""
    explorer = models.get(name)
    shelf, waiting = switching.switch_shelf(explorer, shelf, waiting)
    header.header_html(explorer)
    space = large(explorer, turn)
    if space is not None:
        neighbours.stage_html(explorer, shelf.current, 3, space)
    return shelf, waiting


def resident() -> int:
    """Bytes of this process in memory."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="this system does not tell memory so")
@pytest.mark.slow
def test_fifty_switches_leave_memory_as_it_was(models: Models, names: list[str]) -> None:
    shelf, waiting = switching.open_shelf(models.get(names[0])), {}
    for turn, name in enumerate(names):
        shelf, waiting = switch(models, name, turn, shelf, waiting)
    before = resident()
    for turn in range(SWITCHES):
        shelf, waiting = switch(models, names[turn % len(names)], turn, shelf, waiting)
    assert resident() - before < ALLOWED


@pytest.mark.slow
def test_models_that_made_room_are_gone(models: Models, names: list[str]) -> None:
    loaded: list[Any] = []
    shelf, waiting = switching.open_shelf(models.get(names[0])), {}
    for turn, name in enumerate(names):
        shelf, waiting = switch(models, name, turn, shelf, waiting)
        loaded.append(weakref.ref(models.get(name)))
    gc.collect()
    assert sum(made() is not None for made in loaded) == KEPT


@pytest.mark.slow
def test_large_spaces_are_few_however_many_models_there_are(names: list[str]) -> None:
    models = Models(names[0])
    own = [models.get(name) for name in names if name != BUNDLED]
    made: list[Any] = []
    for turn in range(2 * len(own)):
        explorer = own[turn % len(own)]
        space = large(explorer, turn)
        if space is None or explorer.gallery is None:
            continue
        points = explorer.gallery.points(space)
        assert len(points) == COPIES * 500
        made.append(weakref.ref(points))
        del points
        gc.collect()
        assert len({id(each()) for each in made} - {id(None)}) <= MAX_CACHED_SPACES
    assert len(made) > MAX_CACHED_SPACES


@pytest.mark.slow
def test_a_shelf_does_not_grow_on_its_way(models: Models, names: list[str]) -> None:
    shelf, waiting = switching.open_shelf(models.get(names[0])), {}
    for name in names * 2:
        shelf, waiting = switch(models, name, 0, shelf, waiting)
        assert len(waiting) <= 1
        for item in shelf.items:
            assert item.origin is None or item.origin.origin is None
    assert len(shelf.items) == 3
