"""The meters of Reconstruct: what they say is what was computed, and no more."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

import ganlab
from ganlab import metrics, outliers
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from ganlab.ui.html import markup, meters, sentence
from tests.ui.parsed import elements


class Judged:
    """A judge with given answers."""

    def __init__(self, answers: list[int]) -> None:
        self.answers = answers

    def labels(self, x: Tensor) -> Tensor:
        assert len(x) == len(self.answers)
        return torch.tensor(self.answers)


@pytest.fixture
def judged(bundled: Explorer) -> Iterator[Any]:
    """Puts a judge in place of the bundled one, and takes it back."""
    before = bundled.judge
    yield lambda judge: bundled.__dict__.update(judge=judge)
    bundled.__dict__["judge"] = before


def test_each_step_is_shown_with_how_far_it_moved(bundled: Explorer, digits: Pictures, judged: Any) -> None:
    x = digits.inputs(slice(3, 4))
    judged(Judged([4] * 9))
    html = meters.fixed_point_html(bundled, x)
    path = bundled.repeat_reconstruction(x, 8)[:, 0]
    images = [image.get("src") for image in elements(html, "img")]
    assert images == [re.findall(r'src="([^"]+)"', markup.picture(step, ""))[0] for step in path]
    captions = [small.text for small in elements(html, "small")]
    changes = metrics.mse(path[1:], path[:-1])
    assert captions[:9] == ["input", *(f"{float(value):.4f}" for value in changes)]
    assert "· the class is kept" in html
    assert "changes at" not in html


@pytest.mark.parametrize(("answers", "step"), [([4, 4, 9, 4, 4, 4, 4, 4, 4], 2), ([4] * 8 + [1], 8)])
def test_the_first_flip_is_named(
    bundled: Explorer, digits: Pictures, judged: Any, answers: list[int], step: int
) -> None:
    judged(Judged(answers))
    html = meters.fixed_point_html(bundled, digits.inputs(slice(3, 4)))
    assert f"· the class changes at step {step}" in html
    assert "kept" not in html
    assert f"looks like {answers[step]}" in html


def test_without_a_judge_no_class_is_claimed(bundled: Explorer, digits: Pictures, judged: Any) -> None:
    judged(None)
    html = meters.fixed_point_html(bundled, digits.inputs(slice(3, 4)))
    assert markup.NO_CLASSIFIER in html
    assert "the class" not in html
    assert "looks like" not in html
    assert len(elements(html, "img")) == 9


def test_a_model_without_an_encoder_has_no_such_path(gan_model: str) -> None:
    explorer = ganlab.load(gan_model)
    x = torch.zeros(1, 1, 28, 28)
    assert "repeated" not in meters.figures_html(explorer, x, x, None)


def test_repeated_reconstruction_is_for_those_who_open_it(bundled: Explorer, digits: Pictures) -> None:
    x = digits.inputs(slice(0, 1))
    y, outlier = bundled.reconstruct(x), outliers.score_picture(bundled, x)
    html = meters.figures_html(bundled, x, y, outlier)
    figures, folded = html.split('<details class="gl-details" data-name="repeated">')
    assert "mean squared error" in figures
    assert meters.identity_html(bundled, x, y) in figures
    assert meters.unusual_html(bundled, outlier) in figures
    assert "repeated reconstruction" not in figures
    assert meters.fixed_point_html(bundled, x) in folded
    assert meters.figures_html(bundled, x, y, outlier, "key-1").split('data-name="repeated">')[0] in html
    later = meters.figures_html(bundled, x, y, outlier, "key-1").removeprefix(figures)
    assert 'data-later="key-1"' in later
    assert "<img" not in later


# ---------------------------------------------------------------------- the gauge


def knowing(explorer: Explorer, digits: Pictures) -> Explorer:
    """The explorer, with what is usual as digits that are not in its gallery show it."""
    statistics, labels = outliers.compute_statistics(explorer, digits.inputs(slice(300, 500)))
    calibration = outliers.Calibration.from_statistics(statistics, labels)
    figures = {"auroc": 0.9123} | outliers.export_calibration(
        explorer, calibration, calibration.score(statistics, labels)
    )
    return Explorer(dataclasses.replace(explorer.model, metrics={"outliers": figures}), explorer.gallery)


def gauge_html(explorer: Explorer, x: Tensor) -> str:
    return meters.unusual_html(explorer, outliers.score_picture(explorer, x))


@pytest.fixture(scope="module")
def gauged(few_neighbours: Explorer, digits: Pictures) -> Explorer:
    return knowing(few_neighbours, digits)


def test_noise_is_called_unlike_digits(gauged: Explorer) -> None:
    x = torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    html = gauge_html(gauged, x)
    assert "<b>unlike the test digits</b> · more unusual than all of them" in html
    assert "an AUROC of 0.912" in html
    assert "the classifier&#x27;s doubt" in html
    text = sentence.describe_result(gauged, x, gauged.reconstruct(x))
    assert text.startswith("This is unlike the digits that the model learnt from; it answers")


def test_a_middling_digit_is_like_others(gauged: Explorer, digits: Pictures) -> None:
    outlier_scores = [
        outliers.score_picture(gauged, digits.inputs(slice(300 + i, 301 + i))) for i in range(12)
    ]
    shares = [outlier.share for outlier in outlier_scores if outlier is not None]
    middling = min(range(12), key=lambda i: abs(shares[i] - 0.5))
    html = gauge_html(gauged, digits.inputs(slice(300 + middling, 301 + middling)))
    assert f"<b>like the test digits</b> · more unusual than {100 * shares[middling]:.0f} %" in html
    x = digits.inputs(slice(300 + middling, 301 + middling))
    assert "unlike" not in sentence.describe_result(gauged, x, x)


def test_without_its_measure_the_gauge_is_not_there(bundled: Explorer, digits: Pictures) -> None:
    silent = Explorer(dataclasses.replace(bundled.model, metrics={}), bundled.gallery)
    assert gauge_html(silent, digits.inputs(slice(0, 1))) == ""
