from __future__ import annotations

import dataclasses
import threading

import pytest

from ganlab.config import CheckpointError
from ganlab.explorer import Explorer
from ganlab.studio.recipe import RecipeError, SampledLatent, recipe_of
from ganlab.ui.server import models as module
from ganlab.ui.server.models import Models


def test_a_public_server_offers_bundled_models_only(other_model: str) -> None:
    models = Models("mnist-bigan", anything=False)
    assert models.get("mnist-bigan").config.name == "mnist-bigan"
    for name in (other_model, "user/repo", "", "../galleries"):
        with pytest.raises(CheckpointError, match=r"offers .*mnist-bigan"):
            models.get(name)


def test_the_model_that_was_asked_for_is_offered_too(other_model: str) -> None:
    assert other_model in Models(other_model, anything=False).names()


def test_a_recipe_finds_its_checkpoint_by_an_earlier_fingerprint(renewed: tuple[Explorer, Explorer]) -> None:
    before, after = renewed
    recipe = recipe_of(before, SampledLatent(1, 0, "prior"))
    models = Models(str(after.model.folder))
    assert models.of_recipe(recipe) == str(after.model.folder)
    with pytest.raises(RecipeError, match="does not"):
        models.of_recipe(dataclasses.replace(recipe, fingerprint="0" * 16))


def test_loaded_once_and_dropped_when_unused(other_model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[str] = []
    real = module.load

    def counting(name: str, device: object) -> object:
        loads.append(name)
        return real(name, device)

    monkeypatch.setattr(module, "load", counting)
    monkeypatch.setattr(module, "CAPACITY", 1)
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
