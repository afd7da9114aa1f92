"""What the Training tab asks: which runs there are, what one wrote, its moments, and that it goes on or ends.

GET /ganlab/runs, /ganlab/history?run=NAME&seen=MARK, /ganlab/moments?run=NAME&after=STEP; POST /ganlab/train
with a wish. An error of use is its sentence as plain text.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from ganlab.studio import history
from ganlab.ui.server import reading
from ganlab.ui.server.arguments import read_choice, read_text, read_whole
from ganlab.ui.server.kept import KeptContent
from ganlab.ui.server.models import Models
from ganlab.ui.server.runs import MAX_EPOCHS, Runs, list_bundled

NEVER = {"Cache-Control": "no-store"}
BINARY = "application/octet-stream"
MAX_KEPT = 24_000_000  # bytes of bundled moments
WISHES = ("start", *history.WISHES)
MAX_DIGITS = 10

kept = KeptContent(MAX_KEPT)


def list_routes(models: Models) -> list[BaseRoute]:
    """The routes of the tab. The functions run in threads: a site may be slow."""
    runs = Runs(models)
    functions: dict[str, Callable[[Runs, Request], Response]] = {
        "runs": get_runs,
        "history": get_history,
        "moments": get_moments,
    }
    return [
        *(
            Route(f"/ganlab/{name}", functools.partial(_answer, runs, each))
            for name, each in functions.items()
        ),
        Route("/ganlab/train", functools.partial(post_wish, runs), methods=["POST"]),
    ]


def _answer(runs: Runs, function: Callable[[Runs, Request], Response], request: Request) -> Response:
    try:
        return function(runs, request)
    except ValueError as error:
        return PlainTextResponse(reading.speak(error), status_code=404, headers=NEVER)


def get_runs(runs: Runs, request: Request) -> Response:
    """Which runs there are, whether others may be opened by folder or address, and why none can be started
    here, if none can."""
    reading.check_query(request, ())
    answer = {
        "runs": runs.list_all(),
        "any": runs.models.allow_any,
        "absence": runs.explain_absence(),
        "most": MAX_EPOCHS,
    }
    return JSONResponse(answer, headers=NEVER)


def get_history(runs: Runs, request: Request) -> Response:
    """Figures, events, moments' steps and status of a run."""
    reading.check_query(request, ("run", "seen"))
    seen = request.query_params.get("seen", "")
    return JSONResponse(runs.read(request.query_params.get("run", ""), seen), headers=NEVER)


def get_moments(runs: Runs, request: Request) -> Response:
    """The moments after a step, see `history.pack_moments`."""
    reading.check_query(request, ("run", "after"))
    name, text = request.query_params.get("run", ""), request.query_params.get("after", "-1")
    if text != "-1" and not (text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS):
        raise ValueError(f"after is a step, not {text[:40]!r}.")
    source, after = runs.open(name), int(text)

    def pack() -> bytes:
        return history.pack_moments(source, after)

    key = (name, after, source.mark((history.ABOUT, history.MOMENTS)))
    content = kept.get(key, pack) if name in list_bundled() else pack()
    return Response(content, media_type=BINARY, headers=NEVER)


async def post_wish(runs: Runs, request: Request) -> Response:
    """Start a run, or ask one to go on, to pause or to stop; answers its name."""
    try:
        reading.check_query(request, ())
        payload = await reading.read_object(request, ("wish", "run", "seed", "epochs"))
        return JSONResponse({"run": await run_in_threadpool(_do, runs, payload)}, headers=NEVER)
    except reading.ContentTypeError as error:
        return PlainTextResponse(reading.speak(error), status_code=415)
    except ValueError as error:
        return PlainTextResponse(reading.speak(error), status_code=400)


def _do(runs: Runs, payload: dict[str, Any]) -> str:
    wish = read_choice("wish", payload.get("wish"), WISHES)
    if wish == "start":
        seed, epochs = (read_whole(name, payload.get(name)) for name in ("seed", "epochs"))
        return runs.start(seed, epochs)
    name = read_text("run", payload.get("run"))
    runs.wish(name, wish)
    return name
