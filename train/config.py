"""TrainConfig: every setting of a run with its default, check and help; the flags follow from it."""

from __future__ import annotations

import argparse
import dataclasses
import math
import types
import typing
from dataclasses import dataclass, field
from typing import Any, Literal

from ganlab import networks
from ganlab.latent import MAX_SEED
from train.data import datasets


def _setting(default: Any, group: str, help: str, *, free: bool = False) -> Any:
    """A field with its place and text in --help; `free` settings may differ between a run and its resume."""
    return field(default=default, metadata={"group": group, "help": help, "free": free})


DATA, OPTIMISER, NETWORKS, RUN = "data", "optimiser and updates", "networks", "run"
WATCH = "watching"
MAX_WORKERS = 64  # processes that read
REGRESSORS, BIGAN_PLUS = "methods lr and jlr", "method bigan-plus"


@dataclass(frozen=True)
class TrainConfig:
    """All settings of a run. ValueError names the flag whose value, or combination, cannot be.

    The defaults are the paper's MNIST protocol (arXiv 1605.09782, section 4.1, and its release), except
    the number of epochs. `python -m train` replaces them by those of the family and the preset, see
    `train.presets`.
    """

    method: str = _setting("bigan", RUN, "what to train")
    dataset: str = _setting(
        "mnist", DATA, f"{', '.join(datasets.DATASETS)}, or the path of a folder of pictures or tar files"
    )
    data_root: str = _setting(datasets.DEFAULT_ROOT, DATA, datasets.ROOT_HELP, free=True)
    size: int | None = _setting(
        None, DATA, "height and width of a folder's pictures, in pixels (default: 32)"
    )
    channels: int | None = _setting(
        None, DATA, "1 (grey) or 3 (colour) for a folder's pictures (default: as they are)"
    )
    limit: int = _setting(0, DATA, "use only the first N training pictures; 0: all")
    batch_size: int = _setting(128, DATA, "pictures in a step")
    stream: bool | None = _setting(
        None,
        DATA,
        "read a folder's pictures while training, not all of them before (default: where they would fill more"
        " than 2 GB)",
    )
    shuffle_window: int = _setting(
        0,
        DATA,
        "with --stream, for disks that are slow to jump: tar files come in random order, and so many of their"
        " pictures are mixed at a time; 0: all are mixed",
    )
    workers: int | None = _setting(
        None, DATA, "with --stream: processes that read (default: half of the cores, up to 8)", free=True
    )
    mirror: bool = _setting(False, DATA, "mirror half of the pictures, another half in every step")
    epochs: int = _setting(100, OPTIMISER, "passes over the training pictures")
    decay_epochs: int | None = _setting(
        None,
        OPTIMISER,
        "number of last epochs in which the learning rate decays exponentially (default: half of them)",
    )
    lr: float = _setting(2e-4, OPTIMISER, "Adam's learning rate before the decay")
    lr_final: float = _setting(0.01, OPTIMISER, "factor on the learning rate at the end of the decay")
    beta1: float = _setting(0.5, OPTIMISER, "Adam's decay of the mean of gradients")
    beta2: float = _setting(0.999, OPTIMISER, "Adam's decay of the mean of squared gradients")
    weight_decay: float = _setting(2.5e-5, OPTIMISER, "L2 penalty on the weights, added to the gradient")
    updates: Literal["simultaneous", "alternating"] = _setting(
        "simultaneous",
        OPTIMISER,
        "simultaneous: all gradients are taken before any step; alternating: D steps first, then G and E",
    )
    d_steps: int = _setting(1, OPTIMISER, "alternating only: steps of D for each turn of G and E")
    g_steps: int = _setting(
        1, OPTIMISER, "alternating only: steps of G and E in a turn, each with fresh noise"
    )
    ema: float = _setting(
        0.0, OPTIMISER, "decay of the moving average of G's and E's weights, which is published; 0: none"
    )
    family: str = _setting(
        "paper", NETWORKS, f"networks, which bring their own defaults: {', '.join(networks.FAMILIES)}"
    )
    latent_dim: int = _setting(50, NETWORKS, "dimensions of the latent z")
    prior: Literal["uniform", "normal"] = _setting(
        "uniform", NETWORKS, "distribution of z: uniform on [-1, 1], or standard normal"
    )
    stretch_share: float = _setting(
        0.0,
        NETWORKS,
        "normal prior only: share of the latents moved by 3 in a random direction, as a slider may; 0 to 1",
    )
    width: int = _setting(
        1024, NETWORKS, "units of the widest hidden layer; conv: channels of the layer next to the picture"
    )
    norm: Literal["batch", "spectral", "none"] = _setting(
        "batch", NETWORKS, "conv only: normalisation of the discriminators; G and E have batch norm"
    )
    blocks: int = _setting(0, NETWORKS, "residual only: blocks of each stage, at least 1")
    feature_dim: int = _setting(
        0,
        NETWORKS,
        "conv or residual with bigan-plus: size of a feature head on E; 0: features are E's hidden layer",
    )
    generator_start: Literal["grey", "mean"] = _setting(
        "grey", NETWORKS, "paper only: G's first pictures are grey (the paper), or the mean training picture"
    )
    regression: Literal["cross-entropy", "l2"] = _setting(
        "cross-entropy", REGRESSORS, "loss between E(G(z)) and z; cross-entropy needs the uniform prior"
    )
    regression_weight: float = _setting(0.25, REGRESSORS, "jlr only: weight of the regression in G's loss")
    pair_weight: float = _setting(
        1.0, BIGAN_PLUS, "weight of the discriminator that tells (x, x) from (x, G(E(x))); 0: without it"
    )
    pixel_weight: float = _setting(
        0.0, BIGAN_PLUS, "weight of the squared error of G(E(x)), summed over pixels"
    )
    latent_weight: float = _setting(0.0, BIGAN_PLUS, "weight of the mean squared error of E(G(z))")
    contrast_weight: float = _setting(
        0.0, BIGAN_PLUS, "weight of the contrastive loss between the features of two augmented views"
    )
    prior_weight: float = _setting(
        0.0, BIGAN_PLUS, "weight of the sliced Wasserstein distance of the codes from the prior"
    )
    code_noise: float = _setting(
        0.0, BIGAN_PLUS, "standard deviation of the noise added to codes in training"
    )
    code_share: float = _setting(
        0.0, BIGAN_PLUS, "share of the latents z replaced by other pictures' codes, mixed with noise; 0 to 1"
    )
    code_spread: float = _setting(
        0.5, BIGAN_PLUS, "largest s in the mixture sqrt(1 - s^2) code + s noise; 0: the code, 1: the prior"
    )
    augment: bool = _setting(False, BIGAN_PLUS, "reconstruct an augmented view for half of the pictures")
    image_weight: float = _setting(
        0.0, BIGAN_PLUS, "weight of a discriminator that sees the picture alone; 0: without it"
    )
    anchor_weight: float = _setting(
        0.0,
        BIGAN_PLUS,
        "with --from-checkpoint: weight of the squared distance of codes and features from the checkpoint's",
    )
    again_weight: float = _setting(
        0.0, BIGAN_PLUS, "weight of the squared error of G(E(G(z))), summed over pixels"
    )
    decoded_weight: float = _setting(
        0.0, BIGAN_PLUS, "weight of D's game about (G(E(x)), E(x)), one more generated pair"
    )
    feature_weight: float = _setting(
        0.0, BIGAN_PLUS, "weight of the mean squared error of what D sees in G(E(x)); conv and residual only"
    )
    game: Literal["logistic", "relativistic"] = _setting(
        "logistic",
        BIGAN_PLUS,
        "logistic: D judges each pair by itself; relativistic: each real one beside a generated one",
    )
    penalty: float = _setting(
        0.0,
        "methods bigan and bigan-plus",
        "weight of R1 + R2, the squared gradients of D, halved; with bigan-plus it falls to a tenth",
    )
    penalty_share: float = _setting(
        1.0, "methods bigan and bigan-plus", "share of a batch on which they are computed; 0 to 1"
    )
    moment_weight: float = _setting(
        0.0,
        "methods bigan and bigan-plus",
        "method bigan only: weight in G's loss of the squared distance between the mean and deviation of each"
        " pixel in its batch and in the real one, which D's batch norm hides",
    )
    statistics: Literal["apart", "shared"] = _setting(
        "apart",
        "methods bigan and bigan-plus",
        "method bigan only: D's batch norm takes real and generated pairs apart (the paper), or as one batch",
    )
    perturb_chance: float = _setting(
        0.0,
        BIGAN_PLUS,
        "chance of each change of the pictures that the discriminators see, to which it grows from 0",
    )
    norm_batch: Literal["global", "local"] = _setting(
        "global",
        RUN,
        "with several processes, what batch norm sees: the global batch, as one process would, or only the"
        " part of its process, without a message a layer",
    )
    from_checkpoint: str | None = _setting(
        None,
        RUN,
        "begin with the weights of this checkpoint (a name or folder), for a second stage; its networks have"
        " to fit (default: random weights)",
    )
    seed: int = _setting(0, RUN, "seed of the first weights, the order of pictures and the noise")
    precision: Literal["auto", "bf16", "fp16", "fp32"] = _setting(
        "auto", RUN, "auto: bf16 where the device is fast at it, fp16 on older GPUs, else fp32"
    )
    device: str = _setting("auto", RUN, "auto, cpu, cuda or cuda:N", free=True)
    out: str | None = _setting(None, RUN, "run folder (default: runs/METHOD-DATASET-sSEED)", free=True)
    pictures_every: int = _setting(
        5, RUN, "epochs between two grids of samples and reconstructions", free=True
    )
    save_every: int = _setting(1, RUN, "epochs between two saves of the state to resume from", free=True)
    save_minutes: float = _setting(
        10.0, RUN, "minutes after which it is saved within an epoch too; 0: never", free=True
    )

    watch_share: float = _setting(
        0.015,
        WATCH,
        "share of the time that a run may spend on RUN/history, what the page's Training tab shows; 0: none",
        free=True,
    )
    stop_when_lost: bool = _setting(
        False, WATCH, "stop, saved, where D is certain, G has collapsed or E is constant", free=True
    )
    log: str = _setting(
        "", WATCH, "programs that get the same figures: tensorboard, trackio, or both with a comma", free=True
    )

    def __post_init__(self) -> None:
        self._check_choices()
        self._check_optimiser()
        self._check_method()

    def _check_choices(self) -> None:
        for name, hint in typing.get_type_hints(TrainConfig).items():
            allowed = typing.get_args(hint) if typing.get_origin(hint) is Literal else None
            if allowed and getattr(self, name) not in allowed:
                raise ValueError(
                    f"{format_flag(name)} is one of {list(allowed)}, not {getattr(self, name)!r}."
                )
        if self.family not in networks.FAMILIES:
            raise ValueError(f"--family is one of {list(networks.FAMILIES)}, not {self.family!r}.")

    def _check_optimiser(self) -> None:
        positive = ("epochs", "batch_size", "latent_dim", "width", "pictures_every", "save_every")
        for name in (*positive, "d_steps", "g_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{format_flag(name)} must be at least 1, not {getattr(self, name)}.")
        if self.batch_size < 2:
            raise ValueError("--batch-size must be at least 2: batch norm needs two pictures.")
        if not 0 <= self.ema < 1:
            raise ValueError(f"--ema lies in [0, 1), not {self.ema}; 0.999 is usual, 0 is off.")
        if not (0 < self.lr < math.inf and 0 < self.lr_final <= 1):
            raise ValueError("--lr must be above 0 and finite, --lr-final in (0, 1].")
        if not (0 <= self.beta1 < 1 and 0 <= self.beta2 < 1 and 0 <= self.weight_decay < math.inf):
            raise ValueError("--beta1 and --beta2 lie in [0, 1), --weight-decay is at least 0 and finite.")
        if not 0 <= self.save_minutes < math.inf:
            raise ValueError("--save-minutes is at least 0 (never) and finite.")
        if not 0 <= self.watch_share <= 1:
            raise ValueError(f"--watch-share lies between 0 and 1, not {self.watch_share}; 0.015 is usual.")
        if not self.watch_share and (self.stop_when_lost or self.log):
            raise ValueError("--stop-when-lost and --log need a --watch-share above 0.")
        if self.shuffle_window < 0 or not 0 <= (self.workers or 0) <= MAX_WORKERS:
            raise ValueError(
                f"--shuffle-window is at least 0, and --workers lie between 0 and {MAX_WORKERS}."
            )
        if self.limit < 0 or not 0 <= self.seed <= MAX_SEED:
            raise ValueError("--limit and --seed are at least 0, and --seed is below 2^63.")
        if not 0 <= self.epochs_of_decay <= self.epochs:
            raise ValueError(
                f"--decay-epochs must lie between 0 and --epochs ({self.epochs}), not {self.decay_epochs}."
            )
        if self.updates == "simultaneous" and (self.d_steps, self.g_steps) != (1, 1):
            raise ValueError("--d-steps and --g-steps belong to --updates alternating.")

    def _check_method(self) -> None:
        self._check_networks()
        if self.method in ("lr", "jlr") and (self.prior, self.regression) == ("normal", "cross-entropy"):
            raise ValueError("A normal prior has no cross-entropy with E's answer: use --regression l2.")
        weights = [f.name for f in dataclasses.fields(self) if f.name.endswith("_weight")]
        for name in (*weights, "code_noise", "penalty"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{format_flag(name)} is at least 0 and finite.")
        if self.stretch_share and self.prior != "normal":
            raise ValueError("--stretch-share belongs to --prior normal: a box has an edge.")
        for name in ("code_share", "code_spread", "stretch_share", "penalty_share", "perturb_chance"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{format_flag(name)} lies between 0 and 1, not {getattr(self, name)}.")
        taught = self.contrast_weight or self.anchor_weight
        if self.feature_dim < 0 or (self.feature_dim and not taught):
            raise ValueError(
                "--feature-dim is at least 0, and needs a --contrast-weight or --anchor-weight to learn from."
            )
        if self.anchor_weight and self.contrast_weight:
            raise ValueError("--anchor-weight keeps the features, so it takes no --contrast-weight.")
        if self.anchor_weight and not self.from_checkpoint:
            raise ValueError("--anchor-weight needs --from-checkpoint, whose codes it holds on to.")

    def _check_networks(self) -> None:
        if self.norm != "batch" and self.family != "conv":
            raise ValueError("--norm belongs to --family conv.")
        if self.blocks < 0 or bool(self.blocks) != (self.family == "residual"):
            raise ValueError("--blocks belongs to --family residual, and is at least 1 there.")
        if self.generator_start != "grey" and self.family != "paper":
            raise ValueError("--generator-start mean belongs to --family paper.")
        deep = self.family in ("conv", "residual")
        if self.feature_dim and not (deep and self.method == "bigan-plus"):
            raise ValueError("--feature-dim belongs to the method bigan-plus and --family conv or residual.")
        if self.feature_weight and not deep:
            raise ValueError("--feature-weight belongs to --family conv or residual.")
        if self.penalty and (self.family, self.norm) == ("conv", "batch"):
            raise ValueError(
                "--penalty needs discriminators without batch norm, whose gradients are one picture's: use"
                " --norm spectral or none, or --family residual."
            )

    @property
    def epochs_of_decay(self) -> int:
        """Number of last epochs in which the learning rate decays."""
        return self.epochs // 2 if self.decay_epochs is None else self.decay_epochs

    def learning_rate(self, epoch: int) -> float:
        """Rate in epoch 0, 1, ...: constant, then exponential, `lr * lr_final` in the last epoch."""
        decayed = max(0, epoch + 1 - (self.epochs - self.epochs_of_decay))
        return float(self.lr * self.lr_final ** (decayed / max(1, self.epochs_of_decay)))

    def list_differences(self, other: dict[str, Any]) -> list[str]:
        """A clause for each setting that changes the result and differs from `other`, a saved run's.

        A setting that did not exist when the run began counts as its default, which does what was done then.
        """
        differences = []
        for f in dataclasses.fields(self):
            mine, theirs = getattr(self, f.name), other.get(f.name, f.default)
            if not f.metadata["free"] and mine != theirs:
                differences.append(f"{format_flag(f.name)} is {mine}, the run was started with {theirs}")
        return differences


def format_flag(name: str) -> str:
    """The flag of a setting: d_steps -> --d-steps."""
    return "--" + name.replace("_", "-")


def add_flags(parser: argparse.ArgumentParser) -> None:
    """A flag for each field of TrainConfig except `method`, in groups, with the field's help and default."""
    hints = typing.get_type_hints(TrainConfig)
    groups: dict[str, argparse._ArgumentGroup] = {}
    for f in dataclasses.fields(TrainConfig):
        if f.name == "method":
            continue
        title = f.metadata["group"]
        if title not in groups:
            groups[title] = parser.add_argument_group(title)
        kind, choices = hints[f.name], None
        if typing.get_origin(kind) is Literal:
            choices, kind = typing.get_args(kind), str
        elif typing.get_origin(kind) in (types.UnionType, typing.Union):
            kind = next(a for a in typing.get_args(kind) if a is not type(None))
        text = f.metadata["help"]
        if "default" not in text:
            text += " (default: %(default)s)"
        form: dict[str, Any]
        if kind is bool:
            form = {"action": argparse.BooleanOptionalAction}
        else:
            form = {"type": kind, "choices": choices, "metavar": None if choices else kind.__name__.upper()}
        groups[title].add_argument(format_flag(f.name), dest=f.name, default=f.default, help=text, **form)
