"""What holds for every method: owners, what a player's turn changes, settings, runs and their resume."""

from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path

import pytest
import torch

from ganlab.gallery import Pictures
from ganlab.networks import FAMILIES
from tests.train.methods.nets import batch, give_opinions, gradients, opinionated
from tests.train.runs import STEPS, assert_same, log, settings, state, stop_after
from train.config import TrainConfig
from train.methods import METHODS, build_method, list_settings
from train.trainer import Trainer

PLAYERS = [(name, player) for name, method in METHODS.items() for player in method.players]
every = pytest.mark.parametrize("name", list(METHODS))
every_player = pytest.mark.parametrize(("name", "player"), PLAYERS)


def for_a_normal_prior(name: str) -> dict[str, object]:
    """What a method needs beside --prior normal."""
    return {"regression": "l2"} if "regression" in list_settings(name) else {}


@every
def test_each_player_owns_its_networks_and_no_network_has_two_owners(name: str) -> None:
    method = METHODS[name]
    owned = [network for networks_of in method.players.values() for network in networks_of]
    assert sorted(owned) == sorted(method.networks)
    if "discriminator" in method.players:
        assert next(iter(method.players)) == "discriminator"  # D first when alternating
        assert all(network.endswith("discriminator") for network in method.players["discriminator"])


@every
def test_each_player_has_one_loss_and_it_is_a_number(name: str) -> None:
    losses = METHODS[name]().losses(opinionated(METHODS[name].networks), *batch())
    assert losses.keys() == METHODS[name].players.keys()
    for loss in losses.values():
        assert loss.shape == ()
        assert loss > 0


@every_player
def test_each_loss_reaches_every_weight_of_its_player(name: str, player: str) -> None:
    nets = opinionated(METHODS[name].networks)
    loss = METHODS[name]().losses(nets, *batch())[player]
    for network in METHODS[name].players[player]:
        for key, gradient in gradients(loss, nets[network]).items():
            assert gradient is not None, (network, key)
            assert gradient.abs().max() > 0, (network, key)


@every_player
def test_a_players_turn_changes_all_its_weights_and_no_others(
    name: str, player: str, tmp_path: Path, digits: Pictures
) -> None:
    run = Trainer(settings(tmp_path / "run", method=name, lr=1e-3), digits)
    give_opinions(run.nets)
    before = {network: [p.clone() for p in net.parameters()] for network, net in run.nets.items()}
    x, z = batch(32)
    run.updates.update(x.float(), z.float(), (player,))
    for network, net in run.nets.items():
        changed = [not torch.equal(p, old) for p, old in zip(net.parameters(), before[network], strict=True)]
        assert changed == [network in METHODS[name].players[player]] * len(changed), network


@pytest.mark.parametrize(
    ("name", "zero"),
    [("bigan", False), ("ae-l1", False), ("ae-l2", False), ("lr", True), ("jlr", True)],
)
def test_a_regressor_starts_with_its_output_layer_at_zero(
    name: str, zero: bool, tmp_path: Path, digits: Pictures
) -> None:
    nets = Trainer(settings(tmp_path / "run", method=name), digits).nets
    for key, weight in nets["encoder"].named_parameters():
        assert bool(weight.any()) is not (zero and key == "output.weight"), key
    assert all(bool(weight.any()) for weight in nets["generator"].parameters())


def test_the_networks_of_all_methods_start_alike(tmp_path: Path, digits: Pictures) -> None:
    """Two methods compared by a seed differ in what they learn, not in where they begin."""

    def start(name: str, network: str) -> list[torch.Tensor]:
        return list(
            Trainer(settings(tmp_path / name, method=name, seed=3), digits).nets[network].parameters()
        )

    expected = start("gan", "generator")
    for name in ("bigan", "bigan-plus", "lr", "jlr", "ae-l1", "ae-l2"):
        assert all(
            torch.equal(mine, theirs) for mine, theirs in zip(start(name, "generator"), expected, strict=True)
        )


# ------------------------------------------------------------------ settings


@every
def test_a_methods_own_settings_are_settings_of_a_run_with_the_same_defaults(name: str) -> None:
    defaults = {f.name: f.default for f in dataclasses.fields(TrainConfig)}
    parameters = inspect.signature(METHODS[name]).parameters
    assert list_settings(name) == tuple(parameters)
    for setting in list_settings(name):
        assert defaults[setting] == parameters[setting].default


def test_only_some_have_settings() -> None:
    assert {name: list_settings(name) for name in METHODS if list_settings(name)} == {
        "bigan": ("penalty", "penalty_share", "statistics", "moment_weight"),
        "lr": ("regression",),
        "jlr": ("regression", "regression_weight"),
        "bigan-plus": (
            "pair_weight", "pixel_weight", "latent_weight", "contrast_weight", "prior_weight", "code_noise",
            "code_share", "code_spread", "augment", "image_weight", "again_weight", "anchor_weight",
            "game", "penalty", "penalty_share", "perturb_chance", "decoded_weight", "feature_weight",
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["lr", "jlr"])
def test_a_method_gets_the_settings_of_the_run(name: str) -> None:
    nets = opinionated(METHODS[name].networks)
    x, z = batch()
    for changes in ({"regression": "l2"}, {"regression_weight": 3.0}, {}):
        config = TrainConfig(method=name, **changes)
        expected = METHODS[name](
            **{key: value for key, value in changes.items() if key in list_settings(name)}
        )
        method = build_method(name, config)
        assert type(method) is METHODS[name]
        losses, others = method.losses(nets, x, z), expected.losses(nets, x, z)
        assert all(torch.equal(loss, others[player]) for player, loss in losses.items())


# ------------------------------------------------------------------ whole runs


@every
def test_one_epoch_logs_and_changes_every_player(name: str, tmp_path: Path, digits: Pictures) -> None:
    run = Trainer(settings(tmp_path / "run", method=name, epochs=1), digits)
    start = {network: [p.clone() for p in net.parameters()] for network, net in run.nets.items()}
    assert run.train()
    (row,) = log(run.run)
    assert row["loss"].keys() == METHODS[name].players.keys()
    for network, net in run.nets.items():
        assert all(
            not torch.equal(p, old) for p, old in zip(net.parameters(), start[network], strict=True)
        ), network
    assert (run.run / "samples" / "epoch_0001.png").exists()
    assert (run.run / "reconstructions").exists() is ("encoder" in METHODS[name].networks)


@every
@pytest.mark.parametrize(
    "changes",
    [{}, {"updates": "alternating", "d_steps": 2, "g_steps": 2, "ema": 0.9}],
    ids=["paper", "other"],
)
def test_a_resumed_run_is_the_uninterrupted_one_bit_for_bit(
    name: str, changes: dict[str, object], tmp_path: Path, digits: Pictures
) -> None:
    def config(run: str) -> TrainConfig:
        return settings(tmp_path / run, method=name, epochs=2, lr=1e-3, **changes)

    straight = Trainer(config("straight"), digits)
    assert straight.train()
    assert not stop_after(Trainer(config("halted"), digits), STEPS + 1).train()
    torch.manual_seed(12345)  # whatever a new process would begin with
    resumed = Trainer(config("halted"), digits, resume=True)
    assert resumed.step == STEPS + 1
    assert resumed.train()
    assert_same(state(resumed), state(straight))
    assert log(resumed.run) == log(straight.run)


@every
@pytest.mark.parametrize("family", list(FAMILIES))
def test_every_method_trains_the_networks_of_every_family(
    family: str, name: str, tmp_path: Path, digits: Pictures
) -> None:
    changes = {"prior": "normal", "updates": "alternating", "width": 4, **for_a_normal_prior(name)}
    if family == "residual":
        changes["blocks"] = 1
    run = Trainer(settings(tmp_path / "run", method=name, family=family, lr=1e-3, **changes), digits)
    before = {key: value.clone() for key, value in state(run).items() if key.endswith("weight")}
    for index in range(2):
        run.train_step(run.shuffle(0)[index])
    for key, value in before.items():
        assert not torch.equal(state(run)[key], value), key
    assert all(module.training for net in run.nets.values() for module in net.modules())
