"""Latent maps of the study: their inverses and densities are right, and a fit lowers the nats."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from ganlab.networks import LatentMap
from tests import fixtures
from train.flow_matching import FitConfig
from train.studies import couplings
from train.studies.couplings import CouplingMap, HeunMap, fit_by_likelihood

FACTOR = torch.tensor([[1.5, 0.0, 0.0], [0.4, 0.8, 0.0], [-0.3, 0.2, 1.1]])


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AFFINE_LAYERS": 4,
        "AFFINE_UNITS": 16,
        "SPLINE_LAYERS": 3,
        "SPLINE_UNITS": 16,
    }.items():
        monkeypatch.setattr(couplings, name, value)


def draw(count: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, 3, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("spline", [False, True])
def test_a_coupling_is_undone_and_its_density_is_that_of_its_jacobian(spline: bool) -> None:
    coupling = CouplingMap(torch.tensor([1.0, 0.0, -2.0]), FACTOR, spline, seed=1)
    again = CouplingMap(torch.tensor([1.0, 0.0, -2.0]), FACTOR, spline, seed=1)
    u = draw(20)
    with torch.no_grad():
        codes = coupling(u)
        assert torch.equal(codes, again(u))
        assert (codes - (u @ FACTOR.T + coupling.mean)).abs().max() > 0.01
        assert (coupling.invert(codes) - u).abs().max() < 1e-4
        logs = coupling.log_density(codes)
    for row, log in zip(u, logs, strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda one: coupling(one[None])[0], row)
        expected = -row.square().sum() / 2 - 1.5 * math.log(2 * math.pi) - torch.linalg.slogdet(jacobian)[1]
        assert float(log) == pytest.approx(float(expected), abs=1e-3)


def test_multiplications_are_those_of_the_matrices() -> None:
    coupling = CouplingMap(torch.zeros(3), FACTOR, False, 0)
    weights = [module.weight.numel() for module in coupling.modules() if hasattr(module, "weight")]
    assert coupling.count_multiplications() == sum(weights) + 9


def test_a_fit_straightens_a_bent_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(couplings, "WARM_UP", 20)
    monkeypatch.setattr(couplings, "EMA", 0.9)
    codes = draw(600)
    codes[:, 1] = codes[:, 1] / 4 + codes[:, 0].square()
    coupling = CouplingMap(codes.mean(0), torch.linalg.cholesky(torch.cov(codes.T)), False, 0)
    with torch.no_grad():
        before = -float(coupling.log_density(codes).mean())
    fit_by_likelihood(coupling, codes, FitConfig(steps=150, batch_size=128, lr=5e-3, noise=0.05))
    with torch.no_grad():
        assert -float(coupling.log_density(codes).mean()) < before - 0.5


def test_a_heun_map_follows_heuns_method_and_is_undone() -> None:
    sizes = {"latent_dim": 3, "map_width": 8, "map_blocks": 1, "map_steps": 4}
    heun, euler = (kind(type("Sizes", (), sizes)()) for kind in (HeunMap, LatentMap))
    fixtures.fill(heun)
    euler.load_state_dict(heun.state_dict())
    with torch.no_grad():
        for latent_map in (heun, euler):
            fixtures.tame(latent_map)
        h = u = draw(10)
        for step in range(4):
            t = torch.full((10,), step / 4)
            first = heun.velocity(h, t)
            h = h + (first + heun.velocity(h + first / 4, t + 1 / 4)) / 8
        expected = h @ heun.factor.tril().T + heun.mean
        assert torch.allclose(heun(u), expected, atol=1e-5)
        assert (heun(u) - euler(u)).abs().max() > 1e-3
        assert (heun.invert(heun(u)) - u).abs().max() < 1e-3
    weights = euler.count_multiplications() - 9
    assert heun.count_multiplications() == 2 * weights + 9


def test_a_loss_that_is_no_number_is_an_error_of_one_sentence() -> None:
    coupling = CouplingMap(torch.zeros(3), torch.eye(3), False, 0)
    config = dataclasses.replace(FitConfig(), steps=2, batch_size=8)
    with pytest.raises(ValueError, match="The loss became nan at step 1"):
        fit_by_likelihood(coupling, torch.full((20, 3), math.nan), config)
