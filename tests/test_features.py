"""Stored features: a byte a component, nearly the features themselves; the earlier format is read too."""

from __future__ import annotations

import pytest
import torch

from ganlab import features


@pytest.fixture
def points() -> torch.Tensor:
    """Unit vectors (500, 64) that vary in 20 directions, as those of a trained encoder do."""
    rng = torch.Generator().manual_seed(0)
    rows = torch.randn(500, 20, generator=rng) @ torch.randn(20, 64, generator=rng)
    return rows / rows.norm(dim=1, keepdim=True)


def test_restored_features_are_within_a_level(points: torch.Tensor) -> None:
    tensors = features.compress(points)
    assert tensors["components"].dtype == torch.uint8
    assert tensors["components"].shape == (500, features.MAX_COMPONENTS)
    restored = features.restore(tensors)
    assert restored.dtype == torch.float32
    assert (restored - points).norm(dim=1).max() < 0.02  # of length 1
    again = features.compress(points)
    assert all(torch.equal(again[key], tensors[key]) for key in tensors)


def test_few_features_and_equal_pictures_are_no_exception() -> None:
    rows = torch.tensor([[1.0, 2.0, 3.0]]).repeat(5, 1)
    torch.testing.assert_close(features.restore(features.compress(rows)), rows)
    rows[0, 0] = 4.0
    torch.testing.assert_close(features.restore(features.compress(rows)), rows, atol=0.02, rtol=0)


def test_the_earlier_format_is_read_too(points: torch.Tensor) -> None:
    assert torch.equal(features.restore({"features": points.half()}), points.half().float())


def test_what_is_incomplete_is_an_error(points: torch.Tensor) -> None:
    tensors = features.compress(points)
    with pytest.raises(ValueError, match="has the shape"):
        features.restore({key: tensors[key] for key in ("components", "basis")})
    with pytest.raises(ValueError, match="has the shape"):
        features.restore(tensors | {"basis": torch.zeros(3, 64)})


def test_restored_codes_are_within_half_a_level_and_keep_their_nearest(points: torch.Tensor) -> None:
    codes = 3 * points[:, :10] + torch.arange(10)
    codes[:, 7] = 2.5  # a dimension that no picture uses
    tensors = features.compress_codes(codes)
    assert tensors["codes"].dtype == torch.uint8
    assert tensors["codes"].shape == (500, 10)
    restored = features.restore_codes(tensors)
    assert ((restored - codes).abs() <= 0.51 * tensors["level"]).all()
    assert (restored[:, 7] == 2.5).all()
    nearest = [torch.cdist(x, x).fill_diagonal_(9).argmin(1) for x in (codes, restored)]
    assert float((nearest[0] == nearest[1]).float().mean()) > 0.95
    with pytest.raises(ValueError, match="has the shape"):
        features.restore_codes({"codes": tensors["codes"]})
    with pytest.raises(ValueError, match="has the shape"):
        features.restore_codes(tensors | {"level": torch.ones(3)})
