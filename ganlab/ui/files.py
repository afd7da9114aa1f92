"""What the page fetches beside Gradio's own: our scripts, and the generator of the model in use."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from ganlab import portable
from ganlab.ui.markup import STATIC
from ganlab.ui.models import Models

# Asked anew each time, and answered "not modified": an update of the app must reach a page at once.
FRESH = {"Cache-Control": "no-cache"}


class Scripts(StaticFiles):
    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers.update(FRESH)
        return response


def routes(models: Models) -> list[BaseRoute]:
    def generator(request: Request) -> Response:
        try:
            model = models.get(request.query_params.get("model", "")).model
            portable.check(model)
        except ValueError as error:
            return PlainTextResponse(str(error), status_code=404)
        tag = f'"{model.fingerprint}"'
        headers = {**FRESH, "ETag": tag}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(portable.packed(model), media_type="application/octet-stream", headers=headers)

    return [
        Route("/ganlab/generator", generator),
        Mount("/ganlab/static", Scripts(directory=STATIC)),
    ]
