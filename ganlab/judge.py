"""The judge: a small convolutional classifier of a data set's pictures, independent of the models it judges.

Its labels of x and G(E(x)) show whether a reconstruction keeps the class, and Fréchet distances are computed
from its features. `python -m train.judge` trains it and writes it to checkpoints/judges/DATASET.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ganlab import model, sums, tensor_files
from ganlab.config import CheckpointError
from ganlab.files import write_atomically
from ganlab.hub import CHECKPOINTS
from ganlab.model import MAX_WEIGHTS_BYTES

JUDGES = CHECKPOINTS / "judges"
CONFIG_FILE = "judge.json"
WEIGHTS_FILE = "judge.safetensors"
BATCH = 1000  # grey pictures at a time
MAX_BATCH_VALUES = 1_600_000  # of the first layer of a batch of pictures in colour: 6 MB


@dataclass(frozen=True)
class JudgeConfig:
    """All that is needed to rebuild a judge, and its measured accuracy."""

    dataset: str  # that it was trained on ("mnist"), also its name
    channels: int
    size: int  # pictures are size x size
    classes: int
    widths: tuple[int, ...]  # channels of the convolutions at full, half, quarter size and so on
    features: int  # units of the last hidden layer
    accuracy: float  # share in [0, 1] of the test pictures that it labels correctly
    standard_error: float  # of the accuracy
    count: int  # number of those test pictures; 0: not measured
    training: dict[str, Any] = dataclasses.field(default_factory=dict)  # settings, seconds, commit
    grid: int = 0  # the last convolution's output is averaged to grid x grid at most; 0: it is not
    files: Mapping[str, str] = dataclasses.field(default_factory=dict, compare=False)  # see sums.py

    def __post_init__(self) -> None:
        if not isinstance(self.dataset, str) or not isinstance(self.training, dict):
            raise CheckpointError("dataset is a text, and training an object.")
        if not 3 <= len(self.widths) <= 5:
            raise CheckpointError(f"widths are three to five whole numbers, not {list(self.widths)}.")
        for name, value, low, high in (
            ("channels", self.channels, 1, 4),
            ("size", self.size, 8, 1024),
            ("classes", self.classes, 2, 1024),
            *(("each of widths", width, 1, 1024) for width in self.widths),
            ("features", self.features, 1, 4096),
            ("grid", self.grid, 0, 64),
            ("count", self.count, 0, 2**31),
        ):
            if type(value) is not int or not low <= value <= high:  # True is an int to isinstance
                raise CheckpointError(f"{name} is a whole number from {low} to {high}, not {value!r}.")
        for name in ("accuracy", "standard_error"):
            value = getattr(self, name)
            if type(value) not in (int, float) or not 0 <= value <= 1:
                raise CheckpointError(f"{name} is a share from 0 to 1, not {value!r}.")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the pictures that it takes."""
        return self.channels, self.size, self.size

    def to_json(self) -> str:
        """The content of judge.json."""
        fields = dataclasses.asdict(self)
        del fields["files"]
        if not self.grid:
            del fields["grid"]
        text = json.dumps(fields, indent=2, ensure_ascii=False) + "\n"
        return sums.join(text, self.files) if self.files else text

    @staticmethod
    def from_json(text: str, source: str) -> JudgeConfig:
        """From the content of judge.json; CheckpointError, which names the `source`, where it is not valid,
        or does not have its own sum."""
        text, files = sums.split(text, source)
        try:
            return JudgeConfig._from_fields(json.loads(text), files)
        except CheckpointError as error:
            raise CheckpointError(f"{source}: {error}") from None

    @staticmethod
    def _from_fields(fields: object, files: Mapping[str, str]) -> JudgeConfig:
        declared = {field.name for field in dataclasses.fields(JudgeConfig)}
        expected = declared - {"grid", "files"}  # which may be absent
        if not isinstance(fields, dict) or set(fields) - {"grid"} != expected:
            given = set(fields) if isinstance(fields, dict) else set()
            raise CheckpointError(
                f"not the description of a judge: unknown {sorted(given - expected - {'grid'})},"
                f" missing {sorted(expected - given)}."
            )
        if not isinstance(fields["widths"], list):
            raise CheckpointError(f"widths are three to five whole numbers, not {fields['widths']!r}.")
        return JudgeConfig(**fields | {"widths": tuple(fields["widths"]), "files": files})


class Network(nn.Module):
    """Pictures (N, C, H, W) in [0, 1] -> logits (N, classes). A convolution at full size, two at each smaller
    one, and one hidden layer."""

    def __init__(self, config: JudgeConfig) -> None:
        super().__init__()
        first, *others = config.widths
        layers = _convolution(config.channels, first, pool=True)
        for inputs, width in itertools.pairwise((first, *others)):
            layers += [*_convolution(inputs, width), *_convolution(width, width, pool=True)]
        side = math.ceil(config.size / 2 ** len(config.widths))
        if 0 < config.grid < side:
            layers.append(nn.AdaptiveAvgPool2d(config.grid))
            side = config.grid
        self.hidden = nn.Sequential(
            *layers,
            nn.Flatten(),
            nn.Linear(config.widths[-1] * side * side, config.features, bias=False),
            nn.BatchNorm1d(config.features),
            nn.ReLU(),
        )
        self.output = nn.Linear(config.features, config.classes)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.output(self.hidden(x))
        return logits


def _convolution(inputs: int, outputs: int, pool: bool = False) -> list[nn.Module]:
    # Pooling comes first, so that batch norm handles a quarter of the values.
    pooling: list[nn.Module] = [nn.MaxPool2d(2, ceil_mode=True)] if pool else []
    convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    return [convolution, *pooling, nn.BatchNorm2d(outputs), nn.ReLU()]


@dataclass(frozen=True, eq=False)
class Judge:
    """A classifier in evaluation mode on one device, immutable, so that threads may share it.

    Every method takes float pictures (N, C, H, W) in [0, 1], N >= 0, and returns a tensor on the CPU;
    ValueError for pictures of another shape or type.
    """

    config: JudgeConfig
    network: Network
    fingerprint: str  # hash of its files; figures store it to name their judge

    def __post_init__(self) -> None:
        self.network.eval().requires_grad_(False)
        if self.config.channels > 1:
            self.network.to(memory_format=torch.channels_last)  # twice as fast on a CPU

    @staticmethod
    @functools.lru_cache(maxsize=8)
    def load(dataset: str, device: torch.device | str = "cpu") -> Judge | None:
        """The bundled judge of a data set, read once, or None."""
        # A name, never a path: a data set may be a folder of the user's, which has no judge.
        if not re.fullmatch(r"[a-z0-9-]{1,64}", dataset) or not (JUDGES / dataset / CONFIG_FILE).is_file():
            return None
        return Judge.read(JUDGES / dataset, device)

    @staticmethod
    def read(folder: Path, device: torch.device | str = "cpu") -> Judge:
        """Load a judge strictly: every tensor of its description, of its shape, and nothing else.
        CheckpointError for a folder without one, or files that do not fit."""
        name = f"judges/{folder.name}"
        text = sums.read_description(folder, CONFIG_FILE, name)
        if text is None:
            raise CheckpointError(f"{name} lacks {CONFIG_FILE}: it is no judge.")
        config = JudgeConfig.from_json(text, f"{name}/{CONFIG_FILE}")
        blob = sums.read(folder, WEIGHTS_FILE, config.files, name, MAX_WEIGHTS_BYTES)
        if blob is None:
            raise CheckpointError(f"{name} lacks {WEIGHTS_FILE}: it is no judge.")
        with torch.device("meta"):  # nothing is allocated, no random number drawn
            network = Network(config)
        model.fill(network, blob, f"{name}/{WEIGHTS_FILE}", device)
        description = sums.split(text, name)[0].encode()
        return Judge(config, network, sums.compute(description + blob)[:16])

    @property
    def name(self) -> str:
        """The data set's name."""
        return self.config.dataset

    @property
    def accuracy(self) -> float:
        """Share in [0, 1] of the test pictures that it labels correctly, measured by `python -m
        train.judge`."""
        return self.config.accuracy

    def logits(self, x: Tensor) -> Tensor:
        """(N, classes), unbounded."""
        return self._in_batches(self.network, x)

    def probabilities(self, x: Tensor) -> Tensor:
        """(N, classes); each row sums to 1."""
        return self.logits(x).softmax(dim=1)

    def labels(self, x: Tensor) -> Tensor:
        """The most probable class, (N,) int64."""
        return self.logits(x).argmax(dim=1)

    def features(self, x: Tensor) -> Tensor:
        """The last hidden layer after its nonlinearity, (N, F)."""
        return self._in_batches(self.network.hidden, x)

    @torch.inference_mode()
    def compute_distance(self, x: Tensor, y: Tensor) -> Tensor:
        """How unlike x and y look to its convolutions, (N,) in [0, 2]: the features of a layer, of length 1
        at each place, their squared distance, its mean over places and layers (Zhang et al., arXiv
        1801.03924, without learned weights)."""
        self._check(y)
        return self._in_batches(
            lambda both: _compare_layers(self.network.hidden, *both.chunk(2, dim=1)),
            torch.cat([x, y], 1),
            pictures=2,
        )

    def _check(self, x: Tensor, pictures: int = 1) -> None:
        channels, *sides = self.config.image_shape
        if tuple(x.shape[1:]) == (pictures * channels, *sides) and x.is_floating_point():
            return
        raise ValueError(
            f"The {self.name} judge takes floats of the shape (N, {str(self.config.image_shape)[1:]}"
            f" in [0, 1], not {x.dtype} of the shape {tuple(x.shape)}."
        )

    @torch.inference_mode()
    def _in_batches(self, function: Callable[[Tensor], Tensor], x: Tensor, pictures: int = 1) -> Tensor:
        self._check(x, pictures)
        weight = self.network.output.weight
        values = self.config.widths[0] * self.config.size**2
        batch = BATCH if self.config.channels == 1 else max(1, MAX_BATCH_VALUES // values)
        parts = torch.split(x, batch)
        return torch.cat([function(part.to(weight.device, weight.dtype)).cpu() for part in parts])


def _compare_layers(hidden: nn.Sequential, x: Tensor, y: Tensor) -> Tensor:
    """Mean over the layers of convolutions of the squared distances (N,) of what they see in x and y."""
    distances = []
    for module in hidden:
        x, y = module(x), module(y)
        if x.dim() < 4:
            break
        if isinstance(module, nn.ReLU):
            a, b = (nn.functional.normalize(h, dim=1, eps=1e-6) for h in (x, y))
            distances.append((a - b).square().sum(1).mean((1, 2)))
    return torch.stack(distances).mean(0)


def save(config: JudgeConfig, network: Network, folder: Path) -> None:
    """Write judge.json and judge.safetensors (floats as fp16) to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    tensor_files.write_module(folder / WEIGHTS_FILE, network)
    write_atomically(folder / CONFIG_FILE, dataclasses.replace(config, files={}).to_json())
