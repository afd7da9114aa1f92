"""The fitted mixture: it finds Gaussians that are there."""

from __future__ import annotations

import pytest
import torch

from train import mixture


@pytest.mark.slow
def test_it_finds_two_gaussians() -> None:
    rng = torch.Generator().manual_seed(0)
    L = torch.tensor([[1.0, 0.0], [0.8, 0.3]])
    codes = torch.cat(
        [
            torch.randn(3000, 2, generator=rng) @ L.T + torch.tensor([10.0, 0.0]),
            torch.randn(1000, 2, generator=rng),
        ]
    )
    result = mixture.fit(codes, 2)
    order = result.weights.argsort()
    torch.testing.assert_close(result.weights[order], torch.tensor([0.25, 0.75]), atol=1e-3, rtol=0)
    torch.testing.assert_close(result.means[order], torch.tensor([[0.0, 0.0], [10.0, 0.0]]), atol=0.1, rtol=0)
    drawn = result.draw(20_000, seed=0)
    torch.testing.assert_close(torch.cov(drawn.T), torch.cov(codes.T), atol=0.5, rtol=0.03)
    assert result.factors.shape == (2, 3)


def test_a_small_cluster_takes_the_shape_common_to_all() -> None:
    rng = torch.Generator().manual_seed(0)
    shape = torch.tensor([2.0, 0.5, 0.1])
    many = torch.randn(5000, 3, generator=rng) * shape
    few = torch.randn(2, 3, generator=rng) * shape + torch.tensor([0.0, 0.0, 1000.0])
    result = mixture.fit(torch.cat([many, few]), 2)
    small = result._lower(result.weights.argmin()[None])[0]
    off = few - few.mean(0)
    pooled = (torch.cov(many.T) * 4999 + off.T @ off) / 5002
    expected = (off.T @ off + mixture.PRIOR_COUNT * pooled) / (2 + mixture.PRIOR_COUNT)
    expected += mixture.MIN_VARIANCE * torch.eye(3)
    torch.testing.assert_close(small @ small.T, expected, rtol=1e-3, atol=1e-3)


def test_as_many_gaussians_as_codes_are_narrow_ones_on_them() -> None:
    codes = torch.randn(20, 4, generator=torch.Generator().manual_seed(0))
    result = mixture.fit(codes, 20)
    torch.testing.assert_close(result.means[result.means[:, 0].argsort()], codes[codes[:, 0].argsort()])
    assert bool(torch.isfinite(result.log_density(codes)).all())


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
def test_codes_that_are_equal_make_no_nan() -> None:
    result = mixture.fit(torch.ones(9, 3), 4)
    assert float(result.weights.sum()) == pytest.approx(1)
    torch.testing.assert_close(result.draw(50, seed=0).mean(0), torch.ones(3), atol=0.1, rtol=0)


def test_more_gaussians_than_codes_are_refused() -> None:
    with pytest.raises(ValueError, match="5 codes allow 1 to 5 Gaussians, not 6"):
        mixture.fit(torch.randn(5, 2), 6)
