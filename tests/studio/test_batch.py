"""Many pictures at once give what each gives by itself, and one that cannot be used stops no other."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
import torch

import ganlab
from ganlab import outliers
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from ganlab.images import PictureError
from ganlab.studio.batch import Refusal, measure_all, prepare_all


def test_pictures_are_prepared_or_refused_one_by_one(few_neighbours: Explorer, digits: Pictures) -> None:
    digit = digits.pixels[0, 0].numpy()
    batch = prepare_all(
        few_neighbours, [b"torn", digit, PictureError("Gone."), np.zeros((0, 3)), 255 - digit]
    )
    assert batch.positions == (1, 4)
    assert torch.equal(batch.x, digits.inputs(torch.tensor([0, 0])))
    assert [prepared.inverted for prepared in batch.prepared] == [False, True]
    assert [refusal.position for refusal in batch.refused] == [0, 2, 3]
    assert batch.refused[1] == Refusal(2, "Gone.")
    none = prepare_all(few_neighbours, [b""])
    assert none.x.shape == (0, 1, 28, 28)
    assert few_neighbours.encode(none.x).shape[0] == 0
    with pytest.raises(ValueError, match="Unknown polarity"):  # the same for all: no picture's fault
        prepare_all(few_neighbours, [digit], "pink")  # type: ignore[arg-type]


def test_figures_are_those_of_each_picture(few_neighbours: Explorer, digits: Pictures) -> None:
    x = digits.inputs(slice(0, 4))
    y = few_neighbours.reconstruct(x)
    judge = few_neighbours.judge
    assert judge is not None
    for row, figures in enumerate(measure_all(few_neighbours, x, y)):
        a, b = x[row : row + 1], y[row : row + 1]
        assert figures.error == pytest.approx(few_neighbours.error(a, b), rel=1e-4)
        assert figures.larger_errors == few_neighbours.rank_error(figures.error)
        score = outliers.score_picture(few_neighbours, a)
        assert figures.gauge == (None if score is None else pytest.approx(score.share, abs=1e-3))
        assert figures.class_of_picture == str(int(judge.labels(a)))
        assert figures.class_of_reconstruction == str(int(judge.labels(b)))
        assert figures.certainty == pytest.approx(float(judge.probabilities(a).max()), abs=1e-4)
    assert measure_all(few_neighbours, x[:0], y[:0]) == []


def test_what_was_not_measured_is_none(tiny_folder: object, picture_model: str) -> None:
    for explorer in (ganlab.load(str(tiny_folder)), ganlab.load(picture_model)):
        x = torch.rand(2, *explorer.config.image_shape)
        figures = asdict(measure_all(explorer, x, 1 - x)[0])
        assert figures.pop("error") > 0
        if explorer.judge is not None:  # the tiny model is one of digits
            assert figures.pop("certainty") > 0
            del figures["class_of_picture"], figures["class_of_reconstruction"]
        assert set(figures.values()) == {None}
