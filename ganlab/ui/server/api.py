"""The named endpoints: every action of the page for programs, typed, with pictures as base64 PNG.

A latent travels as {"fingerprint": ..., "z": [...]} and is refused by any other checkpoint.
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Callable
from typing import Any

import gradio as gr
import torch

from ganlab import images
from ganlab.explorer import Explorer
from ganlab.ui.server.models import Models
from ganlab.ui.tabs import interpolate, neighbours, reconstruct, sample

NAMES = (
    "models",
    "prepare",
    "encode",
    "decode",
    "reconstruct",
    "sample",
    "interpolate",
    "neighbours",
    "move",
)


def base64_png(x: torch.Tensor, scale: int = 1) -> str:
    return base64.b64encode(images.png(images.to_pil(x, scale))).decode("ascii")


def endpoints(models: Models) -> dict[str, Callable[..., Any]]:
    """Name -> function; an empty `model` means the one that the app was started with."""

    def explorer_of(model: str) -> Explorer:
        return models.get(model or models.default)

    def list_models() -> list[dict]:  # type: ignore[type-arg]
        """The models on offer with their fingerprints and measured figures."""
        found = []
        for name in models.list_names():
            explorer = models.get(name)
            config = explorer.config
            found.append(
                {
                    "name": name,
                    "title": config.title,
                    "fingerprint": explorer.fingerprint,
                    "latent_dim": config.latent_dim,
                    "prior": config.prior,
                    "sources": list(explorer.sources),
                    "picture": list(config.image_shape),
                    "networks": list(config.networks),
                    "spaces": list(explorer.spaces),
                    "metrics": explorer.metrics,
                }
            )
        return found

    def prepare(picture_base64: str, polarity: str = "auto", model: str = "") -> dict:  # type: ignore[type-arg]
        """What the model sees of a picture. polarity: auto, dark or light ink."""
        found = reconstruct.prepare_upload(explorer_of(model), picture_base64, polarity)
        return {"picture": base64_png(found.x[0]), "notes": list(found.notes)}

    def encode(picture_base64: str, polarity: str = "auto", model: str = "") -> dict:  # type: ignore[type-arg]
        """E(x): the latent of a picture. A model without an encoder refuses; see reconstruct."""
        explorer = explorer_of(model)
        return explorer.pack(
            explorer.encode(reconstruct.prepare_upload(explorer, picture_base64, polarity).x)
        )

    def decode(latent: dict, model: str = "") -> str:  # type: ignore[type-arg]
        """G(z): the picture of a latent."""
        explorer = explorer_of(model)
        return base64_png(explorer.decode(explorer.unpack(latent))[0])

    def reconstruct_(picture_base64: str, polarity: str = "auto", model: str = "") -> dict:  # type: ignore[type-arg]
        """G(E(x)), or G(z) of a z found by optimisation where there is no encoder, with the error: mean
        squared per pixel, pixels 0 to 1."""
        explorer = explorer_of(model)
        item = reconstruct.picture_item(explorer, picture_base64, polarity, "a picture")
        return {
            "input": base64_png(item.picture[0]),
            "notes": list(item.notes),
            "reconstruction": base64_png(item.image[0]),
            "error": explorer.error(item.picture, item.image),
            "latent": explorer.pack(item.z),
        }

    def draw(
        n: int = 16, seed: int = 0, truncation: float = 1.0, model: str = "", source: str = ""
    ) -> list[dict]:  # type: ignore[type-arg]
        """n samples, latents and pictures, of the mixture fitted to the codes where the model has one, else
        of the prior; `source`, which /models lists, chooses."""
        explorer = explorer_of(model)
        seed, n, truncation = sample.checked(seed, n, truncation)
        z = explorer.sample(n, seed, truncation, source or None)
        return [
            {"latent": explorer.pack(one), "picture": base64_png(x)}
            for one, x in zip(z, explorer.decode(z), strict=True)
        ]

    def path(a: dict, b: dict, steps: int = 11, model: str = "") -> dict:  # type: ignore[type-arg]
        """The path between two latents, ends exact: its latents, a PNG strip and a GIF."""
        explorer = explorer_of(model)
        if not isinstance(steps, int) or not 2 <= steps <= interpolate.MAX_FRAMES:
            raise ValueError(f"steps is a whole number from 2 to {interpolate.MAX_FRAMES}, not {steps!r}.")
        z = explorer.interpolate(explorer.unpack(a), explorer.unpack(b), steps)
        pictures = explorer.decode(z)
        return {
            "latents": [explorer.pack(one) for one in z],
            "strip": base64.b64encode(images.png(images.strip(pictures))).decode("ascii"),
            "gif": base64.b64encode(images.animation(pictures)).decode("ascii"),
        }

    def nearest(
        picture_base64: str, k: int = 5, space: str = "features", polarity: str = "auto", model: str = ""
    ) -> list[dict]:  # type: ignore[type-arg]
        """The k nearest training pictures in one of the model's spaces, which /models lists: features, code,
        discriminator, pixels, untrained."""
        explorer = explorer_of(model)
        if not isinstance(k, int) or not 1 <= k <= neighbours.MAX_K:
            raise ValueError(f"k is a whole number from 1 to {neighbours.MAX_K}, not {k!r}.")
        x = reconstruct.prepare_upload(explorer, picture_base64, polarity).x
        return [
            {
                "index": n.index,
                "label": n.label,
                "distance": n.distance,
                "picture": base64_png(n.image),
            }
            for n in explorer.neighbours(x, k, space)
        ]

    def move(latent: dict, principal: list[float], raw: list[float], model: str = "") -> dict:  # type: ignore[type-arg]
        """A latent moved along principal directions of the gallery's codes (in standard deviations; arbitrary
        where a model has no codes) and along raw dimensions."""
        explorer = explorer_of(model)
        z = explorer.directions.move(explorer.unpack(latent), principal, raw)
        return {"latent": explorer.pack(z), "picture": base64_png(explorer.decode(z)[0])}

    made = (list_models, prepare, encode, decode, reconstruct_, draw, path, nearest, move)
    return dict(zip(NAMES, made, strict=True))


def add(models: Models) -> None:
    """Register the endpoints in the Blocks at hand; their errors reach the client as one sentence."""
    for name, function in endpoints(models).items():
        gr.api(_told(function), api_name=name, api_description=function.__doc__)


def _told(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def told(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except (ValueError, TypeError) as error:
            raise gr.Error(str(error), print_exception=False) from None

    return told
