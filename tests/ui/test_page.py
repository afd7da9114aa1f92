"""How events become answers: a visitor's state, late and odd values, pictures that arrive in another tab."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import gradio as gr
import pytest

import ganlab
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from ganlab.ui import app, items
from ganlab.ui.items import Item
from ganlab.ui.server import launch
from ganlab.ui.server.models import Models
from ganlab.ui.tabs import TABS, latent, neighbours, sample
from tests.conftest import CHANGE
from tests.ui.visitor import Visitor

ODD = (None, "", "gone", "12", -1, 10**30, 0.5, float("nan"), True, [], [1], {}, {"a": 1})


@pytest.fixture(scope="module")
def other(other_model: str) -> Explorer:
    return ganlab.load(other_model)


@pytest.fixture(scope="module")
def whole(other_model: str) -> gr.Blocks:
    """The whole page, opened with a small model."""
    return app.build(Models(other_model, device="cpu"))


@pytest.fixture
def visitor(whole: gr.Blocks) -> Visitor:
    """Somebody with the whole page."""
    return Visitor(whole)


@pytest.mark.slow
def test_no_component_validates_a_value_before_our_code_does(visitor: Visitor) -> None:
    own = [function for function in visitor.blocks.fns.values() if function.api_visibility == "private"]
    assert len(own) > 30
    assert not [function.name for function in own if function.preprocess]


@pytest.mark.slow
def test_no_event_that_carries_data_is_answered_with_those_of_an_earlier_one(visitor: Visitor) -> None:
    """What Gradio repeats for "always_last" and leaves out for "once"."""
    scripts = "".join(file.read_text(encoding="utf-8") for file in (launch.STATIC / "glue").glob("*.js"))
    carrying = set(re.findall(r"trigger\('(\w+)', ", scripts)) - {"more"}  # whose page asks until it fits
    assert {"rest", "pick", "use", "upload"} <= carrying
    modes = {
        (event, function.trigger_mode)
        for function in visitor.blocks.fns.values()
        for _, event in function.targets
        if event in carrying
    }
    assert {event for event, _ in modes} == carrying
    assert {mode for _, mode in modes} == {"multiple"}


def handlers(visitor: Visitor) -> list[Any]:
    return [
        function
        for function in visitor.blocks.fns.values()
        if function.inputs_as_dict and not any(event == "start" for _, event in function.targets)
    ]


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.slow
def test_odd_values_become_sentences_or_are_put_right(visitor: Visitor, odd: Any) -> None:
    """What a page sends is anybody's: no value of a component and no content of an event raises."""
    state = {part for part in visitor.values if part.stateful}
    for function in handlers(visitor):
        values = {part: visitor.values[part] if part in state else odd for part in function.inputs}
        names = ("value", "action", "index", "picture", "content", "kept", "z", "parents", "began")
        for data in (odd, dict.fromkeys(names, odd), {"action": "end", "value": odd}):
            answer = function.fn(values, None, gr.EventData(None, data))
            assert answer == gr.skip() or set(answer) <= set(function.outputs)


@pytest.mark.slow
def test_a_stale_choice_falls_back_to_one_that_the_model_has(gan_model: str) -> None:
    visitor = Visitor(Models(gan_model, device="cpu"), neighbours.build)
    visitor.values[visitor.find("space")] = "features"
    answer = visitor.render()
    assert answer[visitor.find("space")]["value"] == "discriminator"
    assert "the discriminator's hidden layer" in answer[visitor.find("neighbours-stage")]


@pytest.mark.parametrize("seed", [-1, 2**70, "x", None])
def test_a_seed_out_of_range_is_a_sentence(other_model: str, seed: object) -> None:
    visitor = Visitor(Models(other_model, device="cpu"), sample.build)
    visitor.values[visitor.find("seed")] = seed
    answer = visitor.send("seed", "change")
    assert list(answer) == [visitor.page.notice]
    assert "seed" in answer[visitor.page.notice].lower()
    visitor.values[visitor.find("seed")] = 3
    assert visitor.send("seed", "change")[visitor.page.notice] == ""


def test_what_a_page_has_of_the_checkpoint_before_is_refused_with_what_has_changed(
    replaced: tuple[Explorer, Explorer],
) -> None:
    before, after = replaced
    visitor = Visitor(Models(str(after.model.folder), device="cpu"), sample.build)
    answer = visitor.send("sample-stage", "pick", value="1", fingerprint=before.fingerprint)
    assert list(answer) == [visitor.page.notice]
    assert f"This latent was made with tiny before {CHANGE}" in answer[visitor.page.notice]
    kept = [{"z": [0.0] * 4, "caption": "kept"}]
    answer = visitor.send("sample-stage", "pick", fingerprint=before.fingerprint, kept=kept)
    assert f"This shelf was made with tiny before {CHANGE}" in answer[visitor.page.notice]


def test_a_click_on_a_picture_of_another_model_is_dropped(
    other_model: str, bundled: Explorer, other: Explorer
) -> None:
    visitor = Visitor(Models(other_model, device="cpu"), sample.build)
    assert visitor.send("sample-stage", "pick", value="1", fingerprint=bundled.fingerprint) == {}
    answer = visitor.send("sample-stage", "pick", value="1", fingerprint=other.fingerprint)
    assert answer[visitor.page.current].caption == "sample 1 of seed 0"


def test_what_belongs_to_another_model_by_then_is_adapted(
    other_model: str, bundled: Explorer, other: Explorer, digits: Pictures
) -> None:
    visitor = Visitor(Models(other_model, device="cpu"), latent.build)
    item = items.from_picture(bundled, digits.inputs(slice(0, 1)), "a digit")
    visitor.values[visitor.page.current] = item
    answer = visitor.send("latent-studio", "rest", parents=["older"])
    value = answer[visitor.find("latent-studio")]
    assert value["fingerprint"] == other.fingerprint
    assert len(value["z"]) == other.config.latent_dim


def rest(visitor: Visitor, explorer: Explorer, item: Item) -> dict[Any, Any]:
    z = explorer.sample(1, seed=9)
    sent = {**explorer.pack(z), "about": "moved", "key": "k", "parents": [item.key]}
    return visitor.send("latent-studio", "rest", **sent)


@pytest.mark.slow
def test_a_picture_that_comes_late_is_drawn_in_the_tab_in_use(visitor: Visitor, other: Explorer) -> None:
    (active,) = [part for part in visitor.values if part.stateful and part.value == TABS[0][0]]
    current = next(part for part in visitor.values if isinstance(part.value, Item))
    visitor.values[active] = "latent"
    answer = rest(visitor, other, visitor.values[current])
    assert visitor.find("neighbours-stage") not in answer
    visitor.values[active] = "neighbours"
    item = replace(visitor.values[current], page_key="")
    visitor.values[current] = item
    answer = rest(visitor, other, item)
    assert "moved" in answer[visitor.find("neighbours-stage")]
    assert answer[current].caption == "moved"


@pytest.mark.slow
def test_the_page_can_ask_for_the_tab_in_use_again(visitor: Visitor, other: Explorer) -> None:
    (function,) = [
        function
        for function in visitor.blocks.fns.values()
        if any(event == "redraw" for _, event in function.targets)
    ]
    (active,) = [part for part in function.inputs if part.value == TABS[0][0]]
    answer = function.fn({part: visitor.values[part] for part in function.inputs} | {active: "sample"})
    assert f'data-fingerprint="{other.fingerprint}"' in answer[visitor.find("sample-stage")]
    assert visitor.find("neighbours-stage") not in answer


@pytest.mark.slow
def test_an_empty_slot_is_a_sentence(visitor: Visitor) -> None:
    (kept,) = [part for part in visitor.values if "gl-kept" in str(part.value)]
    (function,) = [
        function for function in visitor.blocks.fns.values() if (kept._id, "pick") in function.targets
    ]
    values = {part: visitor.values[part] for part in function.inputs}
    answer = function.fn(values, None, gr.EventData(None, {"action": "use", "value": "3"}))
    assert "That slot is empty." in "".join(map(str, answer.values()))
