"""What the page fetches besides Gradio's own: scripts, the model's generator, directions, pictures and films.

Each route takes the name of a model, and answers an error of use with its sentence as plain text. The tables
GET and POST at the end list them; only uploads, see `sent`, and runs in training, see `training`, need no
model.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from torch import Tensor

from ganlab import images
from ganlab.explorer import Explorer
from ganlab.studio import codemap, portable, portable_judge
from ganlab.studio.recipe import Recipe, find_latents
from ganlab.ui.html.markup import STATIC, get_noun
from ganlab.ui.preparation import describe_progress
from ganlab.ui.sampling import describe_source
from ganlab.ui.server import films, reading, training
from ganlab.ui.server.arguments import read_text
from ganlab.ui.server.budget import TooMuchError
from ganlab.ui.server.films import Payload
from ganlab.ui.server.kept import KeptContent
from ganlab.ui.server.models import Models
from ganlab.ui.server.sent import receive_upload
from ganlab.ui.server.turns import count_before
from ganlab.ui.server.view import show_part

# Browsers ask again each time and are answered "not modified": an update of the app reaches a page at once.
NO_CACHE = {"Cache-Control": "no-cache"}
# Processes that are to count as one version say so by GANLAB_STARTED.
STARTED = (
    os.environ.get("GANLAB_STARTED", "")[:20] or f"{time.time():.0f}"
)  # part of each ETag: what another version of the app sent is not reused
BINARY = "application/octet-stream"
MAX_KEPT = 96_000_000  # bytes of answers; a model's take up to 17 MB
MAX_SAMPLES = 64  # a request
MAX_DIGITS = 18  # of a whole number in a query
DIRECTION_KINDS = {  # title, explanation
    "principal": ("principal", "Along which the training pictures' codes vary most."),
    "local": (
        "local",
        "What changes this picture most, starting from here. Let go, and the sliders start again at 0 from"
        " the new picture. A step is one standard deviation of the prior.",
    ),
    "closed-form": ("closed form", "What the generator's first layers amplify most (SeFa)."),
    "classes": (
        "classes",
        "From one class, or all, to another: +3 goes all the way from mean latent to mean latent.",
    ),
    "attributes": ("attributes", "What changes a measured property of the pictures."),
    "raw": ("raw", "Each dimension of the latent by itself."),
}
MAPPED_PRINCIPAL = "Along which the generator's first activations vary most, over all latents (GANSpace)."


# ---------------------------------------------------------------------- GET


def get_generator(explorer: Explorer, request: Request) -> Response:
    """The generator as one safetensors file; ValueError for one too large for a page."""
    portable.check_size(explorer.model)
    return Response(portable.pack(explorer.model), media_type=BINARY)


def get_judge(explorer: Explorer, request: Request) -> Response:
    """The judge and the light as one safetensors file, see `portable_judge.pack`."""
    return Response(portable_judge.pack(explorer), media_type=BINARY)


def get_directions(explorer: Explorer, request: Request) -> Response:
    """The model's directions, what its samples are drawn from, and the centre of truncation."""
    mixture = explorer.model.mixture
    centre = torch.zeros(explorer.config.latent_dim) if mixture is None else mixture.moments()[0]
    reasons = {kind: _explain_absence(explorer, kind) for kind in DIRECTION_KINDS}
    payload = {
        "prior": explorer.config.prior,
        "samples": describe_source(explorer, explorer.sources[0]),
        "centre": centre.tolist(),
        "kinds": [_describe_directions(explorer, kind) for kind, reason in reasons.items() if not reason],
        "lacking": [
            {"title": DIRECTION_KINDS[kind][0], "reason": reason}
            for kind, reason in reasons.items()
            if reason
        ],
    }
    return JSONResponse(payload)


def _explain_absence(explorer: Explorer, kind: str) -> str:
    """Why the page has no directions of a kind; "" where it has them."""
    if kind == "local" and portable.explain_limit(explorer.model):
        return "the page computes them, and this generator is too large for it"
    return explorer.directions.explain_absence(kind)


def _describe_directions(explorer: Explorer, kind: str) -> Payload:
    """The local ones are left out: the page computes them for the latent at hand."""
    title, note = DIRECTION_KINDS[kind]
    if kind == "principal" and explorer.model.latent_map is not None:
        note = MAPPED_PRINCIPAL
    directions = [
        {
            "id": f"{kind}/{direction.name}",
            "name": direction.name,
            "note": direction.note,
            "unit": "" if kind in ("classes", "raw") else "standard deviations",
            "group": direction.name.split(" to ")[0] if direction.name.startswith("from ") else "",
            "vector": [round(value, 5) for value in direction.vector.tolist()],
            "deviation": round(direction.deviation, 5),
        }
        for direction in (() if kind == "local" else explorer.directions.get(kind))
    ]
    notes = [note, _describe_effect(explorer, kind)]
    return {"id": kind, "title": title, "note": " ".join(filter(None, notes)), "directions": directions}


def _describe_effect(explorer: Explorer, kind: str) -> str:
    """What a kind's directions do, beside random ones; "" where it was not measured."""
    effect, noise = (explorer.get_figure("directions", "sets", kind, part) for part in ("effect", "noise"))
    if effect is None or not noise:
        return ""
    if kind == "classes":
        nouns = f"{get_noun(explorer.config)}s"
        return f"That turns {effect:.0%} of {nouns} into that class, a random move as long {noise:.0%}."
    return f"A step changes the picture {effect / noise:.1f} times as much as a random one."


def get_map(explorer: Explorer, request: Request) -> Response:
    """The map of all training codes, see `codemap.pack`."""
    return Response(codemap.pack(explorer), media_type=BINARY)


def get_map_progress(explorer: Explorer, request: Request) -> Response:
    """How far the server is with the codes that a map shows, as {"done", "count"}; {} while it computes
    none."""
    progress = explorer.gallery.progress if explorer.gallery is not None else None
    return JSONResponse({} if progress is None else dict(zip(("done", "count"), progress, strict=True)))


def get_space(explorer: Explorer, request: Request) -> Response:
    """How far the server is with the points of a space, see `preparation.describe_progress`."""
    return JSONResponse(describe_progress(explorer, request.query_params.get("space", "")))


def get_map_latents(explorer: Explorer, request: Request) -> Response:
    """The latents of the map's codes, see `codemap.pack_latents`."""
    return Response(codemap.pack_latents(explorer), media_type=BINARY)


def get_training_picture(explorer: Explorer, request: Request) -> Response:
    """A training picture by its index in the data set, as PNG."""
    x, _ = explorer.get_training_picture(read_number(request, "index"))
    return _png(x)


def get_samples(explorer: Explorer, request: Request) -> Response:
    """Latents of `count` samples of a seed, as lists of numbers."""
    count, seed = (read_number(request, name) for name in ("count", "seed"))
    if not 1 <= count <= MAX_SAMPLES:
        raise ValueError(f"count is a whole number from 1 to {MAX_SAMPLES}, not {count}.")
    return JSONResponse(explorer.sample(count, seed).tolist())


def get_latents(explorer: Explorer, request: Request) -> Response:
    """The latents that a recipe names, as lists of numbers."""
    recipe = Recipe.from_query(request.query_params.get("recipe", ""))
    return JSONResponse(find_latents(explorer, recipe).tolist())


def get_picture(explorer: Explorer, request: Request) -> Response:
    """A recipe's first picture as PNG; or G(z), for a page that cannot run the generator itself."""
    if recipe := request.query_params.get("recipe"):
        first = Recipe.from_query(recipe).take_first()
        return _png(explorer.decode(find_latents(explorer, first)))
    text = request.query_params.get("z", "")
    try:
        z = torch.tensor([[float(value) for value in text.split(",")]])
    except ValueError:
        raise ValueError(f"z is {explorer.config.latent_dim} numbers with commas between them.") from None
    return _png(explorer.decode(z))


def _png(x: Tensor) -> Response:
    """The first of pictures (N, C, H, W) in [0, 1]."""
    return Response(images.encode_png(images.to_pil(x[0])), media_type="image/png")


def read_number(request: Request, name: str) -> int:
    """A whole number, at least 0, of the request's query; ValueError without one."""
    text = request.query_params.get(name, "")
    if not text.isdecimal() or len(text) > MAX_DIGITS:
        raise ValueError(f"{name} is a whole number, not {text[:40]!r}.")
    return int(text)


# ---------------------------------------------------------------------- the table


class Get(NamedTuple):
    """A route of GET. `cacheable`: its answer depends on nothing but the model and the query; `parameters`:
    what the query may hold beside the model."""

    function: Callable[[Explorer, Request], Response]
    cacheable: bool
    parameters: tuple[str, ...] = ()
    media_type: str = BINARY


class Post(NamedTuple):
    """A route of POST, and the names that its JSON object may have."""

    function: Callable[[Explorer, Payload], Response]
    names: tuple[str, ...]


GET = {
    "generator": Get(get_generator, cacheable=True),
    "judge": Get(get_judge, cacheable=True),
    "directions": Get(get_directions, cacheable=True, media_type="application/json"),
    "map": Get(get_map, cacheable=True),
    "map_progress": Get(get_map_progress, cacheable=False),
    "space": Get(get_space, cacheable=False, parameters=("space",)),
    "map_latents": Get(get_map_latents, cacheable=True),
    "training": Get(get_training_picture, cacheable=True, parameters=("index",)),
    "samples": Get(get_samples, cacheable=False, parameters=("count", "seed")),
    "latents": Get(get_latents, cacheable=False, parameters=("recipe",)),
    "picture": Get(get_picture, cacheable=False, parameters=("recipe", "z")),
}
FILM = ("model", "fingerprint", "keyframes", "film", "kind", "scale")
POST = {
    "film": Post(films.render_film, FILM),
    "ribbon": Post(films.judge_film, FILM),
    "shortest": Post(films.stream_geodesic, FILM),
    "view": Post(show_part, ("model", "fingerprint", "upload", "uploads", "crop", "polarity", "gauge")),
}


def list_routes(models: Models) -> list[BaseRoute]:
    """All of /ganlab/. The functions run in threads, so that a slow one holds nobody up."""
    kept = KeptContent(MAX_KEPT)
    return [
        *(
            Route(f"/ganlab/{name}", functools.partial(_answer_get, models, kept, route))
            for name, route in GET.items()
        ),
        *(
            Route(f"/ganlab/{name}", functools.partial(_answer_post, models, route), methods=["POST"])
            for name, route in POST.items()
        ),
        *training.list_routes(models),
        Route("/ganlab/turn", count_before),
        Route("/ganlab/upload", receive_upload, methods=["POST"]),
        Mount("/ganlab/static", Scripts(directory=STATIC)),
    ]


class Scripts(StaticFiles):
    """Our scripts, which browsers ask for again each time."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers.update(NO_CACHE)
        return response


def _compute_once(kept: KeptContent, explorer: Explorer, route: Get, request: Request) -> Response:
    """The route's answer; one that depends on the model alone is the same for all visitors."""
    if not route.cacheable or route.parameters:
        return route.function(explorer, request)
    response: Response | None = None

    def compute() -> bytes:
        nonlocal response
        response = route.function(explorer, request)
        return bytes(response.body)

    content = kept.get((route.function.__name__, explorer.fingerprint), compute)
    return response or Response(content, media_type=route.media_type)


def _answer_get(models: Models, kept: KeptContent, route: Get, request: Request) -> Response:
    try:
        reading.check_query(request, ("model", *route.parameters))
        explorer = models.get(request.query_params.get("model", ""), download=False)
        headers = NO_CACHE
        if route.cacheable:
            tag = f'"{explorer.fingerprint}-{STARTED}"'
            headers = {**NO_CACHE, "ETag": tag}
            if request.headers.get("if-none-match") == tag:
                return Response(status_code=304, headers=headers)
        response = _compute_once(kept, explorer, route, request)
    except ValueError as error:
        return PlainTextResponse(reading.speak(error), status_code=404)
    response.headers.update(headers)
    return response


async def _answer_post(models: Models, route: Post, request: Request) -> Response:
    try:
        reading.check_query(request, ())
        payload = await reading.read_object(request, route.names)
        name = read_text("model", payload.get("model", ""))
        explorer = await run_in_threadpool(models.get, name, download=False)
        return await run_in_threadpool(route.function, explorer, payload)
    except TooMuchError as error:
        return PlainTextResponse(reading.speak(error), status_code=422)
    except reading.ContentTypeError as error:
        return PlainTextResponse(reading.speak(error), status_code=415)
    except ValueError as error:
        return PlainTextResponse(reading.speak(error), status_code=400)
