"""Recipes: what makes a picture, or a path of pictures, again to the pixel, as a short JSON text.

    {"ganlab": 1, "model": "mnist-bigan", "fingerprint": "082644f51dd8fe3e", "operation": "decode",
     "latents": [{"z": "vzMzvz8z..."}]}

The fingerprint is the checkpoint's, and no other replays the recipe; the name helps to find it. A latent is
one of

    {"z": TEXT}                    its float32 numbers, little-endian, in base64: exact
    {"z": TEXT, "picture": HASH}   the same, found for a picture with this SHA-256 of its prepared pixels
    {"seed": 7, "index": 3, "source": "mixture", "truncation": 0.8}    a draw, see `Explorer.sample`

"decode" takes one latent and gives G(z); "interpolate" takes two or more and "steps", the pictures on the way
from each to the next, both ends among them; "film" takes two or more and "film", the settings of `film.Film`,
and gives its frames. As a permalink the same text is base64 in a URL's alphabet.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganlab import images, latent
from ganlab.explorer import Explorer
from ganlab.studio.film import MAX_KEYFRAMES, Film

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
    """A latent by its numbers, as float32 bytes; `picture` is the hash of the picture it was found for."""

    z: bytes
    picture: str = ""

    @staticmethod
    def from_tensor(z: Tensor, x: Tensor | None = None) -> ExactLatent:
        """z (D,) or (1, D); x (1, C, H, W) in [0, 1], the prepared picture that was inverted."""
        numbers = z.detach().cpu().flatten().numpy().astype("<f4")
        return ExactLatent(numbers.tobytes(), "" if x is None else picture_hash(x))

    def latent(self) -> Tensor:
        """(1, D)."""
        return torch.from_numpy(np.frombuffer(self.z, "<f4").astype(np.float32)).unsqueeze(0)


def picture_hash(x: Tensor) -> str:
    """Of a prepared picture's pixels, as whole numbers from 0 to 255."""
    return hashlib.sha256(images.to_uint8(x[0]).tobytes()).hexdigest()


@dataclass(frozen=True)
class Recipe:
    model: str
    fingerprint: str
    latents: tuple[ExactLatent | SampledLatent, ...]
    steps: int | None = None  # of "interpolate"
    film: Film | None = None  # of "film"; neither: "decode"

    @property
    def operation(self) -> str:
        return "film" if self.film else "decode" if self.steps is None else "interpolate"

    def to_json(self) -> str:
        told: dict[str, Any] = {
            "ganlab": VERSION,
            "model": self.model,
            "fingerprint": self.fingerprint,
            "operation": self.operation,
            "latents": [_told(one) for one in self.latents],
        }
        if self.steps is not None:
            told["steps"] = self.steps
        if self.film is not None:
            told["film"] = dataclasses.asdict(self.film)
        return json.dumps(told, separators=(",", ":"), ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> Recipe:
        """RecipeError for what is no recipe; all of it may come from a stranger."""
        if len(text) > MAX_TEXT:
            raise RecipeError(f"A recipe has at most {MAX_TEXT:,} characters, not {len(text):,}.")
        try:
            told = json.loads(text)
        except (json.JSONDecodeError, RecursionError, ValueError):
            raise RecipeError("A recipe is a JSON text; this is none.") from None
        if not isinstance(told, dict) or "ganlab" not in told:
            raise RecipeError('A recipe is a JSON object that begins {"ganlab": 1, ...}.')
        if told["ganlab"] != VERSION:
            raise RecipeError(f"This recipe is of version {told['ganlab']!r}; this program reads {VERSION}.")
        model, fingerprint = (_text(told, key) for key in ("model", "fingerprint"))
        operation, latents = told.get("operation"), told.get("latents")
        if operation not in OPERATIONS:
            raise RecipeError(f"Operation {operation!r} not found; available = {list(OPERATIONS)}.")
        if not isinstance(latents, list) or not 1 <= len(latents) <= MAX_LATENTS:
            raise RecipeError(f"latents is a list of 1 to {MAX_LATENTS}.")
        if (len(latents) == 1) != (operation == "decode"):
            raise RecipeError("decode takes one latent, interpolate and film two or more.")
        steps = _whole(told, "steps", 2, MAX_STEPS) if operation == "interpolate" else None
        film = _film(told.get("film"), len(latents)) if operation == "film" else None
        return Recipe(model, fingerprint, tuple(_read(one) for one in latents), steps, film)

    def to_query(self) -> str:
        """For ?recipe=, in letters that a URL takes as they are."""
        return base64.urlsafe_b64encode(self.to_json().encode()).decode().rstrip("=")

    @staticmethod
    def from_query(text: str) -> Recipe:
        if len(text) > 2 * MAX_TEXT:
            raise RecipeError("This permalink is too long to be one.")
        try:
            return Recipe.from_json(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode())
        except (binascii.Error, UnicodeError):
            raise RecipeError("This permalink is damaged; copy it whole.") from None

    @staticmethod
    def read(text: str) -> Recipe:
        """From JSON, a permalink, or what stands behind ?recipe= in one."""
        text = text.strip()
        if text.startswith("{"):
            return Recipe.from_json(text)
        found = re.search(r"[?&]recipe=([^&#]*)", text)
        return Recipe.from_query(found[1] if found else text)


def recipe_of(explorer: Explorer, *latents: ExactLatent | SampledLatent, steps: int | None = None) -> Recipe:
    """The recipe of G(z) for one latent, or of `steps` pictures from each latent to the next."""
    return Recipe(explorer.config.name, explorer.fingerprint, latents, steps)


def find_latents(explorer: Explorer, recipe: Recipe) -> Tensor:
    """The latents that a recipe names, (K, latent_dim); RecipeError for a recipe of another checkpoint."""
    if not explorer.accepts(recipe.fingerprint):
        raise RecipeError(
            f"This recipe was made with {recipe.model} ({recipe.fingerprint[:16]}), not with"
            f" {explorer.config.name} ({explorer.fingerprint}); no other checkpoint makes its pictures."
        )
    latents = []
    for source in recipe.latents:
        if isinstance(source, SampledLatent):
            sample = explorer.sample(source.index + 1, source.seed, source.truncation, source.source)
            latents.append(sample[source.index :])
        else:
            latents.append(explorer.check_latents(source.latent()))
    return torch.cat(latents)


def replay(explorer: Explorer, recipe: Recipe) -> Tensor:
    """A recipe's pictures again, (N, C, H, W) in [0, 1]: one, the frames of a film, or those of a path, where
    a latent that ends one part and begins the next is there once. RecipeError for a recipe of another
    checkpoint."""
    z = find_latents(explorer, recipe)
    if recipe.film is not None:
        return explorer.decode(recipe.film.latents(z, explorer.config.prior))
    if recipe.steps is None:
        return explorer.decode(z)
    parts = [explorer.interpolate(z[i], z[i + 1], recipe.steps) for i in range(len(z) - 1)]
    return torch.cat([explorer.decode(part[min(i, 1) :]) for i, part in enumerate(parts)])


def _told(one: ExactLatent | SampledLatent) -> dict[str, Any]:
    if isinstance(one, SampledLatent):
        return {"seed": one.seed, "index": one.index, "source": one.source, "truncation": one.truncation}
    told = {"z": base64.b64encode(one.z).decode()}
    return told | {"picture": one.picture} if one.picture else told


def _read(told: object) -> ExactLatent | SampledLatent:
    if not isinstance(told, dict) or not ("z" in told) ^ ("seed" in told):
        raise RecipeError("A recipe's latent is an object with z, or with seed, index and source.")
    if "seed" in told:
        truncation = told.get("truncation", 1.0)
        if type(truncation) not in (int, float) or not 0 <= truncation <= 1:
            raise RecipeError(f"truncation is a number from 0 to 1, not {truncation!r}.")
        seed, index = _whole(told, "seed", 0, latent.MAX_SEED), _whole(told, "index", 0, MAX_INDEX)
        return SampledLatent(seed, index, _text(told, "source"), float(truncation))
    try:
        z = base64.b64decode(_text(told, "z"), validate=True)
    except (binascii.Error, ValueError):
        z = b"?"
    if not z or len(z) % 4 or not np.isfinite(np.frombuffer(z, "<f4")).all():
        raise RecipeError("A recipe's z is the base64 of finite float32 numbers.")
    picture = told.get("picture", "")
    if picture and not (isinstance(picture, str) and re.fullmatch(r"[0-9a-f]{64}", picture)):
        raise RecipeError("A recipe's picture is a SHA-256 in 64 hexadecimal digits.")
    return ExactLatent(z, picture)


def _film(told: object, keyframes: int) -> Film:
    if keyframes > MAX_KEYFRAMES:
        raise RecipeError(f"A film goes through 2 to {MAX_KEYFRAMES} latents, not {keyframes}.")
    try:
        return Film.from_settings(told)
    except ValueError as error:
        raise RecipeError(str(error)) from None


def _text(told: dict[str, Any], key: str) -> str:
    value = told.get(key)
    if not isinstance(value, str) or not value:
        raise RecipeError(f"A recipe's {key} is a text, not {str(value)[:40]!r}.")
    return value


def _whole(told: dict[str, Any], key: str, low: int, high: int) -> int:
    value = told.get(key)
    if type(value) is not int or not low <= value <= high:
        raise RecipeError(f"A recipe's {key} is a whole number from {low} to {high}, not {str(value)[:40]}.")
    return value
