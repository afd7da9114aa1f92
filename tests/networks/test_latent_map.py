"""The latent map: its inverse, its density, and the generator and encoder that it makes of others."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import Tensor

import ganlab
from ganlab import networks
from ganlab.config import CheckpointError, ModelConfig
from ganlab.networks import LatentMap
from ganlab.networks.latent_map import CHUNK, MAX_ERROR, MappedEncoder, MappedGenerator
from tests.conftest import TINY

NETWORKS = ("generator", "encoder", "latent_map")
MAPPED = dataclasses.replace(
    TINY, networks=NETWORKS, prior="normal", latent_dim=5, map_width=16, map_blocks=2, map_steps=4
)


def make(scale: float = 0.3, config: ModelConfig = MAPPED) -> LatentMap:
    """A map with random weights; the larger `scale`, the less it is the identity."""
    latent_map = LatentMap(config)
    rng = torch.Generator().manual_seed(1)
    latent_map.initialise(rng)
    for weight in latent_map.parameters():
        weight.data += scale * torch.randn(weight.shape, generator=rng)
    latent_map.mean += 0.5
    latent_map.factor += 0.2 * torch.ones_like(latent_map.factor).tril()
    return latent_map.requires_grad_(False).eval()


def draw(count: int, dim: int = 5) -> Tensor:
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(2))


def test_a_new_map_is_the_identity() -> None:
    latent_map = LatentMap(MAPPED)
    latent_map.initialise(torch.Generator().manual_seed(0))
    u = draw(7)
    assert torch.equal(latent_map(u), u)
    assert torch.allclose(latent_map.invert(u), u, atol=1e-6)


def test_the_inverse_is_exact_to_the_declared_error() -> None:
    latent_map, u = make(), draw(500)
    codes = latent_map(u)
    assert (codes - u).abs().mean() > 0.3  # not the identity
    assert (latent_map(latent_map.invert(codes)) - codes).abs().max() <= MAX_ERROR
    assert (latent_map.invert(codes) - u).abs().max() <= MAX_ERROR


def test_steps_that_a_fixed_point_iteration_does_not_undo_are_undone() -> None:
    latent_map = make(scale=0.36)
    codes = latent_map(draw(CHUNK + 100))  # more than are inverted at a time
    assert (latent_map(latent_map.invert(codes)) - codes).abs().max() <= MAX_ERROR
    assert latent_map.invert(codes[:0]).shape == (0, 5)


def test_the_bundled_map_is_inverted_to_the_declared_error() -> None:
    explorer = ganlab.load("mnist-bigan-plus")
    assert explorer.gallery is not None
    assert explorer.model.latent_map is not None
    codes = explorer.gallery.codes[13_000:14_000]  # among them 13,637, whose steps amplify what is left most
    latents = explorer.model.latent_map.invert(codes)
    assert (explorer.model.latent_map(latents) - codes).abs().max() <= MAX_ERROR


def test_codes_of_one_batch_do_not_change_each_other() -> None:
    latent_map, codes = make(), make()(draw(20))
    together = latent_map.invert(codes)
    alone = torch.cat([latent_map.invert(row[None]) for row in codes])
    assert torch.allclose(together, alone, atol=2e-5)
    assert torch.equal(together, latent_map.invert(codes))


def test_codes_far_away_get_a_latent_and_harm_no_other() -> None:
    u = make(scale=3.0).invert(1e3 * draw(5))  # steps that nothing undoes
    assert torch.isfinite(u).all()
    latent_map, codes = make(), make()(draw(5))
    both = latent_map.invert(torch.cat([codes, 1e6 * draw(5)]))
    assert (latent_map(both[:5]) - codes).abs().max() <= MAX_ERROR


def test_the_density_is_that_of_the_change_of_variables() -> None:
    latent_map, u = make(), draw(6)
    jacobian = torch.autograd.functional.jacobian
    expected = [
        -float(row.square().sum()) / 2
        - 5 / 2 * math.log(2 * math.pi)
        - float(torch.linalg.slogdet(jacobian(lambda h: latent_map(h[None])[0], row)).logabsdet)
        for row in u
    ]
    assert torch.allclose(latent_map.log_density(latent_map(u)), torch.tensor(expected), atol=1e-3)


def test_the_density_of_the_identity_is_the_priors() -> None:
    latent_map = LatentMap(MAPPED)
    latent_map.initialise(torch.Generator().manual_seed(0))
    prior = torch.distributions.Normal(0.0, 1.0).log_prob(draw(4)).sum(1)
    assert torch.allclose(latent_map.log_density(draw(4)), prior, atol=1e-5)


def test_half_precision_around_it_changes_nothing() -> None:
    latent_map, u = make(), draw(3)
    codes = latent_map(u)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(latent_map(u), codes)
        assert torch.equal(latent_map.invert(codes), make().invert(codes))


def test_composed_networks_work_in_the_latents_of_the_map() -> None:
    nets = networks.build(MAPPED)
    networks.initialise(nets, seed=0)
    nets["latent_map"] = latent_map = make()
    for net in nets.values():
        net.eval()
    G, E = nets["generator"], nets["encoder"]
    composed = networks.compose(nets)
    assert isinstance(composed["generator"], MappedGenerator)
    assert isinstance(composed["encoder"], MappedEncoder)
    u, x = draw(4), torch.rand(4, *MAPPED.image_shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.equal(composed["generator"](u), G(latent_map(u)))
        z = composed["encoder"](x)
        assert torch.equal(z, latent_map.invert(E(x)))
        assert torch.allclose(composed["generator"](z), G(E(x)), atol=1e-3)
        assert torch.equal(composed["encoder"].hidden(x), E.hidden(x))
        both = composed["encoder"].encode_with_features(x)
    assert torch.equal(both[0], z)
    assert torch.equal(both[1], composed["encoder"].hidden(x))


def test_without_a_map_nothing_is_composed() -> None:
    nets = networks.build(TINY)
    assert networks.compose(nets) == nets


@pytest.mark.parametrize(
    "changes",
    [
        {"map_steps": 0},
        {"map_width": 0, "map_blocks": 0, "map_steps": 0},
        {"networks": ("generator", "encoder")},
        {"prior": "uniform"},
    ],
)
def test_a_map_and_its_sizes_belong_together(changes: dict[str, object]) -> None:
    with pytest.raises(CheckpointError, match=r"needs map_width|makes the prior normal"):
        dataclasses.replace(MAPPED, **changes)  # type: ignore[arg-type]
