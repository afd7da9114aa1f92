"""The named endpoints: every action of the page for programs, typed, with pictures as base64 PNG.

docs/api.md lists the endpoints; their names, parameters and fields are public. With `--mcp` each is also
a tool of the Model Context Protocol, by the name of its method: Gradio takes its description from the
docstring, and that of a parameter from the one line that it has there.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Literal

import gradio as gr

from ganlab import images
from ganlab.config import CheckpointError
from ganlab.explorer import Explorer
from ganlab.images import Polarity
from ganlab.interruption import InterruptedWorkError
from ganlab.studio import batch, paths
from ganlab.ui.html.spaces import MAX_NEIGHBOURS
from ganlab.ui.sampling import read_draw
from ganlab.ui.server.arguments import read_arguments, read_types
from ganlab.ui.server.budget import price_neighbours
from ganlab.ui.server.events import CALLS, MAX_CALLS
from ganlab.ui.server.models import Models
from ganlab.ui.server.payloads import (
    Json,
    check_list,
    check_number,
    check_numbers,
    describe_model,
    describe_neighbour,
    describe_preparation,
    encode_base64,
    encode_bytes,
    read_list,
)
from ganlab.ui.server.reading import speak
from ganlab.ui.uploads import check_polarity, invert_upload, prepare_upload

Method = Literal["", "encoder", "optimise", "hybrid"]
Way = Literal["", "lerp", "slerp", "codes", "geodesic"]
MAX_FRAMES = 61  # of a path in one call
MAX_STEPS = 300  # of a descent in one call


class Endpoints:
    """What a program can do with the models on offer. An empty `model` is the one the app was started with;
    an error of use is a ValueError that says what would be right."""

    def __init__(self, models: Models) -> None:
        self.models = models
        self._described: dict[str, Json] = {}

    def _explorer(self, model: str) -> Explorer:
        return self.models.get(model or self.models.default)

    def list_models(self) -> list[Json]:
        """The models on offer, which the other tools name: what pictures they take, what they can do.

        Returns:
            a list of models with name, title, fingerprint, prior, sources, networks and spaces; of one that
            cannot be used, the name and, as broken, what is wrong with it
        """
        return [self._describe(name) for name in self.models.list_names()]

    def _describe(self, name: str) -> Json:
        if name not in self._described:  # loading all takes seconds, and they do not change
            try:
                self._described[name] = describe_model(name, self.models.get(name))
            except CheckpointError as error:  # it may be mended meanwhile
                return {"name": name, "broken": str(error)}
        return self._described[name]

    def prepare_picture(
        self,
        picture_base64: str,
        polarity: Polarity = "auto",
        model: str = "",
        crop: list[float] | None = None,
    ) -> Json:
        """What a model sees of a picture: its input, for digits 28 x 28, light ink on black, centred.

        Args:
            picture_base64: a PNG, JPEG, WebP, AVIF, GIF, BMP or TIFF file as base64, or as a data: URI.
            polarity: whether the ink is dark or light; "auto" finds out.
            model: a name that list_models gives; by default the one the server was started with.
            crop: the part to look at, in pixels: [left, top, side], or for digits [left, top, width, height].

        Returns:
            the picture as base64 PNG, notes on what was done
            boxes of the digits seen (left, top, width, height), first the one that was taken, and any doubt
        """
        prepared = prepare_upload(self._explorer(model), picture_base64, polarity, crop)
        return {"picture": encode_base64(prepared.x[0]), **describe_preparation(prepared)}

    def encode_picture(
        self,
        picture_base64: str,
        polarity: Polarity = "auto",
        model: str = "",
        crop: list[float] | None = None,
    ) -> Json:
        """E(x): the latent of a picture. A model without an encoder refuses; see invert_picture.

        Args:
            picture_base64: a PNG, JPEG, WebP, AVIF, GIF, BMP or TIFF file as base64, or as a data: URI.
            polarity: whether the ink is dark or light; "auto" finds out.
            model: a name that list_models gives; by default the one the server was started with.
            crop: the part to look at, in pixels: [left, top, side], or for digits [left, top, width, height].

        Returns:
            the latent, {"fingerprint": the model's, "z": numbers}
        """
        explorer = self._explorer(model)
        x = prepare_upload(explorer, picture_base64, polarity, crop).x
        return explorer.pack(explorer.encode(x))

    def decode_latent(self, latent: Json, model: str = "") -> str:
        """G(z): the picture that the generator draws of a latent.

        Args:
            latent: {"fingerprint": the model's, "z": numbers}, as the other tools give it.
            model: a name that list_models gives; by default the one the server was started with.

        Returns:
            the picture as base64 PNG
        """
        explorer = self._explorer(model)
        return encode_base64(explorer.decode(explorer.unpack(latent))[0])

    def reconstruct_picture(
        self,
        picture_base64: str,
        polarity: Polarity = "auto",
        model: str = "",
        crop: list[float] | None = None,
    ) -> Json:
        """G(E(x)): a picture encoded and drawn again; by optimisation where the model has no encoder.

        Args:
            picture_base64: a PNG, JPEG, WebP, AVIF, GIF, BMP or TIFF file as base64, or as a data: URI.
            polarity: whether the ink is dark or light; "auto" finds out.
            model: a name that list_models gives; by default the one the server was started with.
            crop: the part to look at, in pixels: [left, top, side], or for digits [left, top, width, height].

        Returns:
            input and reconstruction as base64 PNG, the latent, notes, boxes of the digits seen, any doubt
            the error: the mean squared difference per pixel, pixels 0 to 1
        """
        explorer = self._explorer(model)
        item = invert_upload(explorer, picture_base64, polarity, "a picture", crop)
        return {
            "input": encode_base64(item.picture[0]),
            **describe_preparation(item),
            "reconstruction": encode_base64(item.image[0]),
            "error": explorer.error(item.picture, item.image),
            "latent": explorer.pack(item.z),
        }

    def invert_picture(
        self,
        picture_base64: str,
        method: Method = "",
        steps: int = 100,
        feature_weight: float | None = None,
        polarity: Polarity = "auto",
        model: str = "",
        crop: list[float] | None = None,
    ) -> Json:
        """A latent whose picture is as near as it gets to a given one, by the encoder or by gradient descent.

        Args:
            picture_base64: a PNG, JPEG, WebP, AVIF, GIF, BMP or TIFF file as base64, or as a data: URI.
            method: hybrid improves what the encoder says; by default encoder, or optimise without one.
            steps: of gradient descent, 1 to 300.
            feature_weight: how much the error of the encoder's features counts beside that of the pixels.
            polarity: whether the ink is dark or light; "auto" finds out.
            model: a name that list_models gives; by default the one the server was started with.
            crop: the part to look at, in pixels: [left, top, side], or for digits [left, top, width, height].

        Returns:
            the reconstruction as base64 PNG, the latent, the steps taken
            the error: the mean squared difference per pixel, pixels 0 to 1
        """
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

    def draw_samples(
        self, n: int = 16, seed: int = 0, truncation: float = 1.0, model: str = "", source: str = ""
    ) -> list[Json]:
        """Pictures that a model makes up: samples of its prior. The same seed gives the same everywhere.

        Args:
            n: how many, 1 to 256.
            seed: a whole number.
            truncation: 0 to 1; the smaller, the more usual the samples, and the more alike.
            model: a name that list_models gives; by default the one the server was started with.
            source: one of the model's sources, which list_models gives; by default its first.

        Returns:
            a list of latents and pictures, base64 PNG
        """
        explorer = self._explorer(model)
        draw = read_draw(seed, n, truncation)
        z = explorer.sample(draw.count, draw.seed, draw.truncation, source or None)
        return [
            {"latent": explorer.pack(latent), "picture": encode_base64(picture)}
            for latent, picture in zip(z, explorer.decode(z), strict=True)
        ]

    def interpolate_latents(self, a: Json, b: Json, steps: int = 11, model: str = "", way: Way = "") -> Json:
        """The path between two latents, ends exact, as pictures that change from one into the other.

        Args:
            a: {"fingerprint": the model's, "z": numbers}, where the path begins.
            b: the same, where it ends.
            steps: latents on the path, 2 to 61.
            model: a name that list_models gives; by default the one the server was started with.
            way: codes is for a model with a latent map; geodesic takes seconds; by default the prior's.

        Returns:
            latents, a strip of their pictures (base64 PNG) and a gif (base64)
        """
        explorer = self._explorer(model)
        check_number("steps", steps, 2, MAX_FRAMES)
        z = paths.interpolate(explorer, explorer.unpack(a), explorer.unpack(b), steps, way or None)
        pictures = explorer.decode(z)
        return {
            "latents": [explorer.pack(latent) for latent in z],
            "strip": encode_bytes(images.encode_png(images.draw_strip(pictures))),
            "gif": encode_bytes(images.encode_animation(pictures)),
        }

    def find_neighbours(
        self,
        picture_base64: str,
        k: int = 5,
        space: str = "features",
        polarity: Polarity = "auto",
        model: str = "",
        crop: list[float] | None = None,
    ) -> list[Json]:
        """The training pictures that a model finds most like a given one.

        Args:
            picture_base64: a PNG, JPEG, WebP, AVIF, GIF, BMP or TIFF file as base64, or as a data: URI.
            k: how many, 1 to 50.
            space: where distances are measured: one of the model's spaces, which list_models gives.
            polarity: whether the ink is dark or light; "auto" finds out.
            model: a name that list_models gives; by default the one the server was started with.
            crop: the part to look at, in pixels: [left, top, side], or for digits [left, top, width, height].

        Returns:
            a list, nearest first, of index, label, name of the class, distance and picture (base64 PNG)
        """
        explorer = self._explorer(model)
        check_number("k", k, 1, MAX_NEIGHBOURS)
        x = prepare_upload(explorer, picture_base64, polarity, crop).x
        return [describe_neighbour(neighbour) for neighbour in explorer.neighbours(x, k, space)]

    def encode_pictures(
        self,
        pictures_base64: list[str],
        polarity: Polarity = "auto",
        reconstructions: bool = False,
        figures: bool = False,
        k: int = 0,
        space: str = "features",
        model: str = "",
    ) -> list[Json]:
        """E(x) of each of up to 100 pictures, 10 MB in all. One that cannot be used is refused by itself.

        Args:
            pictures_base64: each a file as base64, or as a data: URI; see encode_picture.
            polarity: whether the ink is dark or light; "auto" finds out.
            reconstructions: whether G(E(x)) is wanted too.
            figures: whether what is measured of G(E(x)) is wanted too.
            k: how many of the nearest training pictures are wanted, 0 to 50.
            space: where distances are measured: one of the model's spaces, which list_models gives.
            model: a name that list_models gives; by default the one the server was started with.

        Returns:
            a list in the same order: of each latent, notes, boxes of digits, doubt, and what is wanted
            or of one that cannot be used "refused", a sentence that says why
        """
        explorer = self._explorer(model)
        check_list(pictures_base64)
        check_number("k", k, 0, MAX_NEIGHBOURS)
        price_neighbours(explorer, len(pictures_base64), k, space)
        sources = read_list(pictures_base64)
        prepared = batch.prepare_all(explorer, sources, check_polarity(polarity))
        x, z = prepared.x, explorer.encode(prepared.x)
        y = explorer.decode(z) if reconstructions or figures else x
        measured = batch.measure_all(explorer, x, y) if figures else []
        near = explorer.neighbours_of_each(x, k, space) if k else []
        results: list[Json] = [{}] * len(pictures_base64)
        for refusal in prepared.refused:
            results[refusal.position] = {"refused": refusal.reason}
        for row, position in enumerate(prepared.positions):
            result: Json = {"latent": explorer.pack(z[row]), **describe_preparation(prepared.prepared[row])}
            result |= {"reconstruction": encode_base64(y[row])} if reconstructions else {}
            result |= {"figures": asdict(measured[row])} if figures else {}
            result |= {"neighbours": [describe_neighbour(each) for each in near[row]]} if k else {}
            results[position] = result
        return results

    def move_latent(
        self,
        latent: Json,
        principal: list[float],
        raw: list[float],
        model: str = "",
        local: list[float] | None = None,
    ) -> Json:
        """A latent moved along the model's directions, with the picture there.

        Args:
            latent: {"fingerprint": the model's, "z": numbers}.
            principal: how far along each direction in which the codes vary most, in standard deviations.
            raw: how far along each dimension of the latent.
            model: a name that list_models gives; by default the one the server was started with.
            local: how far along each direction that changes this picture most, in deviations of the prior.

        Returns:
            the latent and its picture (base64 PNG)
        """
        explorer = self._explorer(model)
        for name, amounts in (("principal", principal), ("raw", raw), ("local", local or [])):
            check_numbers(name, amounts)
        z = explorer.directions.move(explorer.unpack(latent), principal, raw, local or [])
        return {"latent": explorer.pack(z), "picture": encode_base64(explorer.decode(z)[0])}


def build_endpoints(models: Models) -> dict[str, Callable[..., Any]]:
    """Name -> function."""
    endpoints = Endpoints(models)
    return {
        "models": endpoints.list_models,
        "prepare": endpoints.prepare_picture,
        "encode": endpoints.encode_picture,
        "encode_many": endpoints.encode_pictures,
        "decode": endpoints.decode_latent,
        "reconstruct": endpoints.reconstruct_picture,
        "invert": endpoints.invert_picture,
        "sample": endpoints.draw_samples,
        "interpolate": endpoints.interpolate_latents,
        "neighbours": endpoints.find_neighbours,
        "move": endpoints.move_latent,
    }


def register(models: Models) -> None:
    """Register the endpoints in the Blocks at hand; their errors reach the client as one sentence."""
    for name, function in build_endpoints(models).items():
        # All together, so that no more run at once than there are cores for.
        gr.api(_send_errors(function), api_name=name, concurrency_id=CALLS, concurrency_limit=MAX_CALLS)


def _send_errors(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            given = dict(zip(read_types(function), args, strict=False)) | kwargs
            return function(**read_arguments(function, given))
        except ValueError as error:
            raise gr.Error(speak(error), print_exception=False) from None
        except InterruptedWorkError:
            raise gr.Error("Nobody waits for this any more.", print_exception=False) from None

    return call
