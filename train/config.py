"""TrainConfig: every setting of a run, its default and its help in one place; the flags are made from it."""

from __future__ import annotations

import argparse
import dataclasses
import math
import os
import types
import typing
from dataclasses import dataclass, field
from typing import Any, Literal

from ganlab import networks
from ganlab.latent import MAX_SEED

_TUTORIAL: dict[str, Any] = {
    "prior": "normal",
    "updates": "alternating",
    "weight_decay": 0.0,
    "decay_epochs": 0,
}
# What a family changes of the defaults below, which are the paper's.
PRESETS: dict[str, dict[str, Any]] = {
    "tutorial-gan": _TUTORIAL | {"latent_dim": 100},
    "tutorial-gan-colour": _TUTORIAL | {"latent_dim": 100},
    "tutorial-bigan": _TUTORIAL,
    "conv": {"width": 32, "prior": "normal", "weight_decay": 0.0, "ema": 0.999},
}


def _setting(default: Any, help: str, *, free: bool = False) -> Any:
    """A field with its help text; `free` settings may differ between a run and its resume."""
    return field(default=default, metadata={"help": help, "free": free})


@dataclass(frozen=True)
class TrainConfig:
    """Defaults are the paper's MNIST protocol (arXiv 1605.09782 and its release), but for the epochs.

    `PRESETS` holds what another family of networks starts from; `python -m train` puts it in.
    """

    method: str = _setting("bigan", "what to train")
    dataset: str = _setting("mnist", "data set to train on: a name, or a folder of pictures")
    data_root: str = _setting(
        os.environ.get("GANLAB_DATA", "data"),
        "folder of the data set; fetched into it when absent (default: $GANLAB_DATA, or data)",
        free=True,
    )
    size: int | None = _setting(None, "pixels a side that a folder's pictures are brought to; default: 32")
    channels: int | None = _setting(None, "1, grey, or 3, for a folder; default: what its pictures are")
    limit: int = _setting(0, "use only the first so many training pictures; 0 uses all")
    epochs: int = _setting(100, "passes over the training pictures")
    decay_epochs: int | None = _setting(
        None, "the last so many epochs decay the learning rate exponentially; default: half"
    )
    batch_size: int = _setting(128, "pictures a step")
    lr: float = _setting(2e-4, "Adam's learning rate before it decays")
    lr_final: float = _setting(0.01, "factor on the learning rate that the decay ends at")
    beta1: float = _setting(0.5, "Adam's first decay")
    beta2: float = _setting(0.999, "Adam's second decay")
    weight_decay: float = _setting(2.5e-5, "L2 penalty, added to the gradient")
    updates: Literal["simultaneous", "alternating"] = _setting(
        "simultaneous",
        "simultaneous: all players step from the same parameters; alternating: D first, then G and E",
    )
    d_steps: int = _setting(1, "alternating: batches that D sees between two turns of G and E")
    g_steps: int = _setting(1, "alternating: updates in a turn of G and E, each with fresh noise")
    family: str = _setting("paper", f"networks, and defaults of their own: {', '.join(networks.FAMILIES)}")
    latent_dim: int = _setting(50, "dimensions of the latent z")
    prior: Literal["uniform", "normal"] = _setting("uniform", "z is uniform on [-1, 1] or normal")
    width: int = _setting(
        1024, "units of each hidden layer, or of the widest; conv: channels next to the picture"
    )
    norm: Literal["batch", "spectral", "none"] = _setting(
        "batch", "conv only: what steadies its discriminators; its G and E always have batch norm"
    )
    regression: Literal["cross-entropy", "l2"] = _setting(
        "cross-entropy", "lr, jlr: how E's guess of z is judged; cross-entropy needs the uniform prior"
    )
    regression_weight: float = _setting(0.25, "jlr: share of that regression in G's loss")
    pair_weight: float = _setting(1.0, "bigan-plus: of the discriminator of (x, x) and (x, G(E(x)))")
    pixel_weight: float = _setting(0.0, "bigan-plus: of the squared error of G(E(x)), summed over pixels")
    latent_weight: float = _setting(0.0, "bigan-plus: of the mean squared error of E(G(z))")
    contrast_weight: float = _setting(0.0, "bigan-plus: of the contrast between two changed views")
    prior_weight: float = _setting(0.0, "bigan-plus: of the sliced distance of codes from the prior")
    code_noise: float = _setting(0.0, "bigan-plus: deviation of the noise on codes in training")
    code_share: float = _setting(
        0.0, "bigan-plus: share of the game's latents that are codes of other pictures, moved to the prior"
    )
    code_spread: float = _setting(0.5, "bigan-plus: how far at most; 0: not at all, 1: to the prior itself")
    augment: bool = _setting(False, "bigan-plus: half of what is to be given back are changed views")
    feature_dim: int = _setting(
        0, "conv, bigan-plus: numbers in E's features, with a head of their own; 0: its hidden layer"
    )
    ema: float = _setting(
        0.0, "decay of an exponential moving average of G and E, published in their place; 0: none"
    )
    precision: Literal["auto", "bf16", "fp16", "fp32"] = _setting(
        "auto", "auto: bf16 where the device is fast at it, fp16 on older GPUs, else fp32"
    )
    seed: int = _setting(0, "seed of weights, data order and noise")
    device: str = _setting("auto", "auto, cpu, cuda or cuda:N", free=True)
    out: str | None = _setting(None, "run folder; default runs/METHOD-DATASET-sSEED", free=True)
    pictures_every: int = _setting(5, "epochs between two sample and reconstruction grids", free=True)
    save_every: int = _setting(1, "epochs between two writes of the resume file", free=True)

    def __post_init__(self) -> None:
        for name, hint in typing.get_type_hints(TrainConfig).items():
            allowed = typing.get_args(hint) if typing.get_origin(hint) is Literal else None
            if allowed and getattr(self, name) not in allowed:
                raise ValueError(f"{flag(name)} is one of {list(allowed)}, not {getattr(self, name)!r}.")
        if self.family not in networks.FAMILIES:
            raise ValueError(f"--family is one of {list(networks.FAMILIES)}, not {self.family!r}.")
        positive = ("epochs", "batch_size", "latent_dim", "width", "pictures_every", "save_every")
        for name in (*positive, "d_steps", "g_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{flag(name)} must be at least 1, not {getattr(self, name)}.")
        if self.batch_size < 2:
            raise ValueError("--batch-size must be at least 2: batch norm needs two pictures.")
        if not 0 <= self.ema < 1:
            raise ValueError(f"--ema lies in [0, 1), not {self.ema}; 0.999 is usual, 0 is off.")
        if not (0 < self.lr < math.inf and 0 < self.lr_final <= 1):
            raise ValueError("--lr must be above 0 and finite, --lr-final in (0, 1].")
        if not (0 <= self.beta1 < 1 and 0 <= self.beta2 < 1 and 0 <= self.weight_decay < math.inf):
            raise ValueError("--beta1 and --beta2 lie in [0, 1), --weight-decay is at least 0 and finite.")
        if self.limit < 0 or not 0 <= self.seed <= MAX_SEED:
            raise ValueError("--limit and --seed are at least 0, and --seed is below 2^63.")
        if self.updates == "simultaneous" and (self.d_steps, self.g_steps) != (1, 1):
            raise ValueError("--d-steps and --g-steps belong to --updates alternating.")
        if self.norm != "batch" and self.family != "conv":
            raise ValueError("--norm belongs to --family conv.")
        if self.method in ("lr", "jlr") and (self.prior, self.regression) == ("normal", "cross-entropy"):
            raise ValueError("A normal prior has no cross-entropy with E's answer: use --regression l2.")
        weights = [f.name for f in dataclasses.fields(self) if f.name.endswith("_weight")]
        for name in (*weights, "code_noise"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{flag(name)} is at least 0 and finite.")
        for name in ("code_share", "code_spread"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{flag(name)} lies between 0 and 1, not {getattr(self, name)}.")
        if self.feature_dim and (self.family, self.method) != ("conv", "bigan-plus"):
            raise ValueError("--feature-dim belongs to --family conv and the method bigan-plus.")
        if self.feature_dim < 0 or (self.feature_dim and not self.contrast_weight):
            raise ValueError("--feature-dim is at least 0, and needs a --contrast-weight to learn from.")
        if not 0 <= self.epochs_of_decay <= self.epochs:
            raise ValueError(
                f"--decay-epochs must lie between 0 and --epochs ({self.epochs}), not {self.decay_epochs}."
            )

    @property
    def epochs_of_decay(self) -> int:
        return self.epochs // 2 if self.decay_epochs is None else self.decay_epochs

    def learning_rate(self, epoch: int) -> float:
        """Rate in epoch 0, 1, ...: constant, then exponential, `lr * lr_final` in the last epoch."""
        decayed = max(0, epoch + 1 - (self.epochs - self.epochs_of_decay))
        return float(self.lr * self.lr_final ** (decayed / max(1, self.epochs_of_decay)))

    def differences(self, other: dict[str, Any]) -> list[str]:
        """One sentence for each setting that decides the result and differs from a saved run's.

        A setting that did not exist when the run began has the default that does what was done then.
        """
        found = []
        for f in dataclasses.fields(self):
            mine, theirs = getattr(self, f.name), other.get(f.name, f.default)
            if not f.metadata["free"] and mine != theirs:
                found.append(f"{flag(f.name)} is {mine}, the run was started with {theirs}")
        return found


def flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def add_flags(parser: argparse.ArgumentParser) -> None:
    """One flag for each field of TrainConfig except `method`, with the field's help and default."""
    hints = typing.get_type_hints(TrainConfig)
    for f in dataclasses.fields(TrainConfig):
        if f.name == "method":
            continue
        kind, choices = hints[f.name], None
        if typing.get_origin(kind) is Literal:
            choices, kind = typing.get_args(kind), str
        elif typing.get_origin(kind) in (types.UnionType, typing.Union):
            kind = next(a for a in typing.get_args(kind) if a is not type(None))
        text = f.metadata["help"]
        if "default" not in text:
            text += " (default: %(default)s)"
        if kind is bool:
            parser.add_argument(
                flag(f.name), dest=f.name, action=argparse.BooleanOptionalAction, default=f.default, help=text
            )
            continue
        parser.add_argument(
            flag(f.name),
            dest=f.name,
            type=kind,
            choices=choices,
            default=f.default,
            help=text,
            metavar=None if choices else kind.__name__.upper(),
        )
