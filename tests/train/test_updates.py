"""Who updates when: simultaneous and alternating steps against steps computed by hand, and any D:G ratio."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganlab.gallery import Pictures
from ganlab.networks import Encoder
from tests.train.methods.nets import give_opinions, minus_log_sigmoid, sigmoid
from tests.train.runs import STEPS, log, settings, state
from train import planning
from train.config import TrainConfig
from train.data import datasets
from train.planning import name_run
from train.trainer import Trainer

Nets = dict[str, nn.Module]
Call = tuple[tuple[str, ...], Tensor, Tensor, dict[str, float]]  # players, x, z, all losses


@pytest.fixture
def start(tmp_path: Path, digits: Pictures) -> Callable[..., Trainer]:
    """Builds runs in double precision whose D and E are not at their start, so all players have gradients."""

    def make(method: str, **changes: Any) -> Trainer:
        config = settings(
            tmp_path / f"{method}-{len(list(tmp_path.iterdir()))}", method=method, lr=1e-3, **changes
        )
        run = Trainer(config, digits)
        give_opinions(run.nets)
        for net in run.nets.values():
            net.double()
        original = run.updates.update
        run.updates.update = lambda x, z, players: original(x.double(), z.double(), players)  # type: ignore[method-assign]
        return run

    return make


def watch(run: Trainer) -> list[Call]:
    """Fills with the updates that the run makes from now on."""
    calls: list[Call] = []
    original = run.updates.update

    def update(x: Tensor, z: Tensor, players: tuple[str, ...]) -> dict[str, Tensor]:
        losses = original(x, z, players)
        calls.append((players, x, z, {player: float(loss) for player, loss in losses.items()}))
        return losses

    run.updates.update = update  # type: ignore[method-assign]
    return calls


def go(run: Trainer, steps: int) -> None:
    """Steps through the epochs' orders, as the loop does."""
    for _ in range(steps):
        epoch, index = divmod(run.step, run.steps_per_epoch)
        run.train_step(run.shuffle(epoch)[index])


def counts(run: Trainer) -> dict[str, int]:
    """How often each player's Adam has stepped."""
    result = {}
    for player, optimiser in run.updates.optimisers.items():
        steps = {int(entry["step"]) for entry in optimiser.state_dict()["state"].values()}
        assert len(steps) <= 1  # all its weights together
        result[player] = steps.pop() if steps else 0
    return result


def by_hand(method: str, nets: Nets, x: Tensor, z: Tensor) -> dict[str, Tensor]:
    """The losses of the methods that have three players or two, written out."""
    G, D = nets["generator"], nets["discriminator"]
    real, fake = D(x), D(G(z))
    losses = {
        "discriminator": (minus_log_sigmoid(real).mean() + minus_log_sigmoid(-fake).mean()) / 2,
        "generator": minus_log_sigmoid(fake).mean(),
    }
    if method != "gan":
        E = nets["encoder"]
        assert isinstance(E, Encoder)
        p, t = sigmoid(E.logits(G(z))), (z + 1) / 2
        losses["encoder"] = -(t * torch.log(p) + (1 - t) * torch.log(1 - p)).mean()
    if method == "jlr":
        losses["generator"] = losses["generator"] + losses["encoder"] / 4
    return losses


def adams(nets: Nets) -> dict[str, torch.optim.Adam]:
    """The plainest Adam that torch has, one for each network."""
    return {
        name: torch.optim.Adam(
            net.parameters(), lr=1e-3, betas=(0.5, 0.999), weight_decay=2.5e-5, fused=False, foreach=False
        )
        for name, net in nets.items()
    }


def set_gradients(loss: Tensor, net: nn.Module) -> None:
    parameters = list(net.parameters())
    for parameter, gradient in zip(
        parameters, torch.autograd.grad(loss, parameters, retain_graph=True), strict=True
    ):
        parameter.grad = gradient


def inputs(run: Trainer) -> tuple[Tensor, Tensor]:
    """The x and the first z of the run's next step."""
    chosen = run.shuffle(0)[run.step]
    torch.manual_seed(planning.derive_seed(run.config.seed, "step", run.step))
    z = torch.rand(len(chosen), 4) * 2 - 1
    return datasets.to_input(run.source.fetch(chosen)).double(), z.double()


def assert_same_weights(run: Trainer, nets: Nets) -> None:
    """Gradients agree but for the losses' single precision; weights as near as Adam, which brings the
    smallest gradient to a step of lr = 1e-3, takes them."""
    for name, net in nets.items():
        for (key, mine), theirs in zip(run.nets[name].named_parameters(), net.parameters(), strict=True):
            torch.testing.assert_close(mine, theirs, rtol=0, atol=2e-5, msg=f"{name}.{key}")
            result, expected = mine.grad, theirs.grad
            assert result is not None
            assert expected is not None
            assert float((result - expected).abs().max()) < 1e-5 * float(expected.abs().max()), (name, key)


# ------------------------------------------------------------------ one step by hand


@pytest.mark.parametrize("method", ["gan", "lr", "jlr"])
def test_a_simultaneous_step_takes_all_gradients_from_the_same_weights(
    method: str, start: Callable[..., Trainer]
) -> None:
    run = start(method)
    nets = {name: copy.deepcopy(net) for name, net in run.nets.items()}
    optimisers = adams(nets)
    for _ in range(2):
        x, z = inputs(run)
        losses = by_hand(method, nets, x, z)
        for player, loss in losses.items():  # a player of these is called as its network
            set_gradients(loss, nets[player])
        for optimiser in optimisers.values():
            optimiser.step()
        go(run, 1)
        assert_same_weights(run, nets)


@pytest.mark.parametrize("method", ["gan", "lr", "jlr"])
def test_an_alternating_step_shows_each_player_what_those_before_it_became(
    method: str, start: Callable[..., Trainer]
) -> None:
    run = start(method, updates="alternating")
    nets = {name: copy.deepcopy(net) for name, net in run.nets.items()}
    optimisers = adams(nets)
    for _ in range(2):
        x, z = inputs(run)
        for player in by_hand(method, nets, x, z):  # D, G, then E
            set_gradients(by_hand(method, nets, x, z)[player], nets[player])
            optimisers[player].step()
        go(run, 1)
        assert_same_weights(run, nets)


def test_g_meets_another_d_when_alternating_than_simultaneously(start: Callable[..., Trainer]) -> None:
    gradients = {}
    for updates in ("simultaneous", "alternating"):
        run = start("gan", updates=updates)
        go(run, 1)
        gradients[updates] = {
            name: [p.grad for p in net.parameters() if p.grad is not None] for name, net in run.nets.items()
        }
    first, second = gradients.values()
    assert all(
        torch.equal(a, b) for a, b in zip(first["discriminator"], second["discriminator"], strict=True)
    )
    for single, other in zip(first["generator"], second["generator"], strict=True):
        assert float((single - other).abs().max()) > 0.01 * float(single.abs().max())


@pytest.mark.parametrize("method", ["ae-l1", "ae-l2"])
def test_the_only_player_of_an_autoencoder_steps_alike_in_both_orders(
    method: str, start: Callable[..., Trainer]
) -> None:
    simultaneous, alternating = start(method), start(method, updates="alternating")
    nets = {name: copy.deepcopy(net) for name, net in simultaneous.nets.items()}
    optimisers = adams(nets)
    x, _ = inputs(simultaneous)
    apart = x - nets["generator"](nets["encoder"](x))
    loss = (apart.abs() if method == "ae-l1" else apart**2).sum() / len(x)
    for net in nets.values():
        set_gradients(loss, net)
    for optimiser in optimisers.values():
        optimiser.step()
    for run in (simultaneous, alternating):
        go(run, 1)
        assert_same_weights(run, nets)
        assert counts(run) == {"generator_encoder": 1}


# ------------------------------------------------------------------ D:G ratios


def test_with_d_steps_the_others_update_at_every_so_manieth_batch(start: Callable[..., Trainer]) -> None:
    run = start("lr", updates="alternating", d_steps=5)
    assert run.steps_per_epoch == 4  # so the count goes on from one epoch to the next
    for step in range(1, 13):
        before = state(run)
        go(run, 1)
        assert counts(run) == {"discriminator": step, "generator": step // 5, "encoder": step // 5}
        changed = {
            key.split(".")[1]
            for key, value in state(run).items()
            if key.endswith("weight") and not torch.equal(value, before[key])
        }
        assert changed == ({"generator", "discriminator", "encoder"} if step % 5 == 0 else {"discriminator"})


def test_with_d_steps_each_update_of_d_sees_its_own_batch(start: Callable[..., Trainer]) -> None:
    run = start("gan", updates="alternating", d_steps=2)
    calls = watch(run)
    go(run, 4)
    d, g = ("discriminator",), ("generator",)
    assert [players for players, *_ in calls] == [d, d, g, d, d, g]
    of_d = [(x, z) for players, x, z, _ in calls if players == d]
    for index, (x, z) in enumerate(of_d):
        assert torch.equal(x, datasets.to_input(run.source.fetch(run.shuffle(0)[index])))
        assert not any(torch.equal(x, other) or torch.equal(z, noise) for other, noise in of_d[:index])
    assert all(torch.equal(calls[2][i], calls[1][i]) for i in (1, 2))  # G's turn sees what D saw last


@pytest.mark.parametrize(("method", "others"), [("gan", ["generator"]), ("lr", ["generator", "encoder"])])
def test_with_g_steps_the_others_update_so_often_a_batch_with_fresh_noise(
    method: str, others: list[str], start: Callable[..., Trainer]
) -> None:
    run = start(method, updates="alternating", g_steps=5)
    calls = watch(run)
    for step in range(1, 3):
        calls.clear()
        x, z = inputs(run)
        go(run, 1)
        assert counts(run) == {"discriminator": step, **dict.fromkeys(others, 5 * step)}
        assert [players for players, *_ in calls] == [("discriminator",), *[(name,) for name in others] * 5]
        assert all(torch.equal(call[1].double(), x) for call in calls)
        for player in others:
            noise = [call[2].double() for call in calls if call[0] == (player,)]
            assert torch.equal(noise[0], z)  # the first turn's is D's
            for index, result in enumerate(noise):
                assert result.shape == z.shape
                assert bool((result.abs() <= 1).all())
                assert not any(torch.equal(result, other) for other in noise[:index])


def test_both_ratios_at_once(start: Callable[..., Trainer]) -> None:
    run = start("jlr", updates="alternating", d_steps=3, g_steps=2)
    go(run, 10)
    assert counts(run) == {"discriminator": 10, "generator": 6, "encoder": 6}


def test_bigans_players_have_a_ratio_too(start: Callable[..., Trainer]) -> None:
    run = start("bigan", updates="alternating", d_steps=2, g_steps=3)
    go(run, 4)
    assert counts(run) == {"discriminator": 4, "generator_encoder": 6}


def test_without_a_discriminator_there_are_no_turns_to_wait_for(start: Callable[..., Trainer]) -> None:
    run = start("ae-l2", updates="alternating", d_steps=3)
    go(run, 4)
    assert counts(run) == {"generator_encoder": 4}


@pytest.mark.parametrize("updates", ["simultaneous", "alternating"])
def test_without_ratios_everybody_updates_once_a_batch(updates: str, start: Callable[..., Trainer]) -> None:
    run = start("lr", updates=updates)
    go(run, 6)
    assert counts(run) == {"discriminator": 6, "generator": 6, "encoder": 6}


def test_the_average_follows_every_update_of_g(start: Callable[..., Trainer]) -> None:
    run = start("gan", updates="alternating", g_steps=3, ema=0.9)
    for net in run.averaged.values():
        net.double()
    expected = [p.detach().clone() for p in run.nets["generator"].parameters()]
    original = run.updates.update

    def update(x: Tensor, z: Tensor, players: tuple[str, ...]) -> dict[str, Tensor]:
        nonlocal expected
        losses = original(x, z, players)
        if "generator" in players:
            new = run.nets["generator"].parameters()
            expected = [0.9 * old + 0.1 * p.detach() for old, p in zip(expected, new, strict=True)]
        return losses

    run.updates.update = update  # type: ignore[method-assign]
    go(run, 2)
    for mine, theirs in zip(run.averaged["generator"].parameters(), expected, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_the_log_has_each_players_loss_as_of_its_last_turn(tmp_path: Path, digits: Pictures) -> None:
    """A player without a turn in a step is logged with what its loss was then."""
    ratio = {"updates": "alternating", "d_steps": 2, "g_steps": 2}
    run = Trainer(settings(tmp_path / "run", method="lr", epochs=1, lr=1e-3, **ratio), digits)
    calls = watch(run)
    assert run.train()
    d, g, e = ("discriminator",), ("generator",), ("encoder",)
    steps = [[d], [d, g, e, g, e]] * (STEPS // 2)
    assert [call[0] for call in calls] == [turn for step in steps for turn in step]
    sums = {"discriminator": 0.0, "generator": 0.0, "encoder": 0.0}
    done = iter(calls)
    for step in steps:
        losses = [(players, result) for players, _, _, result in (next(done) for _ in step)]
        for player in sums:
            own = [result[player] for players, result in losses if player in players]
            sums[player] += own[-1] if own else losses[0][1][player]
    (row,) = log(run.run)
    assert row["loss"] == pytest.approx({player: total / STEPS for player, total in sums.items()})


# ------------------------------------------------------------------ where a run lies


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "bigan-mnist-s0"),
        ({"method": "gan", "seed": 3}, "gan-mnist-s3"),
        ({"method": "gan", "family": "tutorial-gan"}, "gan-tutorial-gan-mnist-s0"),
        ({"method": "lr", "dataset": "my/pictures/"}, "lr-pictures-s0"),
    ],
)
def test_a_run_is_named_after_what_it_trains(changes: dict[str, Any], name: str) -> None:
    assert name_run(TrainConfig(**changes)) == name


def test_weights_get_their_own_gradients_in_any_order_of_memory(tmp_path: Path, digits: Pictures) -> None:
    """Gradients of convolutions and of penalties may lie in memory otherwise than their weights."""
    residual = {"family": "residual", "blocks": 1, "width": 8, "penalty": 1.0, "game": "relativistic"}
    coloured = Pictures(digits.pixels.expand(-1, 3, -1, -1), digits.labels, digits.indices)
    run = Trainer(settings(tmp_path / "run", method="bigan-plus", size=28, **residual), coloured)
    raw: list[Tensor] = []
    grad = torch.autograd.grad

    def keep(*arguments: Any, **options: Any) -> Any:
        gradients = grad(*arguments, **options)
        if not options.get("create_graph"):
            raw.extend(gradients)
        return gradients

    weights = [weight for owned in run.updates.parameters.values() for weight in owned]
    before = [nn.Parameter(weight.detach().clone()) for weight in weights]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.autograd, "grad", keep)
        run.train_step(run.shuffle(0)[0])
    assert any(
        gradient.stride() != weight.stride() and gradient.numel() > max(gradient.shape)
        for gradient, weight in zip(raw, weights, strict=True)
    )
    for weight, gradient in zip(before, raw, strict=True):
        weight.grad = gradient
    config = run.config
    betas = (config.beta1, config.beta2)
    torch.optim.Adam(before, config.lr, betas, weight_decay=config.weight_decay, fused=False).step()
    for expected, weight in zip(before, weights, strict=True):
        torch.testing.assert_close(weight, expected)
