"""What a model sees of an upload or of a part of it, as the page asks while a hand moves the part."""

from __future__ import annotations

import base64
import io
import secrets
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from ganlab import images, outliers
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from ganlab.ui.server import routes
from ganlab.ui.server.models import Models
from ganlab.ui.server.sent import SENT
from tests.pictures import encoded


@pytest.fixture
def sheet(digits: Pictures) -> np.ndarray:
    """Two test digits in dark ink side by side, 300 x 150."""
    large = [Image.fromarray(255 - digits.pixels[row, 0].numpy()).resize((150, 150)) for row in (0, 1)]
    return np.hstack([np.asarray(picture) for picture in large])


def ask(explorer: Explorer, **payload: Any) -> Any:
    models = Models("mnist-bigan")
    assert models.get("mnist-bigan").fingerprint == explorer.fingerprint
    client = TestClient(Starlette(routes=routes.list_routes(models)))
    answer = client.post("/ganlab/view", json={"model": explorer.fingerprint, **payload})
    return answer.json() if answer.status_code == 200 else (answer.status_code, answer.text)


def test_a_part_is_shown_as_it_is_prepared(bundled: Explorer, sheet: np.ndarray) -> None:
    name = SENT.add(sheet)
    for crop in (None, [150, 0, 150], [0.5, 0, 150, 149.5]):
        seen = ask(bundled, upload=name, crop=crop)
        prepared = bundled.prepare_upload(sheet, crop=crop)
        picture = Image.open(io.BytesIO(base64.b64decode(seen["picture"].split(",")[1])))
        np.testing.assert_array_equal(np.asarray(picture), images.to_uint8(prepared.x[0]))
        assert seen["digits"] == [list(box) for box in prepared.digits]
        assert seen["doubt"] == prepared.doubt
        assert "unlike" not in seen
    light = ask(bundled, upload=name, polarity="light")
    assert light["picture"] != ask(bundled, upload=name, polarity="dark")["picture"]


def test_the_gauge_is_read_when_asked(
    bundled: Explorer, sheet: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = SENT.add(sheet)
    score = outliers.OutlierScore(1.0, {})
    for result, expected in ((score, True), (replace(score, share=0.5), False), (None, False)):
        monkeypatch.setattr(outliers, "score_picture", lambda explorer, x, result=result: result)
        assert ask(bundled, upload=name, gauge=True)["unlike"] is expected


def test_what_cannot_be_shown_is_said(bundled: Explorer, sheet: np.ndarray) -> None:
    name = SENT.add(sheet)
    assert ask(bundled, upload="gone") == {"lost": True}
    assert ask(bundled) == {"lost": True}
    content = base64.b64encode(images.encode_png(Image.fromarray(sheet))).decode()
    along = {"upload": secrets.token_urlsafe(16), "uploads": {}}
    assert ask(bundled, **along) == {"lost": True}
    along["uploads"] = {along["upload"]: content}
    assert ask(bundled, **along) == ask(bundled, upload=name)
    blank = SENT.add(np.full((90, 90), 200, np.uint8))
    assert "no ink" in ask(bundled, upload=blank)["refused"]
    for crop, sentence in (([0, 0, 2], "at least 8"), ([0, 0, 301], "not inside"), ("all", "three numbers")):
        assert sentence in ask(bundled, upload=name, crop=crop)["refused"]
    status, text = ask(bundled, upload=name, polarity="pink")
    assert status == 400
    assert "available" in text


def test_a_model_is_named_by_its_fingerprint_once_it_is_loaded(bundled: Explorer) -> None:
    models = Models("mnist-bigan", allow_any=False)
    with pytest.raises(ValueError, match="offers"):
        models.get(bundled.fingerprint)
    explorer = models.get("mnist-bigan")
    assert models.get(bundled.fingerprint) is explorer


def test_a_page_is_shown_what_its_browser_cannot(bundled: Explorer) -> None:
    client = TestClient(Starlette(routes=routes.list_routes(Models("mnist-bigan"))))
    tiff = encoded(Image.fromarray(np.linspace(0, 65535, 600).reshape(20, 30).astype(np.uint16)), "TIFF")
    assert "preview" not in client.post("/ganlab/upload?preview=no", content=tiff).json()
    answer = client.post("/ganlab/upload?preview=yes", content=tiff).json()
    preview = Image.open(io.BytesIO(base64.b64decode(answer["preview"].split(",")[1])))
    assert preview.size == (answer["width"], answer["height"]) == (30, 20)
    expected = images.decode(tiff) * 255
    assert abs(np.asarray(preview.convert("L")).astype(float) - expected).mean() < 3
    for preview_ in ("yes", "no"):
        answer = client.post(f"/ganlab/upload?preview={preview_}", content=b"%PDF-1.7")
        assert answer.status_code == 200
        assert "picture" in answer.json()["refused"]
