"""ModelConfig, all that is needed to rebuild a model, and CheckpointError.

Imported by `ganlab.model` and `ganlab.networks` alike, so that neither needs the other.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ganlab import latent, sums
from ganlab.sums import CheckpointError

__all__ = ["CheckpointError", "ModelConfig", "check_classes"]

NORMS = ("batch", "spectral", "none")  # of the discriminators of the family "conv"
FINGERPRINT = r"[0-9a-f]{16}"
MAX_CLASSES = 4096
MAX_CLASS_NAME = 60  # characters
MAX_CHANGE = 200  # characters of what has changed since an earlier checkpoint
NEWER_FIELDS = (
    "aliases",
    "replaced",
    "trained_networks",
    "map_width",
    "map_blocks",
    "map_steps",
    "blocks",
    "classes",
)


def check_classes(classes: Sequence[object], owner: str) -> None:
    """CheckpointError, which names the `owner`, for names of classes that are no short printable texts."""
    if len(classes) > MAX_CLASSES:
        raise CheckpointError(f"{owner} has at most {MAX_CLASSES} classes, not {len(classes)}.")
    for name in classes:
        if not (isinstance(name, str) and name.isprintable() and 0 < len(name) <= MAX_CLASS_NAME):
            raise CheckpointError(
                f"{owner} names each class in 1 to {MAX_CLASS_NAME} printable characters, not"
                f" {str(name)[:MAX_CLASS_NAME]!r}."
            )


@dataclass(frozen=True)
class ModelConfig:
    """All that is needed to rebuild a model's networks and to prepare pictures for it."""

    name: str  # of the folder; shown to people
    method: str  # of training ("bigan"); shown to people, never branched on
    dataset: str  # that it was trained on ("mnist"); shown to people
    family: str  # key of networks.FAMILIES
    networks: tuple[str, ...]  # names of the networks in the checkpoint
    channels: int
    size: int  # pictures are size x size
    latent_dim: int
    prior: str  # "uniform" on [-1, 1] or "normal"
    width: int  # units of each hidden layer; in "conv" and "residual", channels next to the picture
    preparation: str = "digit"  # how uploads become inputs: a key of images.PREPARATIONS
    gallery: str | None = None  # name of the reference pictures' folder in checkpoints/galleries
    title: str = ""  # for the header: "BiGAN · MNIST"
    norm: str = "batch"  # of the discriminators in "conv", one of NORMS; other families ignore it
    feature_dim: int = 0  # of a separate head for E's features; 0: they are its hidden layer
    blocks: int = 0  # in "residual", of each stage; 0 in other families
    gaussians: int = 0  # of the mixture fitted to the codes (see mixture.py); 0: there is none
    map_width: int = (
        0  # units of the latent map's hidden layers (see networks/latent_map.py); 0: there is none
    )
    map_blocks: int = 0  # residual blocks of its velocity
    map_steps: int = 0  # Euler steps that it takes
    # Earlier fingerprints of the same generator, encoder and prior, for example from before a discriminator's
    # file was removed: latents, recipes and shelves with one of these fingerprints are accepted.
    aliases: tuple[str, ...] = ()
    # Fingerprints of earlier checkpoints of this name whose latents mean nothing to this one, each with what
    # has changed since, as it follows "before": "it got its latent map (November 2026)".
    replaced: Mapping[str, str] = dataclasses.field(default_factory=dict, hash=False)
    # Names of the labels of its data set ("frog", "king penguin"), in their order. Empty: a label is its own
    # name, as of digits, or there are none.
    classes: tuple[str, ...] = ()
    # All networks of the training run in its order, where the checkpoint does not hold all of them: random
    # weights are drawn in this order, those of untrained networks too. Empty: `networks`.
    trained_networks: tuple[str, ...] = ()
    # SHA-256 of each file of the checkpoint by its name, see sums.py; empty: it was written before there were
    # sums. They are no part of what the model is, and so not of its fingerprint.
    files: Mapping[str, str] = dataclasses.field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        for name in ("name", "method", "dataset", "family", "preparation", "title"):
            if not isinstance(getattr(self, name), str):
                raise CheckpointError(f"{name} is a text, not {getattr(self, name)!r}.")
        if not (self.gallery is None or isinstance(self.gallery, str)):
            raise CheckpointError(f"gallery is a name or null, not {self.gallery!r}.")
        for field in ("networks", "trained_networks"):
            if not all(isinstance(name, str) for name in getattr(self, field)):
                raise CheckpointError(f"{field} is a list of names, not {list(getattr(self, field))}.")
        if self.trained_networks and not set(self.networks) <= set(self.trained_networks):
            raise CheckpointError("trained_networks must name all networks of the checkpoint.")
        if not all(isinstance(alias, str) and re.fullmatch(FINGERPRINT, alias) for alias in self.aliases):
            raise CheckpointError(
                f"aliases is a list of fingerprints of 16 hexadecimal digits, not {list(self.aliases)}."
            )
        self._check_replaced()
        check_classes(self.classes, self.name)
        if self.prior not in latent.PRIORS:
            raise CheckpointError(f"Unknown prior {self.prior!r}; available = {list(latent.PRIORS)}.")
        if self.norm not in NORMS:
            raise CheckpointError(f"Unknown norm {self.norm!r}; available = {list(NORMS)}.")
        for name, low, high in (
            ("channels", 1, 4),
            ("size", 1, 1024),
            ("latent_dim", 1, 4096),
            ("width", 1, 16384),
            ("feature_dim", 0, 4096),
            ("blocks", 0, 64),
            ("gaussians", 0, 4096),
            ("map_width", 0, 4096),
            ("map_blocks", 0, 64),
            ("map_steps", 0, 64),
        ):
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:  # True is an int to isinstance
                raise CheckpointError(f"{name} is a whole number from {low} to {high}, not {value!r}.")
        has_map = "latent_map" in (*self.networks, *self.trained_networks)
        if any(bool(size) != has_map for size in (self.map_width, self.map_blocks, self.map_steps)):
            raise CheckpointError(
                "A latent_map needs map_width, map_blocks and map_steps, which mean nothing without it."
            )
        if has_map and self.prior != "normal":
            raise CheckpointError("A latent map makes the prior normal.")

    def _check_replaced(self) -> None:
        for fingerprint, change in self.replaced.items():
            if not (isinstance(fingerprint, str) and re.fullmatch(FINGERPRINT, fingerprint)):
                raise CheckpointError(
                    f"replaced names fingerprints of 16 hexadecimal digits, not {fingerprint!r}."
                )
            if not (isinstance(change, str) and re.fullmatch(rf"\S(.{{0,{MAX_CHANGE - 2}}}\S)?", change)):
                raise CheckpointError(
                    "replaced says of each fingerprint what has changed since, in a line of at most"
                    f" {MAX_CHANGE} characters, not {str(change)[:40]!r}."
                )
        if both := self.replaced.keys() & set(self.aliases):
            raise CheckpointError(f"{sorted(both)} cannot be both among aliases and among replaced.")

    def explain_replacement(self, fingerprint: object, noun: str) -> str:
        """Why a latent, link, recipe or shelf (`noun`) of an earlier checkpoint of this name is refused;
        empty for a fingerprint that is not among `replaced`."""
        change = self.replaced.get(fingerprint) if isinstance(fingerprint, str) else None
        if change is None:
            return ""
        meaning = "it means" if noun == "latent" else "its latents mean"
        return f"This {noun} was made with {self.name} before {change}; {meaning} nothing to today's model."

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of a picture."""
        return self.channels, self.size, self.size

    @property
    def pixels(self) -> int:
        """Numbers of a picture: C * H * W."""
        return self.channels * self.size * self.size

    def to_dict(self) -> dict[str, Any]:
        """The fields of config.json without sums. Empty ones of NEWER_FIELDS are left out: they would change
        the fingerprint of checkpoints that were written before these fields existed."""
        fields = dataclasses.asdict(self)
        del fields["files"]
        for name in NEWER_FIELDS:
            if not fields[name]:
                del fields[name]
        return fields

    def to_json(self) -> str:
        """The content of config.json."""
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"
        return sums.join(text, self.files) if self.files else text

    @staticmethod
    def from_json(text: str, source: str) -> ModelConfig:
        """From the content of config.json; CheckpointError, which names the `source`, where it is not
        valid, or does not have its own sum."""
        text, files = sums.split(text, source)
        fields = json.loads(text)
        declared = {field.name: field for field in dataclasses.fields(ModelConfig) if field.name != "files"}
        if not isinstance(fields, dict):
            raise CheckpointError(f"{source} must hold one JSON object with the model's settings.")
        unknown = sorted(set(fields) - set(declared))
        missing = sorted(
            name
            for name, field in declared.items()
            if field.default is field.default_factory is dataclasses.MISSING and name not in fields
        )
        if unknown or missing:
            raise CheckpointError(
                f"{source} does not describe a ganlab model: unknown {unknown}, missing {missing}."
            )
        for name, members in (
            ("networks", "names"),
            ("trained_networks", "names"),
            ("aliases", "fingerprints"),
            ("classes", "names"),
        ):
            if not isinstance(fields.get(name, []), list):
                raise CheckpointError(f"{source}: {name} is a list of {members}.")
            fields[name] = tuple(fields.get(name, []))
        if not isinstance(fields.get("replaced", {}), dict):
            raise CheckpointError(f"{source}: replaced is an object of fingerprints, each with what changed.")
        return ModelConfig(**fields, files=files)
