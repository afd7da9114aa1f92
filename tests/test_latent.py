"""Seeded sampling, interpolation and directions: pinned values, invariants, references."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from ganlab import latent


def vectors(count: int, dims: int, seed: int = 0) -> Tensor:
    return torch.randn(count, dims, generator=torch.Generator().manual_seed(seed))


# ------------------------------------------------------------------ drawing


@pytest.mark.parametrize(
    ("prior", "seed", "expected"),
    [
        ("uniform", 0, [-0.9769065, -0.5169016, -0.7771483, 0.12882924]),
        ("uniform", 2**63 - 1, [0.85161346, -0.6368595, 0.23851375, -0.027074795]),
        ("normal", 7, [1.1362473, -0.53777736, -0.2016436, -0.23941411]),
    ],
)
def test_the_same_seed_gives_these_latents_for_ever(prior: str, seed: int, expected: list[float]) -> None:
    assert torch.equal(latent.draw(prior, 4, 1, seed)[0], torch.tensor(expected))


@pytest.mark.parametrize("prior", latent.PRIORS)
def test_the_first_latents_do_not_depend_on_how_many_are_drawn(prior: str) -> None:
    many = latent.draw(prior, 50, 100, seed=3)
    assert many.shape == (100, 50)
    assert many.dtype == torch.float32
    for count in (1, 2, 37):
        assert torch.equal(latent.draw(prior, 50, count, seed=3), many[:count])


@pytest.mark.parametrize("dims", [1, 3, 4, 50, 51])
def test_a_sample_by_its_number_is_drawn_alone(dims: int, monkeypatch: pytest.MonkeyPatch) -> None:
    many = latent.draw("normal", dims, 60, seed=3)
    for first in (0, 1, 2, 3, 5, 58):
        assert torch.equal(latent.draw("normal", dims, 2, seed=3, first=first), many[first : first + 2])
    drawn: list[int] = []

    class Stream(np.random.Philox):
        def random_raw(self, size: int) -> np.ndarray:  # type: ignore[override]
            drawn.append(size)
            return np.asarray(super().random_raw(size))

    monkeypatch.setattr(np.random, "Philox", Stream)
    assert latent.draw("normal", dims, 1, seed=3, first=10**12).isfinite().all()
    assert max(drawn) <= dims + 3


def test_seeds_differ_and_latents_of_one_seed_differ() -> None:
    rows = torch.cat([latent.draw("uniform", 8, 20, seed) for seed in range(10)])
    assert len(torch.unique(rows, dim=0)) == 200


def test_uniform_latents_fill_the_box_evenly() -> None:
    z = latent.draw("uniform", 50, 4000, seed=1)
    assert float(z.min()) >= -1
    assert float(z.max()) <= 1
    assert float(z.max()) > 0.9999
    assert abs(float(z.mean())) < 5 * (1 / 3 / z.numel()) ** 0.5
    assert float(z.var()) == pytest.approx(1 / 3, rel=0.01)
    counts = torch.histc(z, bins=10, min=-1, max=1) / z.numel()
    assert float((counts - 0.1).abs().max()) < 0.004


def test_normal_latents_have_the_moments_of_a_normal() -> None:
    z = latent.draw("normal", 50, 4000, seed=1).double()
    assert abs(float(z.mean())) < 5 / z.numel() ** 0.5
    assert float(z.var()) == pytest.approx(1, rel=0.02)
    assert float((z**4).mean()) == pytest.approx(3, rel=0.05)
    assert float((z.abs() < 1).double().mean()) == pytest.approx(0.6827, abs=0.005)


@pytest.mark.parametrize("prior", latent.PRIORS)
def test_truncation_scales_towards_the_centre(prior: str) -> None:
    full = latent.draw(prior, 6, 30, seed=2)
    half = latent.draw(prior, 6, 30, seed=2, truncation=0.5)
    assert torch.equal(half, full * 0.5)
    assert not latent.draw(prior, 6, 30, seed=2, truncation=0.0).any()
    assert torch.equal(latent.draw(prior, 6, 30, seed=2, truncation=1.0), full)


@pytest.mark.parametrize("prior", latent.PRIORS)
@pytest.mark.parametrize("bits", [0, 2**64 - 1])
def test_the_extreme_bits_give_finite_symmetric_latents(
    prior: str, bits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Extreme:
        def __init__(self, key: int) -> None: ...

        def random_raw(self, count: int) -> np.ndarray:
            return np.full(count, bits, dtype=np.uint64)

    monkeypatch.setattr(np.random, "Philox", Extreme)
    z = latent.draw(prior, 2, 1, seed=0)
    assert torch.isfinite(z).all()
    assert float(z[0, 0]) == pytest.approx(
        math.copysign(1.0 if prior == "uniform" else 8.2, 1 if bits else -1), abs=0.1
    )


def test_drawing_leaves_the_global_random_states_alone() -> None:
    np.random.seed(5)
    torch.manual_seed(5)
    expected = np.random.get_state()[1].copy(), torch.random.get_rng_state()
    latent.draw("normal", 10, 10, seed=9)
    assert np.array_equal(np.random.get_state()[1], expected[0])
    assert torch.equal(torch.random.get_rng_state(), expected[1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": -1}, "A seed is a whole number from 0 to 2\\^63 - 1, not -1"),
        ({"seed": 2**63}, "A seed is a whole number"),
        ({"truncation": 1.5}, "Truncation is a number from 0 to 1, not 1.5"),
        ({"truncation": -0.1}, "Truncation is a number from 0 to 1"),
        ({"truncation": math.nan}, "Truncation is a number from 0 to 1"),
        ({"count": 0}, "At least one latent"),
        ({"first": -1}, "A sample's number is a whole number from 0"),
        ({"first": 0.5}, "A sample's number is a whole number"),
        ({"prior": "cauchy"}, r"Unknown prior 'cauchy'; available = \['uniform', 'normal'\]"),
    ],
)
def test_drawing_refuses_what_makes_no_sense(changes: dict[str, object], message: str) -> None:
    arguments = {"prior": "normal", "latent_dim": 3, "count": 1, "seed": 0} | changes
    with pytest.raises(ValueError, match=message):
        latent.draw(**arguments)  # type: ignore[arg-type]


# ------------------------------------------------------------------ interpolation


@pytest.mark.parametrize("prior", latent.PRIORS)
@pytest.mark.parametrize("steps", [2, 3, 8, 101])
def test_a_path_has_exactly_its_ends(prior: str, steps: int) -> None:
    for seed in range(20):
        a, b = latent.draw(prior, 50, 2, seed)
        path = latent.interpolate(a, b, steps, prior)
        assert path.shape == (steps, 50)
        assert torch.equal(path[0], a)
        assert torch.equal(path[-1], b)
        assert torch.isfinite(path).all()


def test_the_uniform_path_is_a_straight_line_inside_the_box() -> None:
    a, b = latent.draw("uniform", 50, 2, seed=4)
    a[0], b[0] = -1.0, 1.0
    a[1], b[1] = 1.0, 1.0
    path = latent.interpolate(a, b, 257, "uniform")
    t = torch.linspace(0, 1, 257).double()[:, None]
    torch.testing.assert_close(path.double(), (1 - t) * a.double() + t * b.double(), rtol=0, atol=1e-6)
    assert bool((path.abs() <= 1).all())
    assert bool((path >= torch.minimum(a, b) - 1e-6).all())
    assert bool((path <= torch.maximum(a, b) + 1e-6).all())


def test_the_normal_path_turns_at_constant_speed_along_the_great_circle() -> None:
    a, b = vectors(2, 50).double()
    path = latent.interpolate(a, 3 * b, 41, "normal")
    units = path / path.norm(dim=1, keepdim=True)
    angles = torch.acos((units[1:] * units[:-1]).sum(1).clamp(-1, 1))
    torch.testing.assert_close(angles, angles.mean().expand_as(angles), rtol=1e-4, atol=0)
    whole = torch.acos((a / a.norm()) @ (b / b.norm()))
    assert float(angles.sum()) == pytest.approx(float(whole), rel=1e-5)
    # every point lies in the plane of the ends
    plane = torch.linalg.qr(torch.stack([a, b], 1)).Q
    torch.testing.assert_close(path @ plane @ plane.T, path, rtol=0, atol=1e-6)


def test_lengths_on_the_normal_path_go_evenly_from_one_end_to_the_other() -> None:
    a, b = vectors(2, 50)
    path = latent.interpolate(a, 2 * b, 33, "normal")
    expected = torch.linspace(float(a.norm()), float(2 * b.norm()), 33)
    torch.testing.assert_close(path.norm(dim=1), expected, rtol=1e-5, atol=0)


def test_slerp_of_perpendicular_vectors_is_known() -> None:
    a, b = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    path = latent.interpolate(a, b, 5, "normal")
    theta = torch.linspace(0, math.pi / 2, 5)
    torch.testing.assert_close(path, torch.stack([theta.cos(), theta.sin()], 1))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([1.0, 2.0, 3.0], [2.0, 4.0, 6.0]),  # parallel
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]),  # the same
        ([1.0, 2.0, 3.0], [-2.0, -4.0, -6.0]),  # opposite
        ([0.0, 0.0, 0.0], [1.0, 2.0, 3.0]),  # from the centre
        ([1.0, 2.0, 3.0], [0.0, 0.0, 0.0]),  # to the centre
        ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
    ],
)
def test_where_no_great_circle_is_defined_the_line_runs_from_a_to_b(a: list[float], b: list[float]) -> None:
    start, end = torch.tensor(a), torch.tensor(b)
    path = latent.slerp(start, end, torch.linspace(0, 1, 5)[:, None])
    t = torch.linspace(0, 1, 5)[:, None]
    torch.testing.assert_close(path, (1 - t) * start + t * end, rtol=1e-6, atol=1e-6)


def test_slerp_of_nearly_parallel_vectors_joins_the_fallback_smoothly() -> None:
    a = torch.zeros(8)
    a[0] = 1
    for tilt in (1e-7, 9e-7, 1.1e-6, 1e-5, 1e-3):
        b = a.clone()
        b[1] = tilt
        middle = latent.interpolate(a, b, 3, "normal")[1]
        assert float(middle[1]) == pytest.approx(tilt / 2, rel=1e-3)
        assert float(middle[0]) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("a", "b", "steps", "message"),
    [
        (torch.zeros(3), torch.zeros(3), 1, "at least its two ends, not 1"),
        (torch.zeros(3), torch.zeros(4), 5, r"not \(3,\) and \(4,\)"),
        (torch.zeros(2, 3), torch.zeros(2, 3), 5, "Two latents of one shape"),
    ],
)
def test_a_path_refuses_what_it_cannot_join(a: Tensor, b: Tensor, steps: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        latent.interpolate(a, b, steps, "uniform")


# ------------------------------------------------------------------ directions


def test_principal_directions_are_those_of_the_singular_value_decomposition() -> None:
    codes = vectors(300, 10) * torch.linspace(3, 0.5, 10) + 5
    directions, deviations = latent.principal_directions(torch.cov(codes.T), 4)
    _, singular, rows = torch.linalg.svd(codes.double() - codes.double().mean(0), full_matrices=False)
    torch.testing.assert_close(deviations.double(), singular[:4] / 299**0.5, rtol=1e-5, atol=0)
    cosines = (directions.double() * rows[:4]).sum(1)
    torch.testing.assert_close(cosines.abs(), torch.ones(4).double(), rtol=1e-6, atol=0)
    torch.testing.assert_close(directions @ directions.T, torch.eye(4), rtol=0, atol=1e-5)
    torch.testing.assert_close(((codes - codes.mean(0)) @ directions.T).std(0), deviations, rtol=1e-4, atol=0)


def test_the_largest_entry_of_a_direction_is_positive() -> None:
    for seed in range(5):
        codes = vectors(50, 6, seed)
        directions, _ = latent.principal_directions(torch.cov(codes.T), 6)
        mirrored, _ = latent.principal_directions(torch.cov(-codes.T), 6)
        for row in directions:
            assert float(row[row.abs().argmax()]) > 0
        torch.testing.assert_close(mirrored, directions, rtol=0, atol=1e-6)


def test_codes_without_spread_in_a_direction_give_no_nan() -> None:
    codes = torch.zeros(20, 3)
    codes[:, 1] = torch.linspace(-1, 1, 20)
    directions, deviations = latent.principal_directions(torch.cov(codes.T), 3)
    assert torch.equal(directions[0], torch.tensor([0.0, 1.0, 0.0]))
    assert torch.isfinite(deviations).all()
    assert float(deviations[1:].max()) < 1e-6


def test_moving_adds_directions_and_only_a_uniform_prior_is_clamped() -> None:
    z = torch.tensor([0.5, -0.5, 0.0])
    directions = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.6, 0.8]])
    amounts = torch.tensor([2.0, -1.0])
    expected = torch.tensor([2.5, -1.1, -0.8])
    torch.testing.assert_close(latent.move(z, directions, amounts, "normal"), expected)
    torch.testing.assert_close(latent.move(z, directions, amounts, "uniform"), expected.clamp(-1, 1))
    assert torch.equal(latent.move(z, directions, torch.zeros(2), "uniform"), z)
    assert torch.equal(z, torch.tensor([0.5, -0.5, 0.0]))  # not moved in place
