"""What the page fetches beside Gradio's own: our scripts, the model's generator and its directions."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable
from typing import Any

import torch
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from torch import Tensor

from ganlab import images
from ganlab.explorer import Explorer
from ganlab.studio import codemap, film, portable
from ganlab.studio.film import Film
from ganlab.studio.recipe import Recipe, find_latents, replay
from ganlab.ui.html.markup import STATIC
from ganlab.ui.server.models import Models
from ganlab.ui.tabs import sample

# Asked anew each time, and answered "not modified": an update of the app must reach a page at once.
FRESH = {"Cache-Control": "no-cache"}
STARTED = f"{time.time():.0f}"  # what another version of the app kept is not taken
MAX_SAMPLES = 64
KINDS = {  # of directions: what they are called, and what they are
    "principal": ("principal", "Along which the training pictures' codes vary most."),
    "closed-form": ("closed form", "What the generator's first layers pass on most strongly (SeFa)."),
    "classes": ("classes", "From one class's mean code to another's: 1 is the whole way."),
    "attributes": ("attributes", "What changes a measured property of the pictures."),
    "raw": ("raw", "Each of the latent's numbers by itself."),
}


class Scripts(StaticFiles):
    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers.update(FRESH)
        return response


def generator(explorer: Explorer, request: Request) -> Response:
    portable.check(explorer.model)
    return Response(portable.pack(explorer.model), media_type="application/octet-stream")


def directions(explorer: Explorer, request: Request) -> Response:
    """All of the model's, what its samples are of, and the point that truncation draws to."""
    mixture = explorer.model.mixture
    centre = torch.zeros(explorer.config.latent_dim) if mixture is None else mixture.moments()[0]
    kinds = [
        {
            "id": kind,
            "title": KINDS[kind][0],
            "note": KINDS[kind][1],
            "directions": [
                {
                    "id": f"{kind}/{direction.name}",
                    "name": direction.name,
                    "note": direction.note,
                    "unit": "" if kind in ("classes", "raw") else "standard deviations",
                    "group": direction.name.split(" to ")[0] if kind == "classes" else "",
                    "vector": [round(value, 5) for value in direction.vector.tolist()],
                    "deviation": round(direction.deviation, 5),
                }
                for direction in explorer.directions.get(kind)
            ],
        }
        for kind in explorer.directions.kinds
    ]
    lacking = [
        {"title": title, "reason": reason}
        for kind, (title, _) in KINDS.items()
        if (reason := explorer.directions.explain_absence(kind))
    ]
    told = {
        "prior": explorer.config.prior,
        "samples": sample.named(explorer, explorer.sources[0]),
        "centre": centre.tolist(),
        "kinds": kinds,
        "lacking": lacking,
    }
    return JSONResponse(told)


def map_(explorer: Explorer, request: Request) -> Response:
    return Response(codemap.pack(explorer), media_type="application/octet-stream")


def training(explorer: Explorer, request: Request) -> Response:
    """A training picture by its index in the data set, as PNG."""
    x, _ = explorer.get_training_picture(number(request, "index"))
    return Response(images.png(images.to_pil(x[0])), media_type="image/png")


def samples(explorer: Explorer, request: Request) -> Response:
    count, seed = (number(request, name) for name in ("count", "seed"))
    if not 1 <= count <= MAX_SAMPLES:
        raise ValueError(f"From 1 to {MAX_SAMPLES} samples can be had at once, not {count}.")
    return JSONResponse(explorer.sample(count, seed).tolist())


def latents(explorer: Explorer, request: Request) -> Response:
    """The latents that a recipe names, as lists of numbers."""
    found = find_latents(explorer, Recipe.from_query(request.query_params.get("recipe", "")))
    return JSONResponse(found.tolist())


def picture(explorer: Explorer, request: Request) -> Response:
    """A recipe's picture as PNG, or G(z) for a page that cannot make it itself."""
    if recipe := request.query_params.get("recipe"):
        made = replay(explorer, Recipe.from_query(recipe))
        return Response(images.png(images.to_pil(made[0])), media_type="image/png")
    text = request.query_params.get("z", "")
    try:
        z = torch.tensor([[float(value) for value in text.split(",")]])
    except ValueError:
        raise ValueError(f"z is {explorer.config.latent_dim} numbers with commas between them.") from None
    return Response(images.png(images.to_pil(explorer.decode(z)[0])), media_type="image/png")


def read_film(explorer: Explorer, told: dict[str, Any]) -> tuple[Film, Tensor]:
    """The film that a page asks for, and its frames (N, C, H, W)."""
    keyframes, made = told.get("keyframes"), Film.from_settings(told.get("film"))
    if not isinstance(keyframes, list):
        raise ValueError("A film is asked for with keyframes, a list of latents.")
    if len(keyframes) > film.MAX_KEYFRAMES:
        raise ValueError(f"A film goes through 2 to {film.MAX_KEYFRAMES} latents, not {len(keyframes)}.")
    latents = [explorer.unpack({"fingerprint": told.get("fingerprint"), "z": z}) for z in keyframes]
    if not latents:
        raise ValueError("A film needs two keyframes.")
    return made, film.render_frames(explorer, made, torch.cat(latents))


def film_file(explorer: Explorer, told: dict[str, Any]) -> Response:
    made, frames = read_film(explorer, told)
    kind = str(told.get("kind"))
    content = film.encode_file(frames, made, kind, told.get("scale", 8))
    return Response(content, media_type=film.FORMATS[kind])


def film_ribbon(explorer: Explorer, told: dict[str, Any]) -> Response:
    """What the judge sees along a film, and that in words."""
    made, frames = read_film(explorer, told)
    found = film.judge_frames(explorer, frames)
    if found is None:
        said = "No judge knows this model's pictures, so that nobody tells where the class changes."
        return JSONResponse({"labels": [], "confidences": [], "said": said})
    flips = found.flips(made)
    lowest = min(found.confidences)
    said = f"{'; '.join(flips) or f'{found.labels[0]} all the way'}. The judge is {lowest:.0%} sure or more."
    return JSONResponse({"labels": found.labels, "confidences": found.confidences, "said": said})


def number(request: Request, name: str) -> int:
    text = request.query_params.get(name, "")
    if not text.isdecimal() or len(text) > 18:
        raise ValueError(f"{name} is a whole number, not {text[:40]!r}.")
    return int(text)


def routes(models: Models) -> list[BaseRoute]:
    """Each takes the model's name, answers errors of use with their sentence, and lets a page keep what
    depends on nothing but the model."""

    def answered(make: Callable[[Explorer, Request], Response], keep: bool, request: Request) -> Response:
        try:
            explorer = models.get(request.query_params.get("model", ""))
            tag = f'"{explorer.fingerprint}-{STARTED}"'
            if keep and request.headers.get("if-none-match") == tag:
                return Response(status_code=304, headers={**FRESH, "ETag": tag})
            response = make(explorer, request)
        except ValueError as error:
            return PlainTextResponse(str(error), status_code=404)
        response.headers.update({**FRESH, "ETag": tag} if keep else FRESH)
        return response

    async def posted(make: Callable[[Explorer, dict[str, Any]], Response], request: Request) -> Response:
        try:
            told = json.loads(await request.body())
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict):
            return PlainTextResponse("Send a JSON object.", status_code=400)
        try:
            explorer = await run_in_threadpool(models.get, str(told.get("model", "")))
            return await run_in_threadpool(make, explorer, told)
        except ValueError as error:
            return PlainTextResponse(str(error), status_code=400)

    return [
        *(
            Route(f"/ganlab/{name}", functools.partial(posted, make), methods=["POST"])
            for name, make in (("film", film_file), ("ribbon", film_ribbon))
        ),
        *(
            Route(f"/ganlab/{make.__name__.rstrip('_')}", functools.partial(answered, make, keep))
            for make, keep in (
                *((make, True) for make in (generator, directions, map_, training)),
                *((make, False) for make in (samples, latents, picture)),
            )
        ),
        Mount("/ganlab/static", Scripts(directory=STATIC)),
    ]
