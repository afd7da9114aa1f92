"""What holds on a GPU alone: captured steps, and runs that go on bit for bit. Skipped where there is none.

`python -m pytest --noconftest tests/train/test_cuda.py` needs torch, and neither data nor the app.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ganlab.gallery import Pictures
from ganlab.networks.latent_map import Velocity
from train.capture import WARM_UP
from train.config import TrainConfig
from train.flow_matching import FitConfig, Round
from train.presets import FAMILY_DEFAULTS, PRESETS
from train.trainer import Trainer

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

STEPS = 8  # of an epoch; captured after WARM_UP
SYSTEMS: dict[str, tuple[tuple[int, int, int], dict[str, Any]]] = {
    "bigan": ((1, 28, 28), {}),
    "bigan-plus 28": ((1, 28, 28), FAMILY_DEFAULTS["conv"] | PRESETS["bigan-plus"]["mnist"]),
    "bigan-plus 32": ((3, 32, 32), FAMILY_DEFAULTS["residual"] | PRESETS["bigan-plus"]["colour"]),
    "bigan 64": ((3, 64, 64), FAMILY_DEFAULTS["conv"] | PRESETS["bigan"]["imagenet64"]),
}


def start(system: str, folder: Path, resume: bool = False) -> Trainer:
    shape, settings = SYSTEMS[system]
    rng = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (32 * STEPS, *shape), dtype=torch.uint8, generator=rng)
    pictures = Pictures(pixels, torch.zeros(len(pixels), dtype=torch.long), torch.arange(len(pixels)))
    chosen = {"method": system.split()[0], **settings, "batch_size": 32, "epochs": 2, "device": "cuda"}
    return Trainer(TrainConfig(**chosen, out=str(folder)), pictures, resume=resume)


def weights(run: Trainer) -> dict[str, Tensor]:
    nets = {**run.nets, **{f"average of {name}": net for name, net in run.averaged.items()}}
    return {f"{name}.{key}": value for name, net in nets.items() for key, value in net.state_dict().items()}


@pytest.mark.parametrize("system", list(SYSTEMS))
def test_a_run_goes_on_bit_for_bit(system: str, tmp_path: Path) -> None:
    assert STEPS > WARM_UP + 2
    straight = start(system, tmp_path / "straight")
    assert straight.train()
    stopped = start(system, tmp_path / "stopped")
    original = stopped.train_step

    def step(rows: Tensor) -> None:
        original(rows)
        stopped.stop = stopped.step == STEPS - 2  # in the middle of an epoch, after the capture

    stopped.train_step = step  # type: ignore[method-assign]
    assert not stopped.train()
    resumed = start(system, tmp_path / "stopped", resume=True)
    assert resumed.train()
    expected = weights(straight)
    for key, value in weights(resumed).items():
        assert torch.equal(value, expected[key]), key


def test_a_captured_round_of_a_latent_maps_fit_is_the_same_as_one_that_is_not() -> None:
    codes = torch.randn(500, 8, device="cuda", generator=torch.Generator("cuda").manual_seed(1))
    losses = []
    for captured in (False, True):
        velocity = Velocity(8, 32, 1)
        velocity.initialise(torch.Generator().manual_seed(0))
        config = FitConfig(batch_size=64, precision="bf16")
        current = Round(config, 100, velocity.cuda(), codes)
        if not captured:
            current._update = current._learn
        losses.append([float(current.take_step()) for _ in range(10)])
    assert losses[0] == losses[1]
