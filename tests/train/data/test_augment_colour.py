"""Changes of colour pictures against torch's own resampling, their ranges, and what they leave alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from train.data import augment_colour as colour
from train.data.augment import augment


def draw(count: int = 6, size: int = 16) -> Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0))


def test_a_part_of_a_picture_is_that_of_grid_sample() -> None:
    x = draw()
    zoom, shift = torch.rand(6, 2) + 0.2, torch.rand(6, 2) - 0.5
    zoom[:3, 1] *= -1  # mirrored
    affine = torch.zeros(6, 2, 3)
    affine[:, 0, 0], affine[:, 0, 2] = zoom[:, 1], shift[:, 1]
    affine[:, 1, 1], affine[:, 1, 2] = zoom[:, 0], shift[:, 0]
    grid = F.affine_grid(affine, list(x.shape), align_corners=False)
    expected = F.grid_sample(x, grid, padding_mode="border", align_corners=False)
    torch.testing.assert_close(colour.resample(x, zoom, shift), expected, rtol=1e-4, atol=1e-5)


def test_without_chance_nothing_changes() -> None:
    x = draw()
    torch.testing.assert_close(colour.Perturbation(6, 0.0, x.device)(x), x, rtol=0, atol=1e-6)


def test_the_same_change_is_made_of_all_that_hold_a_picture() -> None:
    x = draw()
    perturb = colour.Perturbation(6, torch.tensor(1.0), x.device)
    first, other = perturb(x), perturb(x.flip(0))
    assert torch.equal(first, perturb(x))
    assert not torch.allclose(first, x, atol=0.05)
    assert not torch.allclose(first.flip(0), other, atol=0.05)  # each row has its own change


def test_grey_pictures_stay_grey() -> None:
    x = draw()[:, :1]
    assert colour.Perturbation(6, 1.0, x.device)(x).shape == x.shape


def test_gradients_go_through_and_are_the_same_in_every_run() -> None:
    gradients = []
    for _ in range(2):
        torch.manual_seed(3)
        x = draw().requires_grad_()
        colour.Perturbation(6, 1.0, x.device)(x).square().sum().backward()
        gradients.append(x.grad)
    assert gradients[0] is not None
    assert torch.equal(*gradients)  # type: ignore[arg-type]
    assert float(gradients[0].abs().max()) > 0


def test_hue_leaves_greys_and_saturation_zero_makes_them() -> None:
    grey = torch.full((1, 3), 0.7)
    torch.testing.assert_close(grey @ colour._turn_hue(torch.tensor([1.0]))[0].T, grey)
    turned = torch.tensor([[0.9, 0.1, 0.3]]) @ colour._turn_hue(torch.tensor([2 * torch.pi / 3]))[0].T
    assert torch.allclose(turned.sort().values, torch.tensor([[0.1, 0.3, 0.9]]), atol=1e-5)
    assert not torch.allclose(turned, torch.tensor([[0.9, 0.1, 0.3]]), atol=0.1)
    out = colour.recolour(draw(1), colour._saturate(torch.zeros(1)), torch.zeros(1))
    assert torch.allclose(out[:, 0], out[:, 1], atol=1e-6)


def test_views_are_pictures_some_of_them_grey_and_differ_from_each_other() -> None:
    torch.manual_seed(1)
    x = draw(200, 8)
    views = augment(x)
    assert views.shape == x.shape
    assert float(views.min()) >= 0
    assert float(views.max()) <= 1
    spread = (views.amax(1) - views.amin(1)).flatten(1).amax(1)
    assert 0.1 < float((spread < 1e-4).float().mean()) < 0.3
    assert not torch.equal(augment(x), views)


def test_half_of_the_pictures_are_mirrored() -> None:
    torch.manual_seed(2)
    x = draw(400, 4)
    mirrored = colour.mirror(x)
    turned = (mirrored == x.flip(3)).flatten(1).all(1)
    kept = (mirrored == x).flatten(1).all(1)
    assert bool((turned | kept).all())
    assert 0.4 < float(turned.float().mean()) < 0.6


@pytest.mark.parametrize("size", [8, 15])
def test_a_whole_picture_is_itself(size: int) -> None:
    x = draw(2, size)
    torch.testing.assert_close(colour.resample(x, torch.ones(2, 2), torch.zeros(2, 2)), x)
