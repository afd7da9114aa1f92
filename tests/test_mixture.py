"""The mixture of Gaussians: its draws follow its parameters, and are the same everywhere."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

import ganlab
from ganlab import model, networks
from ganlab.config import CheckpointError
from ganlab.explorer import Explorer
from ganlab.mixture import MIXTURE_FILE, Mixture
from ganlab.model import LatentModel
from tests.conftest import TINY


def lower(rows: list[list[float]]) -> torch.Tensor:
    """The triangle of a matrix, row by row."""
    return torch.tensor([value for k, row in enumerate(rows) for value in row[: k + 1]])


def mixture() -> Mixture:
    density = Mixture(2, 3)
    density.weights = torch.tensor([0.25, 0.75])
    density.means = torch.tensor([[-5.0, 0.0, 0.0], [5.0, 1.0, 2.0]])
    density.factors = torch.stack(
        [lower([[1, 0, 0], [0, 1, 0], [0, 0, 1]]), lower([[0.5, 0, 0], [0.4, 0.2, 0], [-0.3, 0.1, 0.7]])]
    )
    return density


def test_draws_have_the_weights_means_and_covariances() -> None:
    z = mixture().draw(20_000, seed=3)
    second = z[:, 0] > 0
    assert float(second.double().mean()) == pytest.approx(0.75, abs=0.01)
    L = torch.tensor([[0.5, 0, 0], [0.4, 0.2, 0], [-0.3, 0.1, 0.7]])
    torch.testing.assert_close(z[second].mean(0), torch.tensor([5.0, 1, 2]), atol=0.02, rtol=0)
    torch.testing.assert_close(torch.cov(z[second].T), L @ L.T, atol=0.02, rtol=0)
    torch.testing.assert_close(torch.cov(z[~second].T), torch.eye(3), atol=0.05, rtol=0)


def test_draws_follow_from_the_seed_and_first_rows_not_from_the_count() -> None:
    first = mixture().draw(5, seed=1)
    many = mixture().draw(1500, seed=1)  # more than a chunk
    assert torch.equal(first, many[:5])
    assert torch.equal(mixture().draw(3, seed=1, first=1200), many[1200:1203])
    assert not torch.equal(first, mixture().draw(5, seed=2))


def test_truncation_goes_to_the_mean_of_each_gaussian() -> None:
    density = mixture()
    whole, half, none = (density.draw(200, 0, truncation) for truncation in (1.0, 0.5, 0.0))
    assert {tuple(row) for row in none.tolist()} == {tuple(row) for row in density.means.tolist()}
    torch.testing.assert_close(half, (whole + none) / 2)


def test_the_log_density_is_that_of_its_gaussians() -> None:
    density = mixture()
    z = 3 * torch.randn(1200, 3, generator=torch.Generator().manual_seed(0))
    expected = torch.zeros(1200, dtype=torch.double)
    for k in range(2):
        L = density._lower(torch.tensor([k]))[0]
        gaussian = torch.distributions.MultivariateNormal(density.means[k], scale_tril=L)
        expected += density.weights[k] * gaussian.log_prob(z).double().exp()
    values = density.log_density(z)
    near = expected > 1e-30
    assert int(near.sum()) > 300
    torch.testing.assert_close(values[near].double(), expected[near].log().double(), rtol=1e-3, atol=1e-3)
    assert torch.isfinite(values).all()


def test_moments_are_those_of_its_draws() -> None:
    z = mixture().draw(50_000, seed=0).double()
    mean, covariance = mixture().moments()
    torch.testing.assert_close(z.mean(0), mean, atol=0.05, rtol=0)
    torch.testing.assert_close(torch.cov(z.T), covariance, atol=0.3, rtol=0.02)


@pytest.mark.parametrize(("seed", "count", "truncation"), [(-1, 1, 1.0), (0, 0, 1.0), (0, 1, 1.5)])
def test_what_makes_no_sense_is_refused(seed: int, count: int, truncation: float) -> None:
    with pytest.raises(ValueError, match=r"seed|drawn|Truncation"):
        mixture().draw(count, seed, truncation)


def stored(folder: Path) -> Path:
    config = dataclasses.replace(TINY, latent_dim=3, gaussians=2)
    model.save(config, networks.build(config), folder, mixture())
    return folder


def test_a_checkpoint_holds_its_mixture_and_prefers_it(tmp_path: Path) -> None:
    ex = ganlab.load(str(stored(tmp_path / "with")))
    assert ex.sources == ("mixture", "prior")
    torch.testing.assert_close(ex.sample(7, seed=4), mixture().draw(7, 4), atol=0.01, rtol=0.001)
    assert torch.equal(ex.sample(7, seed=4), ex.sample(7, seed=4, source="mixture"))
    prior = ex.sample(7, seed=4, source="prior")
    assert torch.equal(prior, ganlab.latent.draw(TINY.prior, 3, 7, 4))


def test_principal_directions_are_those_of_the_mixture(tmp_path: Path) -> None:
    ex = ganlab.load(str(stored(tmp_path / "with")))
    directions, deviations = ex.directions.principal
    covariance = mixture().moments()[1]
    rebuilt = directions.double().T @ torch.diag(deviations.double() ** 2) @ directions.double()
    torch.testing.assert_close(rebuilt, covariance, rtol=1e-3, atol=1e-2)


def test_a_model_without_one_says_so(tiny_model: LatentModel) -> None:
    explorer = Explorer(tiny_model)
    assert explorer.sources == ("prior",)
    with pytest.raises(ValueError, match="draws latents from"):
        explorer.sample(1, source="mixture")


def test_a_file_that_is_missing_or_empty_of_weight_is_refused(tmp_path: Path) -> None:
    folder = stored(tmp_path / "with")
    (folder / MIXTURE_FILE).unlink()
    with pytest.raises(CheckpointError, match=r"lacks density\.safetensors"):
        model.load(str(folder))
    with pytest.raises(CheckpointError, match="gives no Gaussian any weight"):
        LatentModel(TINY, {}, "", mixture=Mixture(2, 3))


def test_another_mixture_is_another_model(tmp_path: Path) -> None:
    before = model.load(str(stored(tmp_path / "with"))).fingerprint
    blob = tmp_path / "with" / MIXTURE_FILE
    changed = bytearray(blob.read_bytes())
    changed[-1] ^= 1
    blob.write_bytes(changed)
    assert model.load(str(tmp_path / "with")).fingerprint != before
