"""Networks of a run as a checkpoint stores them: half precision, batch norm with statistics of all data."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ganlab import latent, networks
from ganlab.config import ModelConfig
from ganlab.gallery import CALIBRATION_BATCH, Pictures, iterate_batches
from ganlab.hub import CONFIG_FILE
from train.config import TrainConfig
from train.methods import build_method
from train.run_folder import load_networks

SEED = 0  # of the latents that G's batch norm is calibrated on


def load_calibrated(run: Path, config: ModelConfig, pictures: Pictures) -> dict[str, nn.Module]:
    """A run's networks as a checkpoint stores them: half precision, batch norm calibrated on `pictures`."""
    nets = load_networks(run, config)
    for net in nets.values():
        net.eval().half().float()  # calibrate the weights as stored
    calibrate(config, nets, pictures, read_generator_inputs(run))
    return nets


def read_generator_inputs(run: Path) -> tuple[str, ...]:
    """What G was given in training, "prior" or "codes" or both; a method's settings may decide it."""
    train = json.loads((run / CONFIG_FILE).read_text(encoding="utf-8"))["train"]
    fields = {f.name for f in dataclasses.fields(TrainConfig)} & train.keys()
    method = build_method(train["method"], TrainConfig(**{key: train[key] for key in fields}))
    inputs: tuple[str, ...] = getattr(method, "decodes", ("prior",))
    return inputs


@torch.no_grad()
def calibrate(
    config: ModelConfig, nets: dict[str, nn.Module], pictures: Pictures, decodes: tuple[str, ...] = ("prior",)
) -> None:
    """Set the running statistics of batch norm, in place, to those of the inputs that training gave.

    G gets those of what it `decodes`, "prior" (through the latent map where there is one) or "codes" or both
    in one batch; E and D those of pictures; a joint D those of real and fake pairs. In training a
    discriminator normalises real and fake batches apart, but it can store only one mean and variance: D,
    whose features are used for real pictures, stores those of real pictures, a joint D the average of both.
    """
    G, E = nets.get("generator"), nets.get("encoder")
    size = min(CALIBRATION_BATCH, len(pictures))
    z = torch.split(latent.draw(config.prior, config.latent_dim, len(pictures) // size * size, SEED), size)
    for name in ("encoder", "discriminator"):
        if name in nets:
            networks.calibrate(nets[name], ((x,) for x in iterate_batches(pictures)))
    F = nets.get(networks.LATENT_MAP, nn.Identity())
    if G:
        sources: dict[str, Iterator[Tensor]] = {"prior": map(F, z)}
        if E:
            sources["codes"] = (E(x) for x in iterate_batches(pictures))
        batches = zip(*(sources[name] for name in decodes), strict=True)
        networks.calibrate(G, ((torch.cat(batch),) for batch in batches))
    if G and E and "joint_discriminator" in nets:

        def draw_pairs() -> Any:
            yield from ((x, E(x)) for x in iterate_batches(pictures))
            codes = (E(x) for x in iterate_batches(pictures))
            yield from ((G(batch), batch) for batch in (map(F, z) if "prior" in decodes else codes))

        networks.calibrate(nets["joint_discriminator"], draw_pairs())
