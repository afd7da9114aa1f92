"""The line on what happened to a picture: honest in every case, and silent on what was not measured."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor

import ganlab
from ganlab.explorer import Explorer
from ganlab.outliers import OutlierScore
from ganlab.ui.html import sentence

QUANTILES = [i / 1000 for i in range(101)]
UNLIKE = OutlierScore(1.0, {})
LIKE = OutlierScore(0.5, {})


class Judged:
    """A judge that sees in x and y classes with given probabilities."""

    def __init__(self, *readings: dict[int, float], accuracy: float = 0.996) -> None:
        self.readings, self.accuracy = readings, accuracy

    def probabilities(self, pictures: Tensor) -> Tensor:
        assert len(pictures) == len(self.readings) == 2
        shares = torch.zeros(2, 10)
        for row, reading in enumerate(self.readings):
            for label, share in reading.items():
                shares[row, label] = share
        return shares


def describe(explorer: Explorer, judge: Any, share: float | None, outlier: OutlierScore | None = None) -> str:
    """The line for a reconstruction with an error that this share of test pictures exceeds."""
    figures = {} if share is None else {"reconstruction": {"mse_quantiles": QUANTILES}}
    known = Explorer(dataclasses.replace(explorer.model, metrics=figures), explorer.gallery)
    known.__dict__["judge"] = judge
    x = torch.zeros(1, *explorer.config.image_shape)
    error = 0.1 * (1 - (0.5 if share is None else share))
    return sentence.describe_scored(known, x, x + error**0.5, outlier)


SURE = {4: 0.99, 9: 0.01}
UNSURE = {4: 0.55, 9: 0.43}


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ({7: 1.0}, {7: 0.9}, "It comes back as a 7"),
        ({4: 1.0}, {8: 1.0}, "It looks like a 4 but comes back as an 8"),
        (UNSURE, {9: 1.0}, "It could be a 4 or a 9; it comes back as a 9"),
        (UNSURE, UNSURE, "It could be a 4 or a 9; it comes back as something between a 4 and a 9"),
        (SURE, UNSURE, "It looks like a 4 and comes back as something between a 4 and a 9"),
        ({1: 1.0}, UNSURE, "It looks like a 1 but comes back as something between a 4 and a 9"),
        ({3: 0.4, 5: 0.1}, {3: 1.0}, "It could be a 3 or a 5; it comes back as a 3"),
    ],
)
def test_the_class_is_named_as_surely_as_the_classifier_sees_it(
    bundled: Explorer, before: dict[int, float], after: dict[int, float], text: str
) -> None:
    assert describe(bundled, Judged(before, after), 0.78) == (
        f"{text}; the difference is smaller than for 78 % of test digits."
    )
    assert describe(bundled, Judged(before, after), None) == f"{text}."


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.995, "smaller than for 99 % of test digits"),
        (0.51, "smaller than for 51 % of test digits"),
        (0.31, "larger than for 69 % of test digits"),
        (-0.1, "larger than for every test digit"),
    ],
)
def test_the_difference_is_set_beside_those_of_test_pictures(
    bundled: Explorer, share: float, text: str
) -> None:
    assert describe(bundled, Judged(SURE, SURE), share) == f"It comes back as a 4; the difference is {text}."
    assert describe(bundled, None, share) == f"This is what comes back; the difference is {text}."


def test_what_is_unlike_digits_is_called_so_first(bundled: Explorer) -> None:
    text = "This is unlike the digits that the model learnt from; it answers every picture with a digit"
    assert describe(bundled, Judged(SURE, {8: 1.0}), 0.1, UNLIKE) == (
        f"{text}, here an 8. The difference is larger than for 90 % of test digits."
    )
    assert describe(bundled, None, None, UNLIKE) == f"{text}."
    assert describe(bundled, Judged(SURE, SURE), None, LIKE) == "It comes back as a 4."


def test_without_judge_and_figures_nothing_is_claimed(bundled: Explorer) -> None:
    assert describe(bundled, None, None) == (
        "This is what comes back; there are no figures of this model to compare it with."
    )


def test_a_model_without_an_encoder_says_what_its_search_gave(gan_model: str) -> None:
    gan, best = ganlab.load(gan_model), "he nearest picture that this model can draw is"
    assert describe(gan, Judged(SURE, SURE), 0.9) == (
        f"T{best} a 4; the difference is smaller than for 90 % of test digits."
    )
    assert describe(gan, Judged(SURE, {9: 1.0}), None) == f"It looks like a 4, but t{best} a 9."
    assert describe(gan, Judged(UNSURE, {9: 1.0}), None) == f"It could be a 4 or a 9; t{best} a 9."
    assert describe(gan, None, 0.2) == (
        "This is the nearest picture that the model can draw; the difference is larger than for 80 % of test"
        " digits."
    )


def test_classes_in_colour_are_named_and_a_weak_classifier_too(colour_model: str) -> None:
    explorer = ganlab.load(colour_model)
    judge = Judged({3: 1.0}, {3: 1.0})
    assert describe(explorer, judge, None) == "The nearest picture that this model can draw is class 3."
    named = ("airplane", "automobile", "bird", "cat", *"efghij")
    config = dataclasses.replace(explorer.config, classes=named)
    explorer = Explorer(dataclasses.replace(explorer.model, config=config))
    weak = Judged({3: 1.0}, {0: 1.0}, accuracy=0.884)
    assert describe(explorer, weak, None) == (
        "It looks like a cat, but the nearest picture that this model can draw is an airplane,"
        " by a classifier that is right on 88 % of test pictures."
    )
