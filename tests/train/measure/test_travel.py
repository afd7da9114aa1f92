"""Pairs, paths and slider ends against their definitions."""

from __future__ import annotations

import pytest
import torch

from ganlab import latent
from ganlab.explorer import Explorer
from ganlab.gallery import Gallery, Pictures
from tests.train.measure.models import create_model
from train.measure import travel


@pytest.fixture
def explorer(known: Pictures) -> Explorer:
    model = create_model(known, "bigan")
    return Explorer(model, Gallery(model, known))


def test_pairs_are_successive_pictures_of_different_classes() -> None:
    labels = torch.tensor([3, 3, 5, 5, 5, 1, 0])
    assert travel.list_pairs(labels).tolist() == [[1, 2], [4, 5], [5, 6]]
    assert travel.list_pairs(labels, 2).tolist() == [[1, 2], [4, 5]]


def test_paths_are_the_models_own(explorer: Explorer) -> None:
    z = explorer.sample(4, seed=1)
    paths = travel.compute_paths(explorer, z, torch.tensor([[0, 1], [2, 3]]))
    for row, (a, b) in enumerate([(0, 1), (2, 3)]):
        way = latent.interpolate(z[a], z[b], 9, explorer.config.prior)
        torch.testing.assert_close(paths["quarter"][row], way[2])
        torch.testing.assert_close(paths["middle"][row], way[4])


def test_sliders_end_three_steps_away_and_in_the_box(explorer: Explorer) -> None:
    z = explorer.sample(2, seed=1)
    ends = travel.list_slider_ends(explorer, z, "principal")
    directions = explorer.directions.get("principal")
    assert ends.shape == (2, 2 * len(directions), 4)
    for row in range(2):
        for index, direction in enumerate(directions):
            step = 3 * direction.deviation * direction.vector
            torch.testing.assert_close(ends[row, index], (z[row] + step).clamp(-1, 1))
            torch.testing.assert_close(ends[row, len(directions) + index], (z[row] - step).clamp(-1, 1))
