"""G's first pictures: their mean is that of the data, their differences stay."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ganlab import networks
from ganlab.gallery import Pictures
from tests.conftest import TINY
from train import start
from train.config import TrainConfig
from train.data import datasets
from train.trainer import Trainer


def test_g_begins_at_the_mean_of_the_data(digits: Pictures, tmp_path: Path) -> None:
    pictures = {}
    for kind in ("grey", "mean"):
        config = TrainConfig(
            width=64,
            batch_size=64,
            precision="fp32",
            device="cpu",
            generator_start=kind,
            out=str(tmp_path / kind),
        )  # type: ignore[arg-type]
        trainer = Trainer(config, digits)
        z = torch.rand(512, config.latent_dim, generator=torch.Generator().manual_seed(9)) * 2 - 1
        pictures[kind] = torch.logit(trainer.nets["generator"](z).detach())
        others = {name: net.state_dict() for name, net in trainer.nets.items() if name != "generator"}
        assert not others["joint_discriminator"]["output.weight"].any()
    x = datasets.to_input(digits.pixels[: start.PICTURES])
    wanted = torch.logit(x.mean(0).clamp(start.MARGIN, 1 - start.MARGIN))
    assert (pictures["mean"].mean(0) - wanted).abs().max() < 0.15
    assert (pictures["grey"].mean(0) - wanted).abs().max() > 2
    assert pictures["mean"].std(0).mean() < 6 * pictures["grey"].std(0).mean()


def test_running_statistics_stay_and_other_networks_are_refused() -> None:
    nets = networks.build(TINY)
    networks.initialise(nets, 0)
    generator = nets["generator"].train()
    before = {name: buffer.clone() for name, buffer in generator.named_buffers()}
    start.start_at_mean(generator, torch.full((1, 28, 28), 0.3), torch.rand(256, TINY.latent_dim))
    for name, buffer in generator.named_buffers():
        assert torch.equal(buffer, before[name])
    with pytest.raises(ValueError, match="--family paper"):
        start.start_at_mean(torch.nn.Identity(), torch.zeros(1, 2, 2), torch.zeros(4, 2))
    with pytest.raises(ValueError, match="--family paper"):
        TrainConfig(family="conv", generator_start="mean")
