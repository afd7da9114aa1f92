"""What a checkpoint is: ModelConfig and LatentModel, saved as JSON and safetensors, loaded strictly."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from ganlab import latent, networks

CHECKPOINTS = Path(__file__).resolve().parent.parent / "checkpoints"
CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
METRICS_FILE = "metrics.json"
MAX_WEIGHTS_BYTES = 2**30  # a checkpoint is a few megabytes; a larger file is refused unread
# What an explorer needs of a Hub repository: no pickle is ever fetched.
HUB_FILES = ["*.json", "*.safetensors", "*.webp", "*.png", "README.md"]


class CheckpointError(ValueError):
    """A checkpoint that cannot be found or trusted; the message says which and what would do."""


@dataclass(frozen=True)
class ModelConfig:
    """All that is needed to rebuild a model's networks and to prepare pictures for it."""

    name: str  # folder name, also the name shown
    method: str  # how it was trained ("bigan"); shown, never branched on
    dataset: str  # what it was trained on ("mnist"); shown
    family: str  # key of networks.FAMILIES
    networks: tuple[str, ...]  # which networks the checkpoint holds
    channels: int
    size: int  # pictures are size x size
    latent_dim: int
    prior: str  # "uniform" on [-1, 1] or "normal"
    width: int  # units of each hidden layer
    preparation: str = "digit"  # how uploads become inputs: a key of images.PREPARATIONS
    gallery: str | None = None  # shared folder of reference pictures, checkpoints/galleries/NAME
    title: str = ""  # for the header: "BiGAN · MNIST"

    def __post_init__(self) -> None:
        if self.prior not in latent.PRIORS:
            raise CheckpointError(f"Unknown prior {self.prior!r}; available = {list(latent.PRIORS)}.")
        for name, low, high in (
            ("channels", 1, 4),
            ("size", 1, 1024),
            ("latent_dim", 1, 4096),
            ("width", 1, 16384),
        ):
            value = getattr(self, name)
            if not isinstance(value, int) or not low <= value <= high:
                raise CheckpointError(f"{name} is a whole number from {low} to {high}, not {value!r}.")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return self.channels, self.size, self.size

    @property
    def pixels(self) -> int:
        return self.channels * self.size * self.size

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False) + "\n"

    @staticmethod
    def from_json(text: str, source: str) -> ModelConfig:
        try:
            fields = json.loads(text)
        except json.JSONDecodeError as error:
            raise CheckpointError(f"{source} is not valid JSON: {error}.") from None
        known = {field.name: field for field in dataclasses.fields(ModelConfig)}
        if not isinstance(fields, dict):
            raise CheckpointError(f"{source} must hold one JSON object with the model's settings.")
        unknown = sorted(set(fields) - set(known))
        missing = sorted(
            name
            for name, field in known.items()
            if field.default is dataclasses.MISSING and name not in fields
        )
        if unknown or missing:
            raise CheckpointError(
                f"{source} does not describe a ganlab model: unknown {unknown}, missing {missing}."
            )
        if not isinstance(fields["networks"], list):
            raise CheckpointError(f"{source}: networks is a list of names.")
        fields["networks"] = tuple(fields["networks"])
        return ModelConfig(**fields)


@dataclass(frozen=True)
class LatentModel:
    """Networks in evaluation mode on one device; immutable once made."""

    config: ModelConfig
    networks: dict[str, nn.Module]
    fingerprint: str  # hash of what is on disk; latents and recipes carry it
    folder: Path | None = None
    metrics: dict[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        for network in self.networks.values():
            network.eval().requires_grad_(False)

    @property
    def generator(self) -> nn.Module:
        if "generator" not in self.networks:
            raise CheckpointError(f"{self.config.name} has no generator, so it cannot make pictures.")
        return self.networks["generator"]

    @property
    def encoder(self) -> networks.Encoder:
        encoder = self.networks.get("encoder")
        if encoder is None:
            raise ValueError(f"{self.config.name} has no encoder; invert by optimisation instead.")
        assert isinstance(encoder, networks.Encoder)
        return encoder


def save(config: ModelConfig, nets: dict[str, nn.Module], folder: Path) -> None:
    """Write config.json and model.safetensors (floats as fp16) to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Tensor] = {}
    for name in config.networks:
        for key, value in nets[name].state_dict().items():
            if value.is_floating_point():
                value = value.half()
            tensors[f"{name}.{key}"] = value.detach().cpu().contiguous()
    safetensors.torch.save_file(tensors, folder / WEIGHTS_FILE)
    (folder / CONFIG_FILE).write_text(config.to_json(), encoding="utf-8")


def list_models(root: Path | None = None) -> list[str]:
    """Names of the checkpoints under `root` (bundled ones by default), sorted."""
    root = root or CHECKPOINTS
    return sorted(path.parent.name for path in root.glob(f"*/{CONFIG_FILE}"))


def resolve(name: str) -> Path:
    """The folder that `name` means: a bundled checkpoint, a path, or a Hub id "user/repo[@revision]"."""
    if not name or "\0" in name:
        raise CheckpointError("A model is named by a bundled name, a folder, or a Hub id user/repo.")
    bundled = CHECKPOINTS / name
    for folder in (bundled, Path(name).expanduser()):
        if (folder / CONFIG_FILE).is_file():
            return folder
    if Path(name).expanduser().is_dir():
        raise CheckpointError(f"The folder {name} holds no {CONFIG_FILE}, so it is no checkpoint.")
    if re.fullmatch(r"[\w.-]+/[\w.-]+(@[\w./-]+)?", name) and not name.startswith("."):
        return _download(name)
    raise CheckpointError(f"Model {name!r} not found; available = {list_models()}.")


def _download(hub_id: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    repo, _, revision = hub_id.partition("@")
    try:
        folder = snapshot_download(repo, revision=revision or None, allow_patterns=HUB_FILES)
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CheckpointError(
            f"{hub_id} is neither a folder here nor a Hub repository that can be reached ({reason});"
            f" available here = {list_models()}."
        ) from None
    return Path(folder)


def load(name: str, device: torch.device | str = "cpu") -> LatentModel:
    """Load a checkpoint strictly: every tensor named by its config, of its shape, and nothing else."""
    folder = resolve(name)
    config_path, weights_path = folder / CONFIG_FILE, folder / WEIGHTS_FILE
    if not config_path.is_file() or not weights_path.is_file():
        raise CheckpointError(f"{name} lacks {CONFIG_FILE} or {WEIGHTS_FILE}: it is no checkpoint.")
    if weights_path.stat().st_size > MAX_WEIGHTS_BYTES:
        raise CheckpointError(f"{weights_path.name} of {name} is over a gigabyte: refused.")
    config_text = config_path.read_text(encoding="utf-8")
    config = ModelConfig.from_json(config_text, f"{name}/{CONFIG_FILE}")
    blob = weights_path.read_bytes()
    try:
        tensors = safetensors.torch.load(blob)
    except safetensors.SafetensorError as error:
        raise CheckpointError(f"{name}/{WEIGHTS_FILE} is damaged: {error}.") from None
    nets = networks.build(config)
    expected = {f"{net}.{key}": v for net, m in nets.items() for key, v in m.state_dict().items()}
    if expected.keys() != tensors.keys():
        missing, extra = sorted(expected.keys() - tensors.keys()), sorted(tensors.keys() - expected)
        raise CheckpointError(
            f"{name}/{WEIGHTS_FILE} does not fit its config: missing {missing[:3]}, extra {extra[:3]}."
        )
    for key, value in expected.items():
        if value.shape != tensors[key].shape:
            raise CheckpointError(
                f"{name}/{WEIGHTS_FILE}: {key} has shape {tuple(tensors[key].shape)}, "
                f"its config wants {tuple(value.shape)}."
            )
    for net, module in nets.items():
        module.load_state_dict({key: tensors[f"{net}.{key}"] for key in module.state_dict()})
        module.to(device)
    digest = hashlib.sha256(config_text.encode() + blob).hexdigest()[:16]
    return LatentModel(config, nets, digest, folder, read_metrics(folder))


def read_metrics(folder: Path) -> dict[str, Any]:
    """The checkpoint's measured figures, or {} before it was evaluated."""
    path = folder / METRICS_FILE
    if not path.is_file():
        return {}
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise CheckpointError(f"{path.name} of {folder.name} is not valid JSON: {error}.") from None
    return metrics if isinstance(metrics, dict) else {}
