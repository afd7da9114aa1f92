"""The autoencoders: one player, one distance, by hand."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ganlab import networks
from ganlab.gallery import Pictures
from tests.conftest import TINY
from tests.train.methods.nets import Fixed, assert_close, batch, gradients, opinionated
from tests.train.runs import log, settings
from train.config import TrainConfig
from train.methods.ae_l1 import AutoencoderL1
from train.methods.ae_l2 import AutoencoderL2
from train.trainer import Trainer

PLAYER = "generator_encoder"


def distance(method: type[Any], first: Tensor, other: Tensor) -> Tensor:
    """Summed over pixels one by one, then divided by how many pictures there are."""
    apart = (first - other).flatten()
    total = torch.where(apart > 0, apart, -apart).sum() if method is AutoencoderL1 else (apart @ apart)
    return total / len(first)


both = pytest.mark.parametrize("method", [AutoencoderL1, AutoencoderL2])


@both
def test_one_player_owns_both_and_there_is_no_d(method: type[Any]) -> None:
    assert set(method.networks) == {"generator", "encoder"}
    assert {player: set(owned) for player, owned in method.players.items()} == {
        PLAYER: {"generator", "encoder"}
    }
    nets = opinionated(method.networks)
    assert set(method().losses(nets, *batch())) == {PLAYER}


@both
def test_known_pictures_give_known_losses(method: type[Any]) -> None:
    x = torch.tensor([[0.0, 0.5], [1.0, 0.25]])
    nets = {"encoder": Fixed(x), "generator": Fixed(torch.tensor([[0.5, 0.5], [0.0, 0.5]]))}
    expected = {AutoencoderL1: (0.5 + 0 + 1 + 0.25) / 2, AutoencoderL2: (0.25 + 0 + 1 + 0.0625) / 2}
    assert method().losses(nets, x, x)[PLAYER].item() == pytest.approx(expected[method])
    assert method().losses({"encoder": Fixed(x), "generator": Fixed(x)}, x, x)[PLAYER].item() == 0


@both
def test_the_loss_and_its_gradients_are_the_formula(method: type[Any]) -> None:
    nets = opinionated(method.networks)
    x, z = batch()
    result = method().losses(nets, x, z)[PLAYER]
    expected = distance(method, x, nets["generator"](nets["encoder"](x)))
    assert result.item() == pytest.approx(expected.item(), rel=1e-6)
    for net in nets.values():
        assert_close(gradients(result, net), gradients(expected, net))


@both
def test_the_prior_has_no_part_in_it(method: type[Any]) -> None:
    nets = opinionated(method.networks)
    x, z = batch()
    assert torch.equal(method().losses(nets, x, z)[PLAYER], method().losses(nets, x, -z)[PLAYER])


@both
def test_a_run_learns_to_reconstruct_digits(method: type[Any], tmp_path: Path, digits: Pictures) -> None:
    name = {AutoencoderL1: "ae-l1", AutoencoderL2: "ae-l2"}[method]
    rare = {"pictures_every": 1000, "save_every": 1000}
    run = Trainer(
        settings(tmp_path / name, method=name, limit=32, epochs=70, lr=1e-2, width=64, **rare), digits
    )
    assert run.train()
    last = log(run.run)[-1]["loss"]
    assert set(last) == {PLAYER}
    # well below the best that one picture can do for all: each pixel's median for l1, its mean for l2
    x = run.source.fetch(torch.arange(len(run.source))).double() / 255
    best = x.median(0).values if method is AutoencoderL1 else x.mean(0)
    assert last[PLAYER] < 0.85 * distance(method, x, best.expand_as(x)).item()


@both
def test_the_loss_outweighs_the_weight_decay(method: type[Any], digits: Pictures) -> None:
    """As a mean over pixels it did not, and learned more slowly."""
    nets = networks.build(dataclasses.replace(TINY, width=256, networks=method.networks))
    networks.initialise(nets, 0)
    x = digits.inputs(slice(0, 128))
    loss, decay = method().losses(nets, x, x)[PLAYER], TrainConfig("ae-l1").weight_decay
    for name, net in nets.items():
        for key, gradient in gradients(loss, net).items():
            assert gradient is not None
            assert gradient.norm() > 30 * decay * net.get_parameter(key).norm(), (name, key)
