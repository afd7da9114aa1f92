"""Figures of merit against values worked out by hand."""

import math

import numpy as np
import pytest
import torch

from ganlab import metrics

X = torch.tensor([[0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.5, 0.5, 0.5, 0.5]]).view(3, 1, 2, 2)
Y = torch.tensor([[0.3, 0.4, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]).view(3, 1, 2, 2)


def test_l2_is_the_norm_of_the_difference_of_each_picture():
    torch.testing.assert_close(metrics.l2(X, Y), torch.tensor([0.5, 0.0, 1.0]))


def test_mse_is_a_mean_over_pixels():
    torch.testing.assert_close(metrics.mse(X, Y), torch.tensor([0.25 / 4, 0.0, 0.25]))


def test_the_random_pair_is_the_next_picture_against_this_reconstruction():
    # As the release: concatenate([inputs[1:], inputs[:1]]), then l2err(shifted_inputs, recon).
    shifted = np.concatenate([X.numpy()[1:], X.numpy()[:1]])
    assert np.array_equal(metrics.next_one(X).numpy(), shifted)
    expected = np.sqrt(((shifted - Y.numpy()) ** 2).sum(axis=(1, 2, 3)))
    np.testing.assert_allclose(metrics.l2(metrics.next_one(X), Y).numpy(), expected, rtol=1e-6)
    assert expected[0] == pytest.approx(math.sqrt(0.7**2 + 0.4**2))


def test_mean_image_over_more_pictures_than_a_chunk():
    pixels = torch.zeros(metrics.CHUNK + 2, 1, 1, 2, dtype=torch.uint8)
    pixels[0, 0, 0, 0] = 255
    pixels[-1, 0, 0, 1] = 51
    mean = metrics.mean_image(pixels)
    assert mean.shape == (1, 1, 1, 2)
    torch.testing.assert_close(mean.flatten() * len(pixels), torch.tensor([1.0, 0.2]))


def test_accuracy_and_its_standard_error():
    assert metrics.accuracy(torch.tensor([1, 2, 3, 4]), torch.tensor([1, 2, 3, 0])) == 0.75
    assert metrics.standard_error(0.975, 10_000) == pytest.approx(0.00156, abs=5e-6)
    assert metrics.standard_error(1.0, 10) == 0.0


def test_quantiles_are_numpys():
    values = torch.rand(777, generator=torch.Generator().manual_seed(0))
    found = metrics.quantiles(values)
    assert len(found) == 101
    np.testing.assert_allclose(found, np.percentile(values.double().numpy(), np.arange(101)), rtol=1e-12)


def test_percentile_of_is_the_share_of_larger_values():
    values = torch.rand(5000, generator=torch.Generator().manual_seed(1))
    quantiles = metrics.quantiles(values)
    for value in (0.001, 0.25, 0.5, 0.987):
        share = float((values > value).double().mean())
        assert metrics.percentile_of(value, quantiles) == pytest.approx(share, abs=0.005)


@pytest.mark.parametrize(
    ("value", "share"), [(-1.0, 1.0), (0.0, 1.0), (100.0, 0.0), (1e9, 0.0), (71.5, 0.285)]
)
def test_percentile_of_at_the_ends_and_between(value, share):
    assert metrics.percentile_of(value, list(range(101))) == pytest.approx(share)


def test_percentile_of_where_quantiles_coincide():
    quantiles = [0.0] * 50 + [1.0] * 51  # half of the values are 0, half are 1
    assert metrics.percentile_of(0.0, quantiles) == pytest.approx(0.51)
    assert metrics.percentile_of(1.0, quantiles) == 0.0
