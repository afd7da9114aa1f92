"""The optimised card: what it shows before, during and after a descent, and that a descent can be ended."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
import torch

import ganlab
from ganlab import images, inversion
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from ganlab.ui import items
from ganlab.ui.items import Item, shown_key
from ganlab.ui.server.models import Models
from ganlab.ui.tabs import reconstruct
from ganlab.ui.tabs.reconstruct import refine
from ganlab.ui.tabs.reconstruct.refine import Refinement
from ganlab.ui.work import Run
from tests.ui.parsed import elements
from tests.ui.visitor import Visitor


@pytest.fixture(scope="module")
def gan(gan_model: str) -> Explorer:
    return ganlab.load(gan_model)


@pytest.fixture
def item(bundled: Explorer, digits: Pictures) -> Item:
    return items.from_picture(bundled, digits.inputs(slice(0, 1)), "a digit")


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refine, "PAUSE", 0.0)
    monkeypatch.setattr(refine, "STEPS", {"hybrid": 6, "optimise": 6})


def test_a_descent_shows_its_steps_and_ends_with_the_result(bundled: Explorer, item: Item) -> None:
    found = list(refine.refinements(bundled, item, "key"))
    whole = bundled.invert(item.picture, "hybrid", steps=6)
    assert [one.step.number for one in found] == [1, 2, 3, 4, 5, 6, 6]
    assert [one.running for one in found] == [True] * 6 + [False]
    assert torch.equal(found[-1].step.z, whole.z)
    assert found[-1].start == pytest.approx(bundled.error(item.picture, item.image))
    assert found[-1].error <= found[-1].start
    torch.testing.assert_close(found[-1].image, whole.image)


def test_pictures_are_sent_now_and_then_only(
    bundled: Explorer, item: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refine, "PAUSE", 60.0)
    assert [one.step.number for one in refine.refinements(bundled, item, "key")] == [1, 6]


@pytest.mark.parametrize("flag", ["stopped", "dropped"])
def test_an_ended_run_makes_no_further_step(bundled: Explorer, item: Item, flag: str) -> None:
    run = Run()
    running = refine.refinements(bundled, item, "key", run)
    list(itertools.islice(running, 2))
    setattr(run, flag, True)
    (last,) = running
    assert last.step.number == 2
    assert not last.running


def test_other_people_are_let_through_between_steps(bundled: Explorer, item: Item) -> None:
    waits: list[int] = []
    parts = list(refine.refinements(bundled, item, "key", give_way=lambda: waits.append(1)))
    assert len(waits) == len(parts) - 1 == 6


def test_without_an_encoder_it_searches_longer(gan: Explorer, digits: Pictures) -> None:
    item = items.from_picture(gan, digits.inputs(slice(0, 1)), "a digit")
    assert refine.method_of(gan) == "optimise"
    found = list(refine.refinements(gan, item, "key"))
    assert found[-1].start == pytest.approx(float(found[0].step.error[0]))
    assert "Search longer" in refine.html_of(gan, "key", None)


def test_a_latent_is_optimised_towards_its_own_picture(bundled: Explorer) -> None:
    item = items.from_latent(bundled, bundled.sample(1), "a sample")
    found = list(refine.refinements(bundled, item, "key"))
    assert torch.equal(found[-1].x, item.image)


def test_the_result_becomes_a_latent_of_its_own(bundled: Explorer, item: Item) -> None:
    *_, last = refine.refinements(bundled, item, "key")
    made = refine.item_of(bundled, last, item.caption)
    assert torch.equal(made.z, last.step.z)
    assert made.caption == "optimised from a digit"
    assert made.x is None
    assert made.fingerprint == bundled.fingerprint


def test_a_server_that_did_not_optimise_takes_the_result_from_the_card(bundled: Explorer, item: Item) -> None:
    last = list(refine.refinements(bundled, item, "key"))[-1]
    (use,) = [
        each
        for each in elements(refine.html_of(bundled, "key", last), "button")
        if each.get("data-action") == "use"
    ]
    result = refine.item_from_page(bundled, use.get("data-value", ""), item.caption)
    assert torch.equal(result.z, last.step.z)
    assert result.caption == refine.item_of(bundled, last, item.caption).caption
    for odd in ("", "x", "5", "[1]", "[" * 100_000, '["a"]'):
        with pytest.raises(ValueError, match=r"\.$"):
            refine.item_from_page(bundled, odd, item.caption)


def test_the_card_before_during_and_after(bundled: Explorer, item: Item) -> None:
    first, *_, last = refine.refinements(bundled, item, shown_key(bundled, item))
    before, during, after = (reconstruct.refined_html(bundled, item, part) for part in (None, first, last))
    assert 'data-do="start"' in before
    assert "<img" not in before
    assert [one.get("value") for one in elements(during, "progress")] == ["1"]
    assert 'data-do="stop"' in during
    assert 'aria-busy="true"' in during
    assert "data-action" not in during  # nothing to keep yet
    assert images.encode_data_uri(last.image[0]) in after
    assert 'data-action="use"' in after
    assert "progress" not in after
    assert f"error <b>{last.error:.4f}</b> from {last.start:.4f}" in after
    assert "class is kept" in after or "class changes" in after
    (line,) = elements(after, "polyline")
    assert len((line.get("points") or "").split()) == len(last.step.trace)


@pytest.mark.parametrize("content", [True, False, None])
def test_features_count_as_a_person_says(bundled: Explorer, item: Item, content: bool | None) -> None:
    *_, last = refine.refinements(bundled, item, shown_key(bundled, item), content=content)
    weight = inversion.CONTENT_WEIGHT if content else inversion.FEATURE_WEIGHT
    expected = bundled.invert(item.picture, "hybrid", 6, feature_weight=weight)
    assert torch.equal(last.step.z, expected.z)
    card = reconstruct.refined_html(bundled, item, last)
    assert ('checked=""' in card) == bool(content)
    change = refine.measure_features(bundled, item.picture, expected.image)
    assert f"features differ by <b>{100 * change:.0f} %</b>" in card


def test_the_page_says_whether_features_count(picture_model: str) -> None:
    visitor = Visitor(Models(picture_model), reconstruct.build)
    for sent, content in (
        ({"content": False}, False),
        ({"content": True}, True),
        ({"content": "no"}, True),
        ({}, True),
    ):
        visitor.send("refine", "start", **sent)
        card = visitor.values[visitor.find("refine")]
        assert ('checked=""' in card) == content


def test_features_count_in_colour_and_not_without_an_encoder(picture_model: str, gan: Explorer) -> None:
    colour = ganlab.load(picture_model)
    assert 'checked=""' in refine.html_of(colour, "key", None)
    assert "data-content" not in refine.html_of(gan, "key", None)
    assert not refine.counts_content(gan)


def test_what_belongs_to_another_picture_is_not_shown(bundled: Explorer, item: Item) -> None:
    *_, last = refine.refinements(bundled, item, "another")
    assert refine.html_of(bundled, "key", last) == refine.html_of(bundled, "key", None)


def test_the_curve_falls_within_its_frame(bundled: Explorer, item: Item) -> None:
    *_, last = refine.refinements(bundled, item, "key")
    steep = torch.tensor([[0.1], [0.01], [0.0], [0.0]])
    for trace in (steep, steep[:1], torch.full((5, 1), 0.2)):
        found: Refinement = dataclasses.replace(last, step=dataclasses.replace(last.step, trace=trace))
        (line,) = elements(refine.html_of(bundled, "key", found), "polyline")
        points = [tuple(map(float, point.split(","))) for point in (line.get("points") or "").split()]
        assert all(0 <= x <= refine.SIDE and 0 <= y <= refine.SIDE for x, y in points)
        assert [y for _, y in points] == sorted(y for _, y in points)
