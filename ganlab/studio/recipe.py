"""Recipes: a short JSON text that reproduces a picture, a path or a film to the pixel.

    {"ganlab": 1, "model": "mnist-bigan", "fingerprint": "082644f51dd8fe3e", "operation": "decode",
     "latents": [{"z": "vzMzvz8z..."}]}

The fingerprint is the checkpoint's; no other replays the recipe, and the name helps to find it. A latent is
one of

    {"z": TEXT}                    its float32 numbers, little-endian, in base64: exact
    {"z": TEXT, "picture": HASH}   the same, inverted from the picture whose prepared pixels have this SHA-256
    {"seed": 7, "index": 3, "source": "mixture", "truncation": 0.8}    a sample, see `Explorer.sample`

"decode" takes one latent and gives G(z). "interpolate" takes two or more and "steps", the number of pictures
from each to the next, both ends included. "film" takes two or more and "film", the settings of `film.Film`,
and gives its frames. In a permalink the same text is base64 in a URL's alphabet.
ganlab/ui/static/lib/recipe.js writes the same format.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganlab import images, latent
from ganlab.config import CheckpointError
from ganlab.explorer import Explorer
from ganlab.studio.film import MAX_KEYFRAMES, Film, render_frames

VERSION = 1
OPERATIONS = ("decode", "interpolate", "film")
MAX_TEXT = 100_000  # characters of a recipe
MAX_LATENTS = 64
MAX_STEPS = 1000
MAX_INDEX = 100_000


class RecipeError(ValueError):
    """A recipe that cannot be read or replayed; the message says why."""


@dataclass(frozen=True)
class SampledLatent:
    """Sample `index` of a seed, from the prior or the mixture."""

    seed: int
    index: int
    source: str
    truncation: float = 1.0


@dataclass(frozen=True)
class ExactLatent:
    """A latent by its numbers, as float32 bytes; `picture` is the hash of the picture that was inverted to
    it."""

    z: bytes
    picture: str = ""

    @staticmethod
    def from_tensor(z: Tensor, x: Tensor | None = None) -> ExactLatent:
        """z (D,) or (1, D); x (1, C, H, W) in [0, 1], the prepared picture that was inverted."""
        numbers = z.detach().cpu().flatten().numpy().astype("<f4")
        return ExactLatent(numbers.tobytes(), "" if x is None else hash_picture(x))

    def to_tensor(self) -> Tensor:
        """The latent (1, D)."""
        return torch.from_numpy(np.frombuffer(self.z, "<f4").astype(np.float32)).unsqueeze(0)


def hash_picture(x: Tensor) -> str:
    """SHA-256 of the pixels of a prepared picture x (1, C, H, W), as whole numbers from 0 to 255."""
    return hashlib.sha256(images.to_uint8(x[0]).tobytes()).hexdigest()


@dataclass(frozen=True)
class Recipe:
    """A model, latents and what to do with them."""

    model: str
    fingerprint: str
    latents: tuple[ExactLatent | SampledLatent, ...]
    steps: int | None = None  # for "interpolate"
    film: Film | None = None  # for "film"; neither: "decode"

    @property
    def operation(self) -> str:
        return "film" if self.film else "decode" if self.steps is None else "interpolate"

    def to_json(self) -> str:
        fields: dict[str, Any] = {
            "ganlab": VERSION,
            "model": self.model,
            "fingerprint": self.fingerprint,
            "operation": self.operation,
            "latents": [_to_fields(source) for source in self.latents],
        }
        if self.steps is not None:
            fields["steps"] = self.steps
        if self.film is not None:
            fields["film"] = dataclasses.asdict(self.film)
        return json.dumps(fields, separators=(",", ":"), ensure_ascii=False)

    def take_first(self) -> Recipe:
        """The recipe of its first latent alone, which is decoded."""
        return Recipe(self.model, self.fingerprint, self.latents[:1])

    @staticmethod
    def from_json(text: str) -> Recipe:
        """A recipe from a text that may come from anybody; RecipeError for one that is no recipe."""
        if len(text) > MAX_TEXT:
            raise RecipeError(f"A recipe has at most {MAX_TEXT:,} characters, not {len(text):,}.")
        try:
            fields = json.loads(text)
        except (json.JSONDecodeError, RecursionError, ValueError):
            raise RecipeError("A recipe is a JSON text; this text is not JSON.") from None
        if not isinstance(fields, dict) or "ganlab" not in fields:
            raise RecipeError('A recipe is a JSON object that begins {"ganlab": 1, ...}.')
        if fields["ganlab"] != VERSION:
            raise RecipeError(f"This recipe has version {fields['ganlab']!r}; this program reads {VERSION}.")
        model, fingerprint = (_get_text(fields, key) for key in ("model", "fingerprint"))
        operation, latents = fields.get("operation"), fields.get("latents")
        if operation not in OPERATIONS:
            raise RecipeError(f"Operation {operation!r} not found; available = {list(OPERATIONS)}.")
        if not isinstance(latents, list) or not 1 <= len(latents) <= MAX_LATENTS:
            raise RecipeError(f"latents is a list of 1 to {MAX_LATENTS}.")
        if (len(latents) == 1) != (operation == "decode"):
            raise RecipeError("decode takes one latent, interpolate and film two or more.")
        steps = _get_int(fields, "steps", 2, MAX_STEPS) if operation == "interpolate" else None
        film = _read_film(fields.get("film"), len(latents)) if operation == "film" else None
        return Recipe(model, fingerprint, tuple(_read_latent(value) for value in latents), steps, film)

    def to_query(self) -> str:
        """The recipe for ?recipe= in a link, in letters that need no escapes there."""
        return base64.urlsafe_b64encode(self.to_json().encode()).decode().rstrip("=")

    @staticmethod
    def from_query(text: str) -> Recipe:
        """A recipe from what stands behind ?recipe= in a link; RecipeError for one that cannot be read."""
        if len(text) > 2 * MAX_TEXT:
            raise RecipeError("This permalink is too long to be one.")
        try:
            content = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)).decode()
        except (binascii.Error, UnicodeError):
            raise RecipeError("This permalink is damaged; copy it whole.") from None
        return Recipe.from_json(content)

    @staticmethod
    def parse(text: str) -> Recipe:
        """From JSON, a permalink, or what stands behind ?recipe= in one; RecipeError for anything else."""
        text = text.strip()
        if text.startswith("{"):
            return Recipe.from_json(text)
        match = re.search(r"[?&]recipe=([^&#]*)", text)
        return Recipe.from_query(match[1] if match else text)


def make_recipe(
    explorer: Explorer, *latents: ExactLatent | SampledLatent, steps: int | None = None
) -> Recipe:
    """The recipe for G(z) of one latent, or for `steps` pictures from each latent to the next."""
    return Recipe(explorer.config.name, explorer.fingerprint, latents, steps)


def find_latents(explorer: Explorer, recipe: Recipe) -> Tensor:
    """The latents that a recipe names, (K, latent_dim); RecipeError for a recipe of another checkpoint."""
    if not explorer.accepts(recipe.fingerprint):
        raise RecipeError(
            explorer.config.explain_replacement(recipe.fingerprint, "recipe")
            or f"This recipe was made with {recipe.model} ({recipe.fingerprint[:16]}), not with"
            f" {explorer.config.name} ({explorer.fingerprint}); no other checkpoint makes its pictures."
        )
    latents = []
    for source in recipe.latents:
        if isinstance(source, SampledLatent):
            latents.append(
                explorer.sample(1, source.seed, source.truncation, source.source, first=source.index)
            )
        else:
            latents.append(explorer.check_latents(source.to_tensor()))
    return torch.cat(latents)


def find_checkpoint(
    recipe: Recipe, names: Iterable[str], load: Callable[[str], Explorer], noun: str, otherwise: str
) -> tuple[str, Explorer]:
    """The name and explorer of the first of the checkpoints `names` that accepts a recipe; the one that it
    names is loaded before the others, and broken ones are passed over. RecipeError where there is none: it
    says what has become of that checkpoint, or, where nothing is known of it, `otherwise`. `noun`: what the
    recipe came in, "link" or "recipe"."""
    change = ""
    for name in sorted(names, key=lambda name: name != recipe.model):
        try:
            explorer = load(name)
        except CheckpointError as error:
            if name == recipe.model:
                change = f"This {noun} was made with {name}, which cannot be used: {error}"
            continue
        if explorer.accepts(recipe.fingerprint):
            return name, explorer
        change = change or explorer.config.explain_replacement(recipe.fingerprint, noun)
    raise RecipeError(change or otherwise)


def replay(explorer: Explorer, recipe: Recipe) -> Tensor:
    """The pictures of a recipe, (N, C, H, W) in [0, 1]: one picture, the frames of a film, or those of a
    path, in which a latent between two parts appears once. RecipeError for a recipe of another checkpoint."""
    z = find_latents(explorer, recipe)
    if recipe.film is not None:
        return render_frames(explorer, recipe.film, z)
    if recipe.steps is None:
        return explorer.decode(z)
    parts = [explorer.interpolate(z[i], z[i + 1], recipe.steps) for i in range(len(z) - 1)]
    return torch.cat([explorer.decode(part[min(i, 1) :]) for i, part in enumerate(parts)])


def _to_fields(source: ExactLatent | SampledLatent) -> dict[str, Any]:
    if isinstance(source, SampledLatent):
        return dataclasses.asdict(source)
    fields = {"z": base64.b64encode(source.z).decode()}
    return fields | {"picture": source.picture} if source.picture else fields


def _read_latent(fields: object) -> ExactLatent | SampledLatent:
    if not isinstance(fields, dict) or not ("z" in fields) ^ ("seed" in fields):
        raise RecipeError("A recipe's latent is an object with z, or with seed, index and source.")
    if "seed" in fields:
        truncation = fields.get("truncation", 1.0)
        if type(truncation) not in (int, float) or not 0 <= truncation <= 1:
            raise RecipeError(f"truncation is a number from 0 to 1, not {truncation!r}.")
        seed, index = _get_int(fields, "seed", 0, latent.MAX_SEED), _get_int(fields, "index", 0, MAX_INDEX)
        return SampledLatent(seed, index, _get_text(fields, "source"), float(truncation))
    try:
        z = base64.b64decode(_get_text(fields, "z"), validate=True)
    except (binascii.Error, ValueError):
        z = b"?"
    if not z or len(z) % 4 or not np.isfinite(np.frombuffer(z, "<f4")).all():
        raise RecipeError("A recipe's z is the base64 of finite float32 numbers.")
    picture = fields.get("picture", "")
    if picture and not (isinstance(picture, str) and re.fullmatch(r"[0-9a-f]{64}", picture)):
        raise RecipeError("A recipe's picture is a SHA-256 in 64 hexadecimal digits.")
    return ExactLatent(z, picture)


def _read_film(settings: object, keyframes: int) -> Film:
    if keyframes > MAX_KEYFRAMES:
        raise RecipeError(f"A film goes through 2 to {MAX_KEYFRAMES} latents, not {keyframes}.")
    try:
        return Film.from_settings(settings)
    except ValueError as error:
        raise RecipeError(str(error)) from None


def _get_text(fields: dict[str, Any], key: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str) or not value:
        raise RecipeError(f"A recipe's {key} is a text, not {str(value)[:40]!r}.")
    return value


def _get_int(fields: dict[str, Any], key: str, low: int, high: int) -> int:
    value = fields.get(key)
    if type(value) is not int or not low <= value <= high:
        raise RecipeError(f"A recipe's {key} is a whole number from {low} to {high}, not {str(value)[:40]}.")
    return value
