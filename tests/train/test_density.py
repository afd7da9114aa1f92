"""The fitted mixture: it finds Gaussians that are there."""

from __future__ import annotations

import pytest
import torch

from train import density


def test_it_finds_two_gaussians() -> None:
    rng = torch.Generator().manual_seed(0)
    L = torch.tensor([[1.0, 0.0], [0.8, 0.3]])
    codes = torch.cat(
        [
            torch.randn(3000, 2, generator=rng) @ L.T + torch.tensor([10.0, 0.0]),
            torch.randn(1000, 2, generator=rng),
        ]
    )
    found = density.fit(codes, 2)
    order = found.weights.argsort()
    torch.testing.assert_close(found.weights[order], torch.tensor([0.25, 0.75]), atol=1e-3, rtol=0)
    torch.testing.assert_close(found.means[order], torch.tensor([[0.0, 0.0], [10.0, 0.0]]), atol=0.1, rtol=0)
    drawn = found.draw(20_000, seed=0)
    torch.testing.assert_close(torch.cov(drawn.T), torch.cov(codes.T), atol=0.5, rtol=0.03)
    assert found.factors.shape == (2, 3)


def test_more_gaussians_than_codes_are_refused() -> None:
    with pytest.raises(ValueError, match="5 codes allow 1 to 5 Gaussians, not 6"):
        density.fit(torch.randn(5, 2), 6)
