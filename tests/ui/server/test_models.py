"""The models on offer: which may be loaded, when, and who waits for it."""

from __future__ import annotations

import dataclasses
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ganlab.config import CheckpointError
from ganlab.explorer import Explorer
from ganlab.studio.recipe import RecipeError, SampledLatent, make_recipe
from ganlab.ui.server import models as module
from ganlab.ui.server.models import Models
from tests.conftest import CHANGE


def test_a_public_server_offers_bundled_models_only(other_model: str) -> None:
    models = Models("mnist-bigan", allow_any=False)
    assert models.get("mnist-bigan").config.name == "mnist-bigan"
    for name in (other_model, "user/repo", "", "../galleries"):
        with pytest.raises(CheckpointError, match=r"offers .*mnist-bigan"):
            models.get(name)


def test_the_model_that_was_asked_for_is_offered_too(other_model: str) -> None:
    assert other_model in Models(other_model, allow_any=False).list_names()


def test_models_with_an_encoder_are_suggested_for_the_same_pictures(
    gan_model: str, colour_model: str, picture_model: str, other_model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = Models(colour_model)
    names = [colour_model, gan_model, "no-such-model"]
    monkeypatch.setattr(models, "list_names", lambda: names)
    assert models.suggest_encoder(models.read_config(colour_model)) == ""
    names += [picture_model, other_model]
    assert models.suggest_encoder(models.read_config(colour_model)) == (
        "Models for the same pictures that have one: pictures."
    )
    assert models.suggest_encoder(models.read_config(gan_model)).endswith(": other.")
    assert models.suggest_encoder(models.read_config(picture_model)) == ""  # it has one itself
    assert models.read_config(gan_model) == models.get(gan_model).config


def test_a_recipe_finds_its_checkpoint_by_an_earlier_fingerprint(renewed: tuple[Explorer, Explorer]) -> None:
    before, after = renewed
    recipe = make_recipe(before, SampledLatent(1, 0, "prior"))
    models = Models(str(after.model.folder))
    assert models.find_by_recipe(recipe) == str(after.model.folder)
    with pytest.raises(RecipeError, match="does not"):
        models.find_by_recipe(dataclasses.replace(recipe, fingerprint="0" * 16))


def test_a_link_of_the_checkpoint_before_is_refused_with_what_has_changed(
    replaced: tuple[Explorer, Explorer],
) -> None:
    before, after = replaced
    recipe = make_recipe(before, SampledLatent(1, 0, "prior"))
    with pytest.raises(RecipeError, match=f"^This link was made with tiny before {re.escape(CHANGE)}; its"):
        Models(str(after.model.folder)).find_by_recipe(recipe)


def test_loaded_once_and_dropped_when_unused(other_model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[str] = []
    real = module.load

    def counting(name: str, device: object, **more: object) -> object:
        loads.append(name)
        return real(name, device, **more)

    monkeypatch.setattr(module, "load", counting)
    monkeypatch.setattr(module, "MAX_LOADED", 1)
    models = Models(other_model)
    threads = [threading.Thread(target=models.get, args=(other_model,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loads == [other_model]
    models.get("mnist-bigan")
    models.get(other_model)
    assert loads == [other_model, "mnist-bigan", other_model]


LONG = 300.0  # seconds, for what takes none unless it fails


def test_loading_a_model_holds_up_only_those_who_want_it(
    other_model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, finish = threading.Event(), threading.Event()
    models = Models("mnist-bigan")
    ready = models.get("mnist-bigan")
    real = module.load

    def load_slowly(name: str, device: object, **more: object) -> object:
        if name == other_model:
            started.set()
            assert finish.wait(LONG)
        return real(name, device, **more)

    monkeypatch.setattr(module, "load", load_slowly)
    with ThreadPoolExecutor(4) as pool:
        try:
            loading = pool.submit(models.get, other_model)
            assert started.wait(LONG)
            assert pool.submit(models.get, "mnist-bigan").result(LONG) is ready
            assert pool.submit(models.get, "mnist-ae-l1").result(LONG).config.name == "mnist-ae-l1"
            assert not loading.done()
        finally:
            finish.set()
        assert loading.result(LONG) is models.get(other_model)


def test_a_model_that_cannot_be_loaded_is_tried_again(tmp_path: Path) -> None:
    models = Models("mnist-bigan")
    for _ in range(2):
        with pytest.raises(CheckpointError, match=r"holds no config\.json"):
            models.get(str(tmp_path))
