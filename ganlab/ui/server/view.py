"""What a model sees of an upload, or of a part of it, while a hand moves the part."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse, Response

from ganlab import images, outliers
from ganlab.explorer import Explorer
from ganlab.ui.server.reading import speak
from ganlab.ui.server.sent import SENT, LostPictureError, take_again
from ganlab.ui.uploads import prepare_upload


def show_part(explorer: Explorer, payload: dict[str, Any]) -> Response:
    """The route for a picture that was sent, {"upload", "crop", "polarity"}: what the model sees of it, the
    digits that are in it, and why preparation is unsure. With "gauge" also whether the model was trained on
    anything like it. {"lost": true} for a picture that is not here, which the
    page then sends along, see `sent.take_again`; {"refused": sentence} for a
    part that cannot be used: browsers report a status 400 as an error."""
    if "uploads" in payload:
        take_again({**payload, "event_data": payload})
    try:
        pixels = SENT.get(payload.get("upload"))
    except LostPictureError:
        return JSONResponse({"lost": True})
    try:
        prepared = prepare_upload(explorer, pixels, payload.get("polarity", "auto"), payload.get("crop"))
    except images.PictureError as error:
        return JSONResponse({"refused": speak(error)})
    answer: dict[str, Any] = {
        "picture": images.encode_data_uri(prepared.x[0]),
        "digits": prepared.digits,
        "doubt": prepared.doubt,
    }
    if payload.get("gauge"):
        score = outliers.score_picture(explorer, prepared.x)
        answer["unlike"] = score is not None and score.is_outlier
    return JSONResponse(answer)
