"""Changed views: still pictures, of the same digit, each changed in its own way, the same for a seed."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ganlab.gallery import Pictures
from ganlab.judge import Judge
from train.data.augment import augment


def views(x: Tensor, seed: int = 0) -> Tensor:
    torch.manual_seed(seed)
    return augment(x)


@pytest.mark.parametrize("shape", [(6, 1, 28, 28), (4, 3, 32, 32), (3, 3, 48, 48)])
def test_views_are_pictures_of_the_same_shape(shape: tuple[int, ...]) -> None:
    x = torch.rand(shape, generator=torch.Generator().manual_seed(1))
    view = views(x)
    assert view.shape == x.shape
    assert view.dtype == torch.float32
    assert 0 <= float(view.min()) < float(view.max()) <= 1


def test_the_same_seed_gives_the_same_views_and_another_others(digits: Pictures) -> None:
    x = digits.inputs(slice(0, 8))
    assert torch.equal(views(x), views(x))
    assert not torch.equal(views(x), views(x, 1))
    assert torch.equal(x, digits.inputs(slice(0, 8)))  # the original is left as it was


def test_each_picture_is_changed_in_its_own_way(digits: Pictures) -> None:
    view = views(digits.inputs(slice(0, 1)).repeat(16, 1, 1, 1))
    apart = torch.cdist(view.flatten(1), view.flatten(1)).fill_diagonal_(torch.inf)
    assert float(apart.min()) > 1


def test_a_judge_still_reads_them(digits: Pictures) -> None:
    judge = Judge.load("mnist")
    assert judge is not None
    result = judge.labels(views(digits.inputs(slice(None))))
    assert float((result == digits.labels).float().mean()) > 0.93


def test_strokes_grow_thicker_and_thinner_but_colours_do_not(digits: Pictures) -> None:
    x = digits.inputs(slice(0, 1)).repeat(64, 1, 1, 1)
    ink = views(x).flatten(1).sum(1) / x.flatten(1).sum(1)
    assert float(ink.min()) < 0.8
    assert float(ink.max()) > 1.25
    grey = torch.full((4, 3, 32, 32), 0.5)
    changed = views(grey)
    assert torch.allclose(changed, changed[:, :, :1, :1].expand_as(changed), atol=1e-5)  # by its gamma alone
