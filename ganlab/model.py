"""What a checkpoint is: ModelConfig and LatentModel, saved as JSON and safetensors, loaded strictly."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import safetensors
import safetensors.torch
import torch
from torch import nn

from ganlab import density, latent, networks
from ganlab.density import Mixture
from ganlab.networks import Encoder, conv
from ganlab.networks.folded import Foldable, Layer

CHECKPOINTS = Path(__file__).resolve().parent.parent / "checkpoints"
CONFIG_FILE = "config.json"
METRICS_FILE = "metrics.json"
MAX_WEIGHTS_BYTES = 2**30  # a network takes a few megabytes; a larger file is refused unread
# What an explorer needs of a Hub repository: no pickle is ever fetched.
HUB_FILES = ["*.json", "*.safetensors", "*.webp", "*.png", "README.md", "gallery/*.npz"]


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
    width: int  # units of each hidden layer; of "conv", channels next to the picture
    preparation: str = "digit"  # how uploads become inputs: a key of images.PREPARATIONS
    gallery: str | None = None  # shared folder of reference pictures, checkpoints/galleries/NAME
    title: str = ""  # for the header: "BiGAN · MNIST"
    norm: str = "batch"  # of the discriminators of "conv": one of conv.NORMS; no other family reads it
    feature_dim: int = (
        0  # of E's features in "conv", where they have a head of their own; 0: the hidden layer
    )
    gaussians: int = 0  # of the mixture fitted to the codes (`density`); 0: there is none

    def __post_init__(self) -> None:
        for name in ("name", "method", "dataset", "family", "preparation", "title"):
            if not isinstance(getattr(self, name), str):
                raise CheckpointError(f"{name} is a text, not {getattr(self, name)!r}.")
        if not (self.gallery is None or isinstance(self.gallery, str)):
            raise CheckpointError(f"gallery is a name or null, not {self.gallery!r}.")
        if not all(isinstance(name, str) for name in self.networks):
            raise CheckpointError(f"networks is a list of names, not {list(self.networks)}.")
        if self.prior not in latent.PRIORS:
            raise CheckpointError(f"Unknown prior {self.prior!r}; available = {list(latent.PRIORS)}.")
        if self.norm not in conv.NORMS:
            raise CheckpointError(f"Unknown norm {self.norm!r}; available = {list(conv.NORMS)}.")
        for name, low, high in (
            ("channels", 1, 4),
            ("size", 1, 1024),
            ("latent_dim", 1, 4096),
            ("width", 1, 16384),
            ("feature_dim", 0, 4096),
            ("gaussians", 0, 4096),
        ):
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:  # True is an int to isinstance
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
        except (json.JSONDecodeError, RecursionError) as error:
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
    mixture: Mixture | None = None  # the density of the codes

    def __post_init__(self) -> None:
        if self.mixture is not None and not (self.mixture.weights > 0).any():
            raise CheckpointError(f"{density.FILE} of {self.config.name} gives no Gaussian any weight.")
        for network in self.networks.values():
            network.eval().requires_grad_(False)

    @property
    def device(self) -> torch.device:
        return next(next(iter(self.networks.values())).parameters()).device

    @property
    def generator(self) -> nn.Module:
        if "generator" not in self.networks:
            raise CheckpointError(f"{self.config.name} has no generator, so it cannot make pictures.")
        return self.networks["generator"]

    @property
    def folded(self) -> list[Layer]:
        """The generator as plain layers."""
        return cast("Foldable", self.generator).folded()

    @property
    def encoder(self) -> Encoder:
        encoder = self.networks.get("encoder")
        if encoder is None:
            raise ValueError(f"{self.config.name} has no encoder; invert by optimisation instead.")
        assert isinstance(encoder, Encoder)
        return encoder


def weights_file(network: str) -> str:
    """One file a network: each stays small, and a page can fetch the generator alone."""
    return f"{network}.safetensors"


def save(
    config: ModelConfig, nets: dict[str, nn.Module], folder: Path, mixture: Mixture | None = None
) -> None:
    """Write config.json and a safetensors file for each network (floats as fp16) to `folder`, and one for
    the density of the codes where `config.gaussians` says that there is one."""
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, nn.Module] = {weights_file(name): nets[name] for name in config.networks}
    if config.gaussians:
        assert mixture is not None
        files[density.FILE] = mixture
    for file, module in files.items():
        tensors = {
            key: (value.half() if value.is_floating_point() else value).detach().cpu().contiguous()
            for key, value in module.state_dict().items()
        }
        safetensors.torch.save_file(tensors, folder / file)
    (folder / CONFIG_FILE).write_text(config.to_json(), encoding="utf-8")


def list_models(root: Path | None = None) -> list[str]:
    """Names of the checkpoints under `root` (bundled ones by default), sorted."""
    root = root or CHECKPOINTS
    return sorted(path.parent.name for path in root.glob(f"*/{CONFIG_FILE}"))


def resolve(name: str) -> Path:
    """The folder that `name` means: a bundled checkpoint, a path, or a Hub id "user/repo[@revision]"."""
    if not name or "\0" in name:
        raise CheckpointError("A model is named by a bundled name, a folder, or a Hub id user/repo.")
    try:
        path = Path(name).expanduser()
        # A bundled name is one plain component: "../x" never means a neighbour of checkpoints/.
        folders = [CHECKPOINTS / name, path] if re.fullmatch(r"\w[\w.-]*", name) else [path]
        for folder in folders:
            if (folder / CONFIG_FILE).is_file():
                return folder
        if path.is_dir():
            raise CheckpointError(f"The folder {name} holds no {CONFIG_FILE}, so it is no checkpoint.")
    except (OSError, RuntimeError) as error:  # a name too long for the system; the home of no such user
        reason = getattr(error, "strerror", None) or error
        raise CheckpointError(f"{name[:80]!r} is no usable path: {reason}.") from None
    if re.fullmatch(r"[\w.-]+/[\w.-]+(@[\w./-]+)?", name) and not name.startswith("."):
        return _download(name)
    raise CheckpointError(f"Model {name!r} not found; available = {list_models()}.")


def _download(hub_id: str) -> Path:
    from huggingface_hub import snapshot_download

    repo, _, revision = hub_id.partition("@")
    try:
        folder = snapshot_download(repo, revision=revision or None, allow_patterns=HUB_FILES)
    except Exception as error:  # the client's, the disk's, or those of whichever HTTP library it uses
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CheckpointError(
            f"{hub_id} is neither a folder here nor a Hub repository that can be reached ({reason});"
            f" available here = {list_models()}."
        ) from None
    return Path(folder)


def resolve_device(name: str) -> torch.device:
    """auto, cpu, cuda or cuda:N as a device that is there; "auto" is a GPU where torch can use one."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")  # refused below, like all others that torch knows
    if device.type not in ("cpu", "cuda"):
        raise ValueError(f"--device is auto, cpu, cuda or cuda:N, not {name!r}.")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"--device {name}: this machine has no such CUDA GPU that torch can use.")
    return device


def load(name: str, device: torch.device | str = "cpu") -> LatentModel:
    """Load a checkpoint strictly: every tensor named by its config, of its shape, and nothing else."""
    folder = resolve(name)
    if not (folder / CONFIG_FILE).is_file():
        raise CheckpointError(f"{name} lacks {CONFIG_FILE}: it is no checkpoint.")
    try:
        config_text = (folder / CONFIG_FILE).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{name}/{CONFIG_FILE} is not valid JSON: {error}.") from None
    config = ModelConfig.from_json(config_text, f"{name}/{CONFIG_FILE}")
    try:
        # On "meta" nothing is allocated before the files have shown that they hold what the config
        # claims, and no random number is drawn for weights that are about to be replaced.
        with torch.device("meta"):
            nets = networks.build(config)
            mixture = Mixture(config.gaussians, config.latent_dim) if config.gaussians else None
    except ValueError as error:
        raise CheckpointError(f"{name}/{CONFIG_FILE}: {error}") from None
    digest = hashlib.sha256(config_text.encode())
    files: dict[str, nn.Module] = {weights_file(net): module for net, module in nets.items()}
    if mixture is not None:
        files[density.FILE] = mixture
    for file, module in files.items():
        path = folder / file
        if not path.is_file():
            raise CheckpointError(f"{name} lacks {path.name}: it is no checkpoint.")
        if path.stat().st_size > MAX_WEIGHTS_BYTES:
            raise CheckpointError(f"{name}/{path.name} is over a gigabyte: refused.")
        blob = path.read_bytes()
        digest.update(blob)
        fill(module, blob, f"{name}/{path.name}", device)
    return LatentModel(config, nets, digest.hexdigest()[:16], folder, read_metrics(folder), mixture)


def fill(module: nn.Module, blob: bytes, source: str, device: torch.device | str) -> None:
    """Give a network on "meta" the tensors of a safetensors file, which must be exactly its own."""
    try:
        tensors = safetensors.torch.load(blob)
    except safetensors.SafetensorError as error:
        raise CheckpointError(f"{source} is damaged: {error}.") from None
    expected = module.state_dict()
    if expected.keys() != tensors.keys():
        missing, extra = sorted(expected.keys() - tensors.keys()), sorted(tensors.keys() - expected.keys())
        raise CheckpointError(f"{source} does not fit its config: missing {missing[:3]}, extra {extra[:3]}.")
    for key, value in expected.items():
        if value.shape != tensors[key].shape:
            raise CheckpointError(
                f"{source}: {key} has shape {tuple(tensors[key].shape)},"
                f" its config wants {tuple(value.shape)}."
            )
    module.load_state_dict(
        {key: tensors[key].to(device, value.dtype, copy=True) for key, value in expected.items()},
        assign=True,
    )


def read_metrics(folder: Path) -> dict[str, Any]:
    """The checkpoint's measured figures, or {} before it was evaluated."""
    path = folder / METRICS_FILE
    if not path.is_file():
        return {}
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CheckpointError(f"{path.name} of {folder.name} is not valid JSON: {error}.") from None
    return metrics if isinstance(metrics, dict) else {}
