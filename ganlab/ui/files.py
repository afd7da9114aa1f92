"""What the page fetches beside Gradio's own: our scripts, the model's generator and its directions."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import torch
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from ganlab import images, portable
from ganlab.explorer import Explorer
from ganlab.recipe import Recipe
from ganlab.ui.markup import STATIC
from ganlab.ui.models import Models

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
    return Response(portable.packed(explorer.model), media_type="application/octet-stream")


def directions(explorer: Explorer, request: Request) -> Response:
    """All of the model's, and the point that truncation draws to."""
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
                for direction in explorer.directions(kind)
            ],
        }
        for kind in explorer.direction_kinds
    ]
    return JSONResponse({"prior": explorer.config.prior, "centre": centre.tolist(), "kinds": kinds})


def samples(explorer: Explorer, request: Request) -> Response:
    count, seed = (number(request, name) for name in ("count", "seed"))
    if not 1 <= count <= MAX_SAMPLES:
        raise ValueError(f"From 1 to {MAX_SAMPLES} samples can be had at once, not {count}.")
    return JSONResponse(explorer.sample(count, seed).tolist())


def picture(explorer: Explorer, request: Request) -> Response:
    """A recipe's picture as PNG, or G(z) for a page that cannot make it itself."""
    if recipe := request.query_params.get("recipe"):
        made = explorer.replay(Recipe.from_query(recipe))
        return Response(images.png(images.to_pil(made[0])), media_type="image/png")
    text = request.query_params.get("z", "")
    try:
        z = torch.tensor([[float(value) for value in text.split(",")]])
    except ValueError:
        raise ValueError(f"z is {explorer.config.latent_dim} numbers with commas between them.") from None
    return Response(images.png(images.to_pil(explorer.decode(z)[0])), media_type="image/png")


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

    return [
        *(
            Route(f"/ganlab/{make.__name__}", functools.partial(answered, make, keep))
            for make, keep in ((generator, True), (directions, True), (samples, False), (picture, False))
        ),
        Mount("/ganlab/static", Scripts(directory=STATIC)),
    ]
