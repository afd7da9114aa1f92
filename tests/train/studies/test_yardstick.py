"""One yardstick for several models: its figures are those that a checkpoint's own measurements give."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import ganlab
from ganlab import model
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from ganlab.networks import LatentMap
from tests import fixtures
from train.latent_map import attach
from train.measure import frechet, memorization, unlike
from train.studies.yardstick import Yardstick, hash_weights, remove_map

pytestmark = pytest.mark.usefixtures("few")


@pytest.fixture
def mapped(checkpoint: str, tmp_path: Path) -> Explorer:
    """The checkpoint with a latent map that bends what is straight."""
    stored = model.load(checkpoint)
    sizes = {"latent_dim": 4, "map_width": 8, "map_blocks": 1, "map_steps": 2}
    latent_map = LatentMap(type("Sizes", (), sizes)())
    fixtures.fill(latent_map)
    with torch.no_grad():
        fixtures.tame(latent_map)
    attach(stored, latent_map, tmp_path / "mapped")
    return ganlab.load(str(tmp_path / "mapped"))


def test_its_figures_are_those_of_the_checkpoints_measurements(mapped: Explorer, few: Pictures) -> None:
    yardstick = Yardstick(mapped.model, few)
    own = unlike.measure_unlike(mapped, few, samples=50, pairs=8, digits=1)
    pictures = mapped.decode(mapped.sample(50, unlike.SEED))
    assert yardstick.measure_unlike(pictures) == pytest.approx(own["samples"]["prior"]["share"], abs=0.021)
    assert mapped.gallery is not None
    assert mapped.judge is not None
    figures = frechet.measure_frechet(
        mapped.model, mapped.gallery.pictures, few.inputs(slice(None)), mapped.judge
    )
    drawn = mapped.decode(mapped.sample(200, frechet.SEED))
    assert yardstick.measure_frechet(drawn) == pytest.approx(figures["distance"], rel=1e-4)
    assert yardstick.floor == pytest.approx(figures["floor"], rel=1e-4)
    nearer = memorization.measure_memorization(mapped, few, 60)["nearer_to_training"]
    assert yardstick.measure_nearer(mapped.decode(mapped.sample(60, memorization.SEED))) == nearer
    some, _ = memorization.draw_control(mapped.gallery.pictures, few)
    assert yardstick.measure_nearer(torch.cat([some[:10], few.inputs(slice(0, 30))])) == 0.25
    assert yardstick.measure_unlike(few.inputs(slice(100, None))) == own["real"]["share"]


def test_without_the_map_codes_are_the_latents(mapped: Explorer, few: Pictures) -> None:
    x = few.inputs(slice(0, 5))
    bare = Explorer(remove_map(mapped.model))
    assert torch.equal(bare.encode(x), mapped.model.networks["encoder"](x))
    assert torch.equal(bare.reconstruct(x), mapped.reconstruct(x))
    assert (bare.encode(x) - mapped.encode(x)).abs().max() > 0.01


def test_the_hash_is_of_the_weights_and_not_of_the_map(mapped: Explorer, checkpoint: str) -> None:
    before = model.load(checkpoint)
    assert hash_weights(mapped.model) == hash_weights(before)
    next(before.networks["generator"].parameters()).data.view(-1)[0] += 1
    assert hash_weights(mapped.model) != hash_weights(before)
