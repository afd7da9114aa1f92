"""The named endpoints: every action of the page for programs, typed, with pictures as base64 PNG.

A latent travels as {"fingerprint": ..., "z": [...]} and is refused by any other checkpoint. docs/api.md lists
the endpoints; their names, parameters and fields are public.
"""

from __future__ import annotations

import base64
import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import gradio as gr
import numpy as np
from torch import Tensor

from ganlab import images
from ganlab.explorer import Explorer
from ganlab.gallery import Neighbour
from ganlab.images import PreparedPicture
from ganlab.studio import batch, paths
from ganlab.ui.html.spaces import MAX_NEIGHBOURS
from ganlab.ui.items import Item
from ganlab.ui.sampling import read_draw
from ganlab.ui.server.models import Models
from ganlab.ui.uploads import check_polarity, decode_data_uri, invert_upload, prepare_upload

Json = dict[str, Any]
MAX_FRAMES = 61  # of a path in one call
MAX_STEPS = 300  # of a descent in one call
MAX_PICTURES = 100  # of a list in one call
MAX_LIST_TEXT = 13_400_000  # characters of a list as base64: 10 MB of files
MAX_LIST_PIXELS = 32_000_000  # of all pictures of a list together


class Endpoints:
    """What a program can do with the models on offer. An empty `model` is the one the app was started with;
    an error of use is a ValueError that says what would be right."""

    def __init__(self, models: Models) -> None:
        self.models = models

    def _explorer(self, model: str) -> Explorer:
        return self.models.get(model or self.models.default)

    def list_models(self) -> list[Json]:
        """The models on offer with their fingerprints and measured figures."""
        return [_describe_model(name, self.models.get(name)) for name in self.models.list_names()]

    def prepare(
        self, picture_base64: str, polarity: str = "auto", model: str = "", crop: list[float] | None = None
    ) -> Json:
        """The model's input made from a picture. polarity: auto, dark or light ink. crop: left, top and side
        of the square to take, in pixels of the upright picture; by default a model of pictures takes the
        largest in the middle, and one of digits looks at the whole picture (its crop may also be left, top,
        width and height). digits: their boxes, the one that was taken first."""
        prepared = prepare_upload(self._explorer(model), picture_base64, polarity, crop)
        return {"picture": encode_base64(prepared.x[0]), **_describe_preparation(prepared)}

    def encode(
        self, picture_base64: str, polarity: str = "auto", model: str = "", crop: list[float] | None = None
    ) -> Json:
        """E(x): the latent of a picture. A model without an encoder refuses; see reconstruct."""
        explorer = self._explorer(model)
        x = prepare_upload(explorer, picture_base64, polarity, crop).x
        return explorer.pack(explorer.encode(x))

    def decode(self, latent: Json, model: str = "") -> str:
        """G(z): the picture of a latent."""
        explorer = self._explorer(model)
        return encode_base64(explorer.decode(explorer.unpack(latent))[0])

    def reconstruct(
        self, picture_base64: str, polarity: str = "auto", model: str = "", crop: list[float] | None = None
    ) -> Json:
        """G(E(x)), or G(z) with z from optimisation where there is no encoder; with the error, the mean
        squared difference per pixel, pixels 0 to 1."""
        explorer = self._explorer(model)
        item = invert_upload(explorer, picture_base64, polarity, "a picture", crop)
        return {
            "input": encode_base64(item.picture[0]),
            **_describe_preparation(item),
            "reconstruction": encode_base64(item.image[0]),
            "error": explorer.error(item.picture, item.image),
            "latent": explorer.pack(item.z),
        }

    def invert(
        self,
        picture_base64: str,
        method: str = "",
        steps: int = 100,
        feature_weight: float | None = None,
        polarity: str = "auto",
        model: str = "",
        crop: list[float] | None = None,
    ) -> Json:
        """A latent for a picture: by the "encoder", by "optimise" (gradient descent on the pixels, from many
        starts) or by "hybrid" (which improves E(x)); by default the encoder, or else "optimise". With
        feature_weight the error of the encoder's features counts that much beside that of the pixels. `error`
        is the mean squared difference per pixel, pixels 0 to 1."""
        explorer = self._explorer(model)
        check_number("steps", steps, 1, MAX_STEPS)
        x = prepare_upload(explorer, picture_base64, polarity, crop).x
        inversion = explorer.invert(x, method or None, steps, feature_weight=feature_weight)
        return {
            "reconstruction": encode_base64(inversion.image[0]),
            "error": float(inversion.error[0]),
            "latent": explorer.pack(inversion.z),
            "steps": len(inversion.trace),
        }

    def sample(
        self, n: int = 16, seed: int = 0, truncation: float = 1.0, model: str = "", source: str = ""
    ) -> list[Json]:
        """n samples, latents and pictures. `source` is one of the model's sources, which /models lists, its
        first by default: the prior, or the mixture fitted to the codes."""
        explorer = self._explorer(model)
        draw = read_draw(seed, n, truncation)
        z = explorer.sample(draw.count, draw.seed, draw.truncation, source or None)
        return [
            {"latent": explorer.pack(latent), "picture": encode_base64(picture)}
            for latent, picture in zip(z, explorer.decode(z), strict=True)
        ]

    def interpolate(self, a: Json, b: Json, steps: int = 11, model: str = "", way: str = "") -> Json:
        """The path between two latents, ends exact: its latents, a PNG strip and a GIF. `way`: lerp, slerp,
        codes (straight between the codes, for a model with a latent map) or geodesic (the shortest in
        pictures, which takes seconds); by default the prior's."""
        explorer = self._explorer(model)
        check_number("steps", steps, 2, MAX_FRAMES)
        z = paths.interpolate(explorer, explorer.unpack(a), explorer.unpack(b), steps, way or None)
        pictures = explorer.decode(z)
        return {
            "latents": [explorer.pack(latent) for latent in z],
            "strip": _encode_bytes(images.encode_png(images.draw_strip(pictures))),
            "gif": _encode_bytes(images.encode_animation(pictures)),
        }

    def neighbours(
        self,
        picture_base64: str,
        k: int = 5,
        space: str = "features",
        polarity: str = "auto",
        model: str = "",
        crop: list[float] | None = None,
    ) -> list[Json]:
        """The k nearest training pictures in one of the model's spaces, which /models lists: features, code,
        discriminator, pixels, untrained."""
        explorer = self._explorer(model)
        check_number("k", k, 1, MAX_NEIGHBOURS)
        x = prepare_upload(explorer, picture_base64, polarity, crop).x
        return [_describe_neighbour(neighbour) for neighbour in explorer.neighbours(x, k, space)]

    def encode_many(
        self,
        pictures_base64: list[str],
        polarity: str = "auto",
        reconstructions: bool = False,
        figures: bool = False,
        k: int = 0,
        space: str = "features",
        model: str = "",
    ) -> list[Json]:
        """E(x) of each of up to 100 pictures, 10 MB in all: their latents, and on request G(E(x)), what is
        measured of it, and the k nearest training pictures in a space. A picture that cannot be used has
        "refused", a sentence, and the others go on. A list that is too long is refused as a whole."""
        explorer = self._explorer(model)
        check_list(pictures_base64)
        check_number("k", k, 0, MAX_NEIGHBOURS)
        sources = _read_list(pictures_base64)
        prepared = batch.prepare_all(explorer, sources, check_polarity(polarity))
        x, z = prepared.x, explorer.encode(prepared.x)
        y = explorer.decode(z) if reconstructions or figures else x
        measured = batch.measure_all(explorer, x, y) if figures else []
        near = explorer.neighbours_of_each(x, k, space) if k else []
        results: list[Json] = [{}] * len(pictures_base64)
        for refusal in prepared.refused:
            results[refusal.position] = {"refused": refusal.reason}
        for row, position in enumerate(prepared.positions):
            result: Json = {"latent": explorer.pack(z[row]), **_describe_preparation(prepared.prepared[row])}
            result |= {"reconstruction": encode_base64(y[row])} if reconstructions else {}
            result |= {"figures": asdict(measured[row])} if figures else {}
            result |= {"neighbours": [_describe_neighbour(each) for each in near[row]]} if k else {}
            results[position] = result
        return results

    def move(
        self,
        latent: Json,
        principal: list[float],
        raw: list[float],
        model: str = "",
        local: list[float] | None = None,
    ) -> Json:
        """A latent moved along principal directions of the gallery's codes (in standard deviations; arbitrary
        where a model has no codes), along raw dimensions, and along its own local directions (in standard
        deviations of the prior)."""
        explorer = self._explorer(model)
        for name, amounts in (("principal", principal), ("raw", raw), ("local", local or [])):
            check_numbers(name, amounts)
        z = explorer.directions.move(explorer.unpack(latent), principal, raw, local or [])
        return {"latent": explorer.pack(z), "picture": encode_base64(explorer.decode(z)[0])}


def _describe_model(name: str, explorer: Explorer) -> Json:
    config = explorer.config
    return {
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


def _describe_preparation(upload: PreparedPicture | Item) -> Json:
    """What preparation says of an upload: notes, the boxes of the digits it saw, and its doubt."""
    digits = [[round(number, 2) for number in box] for box in upload.digits]
    return {"notes": list(upload.notes), "digits": digits, "doubt": upload.doubt}


def _describe_neighbour(neighbour: Neighbour) -> Json:
    return {
        "index": neighbour.index,
        "label": neighbour.label,
        "name": neighbour.name,
        "distance": neighbour.distance,
        "picture": encode_base64(neighbour.image),
    }


def _read_list(pictures: list[str]) -> Iterator[np.ndarray | images.PictureError]:
    """Pictures that were sent as text, read one after the other, or why one cannot be. ValueError as soon as
    those read hold too many pixels."""
    pixels = 0
    for text in pictures:
        try:
            picture = images.read_pixels(decode_data_uri(text))
        except images.PictureError as error:
            yield error
            continue
        pixels += picture.shape[0] * picture.shape[1]
        if pixels > MAX_LIST_PIXELS:
            raise ValueError(
                f"The pictures hold over {MAX_LIST_PIXELS // 10**6} megapixels together; send fewer a call."
            )
        yield picture


def encode_base64(x: Tensor, scale: int = 1) -> str:
    """A picture (C, H, W) in [0, 1] as base64 PNG, each pixel `scale` pixels wide."""
    return _encode_bytes(images.encode_png(images.to_pil(x, scale)))


def _encode_bytes(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def check_number(name: str, value: object, low: int, high: int) -> None:
    """ValueError unless the value is a whole number from low to high."""
    if not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{name} is a whole number from {low} to {high}, not {value!r}.")


def check_list(pictures: object) -> None:
    """ValueError unless the pictures are a list of texts, few and short enough for a call."""
    if not isinstance(pictures, list) or not pictures or not all(isinstance(each, str) for each in pictures):
        raise ValueError("pictures_base64 is a list of pictures, each as text: base64, or a data: URI.")
    if len(pictures) > MAX_PICTURES:
        raise ValueError(f"A list holds at most {MAX_PICTURES} pictures, not {len(pictures)}; send fewer.")
    if (size := sum(map(len, pictures))) > MAX_LIST_TEXT:
        raise ValueError(f"A list holds at most 10 MB, not {size * 3 / 4e6:.1f} MB; send fewer a call.")


def check_numbers(name: str, values: object) -> None:
    """ValueError unless the values are a list of finite numbers."""
    try:
        if isinstance(values, list) and all(math.isfinite(value) for value in values):
            return
    except (TypeError, OverflowError):  # no number; a whole number that no float can hold
        pass
    raise ValueError(f"{name} is a list of finite numbers.")


def build_endpoints(models: Models) -> dict[str, Callable[..., Any]]:
    """Name -> function."""
    endpoints = Endpoints(models)
    return {
        "models": endpoints.list_models,
        "prepare": endpoints.prepare,
        "encode": endpoints.encode,
        "encode_many": endpoints.encode_many,
        "decode": endpoints.decode,
        "reconstruct": endpoints.reconstruct,
        "invert": endpoints.invert,
        "sample": endpoints.sample,
        "interpolate": endpoints.interpolate,
        "neighbours": endpoints.neighbours,
        "move": endpoints.move,
    }


def register(models: Models) -> None:
    """Register the endpoints in the Blocks at hand; their errors reach the client as one sentence."""
    for name, function in build_endpoints(models).items():
        gr.api(_send_errors(function), api_name=name, api_description=function.__doc__)


def _send_errors(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except (ValueError, TypeError) as error:
            raise gr.Error(str(error), print_exception=False) from None

    return call
