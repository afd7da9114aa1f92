"""What a run's settings decide about its networks: which there are, whose they are, how they begin."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from ganlab import model as checkpoint
from ganlab import networks
from ganlab.config import ModelConfig
from ganlab.gallery import GALLERIES, TRAIN_FILE
from train.config import TrainConfig
from train.data import datasets
from train.methods import Method, build_method
from train.run_folder import TrainingError


def describe_model(config: TrainConfig, pixels: Tensor) -> ModelConfig:
    """The ModelConfig of the checkpoint to publish; publishing gives it its name."""
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
        networks=tuple(name for name in list_networks(method, config) if name not in training_only),
        channels=pixels.shape[1],
        size=pixels.shape[2],
        latent_dim=config.latent_dim,
        prior=config.prior,
        width=config.width,
        norm=config.norm,
        feature_dim=config.feature_dim,
        map_layers=config.map_layers,
        map_width=config.map_width if config.map_layers else 0,
        gallery=dataset if named and (GALLERIES / dataset / TRAIN_FILE).is_file() else None,
        preparation=datasets.get_preparation(config.dataset),
        title=f"{method.title} · {title}",
    )


def list_networks(method: Method, config: TrainConfig) -> tuple[str, ...]:
    """The method's networks, and the latent map where the settings want one."""
    return (*method.networks, *([networks.LATENT_MAP] if config.map_layers else []))


def assign_networks(method: Method, config: TrainConfig) -> dict[str, tuple[str, ...]]:
    """The networks of each player; a latent map belongs to the player that owns the generator."""
    return {
        player: (*owned, networks.LATENT_MAP) if config.map_layers and "generator" in owned else tuple(owned)
        for player, owned in method.players.items()
    }


def copy_weights(name: str, wanted: ModelConfig, nets: dict[str, nn.Module]) -> None:
    """Give `nets` the weights of the checkpoint `name`; networks that it lacks keep theirs. TrainingError
    for a checkpoint of another shape than `wanted`."""
    stored = checkpoint.load(name)
    fields = ["family", "channels", "size", "latent_dim", "prior", "width", "norm", "feature_dim"]
    fields += ["map_layers", "map_width"] if stored.latent_map is not None else []
    for field in fields:
        theirs, mine = getattr(stored.config, field), getattr(wanted, field)
        if theirs != mine:
            raise TrainingError(
                f"{name} has {field.replace('_', ' ')} {theirs}, this run {mine}: a second stage begins with"
                " networks of the same shape."
            )
    for network in nets.keys() & stored.networks.keys():
        nets[network].load_state_dict(stored.networks[network].state_dict())


def name_run(config: TrainConfig) -> str:
    """METHOD-DATASET-sSEED, with the family where it is not the paper's."""
    family = [] if config.family == "paper" else [config.family]
    return "-".join([config.method, *family, Path(config.dataset).resolve().name, f"s{config.seed}"])
