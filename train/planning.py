"""What a run's settings decide about its networks: which there are, whose they are, how they begin."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ganlab import model as checkpoint
from ganlab import networks
from ganlab.config import ModelConfig
from ganlab.model import LatentModel
from train.config import TrainConfig
from train.data import datasets
from train.methods import Method, build_method
from train.provenance import current_commit
from train.run_folder import TrainingError


def describe_model(
    config: TrainConfig,
    shape: tuple[int, int, int],
    first: LatentModel | None = None,
    classes: tuple[str, ...] = (),
) -> ModelConfig:
    """The ModelConfig of the checkpoint to publish; publishing gives it its name. A second stage keeps the
    latent map of the checkpoint `first`. `shape` is (C, H, W) of the pictures, `classes` are the names of the
    labels."""
    method = build_method(config.method, config)
    training_only = getattr(method, "training_only", ())
    named = config.dataset in datasets.DATASETS  # else it is a folder, which has no shared gallery
    title = datasets.get_title(config.dataset, config.data_root)
    dataset = config.dataset if named else title
    return ModelConfig(
        name=f"{dataset}-{config.method}",
        method=config.method,
        dataset=dataset,
        family=config.family,
        networks=tuple(name for name in list_networks(method, first) if name not in training_only),
        channels=shape[0],
        size=shape[1],
        latent_dim=config.latent_dim,
        prior=config.prior,
        width=config.width,
        norm=config.norm,
        feature_dim=config.feature_dim,
        blocks=config.blocks,
        map_width=first.config.map_width if first else 0,
        map_blocks=first.config.map_blocks if first else 0,
        map_steps=first.config.map_steps if first else 0,
        gallery=dataset if named and datasets.DATASETS[dataset].gallery else None,
        classes=classes,
        preparation=datasets.get_preparation(config.dataset),
        title=f"{method.title} · {title}",
    )


def list_networks(method: Method, first: LatentModel | None) -> tuple[str, ...]:
    """The method's networks, and the latent map of the checkpoint that a second stage begins with."""
    return (*method.networks, *([networks.LATENT_MAP] if first and first.latent_map else []))


def load_first(config: TrainConfig) -> LatentModel | None:
    """The checkpoint that a second stage begins with. TrainingError for one of another shape than the run."""
    if config.from_checkpoint is None:
        return None
    first = checkpoint.load(config.from_checkpoint)
    for field in ("family", "latent_dim", "prior", "width", "norm", "feature_dim", "blocks"):
        theirs, mine = getattr(first.config, field), getattr(config, field)
        if theirs != mine:
            raise TrainingError(
                f"{config.from_checkpoint} has the {field.replace('_', ' ')} {theirs}, this run {mine}: a"
                " second stage begins with networks of the same shape."
            )
    return first


def copy_weights(first: LatentModel, nets: dict[str, nn.Module]) -> None:
    """Give `nets` the weights of the checkpoint; networks that it lacks keep theirs. The latent map rests:
    codes were fitted by it, and G and E learn to fit it."""
    for name in nets.keys() & first.networks.keys():
        nets[name].load_state_dict(first.networks[name].state_dict())
    if networks.LATENT_MAP in nets:
        nets[networks.LATENT_MAP].requires_grad_(False)


def name_run(config: TrainConfig) -> str:
    """METHOD-DATASET-sSEED, with the family where it is not the paper's."""
    family = [] if config.family == "paper" else [config.family]
    return "-".join([config.method, *family, Path(config.dataset).resolve().name, f"s{config.seed}"])


def describe_run(config: TrainConfig, model: ModelConfig, device: torch.device) -> dict[str, Any]:
    """What a run's config.json says."""
    return {
        "commit": current_commit(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "data": datasets.get_title(config.dataset, config.data_root),
        "train": dataclasses.asdict(config),
        "model": model.to_dict(),
    }


def derive_seed(seed: int, purpose: str, index: int) -> int:
    """A seed in [0, 2^63) for a purpose ("order", "step") and an epoch or step."""
    digest = hashlib.blake2b(f"{seed}/{purpose}/{index}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
