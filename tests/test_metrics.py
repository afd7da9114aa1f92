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
    assert np.array_equal(metrics.pair_with_next(X).numpy(), shifted)
    expected = np.sqrt(((shifted - Y.numpy()) ** 2).sum(axis=(1, 2, 3)))
    np.testing.assert_allclose(metrics.l2(metrics.pair_with_next(X), Y).numpy(), expected, rtol=1e-6)
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


def test_auroc_counts_the_pairs_in_the_right_order():
    positives, negatives = torch.tensor([3.0, 1.0, 2.0]), torch.tensor([0.0, 2.0, 5.0, 1.0])
    pairs = [(a > b) + (a == b) / 2 for a in positives.tolist() for b in negatives.tolist()]
    assert metrics.auroc(positives, negatives) == pytest.approx(sum(pairs) / 12)
    assert metrics.auroc(torch.tensor([2.0]), torch.tensor([1.0, 0.0])) == 1
    assert metrics.auroc(torch.ones(5), torch.ones(3)) == 0.5


def test_the_energy_distance_is_that_of_all_pairs():
    rng = torch.Generator().manual_seed(0)
    a, b = torch.randn(7, 3, generator=rng), torch.randn(5, 3, generator=rng) + 1
    between = np.mean([float((p - q).norm()) for p in a for q in b])
    within = [
        np.mean([float((p - q).norm()) for i, p in enumerate(some) for j, q in enumerate(some) if i != j])
        for some in (a, b)
    ]
    distance, _, _ = metrics.energy_test(a, b, permutations=1)
    assert distance == pytest.approx(2 * between - sum(within), rel=1e-5)


def test_the_energy_test_tells_shifted_and_narrower_sets_and_lets_equal_ones_pass():
    rng = torch.Generator().manual_seed(1)
    a, b = torch.randn(200, 5, generator=rng), torch.randn(200, 5, generator=rng)
    distance, by_chance, p = metrics.energy_test(a, b)
    assert distance < by_chance
    assert p > 0.05
    for other in (b + 0.5, b * 0.6):
        distance, by_chance, p = metrics.energy_test(a, other)
        assert distance > by_chance
        assert p == pytest.approx(1 / 201)
    assert metrics.energy_test(a, b) == metrics.energy_test(a, b)


def test_quantiles_are_numpys():
    values = torch.rand(777, generator=torch.Generator().manual_seed(0))
    percentiles = metrics.quantiles(values)
    assert len(percentiles) == 101
    np.testing.assert_allclose(
        percentiles, np.percentile(values.double().numpy(), np.arange(101)), rtol=1e-12
    )


def test_share_above_is_the_share_of_larger_values():
    values = torch.rand(5000, generator=torch.Generator().manual_seed(1))
    quantiles = metrics.quantiles(values)
    for value in (0.001, 0.25, 0.5, 0.987):
        share = float((values > value).double().mean())
        assert metrics.share_above(value, quantiles) == pytest.approx(share, abs=0.005)


@pytest.mark.parametrize(
    ("value", "share"), [(-1.0, 1.0), (0.0, 1.0), (100.0, 0.0), (1e9, 0.0), (71.5, 0.285)]
)
def test_share_above_at_the_ends_and_between(value, share):
    assert metrics.share_above(value, list(range(101))) == pytest.approx(share)


def test_share_above_where_quantiles_coincide():
    quantiles = [0.0] * 50 + [1.0] * 51  # half of the values are 0, half are 1
    assert metrics.share_above(0.0, quantiles) == pytest.approx(0.51)
    assert metrics.share_above(1.0, quantiles) == 0.0


# ------------------------------------------------------------------ Fréchet distance


def normal_rows(seed, count=400, features=6):
    """Rows (count, features) whose sample mean is 0 and whose sample covariance is the identity, exactly."""
    rows = torch.randn(count, features, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    rows = rows - rows.mean(0)
    factor = torch.linalg.cholesky(rows.T @ rows / (count - 1))
    return torch.linalg.solve_triangular(factor, rows.T, upper=False).T


def mixed_rows(seed):
    """Rows with a covariance of their own, which commutes with no other's."""
    rng = torch.Generator().manual_seed(100 + seed)
    return normal_rows(seed) @ torch.randn(6, 6, generator=rng, dtype=torch.float64)


def test_frechet_distance_of_diagonal_normals_is_the_closed_form():
    spread_a = torch.tensor([1.0, 2.0, 3.0, 0.5, 0.0, 4.0], dtype=torch.float64)
    spread_b = torch.tensor([1.0, 1.0, 5.0, 0.0, 2.0, 4.5], dtype=torch.float64)
    shift = torch.tensor([0.0, 1.0, -2.0, 0.0, 0.5, 0.0], dtype=torch.float64)
    a, b = normal_rows(0) * spread_a, normal_rows(1, count=300) * spread_b + shift
    expected = float(shift.square().sum() + (spread_a - spread_b).square().sum())
    assert metrics.frechet_distance(a, b) == pytest.approx(expected, rel=1e-8)
    assert metrics.frechet_distance(a.float(), b.float()) == pytest.approx(expected, rel=1e-5)


def test_frechet_distance_is_that_of_the_product_of_covariances():
    a, b = mixed_rows(0), mixed_rows(1) + 0.5
    cov_a, cov_b = np.cov(a.numpy().T), np.cov(b.numpy().T)
    assert not np.allclose(cov_a @ cov_b, cov_b @ cov_a, atol=0.1)
    eigenvalues = np.linalg.eigvals(cov_a @ cov_b)
    expected = ((a.numpy().mean(0) - b.numpy().mean(0)) ** 2).sum() + np.trace(cov_a + cov_b)
    expected -= 2 * np.sqrt(eigenvalues.real).sum()
    assert metrics.frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)
    assert metrics.frechet_distance(b, a) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_is_zero_only_between_equal_sets():
    few = torch.rand(20, 50, generator=torch.Generator().manual_seed(0))  # a covariance of rank 19
    few[:, 3] = 0.0
    for rows in (mixed_rows(0), few):
        assert 0 <= metrics.frechet_distance(rows, rows) < 1e-6
        assert 0 <= metrics.frechet_distance(rows, rows.flip(0)) < 1e-6
        assert metrics.frechet_distance(rows, rows * 1.1) > 1e-3


def test_frechet_distance_does_not_change_under_a_rotation_of_both():
    rng = torch.Generator().manual_seed(7)
    turn = torch.linalg.qr(torch.randn(6, 6, generator=rng, dtype=torch.float64)).Q
    a, b = mixed_rows(0), mixed_rows(1)
    expected = metrics.frechet_distance(a, b)
    assert metrics.frechet_distance(a @ turn, b @ turn) == pytest.approx(expected, rel=1e-9)
    assert metrics.frechet_distance(a @ turn, b) != pytest.approx(expected, rel=1e-3)


def test_a_shift_adds_its_square_to_the_frechet_distance():
    a, b = mixed_rows(0), mixed_rows(1)
    shift = torch.tensor([3.0, -1.0, 0.0, 2.0, 0.0, 0.5], dtype=torch.float64)
    before = metrics.frechet_distance(a - a.mean(0), b - b.mean(0))
    after = metrics.frechet_distance(a - a.mean(0), b - b.mean(0) + shift)
    assert after - before == pytest.approx(float(shift.square().sum()), rel=1e-9)


def test_the_frechet_distance_of_samples_of_one_distribution_falls_with_their_number():
    rng = torch.Generator().manual_seed(0)
    distances = [
        metrics.frechet_distance(torch.randn(n, 16, generator=rng), torch.randn(n, 16, generator=rng))
        for n in (50, 500, 5000)
    ]
    assert distances[0] > 3 * distances[1] > 9 * distances[2] > 0


@pytest.mark.parametrize(
    ("a", "b"), [((5, 3), (5, 4)), ((1, 3), (5, 3)), ((5, 3), (0, 3)), ((5, 3, 1), (5, 3)), ((5,), (5,))]
)
def test_frechet_distance_of_what_are_not_two_sets_is_refused(a, b):
    with pytest.raises(ValueError, match="two sets of at least 2 rows of equally many features, not"):
        metrics.frechet_distance(torch.zeros(a), torch.zeros(b))
