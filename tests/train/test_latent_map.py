"""Fitting a latent map: what it learns and writes, that a fit goes on where it stopped; the second stage."""

from __future__ import annotations

import dataclasses
import json
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import ganlab
from ganlab import model
from ganlab.gallery import Pictures
from ganlab.networks.latent_map import MAX_ERROR
from tests.train.runs import publish_quickly, settings
from train import flow_matching, latent_map
from train.config import TrainConfig
from train.data import datasets
from train.flow_matching import FitConfig, Round, follow
from train.latent_map import Fit
from train.trainer import Trainer

TINY = FitConfig(
    width=16,
    teacher_width=16,
    blocks=1,
    map_steps=4,
    teacher_steps=60,
    weak_steps=40,
    steps=40,
    end_steps=40,
    pairs=512,
    batch_size=64,
)
FLAGS = [
    word
    for field in dataclasses.fields(FitConfig)
    for word in (f"--{field.name.replace('_', '-')}", str(getattr(TINY, field.name)))
]


@pytest.fixture
def normal(tmp_path: Path, small_gallery: Path, digits: Pictures) -> Path:
    """A published run with a normal prior."""
    trainer = Trainer(settings(tmp_path / "run", prior="normal", epochs=1), digits)
    assert trainer.train()
    return publish_quickly(trainer.run, tmp_path / "checkpoints")


@pytest.fixture(autouse=True)
def test_pictures(monkeypatch: pytest.MonkeyPatch, digits: Pictures) -> None:
    monkeypatch.setattr(datasets, "load", lambda *args, **kwargs: digits)


def fit(codes: Tensor, run: Path, config: FitConfig = TINY) -> Fit:
    sizes = {"map_width": config.width, "map_blocks": config.blocks, "map_steps": config.map_steps}
    architecture: Any = dataclasses.make_dataclass("Sizes", ["latent_dim", *sizes])(codes.shape[1], **sizes)
    run.mkdir(exist_ok=True)
    return Fit(config, architecture, codes, run)


def test_a_fitted_map_makes_two_clusters_of_one_gaussian(tmp_path: Path) -> None:
    rng = torch.Generator().manual_seed(0)
    centres = torch.tensor([[3.0, 0.0], [-3.0, 1.0]])
    codes = centres[torch.randint(2, (2000,), generator=rng)] + 0.3 * torch.randn(2000, 2, generator=rng)
    steps = {"teacher_steps": 1500, "steps": 800, "end_steps": 200, "pairs": 4000}
    config = dataclasses.replace(TINY, width=32, teacher_width=32, lr=5e-3, **steps)
    result = fit(codes, tmp_path / "run", config)
    result.finish()
    samples = result.map(torch.randn(1000, 2, generator=rng))
    nearest = torch.cdist(samples, centres).amin(1)
    gaussian = codes.mean(0) + torch.randn(1000, 2, generator=rng) @ result.map.factor.T
    assert (nearest < 1.2).float().mean() > 0.85
    assert (torch.cdist(gaussian, centres).amin(1) < 1.2).float().mean() < 0.6
    assert -0.3 < float(result.map.invert(codes).mean()) < 0.3
    assert 0.6 < float(result.map.invert(codes).std()) < 1.4


def test_guidance_goes_on_where_the_weak_velocity_falls_behind(tmp_path: Path) -> None:
    right, wrong, starts = torch.tensor([2.0, 0.0]), torch.tensor([1.0, 1.0]), torch.zeros(3, 2)

    def lead(way: Tensor) -> Any:
        return lambda h, t: way.expand_as(h)

    assert torch.allclose(follow(lead(right), starts, False), right.expand(3, 2))
    guided = follow(lead(right), starts, False, lead(wrong), 0.5)
    assert torch.allclose(guided, torch.tensor([2.5, -0.5]).expand(3, 2))
    without = fit(torch.randn(100, 3), tmp_path / "run", dataclasses.replace(TINY, guidance=0.0))
    without.finish()
    assert "weak round" not in without.rounds


@pytest.mark.parametrize(
    ("name", "stop_at"), [("first round", 40), ("weak round", 20), ("second round", 20), ("ends", 20)]
)
def test_a_resumed_fit_is_the_uninterrupted_one(
    name: str, stop_at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latent_map, "LOG_EVERY", 20)
    measured = iter(["fp32", "fp32", "bf16"])  # the machine is busy when the fit goes on
    monkeypatch.setattr(latent_map, "resolve_precision", lambda *_: next(measured))
    codes = torch.randn(300, 3, generator=torch.Generator().manual_seed(1))
    straight = fit(codes, tmp_path / "straight")
    straight.finish()
    original = Round.take_step
    with monkeypatch.context() as patch:
        stopped = fit(codes, tmp_path / "stopped")

        def stop(self: Round) -> float:
            if self.step == stop_at and self is stopped.rounds.get(name):
                raise KeyboardInterrupt
            return original(self)

        patch.setattr(Round, "take_step", stop)
        with pytest.raises(KeyboardInterrupt):
            stopped.finish()
    resumed = fit(codes, tmp_path / "stopped")
    resumed.resume()
    assert list(resumed.rounds)[-1] == name
    assert resumed.rounds[name].step == stop_at
    resumed.finish()
    for key, value in straight.map.state_dict().items():
        assert torch.equal(resumed.map.state_dict()[key], value), key


def test_the_command_gives_a_checkpoint_its_map_and_leaves_its_networks(
    normal: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = ganlab.load(str(normal))
    arguments = [str(normal), "--out", str(tmp_path / "mapped"), "--run", str(tmp_path / "fit"), *FLAGS]
    assert latent_map.main(arguments) == 0
    assert "nats a training code" in capsys.readouterr().out
    after = ganlab.load(str(tmp_path / "mapped"))
    assert after.config.networks == (*before.config.networks, "latent_map")
    assert after.fingerprint != before.fingerprint
    assert before.fingerprint in after.config.replaced
    assert set(after.metrics) == {"fingerprint", "training"}
    for name, network in before.model.networks.items():
        for key, value in network.state_dict().items():
            assert torch.equal(after.model.networks[name].state_dict()[key], value), (name, key)
    x = torch.rand(3, *after.config.image_shape, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(after.reconstruct(x), before.reconstruct(x))
    assert torch.allclose(after.decode(after.encode(x)), before.reconstruct(x), atol=1e-3)
    assert (after.to_codes(after.encode(x)) - before.encode(x)).abs().max() <= MAX_ERROR
    log = [json.loads(line) for line in (tmp_path / "fit" / "metrics.jsonl").read_text().splitlines()]
    assert [row["round"] for row in log] == ["first round", "weak round", "second round", "ends"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"prior": "uniform"}, "keeps its codes in a box"),
        ({"method": "gan", "prior": "normal"}, "has no encoder"),
    ],
)
def test_a_model_that_can_have_no_map_is_refused(
    changes: dict[str, Any], reason: str, tmp_path: Path, small_gallery: Path, digits: Pictures,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    trainer = Trainer(settings(tmp_path / "run", epochs=1, **changes), digits)
    assert trainer.train()
    folder = publish_quickly(trainer.run, tmp_path / "checkpoints")
    assert latent_map.main([str(folder), *FLAGS]) == 2
    assert reason in capsys.readouterr().err


def test_pairs_are_those_of_the_least_sum_among_so_many_rows() -> None:
    rng = torch.Generator().manual_seed(2)
    starts, ends = torch.randn(7, 2, generator=rng), torch.randn(7, 2, generator=rng)
    paired = flow_matching.pair(starts, ends, 4)
    for rows in (range(4), range(4, 7)):
        orders = [list(order) for order in permutations(rows)]
        best = min(orders, key=lambda order: float((starts[order] - ends[list(rows)]).square().sum()))
        assert torch.equal(paired[list(rows)], starts[best])
    assert not torch.equal(paired, starts)


def test_paired_lines_are_learnt_with_less_error(tmp_path: Path) -> None:
    codes = torch.randn(300, 3, generator=torch.Generator().manual_seed(1))
    losses = []
    for pairing in (0, 64):
        first = fit(codes, tmp_path / str(pairing), dataclasses.replace(TINY, pairing=pairing))
        losses.append(first.rounds["first round"].take_step())
    assert losses[1] < 0.7 * losses[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": 0},
        {"lr": 0.0},
        {"noise": -1.0},
        {"guidance": -1.0},
        {"end_share": 2.0},
        {"pairing": -1},
        {"seed": -1},
    ],
)
def test_settings_that_cannot_be_are_named(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"--{next(iter(changes)).replace('_', '-')}"):
        FitConfig(**changes)


# ------------------------------------------------------------------ the second stage


def second(out: Path, folder: Path, **changes: Any) -> TrainConfig:
    return settings(
        out, method="bigan-plus", from_checkpoint=str(folder), prior="normal", epochs=1, **changes
    )


def test_a_second_stage_begins_with_the_checkpoint_and_keeps_its_map(
    normal: Path, tmp_path: Path, digits: Pictures
) -> None:
    mapped = tmp_path / "mapped"
    assert latent_map.main([str(normal), "--out", str(mapped), "--run", str(tmp_path / "fit"), *FLAGS]) == 0
    stored = model.load(str(mapped))
    trainer = Trainer(second(tmp_path / "second", mapped, anchor_weight=1.0, image_weight=1.0), digits)
    for name, network in stored.networks.items():
        for key, value in network.state_dict().items():
            assert torch.equal(trainer.nets[name].state_dict()[key], value), (name, key)
    assert trainer.train()
    assert trainer.model_config.networks == stored.config.networks
    weights = {name: dict(network.named_parameters()) for name, network in trainer.nets.items()}
    for key, value in stored.networks["latent_map"].named_parameters():
        assert torch.equal(weights["latent_map"][key], value), key
    assert any(
        not torch.equal(weights["generator"][key], value)
        for key, value in stored.networks["generator"].named_parameters()
    )
    again = model.load(str(publish_quickly(trainer.run, tmp_path / "again")))
    assert again.latent_map is not None


def test_a_second_stage_of_another_shape_is_refused(normal: Path, tmp_path: Path, digits: Pictures) -> None:
    with pytest.raises(ValueError, match="has the width 16, this run 8"):
        Trainer(second(tmp_path / "second", normal, width=8), digits)


def test_an_anchor_needs_a_checkpoint() -> None:
    with pytest.raises(ValueError, match="--anchor-weight needs --from-checkpoint"):
        TrainConfig(method="bigan-plus", anchor_weight=1.0)


def test_without_a_map_a_second_stage_has_none(normal: Path, tmp_path: Path, digits: Pictures) -> None:
    trainer = Trainer(second(tmp_path / "second", normal), digits)
    assert "latent_map" not in trainer.nets
