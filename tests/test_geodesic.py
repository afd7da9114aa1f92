"""The shortest way: on surfaces whose geodesics are known, and what holds for every descent."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from ganlab import geodesic, latent

SIXTEENTHS = torch.linspace(0, 1, geodesic.PIECES + 1).unsqueeze(1)


def to_plane(z: Tensor) -> Tensor:
    """Radius and angle as a point of the plane."""
    return torch.stack([z[:, 0] * z[:, 1].cos(), z[:, 0] * z[:, 1].sin()], 1)


def on_cone(z: Tensor) -> Tensor:
    """Radius and angle as a point of a cone that unrolls to half a plane: its angle counts half."""
    height = math.sqrt(3) / 2 * z[:, :1]
    return torch.cat([to_plane(z) / 2, height], 1)


@pytest.mark.parametrize(("surface", "turn"), [(to_plane, 2.5), (on_cone, 2.5), (on_cone, 4.0)])
def test_known_geodesics_are_found(surface: geodesic.Describe, turn: float) -> None:
    a, b = torch.tensor([1.0, 0.3]), torch.tensor([1.5, 0.3 + turn])
    start = latent.lerp(a, b, SIXTEENTHS)  # a spiral
    steps = list(geodesic.shorten(surface, start, "normal"))
    angle = turn if surface is to_plane else turn / 2
    straight = math.sqrt(1 + 1.5**2 - 2 * 1.5 * math.cos(angle))
    before, after = (geodesic.measure_length(surface, path) for path in (start, steps[-1].path))
    assert before > 1.02 * straight
    assert after == pytest.approx(straight, rel=5e-3)
    pieces = surface(steps[-1].path).diff(dim=0).norm(dim=1)
    assert float(pieces.std() / pieces.mean()) < 0.05  # at an even speed


def test_each_step_is_no_worse_and_the_ends_stay() -> None:
    start = torch.randn(geodesic.PIECES + 1, 3, generator=torch.Generator().manual_seed(1))
    weight = torch.randn(3, 20, generator=torch.Generator().manual_seed(2))
    steps = list(geodesic.shorten(lambda z: (z @ weight).tanh(), start, "normal", steps=25))
    energies = [step.energy for step in steps]
    assert energies == sorted(energies, reverse=True)
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))
    assert len(steps) <= steps[0].steps == 25
    assert torch.equal(steps[0].path, start)
    assert energies[-1] < 0.5 * energies[0]
    for step in steps:
        assert torch.equal(step.path[[0, -1]], start[[0, -1]])
    again = list(geodesic.shorten(lambda z: (z @ weight).tanh(), start, "normal", steps=25))
    assert torch.equal(again[-1].path, steps[-1].path)


def test_latents_of_a_uniform_prior_stay_in_its_box() -> None:
    a, b = torch.tensor([-0.9, 0.95]), torch.tensor([0.9, 0.95])
    start = latent.lerp(a, b, SIXTEENTHS)

    def describe(z: Tensor) -> Tensor:  # a disc about (0, 3): the straight way leads through y > 1
        return to_plane(torch.stack([3 - z[:, 1], z[:, 0]], 1))

    free, boxed = (list(geodesic.shorten(describe, start, prior))[-1] for prior in ("normal", "uniform"))
    assert float(free.path[:, 1].max()) > 1.05
    assert float(boxed.path.abs().max()) <= 1


def test_a_path_that_is_shortest_already_ends_the_descent() -> None:
    start = latent.lerp(torch.zeros(2), torch.ones(2), SIXTEENTHS)
    steps = list(geodesic.shorten(lambda z: z, start, "normal"))
    torch.testing.assert_close(steps[-1].path, start, atol=1e-5, rtol=0)
    point = torch.ones(geodesic.PIECES + 1, 2)
    assert list(geodesic.shorten(lambda z: z, point, "normal"))[-1].energy == 0


def test_the_callers_modes_and_the_model_stay_as_they_are() -> None:
    network = torch.nn.Linear(2, 3).requires_grad_(False).eval()
    start = latent.lerp(torch.zeros(2), torch.ones(2), SIXTEENTHS)
    with torch.inference_mode():
        for _ in geodesic.shorten(lambda z: network(z), start, "normal", steps=3):
            assert torch.is_inference_mode_enabled()
    assert not any(weight.requires_grad for weight in network.parameters())


def test_between_its_latents_a_path_is_straight() -> None:
    path = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 2.0]])
    t = torch.tensor([[0.0], [0.25], [0.5], [0.75], [1.0]])
    expected = torch.tensor([[0.0, 0.0], [0.5, 0.0], [1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
    torch.testing.assert_close(geodesic.resample(path, t), expected)
    assert geodesic.measure_length(lambda z: 2 * z, path) == pytest.approx(6)
