"""LatentModel: the networks of a checkpoint, saved as JSON and safetensors, and loaded strictly."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from ganlab import networks, sums, tensor_files
from ganlab.config import CheckpointError, ModelConfig
from ganlab.files import write_atomically
from ganlab.hub import CONFIG_FILE, resolve
from ganlab.mixture import MIXTURE_FILE, Mixture
from ganlab.networks import Encoder, LatentMap
from ganlab.networks.folding import Foldable, Layer

METRICS_FILE = "metrics.json"
MAX_WEIGHTS_BYTES = 2**30  # of a file; a network has a few megabytes


@dataclass(frozen=True)
class LatentModel:
    """The networks of a checkpoint, in evaluation mode on one device, with its figures. Immutable."""

    config: ModelConfig
    networks: dict[str, nn.Module]
    fingerprint: str  # hash of config.json and the networks' files; latents and recipes carry it
    folder: Path | None = None
    metrics: dict[str, Any] = dataclasses.field(default_factory=dict)
    mixture: Mixture | None = None  # density of the codes
    broken: str = ""  # what is wrong with the gallery's files, in a sentence; the model works without it

    def __post_init__(self) -> None:
        if self.mixture is not None and not (self.mixture.weights > 0).any():
            raise CheckpointError(f"{MIXTURE_FILE} of {self.config.name} gives no Gaussian any weight.")
        for network in self.networks.values():
            network.eval().requires_grad_(False)

    def read_tensors(self, file: str) -> tuple[dict[str, Tensor], dict[str, str]] | None:
        """The tensors and the metadata of a file of the checkpoint, or None where it has none such.
        CheckpointError, which names it, for a damaged one."""
        if self.folder is None:
            return None
        content = sums.read(self.folder, file, self.config.files, self.config.name)
        try:
            return None if content is None else tensor_files.unpack(content)
        except ValueError as error:
            raise CheckpointError(f"{file} of {self.config.name} is damaged: {error}.") from None

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return next(next(iter(self.networks.values())).parameters()).device

    @functools.cached_property
    def _composed(self) -> dict[str, nn.Module]:
        return networks.compose(self.networks)

    @property
    def generator(self) -> nn.Module:
        """z (N, latent_dim) -> x (N, C, H, W) in [0, 1], through the latent map where there is one.
        CheckpointError where there is no generator."""
        if "generator" not in self.networks:
            raise CheckpointError(f"{self.config.name} has no generator, so it cannot generate pictures.")
        return self._composed["generator"]

    @property
    def latent_map(self) -> LatentMap | None:
        """The map from latents u ~ N(0, I) to codes, or None where latents are the encoder's codes."""
        return cast("LatentMap | None", self.networks.get(networks.LATENT_MAP))

    def fold_generator(self) -> list[Layer]:
        """The generator as plain layers with batch norm folded in; a latent map is not part of it."""
        return cast("Foldable", self.networks["generator"]).fold()

    @functools.cached_property
    def multiplications(self) -> int:
        """How many numbers G multiplies for one picture, a latent map's included."""
        total, units = 0, self.config.latent_dim
        for layer in self.fold_generator():
            pixels = units // layer.inputs if layer.on_grid else 1
            total += pixels * layer.weight.numel() + (0 if layer.skip is None else layer.skip.numel())
            units = (4 if layer.doubles or layer.enlarges else 1) * pixels * len(layer.bias)
        return total + (0 if self.latent_map is None else self.latent_map.count_multiplications())

    def get_metrics(self, *keys: str) -> Any:
        """The value in metrics.json under these nested keys, or None where it was not measured."""
        value: Any = self.metrics
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def get_figure(self, *keys: str) -> float | None:
        """The number in metrics.json under these nested keys, or None."""
        return _read_number(self.get_metrics(*keys))

    def get_quantiles(self, *keys: str) -> tuple[float, ...] | None:
        """The quantiles in metrics.json under these nested keys, ascending, or None where there are none."""
        values = self.get_metrics(*keys)
        numbers = [_read_number(value) for value in values] if isinstance(values, list) else []
        quantiles = [number for number in numbers if number is not None]
        return tuple(quantiles) if len(numbers) > 1 and quantiles == sorted(quantiles) == numbers else None

    def check_latents(self, z: Tensor) -> Tensor:
        """z (D,) or (N, D) as float32 (N, D); ValueError for another shape, or non-finite numbers."""
        _check_tensor(z, "latents")
        if z.dim() == 1:
            z = z.unsqueeze(0)
        if z.dim() != 2 or z.shape[1] != self.config.latent_dim:
            raise ValueError(
                f"{self.config.name} takes latents (N, {self.config.latent_dim}), not {tuple(z.shape)}."
            )
        if not torch.isfinite(z).all():
            raise ValueError("A latent holds finite numbers only.")
        return z.float()

    def check_pictures(self, x: Tensor) -> Tensor:
        """x (N, C, H, W) as float32; ValueError for pictures of another shape, or whole numbers."""
        _check_tensor(x, "pictures")
        if x.dim() != 4 or x.shape[1:] != self.config.image_shape:
            raise ValueError(
                f"{self.config.name} takes pictures (N, {', '.join(map(str, self.config.image_shape))})"
                f" in [0, 1], not {tuple(x.shape)}; prepare() converts any picture."
            )
        return x.float()

    @property
    def encoder(self) -> Encoder:
        """x (N, C, H, W) in [0, 1] -> z (N, latent_dim), back through the latent map where there is one.
        ValueError where there is no encoder."""
        encoder = self._composed.get("encoder")
        if encoder is None:
            raise ValueError(f"{self.config.name} has no encoder; invert by optimisation instead.")
        assert isinstance(encoder, Encoder)
        return encoder


def _read_number(value: Any) -> float | None:
    """A number of a JSON file; None for what is none, or not finite as a float."""
    try:
        number = float(value) if isinstance(value, int | float) else math.nan
    except OverflowError:  # a whole number of hundreds of digits
        return None
    return number if math.isfinite(number) else None


def _check_tensor(values: object, what: str) -> None:
    if not isinstance(values, Tensor):
        kind = type(values).__name__
        hint = ", as prepare() makes them of any picture" if what == "pictures" else ""
        raise ValueError(f"The {what} come as a torch tensor{hint}, not as {kind}.")
    if not values.is_floating_point():
        raise ValueError(f"The {what} are floating-point numbers, not {str(values.dtype)[6:]}.")


def weights_file(network: str) -> str:
    """The file of a network: one each, so that a network can be left out or fetched by itself."""
    return f"{network}.safetensors"


def save(
    config: ModelConfig, nets: dict[str, nn.Module], folder: Path, mixture: Mixture | None = None
) -> None:
    """Write config.json and a safetensors file for each network (floats as float16) to `folder`, and one for
    the `mixture` where `config.gaussians` is not 0. The sums of `config.files` are those of another folder:
    they are left out."""
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, nn.Module] = {weights_file(name): nets[name] for name in config.networks}
    if config.gaussians:
        assert mixture is not None
        files[MIXTURE_FILE] = mixture
    for file, module in files.items():
        tensor_files.write_module(folder / file, module)
    write_atomically(folder / CONFIG_FILE, dataclasses.replace(config, files={}).to_json())


def resolve_device(name: str) -> torch.device:
    """A device from "auto", "cpu", "cuda" or "cuda:N"; "auto" is a GPU where torch can use one. ValueError
    for another name, or a GPU that this machine lacks."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")  # refused below, like all other types
    if device.type not in ("cpu", "cuda"):
        raise ValueError(f"The device is auto, cpu, cuda or cuda:N, not {name!r}.")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"The device {name}: this machine has no such CUDA GPU that torch can use.")
    return device


def read_config(folder: Path, name: str) -> tuple[ModelConfig, str]:
    """The description of the checkpoint in `folder`, which people call `name`, and its text without sums.
    CheckpointError where it is missing or damaged."""
    text = sums.read_description(folder, CONFIG_FILE, name)
    if text is None:
        raise CheckpointError(f"{name} lacks {CONFIG_FILE}: it is no checkpoint.")
    source = f"{name}/{CONFIG_FILE}"
    return ModelConfig.from_json(text, source), sums.split(text, source)[0]


def load(name: str, device: torch.device | str = "cpu") -> LatentModel:
    """Load a checkpoint by a bundled name, a path or a Hub id, strictly: every tensor that its config names,
    of its shape, and nothing else. CheckpointError for one that is missing, damaged or does not fit, and
    ValueError for a `device` that `resolve_device` refuses."""
    device = resolve_device(device) if isinstance(device, str) else device
    folder = resolve(name)
    config, config_text = read_config(folder, name)
    try:
        # On "meta" nothing is allocated before the files turn out to hold what the config claims, and no
        # random numbers are drawn for weights that are replaced anyway.
        with torch.device("meta"):
            nets = networks.build(config)
            mixture = Mixture(config.gaussians, config.latent_dim) if config.gaussians else None
    except ValueError as error:
        raise CheckpointError(f"{name}/{CONFIG_FILE}: {error}") from None
    digest = hashlib.sha256(config_text.encode())
    files: dict[str, nn.Module] = {weights_file(net): module for net, module in nets.items()}
    if mixture is not None:
        files[MIXTURE_FILE] = mixture
    for file, module in files.items():
        blob = sums.read(folder, file, config.files, name, MAX_WEIGHTS_BYTES)
        if blob is None:
            raise CheckpointError(f"{name} lacks {file}: it is no checkpoint.")
        digest.update(blob)
        fill(module, blob, f"{name}/{file}", device)
    if mixture is not None and (fault := mixture.find_fault()):
        raise CheckpointError(f"{MIXTURE_FILE} of {name} {fault}.")
    fingerprint = digest.hexdigest()[:16]
    metrics = select_figures(_read_metrics(folder, config.files, name), (fingerprint, *config.aliases))
    return LatentModel(config, nets, fingerprint, folder, metrics, mixture)


def fill(module: nn.Module, blob: bytes, source: str, device: torch.device | str) -> None:
    """Fill a network on "meta" with the tensors in the content of a safetensors file, on `device`.
    CheckpointError, which names the `source`, unless they are exactly the network's."""
    try:
        tensors, _ = tensor_files.unpack(blob)
    except ValueError as error:
        raise CheckpointError(f"{source} is damaged: {error}.") from None
    expected = module.state_dict()
    if expected.keys() != tensors.keys():
        missing, extra = sorted(expected.keys() - tensors.keys()), sorted(tensors.keys() - expected.keys())
        raise CheckpointError(f"{source} does not fit its config: missing {missing[:3]}, extra {extra[:3]}.")
    for key, value in expected.items():
        if value.is_floating_point() != tensors[key].is_floating_point():
            raise CheckpointError(f"{source}: {key} holds {str(tensors[key].dtype)[6:]}, not such numbers.")
        if key.endswith("running_var") and bool((tensors[key] < 0).any()):
            raise CheckpointError(f"{source}: {key} holds a variance below 0.")
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
    """What a checkpoint's metrics.json holds, or {} where there is none; its sum is not looked at.
    CheckpointError for invalid JSON."""
    return _read_metrics(folder, {}, folder.name)


def _read_metrics(folder: Path, files: Mapping[str, str], name: str) -> dict[str, Any]:
    content = sums.read(folder, METRICS_FILE, files, name, sums.MAX_DESCRIPTION_BYTES)
    try:
        metrics = {} if content is None else json.loads(content, parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{name}/{METRICS_FILE} is not valid JSON: {error}.") from None
    if not isinstance(metrics, dict):
        raise CheckpointError(f"{name}/{METRICS_FILE} must hold one JSON object with figures.")
    return metrics


def select_figures(metrics: Mapping[str, Any], fingerprints: Sequence[str]) -> dict[str, Any]:
    """Of what metrics.json holds, the figures that were measured of a checkpoint with one of these
    `fingerprints`; those of other weights are not its own. What it says of the training always counts."""
    about, of_all = metrics.get("evaluation"), metrics.get("fingerprint")
    evaluated = about.get("fingerprint") if isinstance(about, Mapping) else of_all

    def is_own(key: str, value: Any) -> bool:
        if key in ("training", "fingerprint"):
            return True
        of = value.get("fingerprint", evaluated) if isinstance(value, Mapping) else evaluated
        return of in fingerprints and (of_all is None or of_all in fingerprints)

    return {key: value for key, value in metrics.items() if is_own(key, value)}
