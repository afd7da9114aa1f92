"""The loop: its steps against steps computed by hand, and the files that a run leaves."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from ganlab import latent
from ganlab.gallery import Pictures
from tests.train.runs import STEPS, assert_same, log, settings, state
from train import planning
from train.config import TrainConfig
from train.data import datasets
from train.methods import METHODS
from train.run_folder import PREVIOUS_FILE, RESUME_FILE, TrainingError, load_networks
from train.trainer import Trainer

# ------------------------------------------------------------------ one step

# A hundredth of the learning rate of these runs. Adam divides a gradient by its own size, so a gradient near
# zero carries its rounding, which processors differ in, into the weights: 3e-6 was seen.
ROUNDING = 1e-5


def references(run: Trainer) -> tuple[dict[str, nn.Module], dict[str, torch.optim.Adam]]:
    """Copies of a run's networks, with the plainest Adam that torch has."""
    nets = {name: copy.deepcopy(net) for name, net in run.nets.items()}
    adams = {
        player: torch.optim.Adam(
            [p for name in owned for p in nets[name].parameters()],
            lr=run.config.lr,
            betas=(0.5, 0.999),
            weight_decay=2.5e-5,
            fused=False,
            foreach=False,
        )
        for player, owned in run.method.players.items()
    }
    return nets, adams


def next_batch(run: Trainer) -> tuple[Tensor, Tensor]:
    """The x and z that the run's next step will see."""
    chosen = run.shuffle(0)[run.step]
    torch.manual_seed(planning.derive_seed(run.config.seed, "step", run.step))
    return datasets.to_input(run.source.fetch(chosen)), torch.rand(len(chosen), 4) * 2 - 1


def set_gradients(nets: dict[str, nn.Module], run: Trainer, player: str, x: Tensor, z: Tensor) -> None:
    loss = METHODS["bigan"]().losses(nets, x, z)[player]
    owned = [p for name in run.method.players[player] for p in nets[name].parameters()]
    for parameter, gradient in zip(owned, torch.autograd.grad(loss, owned), strict=True):
        parameter.grad = gradient


def largest_difference(nets: dict[str, nn.Module], run: Trainer, names: tuple[str, ...]) -> float:
    return max(
        (mine - theirs).abs().max().item()
        for name in names
        for mine, theirs in zip(run.nets[name].parameters(), nets[name].parameters(), strict=True)
    )


@pytest.fixture
def opinionated(tmp_path: Path, digits: Pictures) -> Callable[..., Trainer]:
    """Builds runs whose D is not at its start, where its output is zero and G and E have no gradient."""

    def make(**changes: Any) -> Trainer:
        run = Trainer(settings(tmp_path / "run", lr=1e-3, **changes), digits)
        rng = torch.Generator().manual_seed(9)
        run.nets["joint_discriminator"].get_parameter("output.weight").data.normal_(std=0.5, generator=rng)
        return run

    return make


GE = ("generator", "encoder")
D = ("joint_discriminator",)


def test_a_simultaneous_step_takes_all_gradients_from_the_same_weights(
    opinionated: Callable[..., Trainer],
) -> None:
    run = opinionated()
    nets, adams = references(run)
    start = {name: copy.deepcopy(net) for name, net in nets.items()}
    for _ in range(3):
        x, z = next_batch(run)
        frozen = copy.deepcopy(nets)
        for player in ("generator_encoder", "discriminator"):  # the order cannot matter
            set_gradients(nets, run, player, x, z)
        for player in ("discriminator", "generator_encoder"):
            adams[player].step()
        # batch norm of D saw the batch once a step, not once a player
        for name, net in nets.items():
            net.load_state_dict({**net.state_dict(), **dict(frozen[name].named_buffers())})
        METHODS["bigan"]().losses({**nets, **frozen}, x, z)
        for name, net in nets.items():
            net.load_state_dict({**net.state_dict(), **dict(frozen[name].named_buffers())})
        run.train_step(run.shuffle(0)[run.step])
    assert largest_difference(nets, run, D + GE) < ROUNDING
    assert largest_difference(start, run, D) > 1e-3
    for name, net in nets.items():
        for key, buffer in net.named_buffers():
            torch.testing.assert_close(run.nets[name].get_buffer(key), buffer, rtol=1e-4, atol=1e-6)


def test_an_alternating_step_shows_the_second_player_the_new_d(opinionated: Callable[..., Trainer]) -> None:
    run = opinionated(updates="alternating")
    nets, adams = references(run)
    simultaneous = copy.deepcopy(nets)
    for player in ("discriminator", "generator_encoder"):
        x, z = next_batch(run)
        set_gradients(nets, run, player, x, z)
        adams[player].step()
    run.train_step(run.shuffle(0)[0])
    assert largest_difference(nets, run, D + GE) < ROUNDING

    # Adam's first step is the gradient's sign, nearly, so the order is looked for in the gradients.
    x, z = next_batch(run)
    mine = [p.grad.clone() for name in GE for p in run.nets[name].parameters() if p.grad is not None]
    run.step = 0
    x, z = next_batch(run)
    set_gradients(simultaneous, run, "generator_encoder", x, z)
    old = [p.grad for name in GE for p in simultaneous[name].parameters() if p.grad is not None]
    assert max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(mine, old, strict=True)) > 0.01


def test_a_step_of_one_player_leaves_the_other_alone(opinionated: Callable[..., Trainer]) -> None:
    run = opinionated()
    before = state(run)
    x, z = next_batch(run)
    losses = run.updates.update(x, z, ("discriminator",))
    assert set(losses) == {"discriminator", "generator_encoder"}  # both are logged
    changed = {
        key.split(".")[1]
        for key, value in state(run).items()
        if key.endswith("weight") and not torch.equal(value, before[key])
    }
    assert changed == {"joint_discriminator"}
    assert all(p.grad is None for name in GE for p in run.nets[name].parameters())


def test_in_a_simultaneous_step_each_loss_is_differentiated_for_its_own_player_only(
    opinionated: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = opinionated()
    calls: list[list[Tensor]] = []
    original = torch.autograd.grad

    def grad(output: Tensor, inputs: list[Tensor], **options: Any) -> tuple[Tensor, ...]:
        calls.append(list(inputs))
        return original(output, inputs, **options)

    monkeypatch.setattr(torch.autograd, "grad", grad)
    run.train_step(run.shuffle(0)[0])
    assert len(calls) == 2
    for inputs, owned in zip(calls, (D, GE), strict=True):
        expected = {id(p) for name in owned for p in run.nets[name].parameters()}
        assert {id(p) for p in inputs} == expected


def test_a_step_leaves_the_networks_in_training_mode_and_the_noise_is_the_priors(
    tmp_path: Path, digits: Pictures
) -> None:
    for prior, inside in (("uniform", True), ("normal", False)):
        run = Trainer(settings(tmp_path / prior, prior=prior), digits)
        torch.manual_seed(0)
        z = run.updates.sample_prior(4000)
        assert z.shape == (4000, 4)
        assert bool((z.abs() <= 1).all()) is inside
        assert float(z.var()) == pytest.approx(1 / 3 if inside else 1, rel=0.05)
        run.train_step(run.shuffle(0)[0])
        assert all(module.training for net in run.nets.values() for module in net.modules())


def test_an_epoch_shows_every_picture_once_in_an_order_of_its_own(tmp_path: Path, digits: Pictures) -> None:
    run = Trainer(settings(tmp_path / "run", limit=100), digits)
    orders = [run.shuffle(epoch) for epoch in range(3)]
    for order in orders:
        assert order.shape == (3, 32)  # the last 4 pictures do not fill a batch
        assert len(set(order.flatten().tolist())) == 96
        assert int(order.max()) < 100
    assert len({tuple(order.flatten().tolist()) for order in orders}) == 3
    assert torch.equal(run.shuffle(1), orders[1])
    other = Trainer(settings(tmp_path / "other", limit=100, seed=1), digits)
    assert not torch.equal(other.shuffle(0), orders[0])


def test_seeds_for_different_uses_differ() -> None:
    uses = [(s, p, i) for s in (0, 1) for p in ("order", "step") for i in range(50)]
    assert len({planning.derive_seed(*use) for use in uses}) == len(uses)
    assert all(0 <= planning.derive_seed(*use) < 2**63 for use in uses)
    assert planning.derive_seed(0, "step", 0) == 4433896974232160741  # else old runs could not be resumed


def test_the_average_is_the_one_computed_by_hand(tmp_path: Path, digits: Pictures) -> None:
    run = Trainer(settings(tmp_path / "run", ema=0.9, lr=1e-2), digits)
    assert set(run.averaged) == {"generator", "encoder"}
    expected = {name: [p.detach().clone() for p in run.nets[name].parameters()] for name in GE}
    for index in range(STEPS):
        run.train_step(run.shuffle(0)[index])
        for name in GE:
            expected[name] = [
                0.9 * old + 0.1 * new
                for old, new in zip(expected[name], run.nets[name].parameters(), strict=True)
            ]
    for name in GE:
        assert not run.averaged[name].training
        for mine, theirs in zip(run.averaged[name].parameters(), expected[name], strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-7)
            assert not mine.requires_grad
        # its batch norm has seen the data too, else its pictures would be noise
        for (key, mine), (_, theirs) in zip(
            run.averaged[name].named_buffers(), run.nets[name].named_buffers(), strict=True
        ):
            assert torch.equal(mine, theirs), key


def test_without_an_average_none_is_kept(tmp_path: Path, digits: Pictures) -> None:
    assert Trainer(settings(tmp_path / "run"), digits).averaged == {}


def test_the_learning_rate_of_each_epoch_is_the_schedules(tmp_path: Path, digits: Pictures) -> None:
    run = Trainer(settings(tmp_path / "run", epochs=4, lr=1e-3), digits)
    used: list[float] = []
    original = run.train_step

    def step(chosen: Tensor) -> None:
        used.append(run.updates.optimisers["discriminator"].param_groups[0]["lr"])
        assert run.updates.optimisers["generator_encoder"].param_groups[0]["lr"] == used[-1]
        original(chosen)

    run.train_step = step  # type: ignore[method-assign]
    assert run.train()
    expected = [rate for rate in (1e-3, 1e-3, 1e-4, 1e-5) for _ in range(STEPS)]
    assert used == pytest.approx(expected)
    assert [row["learning_rate"] for row in log(run.run)] == pytest.approx(expected[::STEPS])


@pytest.mark.slow
def test_training_learns_something_from_real_digits(tmp_path: Path, digits: Pictures) -> None:
    run = Trainer(
        settings(tmp_path / "run", limit=256, epochs=8, lr=5e-3, width=64, pictures_every=1000), digits
    )
    assert run.train()
    losses = [row["loss"]["discriminator"] for row in log(run.run)]
    assert losses[0] == pytest.approx(0.693, abs=0.01)  # log 2: D knows nothing yet
    assert losses[-1] < losses[0] - 0.05  # what G and E learn shows in tests/train/test_evaluate.py


# ------------------------------------------------------------------ what a run leaves


def test_a_run_folder_holds_its_settings_log_pictures_and_state(tmp_path: Path, digits: Pictures) -> None:
    config = settings(tmp_path / "run", pictures_every=2)
    run = Trainer(config, digits)
    assert run.train()
    result = {path.relative_to(run.run).as_posix() for path in run.run.rglob("*") if path.is_file()}
    grids = [
        f"{kind}/epoch_{epoch:04d}.png" for kind in ("samples", "reconstructions") for epoch in (0, 2, 3)
    ]
    assert result == {"config.json", "metrics.jsonl", RESUME_FILE, PREVIOUS_FILE, *grids}
    written = json.loads((run.run / "config.json").read_text())
    assert TrainConfig(**written["train"]) == config
    expected = {
        "family": "paper",
        "channels": 1,
        "size": 28,
        "latent_dim": 4,
        "width": 16,
        "prior": "uniform",
    }
    assert written["model"].items() >= expected.items()
    assert written["model"]["networks"] == ["generator", "encoder", "joint_discriminator"]
    for epoch, row in enumerate(log(run.run), start=1):
        assert row["epoch"] == epoch
        assert row["step"] == epoch * STEPS
        assert set(row["loss"]) == {"discriminator", "generator_encoder"}


def test_the_logged_loss_is_the_mean_of_the_epochs_steps(tmp_path: Path, digits: Pictures) -> None:
    run = Trainer(settings(tmp_path / "run", epochs=2), digits)
    seen: list[dict[str, float]] = []
    original = run.updates.update

    def update(x: Tensor, z: Tensor, players: tuple[str, ...]) -> dict[str, Tensor]:
        losses = original(x, z, players)
        seen.append({player: float(loss) for player, loss in losses.items()})
        return losses

    run.updates.update = update  # type: ignore[method-assign]
    run.train()
    for index, row in enumerate(log(run.run)):
        of_epoch = seen[index * STEPS : (index + 1) * STEPS]
        for player, mean in row["loss"].items():
            assert mean == pytest.approx(sum(step[player] for step in of_epoch) / STEPS)


def test_every_grid_shows_the_same_latents_and_the_same_digits(tmp_path: Path, digits: Pictures) -> None:
    run = Trainer(settings(tmp_path / "run"), digits)
    seen: dict[str, list[Tensor]] = {"generator": [], "encoder": []}
    for name in seen:
        run.nets[name].register_forward_pre_hook(
            lambda module, inputs, name=name: (
                None if module.training else seen[name].append(inputs[0].clone())
            )
        )
    run._write_pictures(0)
    run.train_step(run.shuffle(0)[0])
    torch.manual_seed(99)
    run._write_pictures(1)
    assert all(net.training for net in run.nets.values())
    (z, codes, again, new_codes), (x, same) = seen["generator"], seen["encoder"]
    assert torch.equal(z, again)
    assert torch.equal(z, latent.draw("uniform", 4, 64, run.config.seed))
    assert torch.equal(x, same)
    assert torch.equal(x, digits.inputs(slice(0, 32)))
    assert codes.shape == new_codes.shape == (32, 4)
    with Image.open(run.run / "reconstructions" / "epoch_0001.png") as sheet:
        assert sheet.size == (8 * 30 + 2, 8 * 30 + 2)
        shown = torch.tensor(list(sheet.crop((2, 2, 30, 30)).tobytes()), dtype=torch.uint8).view(28, 28)
    assert torch.equal(shown, digits.pixels[0, 0])  # the first digit, and its reconstruction beside it


def test_pictures_do_not_change_what_is_learned(tmp_path: Path, digits: Pictures) -> None:
    often = Trainer(settings(tmp_path / "often", pictures_every=1, epochs=2, ema=0.5), digits)
    never = Trainer(settings(tmp_path / "never", epochs=2, ema=0.5), digits)
    often.train()
    never.train()
    assert_same(state(often), state(never))


def test_pictures_come_from_the_averaged_networks_where_there_are_some(
    tmp_path: Path, digits: Pictures
) -> None:
    run = Trainer(settings(tmp_path / "run", ema=0.5), digits)
    for name in GE:
        run.nets[name].register_forward_pre_hook(lambda *_: pytest.fail("the raw network was shown"))
    run._write_pictures(0)
    assert (run.run / "samples" / "epoch_0000.png").exists()


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_what_is_published_is_the_average_where_the_run_kept_one(
    ema: float, tmp_path: Path, digits: Pictures
) -> None:
    run = Trainer(settings(tmp_path / "run", ema=ema, lr=1e-2), digits)
    run.train()
    nets = load_networks(run.run, run.model_config)
    for name, net in nets.items():
        source = run.averaged.get(name, run.nets[name])
        assert (source is run.nets[name]) is (ema == 0 or name == "joint_discriminator")
        assert all(torch.equal(value, source.state_dict()[key]) for key, value in net.state_dict().items())


# ------------------------------------------------------------------ what it is run on


def test_too_few_pictures_for_a_batch_are_refused(tmp_path: Path, digits: Pictures) -> None:
    with pytest.raises(TrainingError, match="20 pictures do not fill one batch of 32"):
        Trainer(settings(tmp_path / "run", limit=20), digits)


def test_an_unknown_method_is_refused_with_those_there_are(tmp_path: Path, digits: Pictures) -> None:
    with pytest.raises(TrainingError, match=r"Method 'vae' not found; available = \['bigan'"):
        Trainer(settings(tmp_path / "run", method="vae"), digits)
