"""Recipes: exact to the bit on every way that they travel, and strict with what comes from strangers."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
from typing import Any

import pytest
import torch

import ganlab
from ganlab import images
from ganlab.config import CheckpointError
from ganlab.explorer import Explorer
from ganlab.studio import film
from ganlab.studio.film import Film
from ganlab.studio.recipe import (
    ExactLatent,
    Recipe,
    RecipeError,
    SampledLatent,
    find_checkpoint,
    find_latents,
    hash_picture,
    make_recipe,
    replay,
)
from tests.conftest import CHANGE

NUMBERS = torch.randn(3, 50, generator=torch.Generator().manual_seed(0))
HASH = "0" * 64


def recipes() -> list[Recipe]:
    exact = ExactLatent.from_tensor(NUMBERS[0])
    draw = SampledLatent(7, 3, "prior", 0.8)
    inverted = dataclasses.replace(exact, picture=HASH)
    return [
        Recipe("mnist-bigan", "f" * 16, (exact,)),
        Recipe("ein Modell, ü", "f" * 16, (draw,)),
        Recipe("m", "f" * 16, (inverted, draw, exact), steps=11),
        Recipe("m", "f" * 16, (draw, exact), film=Film(30, 1.5, "smooth", "slerp", True)),
    ]


@pytest.mark.parametrize("recipe", recipes())
def test_a_recipe_comes_back_as_it_was(recipe: Recipe) -> None:
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert Recipe.from_query(recipe.to_query()) == recipe
    assert Recipe.parse(f"http://127.0.0.1:7860/?theme=dark&recipe={recipe.to_query()}#x") == recipe
    assert Recipe.parse(f"  {recipe.to_json()}\n") == recipe
    assert recipe.to_query().replace("-", "").replace("_", "").isalnum()


def test_a_latents_numbers_are_exact() -> None:
    z = torch.cat([NUMBERS[0], torch.tensor([1 / 3, -0.0, 1e-38, 3.4e38])])
    back = Recipe.from_query(Recipe("m", "f", (ExactLatent.from_tensor(z),)).to_query()).latents[0]
    assert isinstance(back, ExactLatent)
    assert torch.equal(back.to_tensor()[0].view(torch.int32), z.view(torch.int32))


def test_a_permalink_is_short() -> None:
    assert len(Recipe("mnist-bigan-plus", "f" * 16, (ExactLatent.from_tensor(NUMBERS[0]),)).to_query()) < 1000


def test_a_recipe_of_an_earlier_fingerprint_gives_the_same_pixels(
    renewed: tuple[Explorer, Explorer],
) -> None:
    before, after = renewed
    sources = (SampledLatent(5, 1, "prior"), ExactLatent.from_tensor(before.sample(1, seed=2)))
    recipe = make_recipe(before, *sources, steps=5)
    assert torch.equal(replay(after, recipe), replay(before, recipe))
    with pytest.raises(RecipeError, match="not with tiny"):
        replay(after, dataclasses.replace(recipe, fingerprint="0" * 16))


def test_replaying_gives_the_same_pictures(bundled: Explorer) -> None:
    z = bundled.sample(4, seed=5)
    again = replay(bundled, make_recipe(bundled, ExactLatent.from_tensor(z[2])))
    assert torch.equal(again, bundled.decode(z[2:3]))
    drawn = replay(bundled, make_recipe(bundled, SampledLatent(5, 3, "prior")))
    assert torch.equal(drawn, bundled.decode(z[3:]))
    assert torch.equal(
        find_latents(bundled, make_recipe(bundled, SampledLatent(5, 1, "prior", 0.5))),
        bundled.sample(2, 5, 0.5)[1:],
    )
    path = replay(
        bundled,
        make_recipe(
            bundled,
            ExactLatent.from_tensor(z[0]),
            ExactLatent.from_tensor(z[1]),
            SampledLatent(5, 2, "prior"),
            steps=5,
        ),
    )
    assert len(path) == 9  # the middle one is there once
    for index, row in ((0, 0), (4, 1), (8, 2)):
        torch.testing.assert_close(path[index], bundled.decode(z[row : row + 1])[0])
    halfway = bundled.decode((z[1:2] + z[2:3]) / 2)[0]
    torch.testing.assert_close(path[6], halfway)


def test_a_films_recipe_gives_its_frames(bundled: Explorer) -> None:
    settings = Film(7, 1.0, "smooth", None, True)
    z = bundled.sample(3, seed=5)
    recipe = dataclasses.replace(
        make_recipe(bundled, *(ExactLatent.from_tensor(row) for row in z)), film=settings
    )
    assert torch.equal(replay(bundled, recipe), film.render_frames(bundled, settings, z))


def test_another_checkpoint_refuses_by_name(bundled: Explorer) -> None:
    recipe = make_recipe(ganlab.load("mnist-ae-l1"), ExactLatent.from_tensor(NUMBERS[0]))
    with pytest.raises(RecipeError, match=r"made with mnist-ae-l1 \(.*not with\s+mnist-bigan"):
        replay(bundled, recipe)


def test_a_recipe_of_the_checkpoint_before_is_refused_with_what_has_changed(
    replaced: tuple[Explorer, Explorer],
) -> None:
    before, after = replaced
    recipe = make_recipe(before, ExactLatent.from_tensor(NUMBERS[0, :4]))
    with pytest.raises(RecipeError, match=f"^This recipe was made with tiny before {re.escape(CHANGE)}; its"):
        replay(after, recipe)


def test_what_does_not_fit_the_model_is_said(bundled: Explorer) -> None:
    with pytest.raises(ValueError, match="takes latents"):
        replay(bundled, make_recipe(bundled, ExactLatent.from_tensor(NUMBERS[0, :7])))
    with pytest.raises(ValueError, match=r"draws latents from \['prior'\]"):
        replay(bundled, make_recipe(bundled, SampledLatent(1, 0, "mixture")))


def test_a_pictures_hash_is_of_its_pixels(bundled: Explorer) -> None:
    x = bundled.decode(bundled.sample(2, seed=0))
    exact = torch.from_numpy(images.to_uint8(x[0])).view(1, 1, 28, 28) / 255
    assert hash_picture(x) == hash_picture(exact)
    assert hash_picture(x) != hash_picture(x[1:])


GOOD: dict[str, Any] = json.loads(recipes()[2].to_json())
DRAW = {"seed": 7, "index": 3, "source": "prior", "truncation": 0.8}
NAN = base64.b64encode(b"\x00\x00\xc0\x7f").decode()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ganlab": 2}, "version 2"),
        ({"ganlab": None}, "version None"),
        ({"model": ""}, "model is a text"),
        ({"model": ["x"]}, "model is a text"),
        ({"fingerprint": 7}, "fingerprint is a text"),
        ({"operation": "shell"}, "available = "),
        ({"operation": "decode"}, "decode takes one latent"),
        ({"latents": []}, "list of 1 to 64"),
        ({"latents": [DRAW] * 65}, "list of 1 to 64"),
        ({"latents": "z"}, "list of 1 to 64"),
        ({"latents": [DRAW]}, "interpolate and film two or more"),
        ({"operation": "film"}, "settings are an object"),
        ({"operation": "film", "film": {"sound": 1}}, "has no setting sound"),
        ({"operation": "film", "film": {"way": []}}, "Path"),
        ({"operation": "film", "film": {"frames": 10**9}}, "from 2 to 600 frames"),
        ({"operation": "film", "film": {}, "latents": [DRAW] * 25}, "2 to 24 latents"),
        ({"steps": 1}, "from 2 to 1000"),
        ({"steps": 10**9}, "from 2 to 1000"),
        ({"steps": True}, "from 2 to 1000"),
        ({"steps": 2.5}, "from 2 to 1000"),
        ({"latents": [DRAW, 1]}, "an object with z, or with seed"),
        ({"latents": [DRAW, {}]}, "an object with z, or with seed"),
        ({"latents": [DRAW, DRAW | {"z": "AAAA"}]}, "an object with z, or with seed"),
        ({"latents": [DRAW, {"z": "&&"}]}, "base64 of finite float32"),
        ({"latents": [DRAW, {"z": "AAAA"}]}, "base64 of finite float32"),
        ({"latents": [DRAW, {"z": NAN}]}, "base64 of finite float32"),
        ({"latents": [DRAW, {"z": 7}]}, "base64 of finite float32"),
        ({"latents": [DRAW, {"z": "AAAAAA==", "picture": "x"}]}, "SHA-256"),
        ({"latents": [DRAW, DRAW | {"seed": -1}]}, "seed is a whole number"),
        ({"latents": [DRAW, DRAW | {"index": 10**9}]}, "index is a whole number"),
        ({"latents": [DRAW, DRAW | {"truncation": 2}]}, "truncation is a number from 0 to 1"),
        ({"latents": [DRAW, DRAW | {"truncation": "1"}]}, "truncation is a number from 0 to 1"),
        ({"latents": [DRAW, DRAW | {"source": None}]}, "source is a text"),
    ],
)
def test_what_a_stranger_sends_is_checked(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Recipe.from_json(json.dumps(GOOD | changes))


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null", "[" * 5000, '{"a": 1}', "x" * 200_000])
def test_what_is_no_recipe_gets_a_sentence(text: str) -> None:
    for read in (Recipe.from_json, Recipe.from_query, Recipe.parse):
        with pytest.raises(RecipeError, match=r"\.$"):
            read(text)


def test_the_checkpoint_that_a_recipe_names_is_tried_first_and_broken_ones_are_passed_over(
    renewed: tuple[Explorer, Explorer],
) -> None:
    before, after = renewed
    recipe = dataclasses.replace(make_recipe(before, SampledLatent(1, 0, "prior")), model="c")
    loaded: list[str] = []

    def load(name: str) -> Explorer:
        loaded.append(name)
        if name in "ac":
            raise CheckpointError(f"{name}/config.json is damaged.")
        return after

    assert find_checkpoint(recipe, ["a", "b", "c", "d"], load, "link", "Nothing.") == ("b", after)
    assert loaded == ["c", "a", "b"]
    with pytest.raises(RecipeError, match=r"^This link was made with c, which cannot be used: c/config"):
        find_checkpoint(recipe, ["a", "c"], load, "link", "Nothing.")
    with pytest.raises(RecipeError, match=r"^Nothing\.$"):
        find_checkpoint(recipe, ["a"], load, "link", "Nothing.")
    with pytest.raises(RecipeError, match=r"^Nothing\.$"):
        find_checkpoint(dataclasses.replace(recipe, fingerprint="0" * 16), "bd", load, "link", "Nothing.")
