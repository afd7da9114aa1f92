"""Arriving where an address says, or where a page remembers that it was."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import gradio as gr
import pytest
import torch

import ganlab
from ganlab.explorer import Explorer
from ganlab.studio.recipe import ExactLatent, make_recipe
from ganlab.ui import app, items, snapshots
from ganlab.ui.items import Ends, Item
from ganlab.ui.server.models import Models
from ganlab.ui.trail import Trail
from tests.conftest import CHANGE, untrained_model
from tests.ui.visitor import Visitor


@pytest.fixture(scope="module")
def other(other_model: str) -> Explorer:
    return ganlab.load(other_model)


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Another small model on offer."""
    folder = tmp_path_factory.mktemp("models") / "second"
    return untrained_model(folder, title="Second", gallery="mnist", prior="normal")


@pytest.fixture(scope="module")
def whole(other_model: str, second: str) -> gr.Blocks:
    class Two(Models):
        def list_names(self) -> list[str]:
            return [other_model, second]

    return app.build(Two(other_model, device="cpu"))


class Page:
    """A page whose state can be read by what it is."""

    def __init__(self, blocks: gr.Blocks) -> None:
        self.visitor = Visitor(blocks)
        (self.event,) = [f for f in blocks.fns.values() if any(name == "arrive" for _, name in f.targets)]

    def arrive(self, **data: Any) -> dict[Any, Any]:
        values = {part: self.visitor.values[part] for part in self.event.inputs}
        answer = self.event.fn(values, None, gr.EventData(None, {"id": "1", **data}))
        self.visitor.keep(answer)
        return dict(answer)

    def find(self, kind: type) -> Any:
        parts = [part for part in self.visitor.values if part.stateful and isinstance(part.value, kind)]
        return self.visitor.values[min(parts, key=lambda part: part._id)]

    @property
    def current(self) -> Item:
        item: Item = self.find(Item)
        return item

    def html(self) -> str:
        """All that the page shows."""
        values = self.visitor.values.values()
        return "".join(value for value in values if isinstance(value, str) and value.startswith("<"))

    @property
    def tab(self) -> str:
        return re.findall(r'<i hidden="" data-tab="(\w+)">', self.html())[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    "tab", ["reconstruct", "latent", "interpolate", "neighbours", "sample", "map", "methods"]
)
def test_a_link_leads_to_its_tab_model_and_picture(whole: gr.Blocks, second: str, tab: str) -> None:
    page = Page(whole)
    page.arrive(kind="link", tab=tab, model=second, at="test-2")
    explorer = ganlab.load(second)
    assert page.tab == tab
    assert (page.current.address, page.current.fingerprint) == ("test-2", explorer.fingerprint)
    assert page.find(Ends).a.fingerprint == explorer.fingerprint
    assert f'data-choice="{second}"' in page.html()


@pytest.mark.slow
def test_settings_of_a_tab_are_part_of_its_address(whole: gr.Blocks) -> None:
    page = Page(whole)
    page.arrive(kind="link", tab="neighbours", chosen={"space": "pixels", "k": "3"})
    stage = page.visitor.values[page.visitor.find("neighbours-stage")]
    assert stage.count('data-action="neighbour"') == 3
    assert 'data-chosen="space=pixels&amp;k=3"' in stage
    assert page.visitor.values[page.visitor.find("k")] == 3
    assert page.visitor.values[page.visitor.find("space")] == "pixels"
    page.arrive(kind="link", tab="neighbours", chosen={"space": "gone", "k": "9999", "other": "x"})
    assert page.visitor.values[page.visitor.find("k")] == 3
    page.arrive(kind="link", tab="sample", chosen={"seed": "7", "count": "16", "truncation": "0.5"})
    stage = page.visitor.values[page.visitor.find("sample-stage")]
    assert 'data-chosen="seed=7&amp;count=16&amp;truncation=0.5&amp;source=prior"' in stage
    assert stage.count('data-action="sample"') == 16
    odd = {"seed": "-1", "count": "1e9", "truncation": "nan", "source": "gone"}
    page.arrive(kind="link", tab="sample", chosen=odd)
    assert page.visitor.values[page.visitor.find("seed")] == 7


@pytest.mark.slow
def test_a_link_to_a_recipe_keeps_its_tab(whole: gr.Blocks, other: Explorer) -> None:
    z = [ExactLatent.from_tensor(other.sample(1, seed)) for seed in range(2)]
    for recipe, tab, opened in (
        (make_recipe(other, z[0]), "", "latent"),
        (make_recipe(other, *z, steps=3), "", "interpolate"),
        (make_recipe(other, z[0]), "map", "map"),
    ):
        page = Page(whole)
        page.arrive(kind="link", tab=tab, recipe=recipe.to_query())
        assert page.tab == opened
        assert page.current.caption == "a linked latent"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("link", "sentence"),
    [
        ({"model": "gone"}, "has no model"),
        ({"at": "test-99999"}, "no example"),
        ({"at": "<b>"}, "no such name"),
        ({"recipe": "nonsense"}, "damaged"),
        ({"tab": "map", "recipe": "x" * 300_000}, "too long"),
    ],
)
def test_a_bad_link_is_a_sentence_and_changes_nothing(
    whole: gr.Blocks, link: dict[str, str], sentence: str
) -> None:
    page = Page(whole)
    before = page.current
    answer = page.arrive(kind="link", **link)
    assert len(answer) == 2  # the sentence, and that the page has arrived
    assert sentence in page.html()
    assert page.current is before


def remember(page: Page, explorer: Explorer) -> dict[str, Any]:
    """What a page that shows two samples sends of them."""
    packed = [snapshots.pack(items.from_sample(explorer, seed)) for seed in (1, 2)]
    x = torch.zeros(1, *explorer.config.image_shape)
    current = snapshots.pack(items.from_picture(explorer, x, "a picture"))
    return json.loads(
        json.dumps({"checkpoint": explorer.fingerprint, "current": current, "ends": packed, "kept": packed})
    )


@pytest.mark.slow
def test_a_lost_state_is_put_back_and_the_page_stays_as_it_is(
    whole: gr.Blocks, other: Explorer, other_model: str
) -> None:
    page = Page(whole)
    sent = remember(page, other)
    trail = [{"key": "a" * 32, "address": "test-0"}]
    answer = page.arrive(kind="restored", tab="sample", model=other_model, trail=trail, **sent)
    assert page.current.key == sent["current"]["key"]
    assert page.current.x is not None
    assert [end.key for end in page.find(Ends)] == [each["key"] for each in sent["ends"]]
    assert [item.caption for item in page.find(tuple)] == [each["caption"] for each in sent["kept"]]
    assert page.find(Trail).head == page.current.key
    assert page.visitor.find("sample-stage") in answer
    # Once more, as after a second restart: nothing is doubled.
    page.arrive(kind="restored", tab="sample", model=other_model, **sent)
    assert len(page.find(tuple)) == 2


@pytest.mark.slow
def test_a_drawing_on_the_pad_stays_when_the_state_is_put_back(
    whole: gr.Blocks, other: Explorer, other_model: str
) -> None:
    page = Page(whole)
    sent = remember(page, other)
    (pad,) = [
        part for part, value in page.visitor.values.items() if isinstance(value, dict) and "show" in value
    ][:1]
    shown = f"{other.fingerprint}/{sent['current']['key']}"
    at = {"kind": "restored", "tab": "reconstruct", "model": other_model}
    assert pad not in page.arrive(**at, **sent, shown=shown)
    assert pad in Page(whole).arrive(**at, **sent, shown="another")
    # Neither is the optimised card, which only the page has by now.
    stage, refined = page.visitor.find("reconstruct-stage"), page.visitor.find("refine")
    assert not {stage, refined} & Page(whole).arrive(**at, **sent, shown=shown).keys()
    assert {stage, refined} <= Page(whole).arrive(**at, **sent, shown="another").keys()


@pytest.mark.slow
def test_a_state_that_means_nothing_any_more_gives_way_to_what_a_page_opens_with(
    replaced: tuple[Explorer, Explorer],
) -> None:
    before, after = replaced
    page = Page(app.build(Models(str(after.model.folder), device="cpu")))
    first = page.current
    answer = page.arrive(
        kind="restored", tab="sample", model=str(after.model.folder), **remember(page, before)
    )
    assert f"before {CHANGE}" in page.html()
    assert page.current.key == first.key
    assert any("gl-facts" in str(value) for value in answer.values())  # the header is drawn anew too


@pytest.mark.slow
def test_back_leaves_the_shelf_alone(
    whole: gr.Blocks, other: Explorer, other_model: str, second: str
) -> None:
    page = Page(whole)
    page.arrive(kind="restored", tab="neighbours", model=other_model, **remember(page, other))
    ends, kept = page.find(Ends), page.find(tuple)
    page.arrive(kind="back", tab="latent", model=other_model, at="test-1")
    assert (page.tab, page.current.address) == ("latent", "test-1")
    assert (page.find(Ends), page.find(tuple)) == (ends, kept)
    same = page.current
    page.arrive(kind="back", tab="neighbours", model=other_model, at="test-1")
    assert page.current is same
    page.arrive(kind="back", tab="map", model=second, at="test-1")
    assert page.current.fingerprint == ganlab.load(second).fingerprint
    assert [item.key for item in page.find(tuple)] == [item.key for item in kept]


def test_a_trail_leads_back(bundled: Explorer) -> None:
    a, b, c = (items.from_address(bundled, f"test-{number}") for number in range(3))
    trail = Trail().follow(a, b.key).follow(b, c.key)
    assert trail == Trail((a, b), c.key)
    assert trail.follow(a, "x") == Trail((a,), "x")  # another way to `a` than along the trail
    assert trail.back_to(0) == Trail((), a.key)
    assert trail.return_to(replace(b, key="new")) == Trail((a,), "new")
    assert trail.return_to(items.from_sample(bundled, 1)) == trail
    with pytest.raises(ValueError, match="no such picture"):
        trail.back_to(2)
