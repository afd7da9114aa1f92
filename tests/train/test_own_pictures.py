"""A folder of one's own pictures in three steps: train, publish, the app with every tab."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import quote

import pytest
import torch
from starlette.applications import Starlette
from starlette.testclient import TestClient

from ganlab import images
from ganlab.config import ModelConfig
from ganlab.explorer import load
from ganlab.gallery import CODES_FILE, TRAIN_FILE
from ganlab.studio import codemap
from ganlab.ui import app
from ganlab.ui.server import routes
from ganlab.ui.server.api import build_endpoints
from ganlab.ui.server.models import Models
from tests.train.data.test_survey import write
from tests.ui.test_kinds import tab_htmls, text
from train.__main__ import main as train
from train.publish import main as publish

TINY = ["--epochs", "1", "--width", "2", "--latent-dim", "4", "--feature-dim", "4", "--device", "cpu"]


def run_both(folder: Path, root: Path, name: str) -> Path:
    """Train on a folder and publish: the checkpoint's folder."""
    run = root / "runs" / name
    assert train(["bigan-plus", "--dataset", str(folder), *TINY, "--out", str(run)]) == 0
    assert publish([str(run), name, "--root", str(root / "checkpoints")]) == 0
    return root / "checkpoints" / name


@pytest.mark.slow
def test_pictures_with_classes_in_colour(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    animals = tmp_path / "animals"
    for n in range(32):
        write(animals / ("barn-owl" if n % 2 else "red_fox") / f"{n:02d}.png", (64, 64), seed=n)
    folder = run_both(animals, tmp_path, "my-animals")
    assert "32 colour pictures of 64 x 64 pixels\n2 classes of 16 pictures" in capsys.readouterr().out
    explorer = load(str(folder))
    assert explorer.config.image_shape == (3, 64, 64)
    assert explorer.config.classes == ("barn owl", "red fox")
    assert explorer.gallery is not None
    assert explorer.examples is not None
    assert (len(explorer.gallery), len(explorer.examples)) == (29, 3)
    assert (folder / CODES_FILE).is_file()
    assert {"from barn owl to red fox", "from red fox to barn owl"} == {
        direction.name for direction in explorer.directions.get("classes")
    }
    htmls = tab_htmls(explorer)
    assert "vote" in text(htmls["neighbours"])
    assert "barn owl" in text(htmls["neighbours"]) + text(htmls["reconstruct"])
    assert codemap.list_kinds(explorer) == ("principal",)

    x = explorer.gallery.pictures.inputs(slice(5, 6))
    picture = base64.b64encode(images.encode_png(images.to_pil(x[0]))).decode()
    api = build_endpoints(Models(str(folder)))
    (near,) = api["neighbours"](picture, 1, "pixels")
    assert near["index"] == int(explorer.gallery.pictures.indices[5])
    assert near["name"] == explorer.name_class(near["label"]) in ("barn owl", "red fox")
    assert api["reconstruct"](picture)["error"] > 0

    models = Models(str(folder))
    app.build(models)  # every tab
    client = TestClient(Starlette(routes=routes.list_routes(models)))
    for name in ("directions", "generator", "map", "judge"):
        answer = client.get(f"/ganlab/{name}?model={quote(str(folder))}")
        assert answer.status_code == 200, name
    metadata = client.get(f"/ganlab/map?model={quote(str(folder))}").content
    assert b"red fox" in metadata


@pytest.mark.slow
def test_grey_pictures_without_classes(tmp_path: Path) -> None:
    shapes = tmp_path / "shapes"
    for n in range(24):
        write(shapes / f"{n:02d}.png", (30, 34), seed=n, grey=True)
    folder = run_both(shapes, tmp_path, "my-shapes")
    explorer = load(str(folder))
    assert explorer.config.image_shape == (1, 32, 32)
    assert explorer.config.classes == ()
    assert explorer.gallery is not None
    assert not explorer.gallery.pictures.are_labelled
    htmls = tab_htmls(explorer)
    assert "no vote: these pictures have no classes" in text(htmls["neighbours"])
    assert "vote" not in text(htmls["reconstruct"])
    assert explorer.directions.explain_absence("classes") == "these pictures have no classes"
    assert (folder / "gallery" / TRAIN_FILE).is_file()
    assert (folder / "directions.safetensors").is_file()  # of those attributes that change at all
    assert ModelConfig.from_json((folder / "config.json").read_text(), "config.json") == explorer.config
    assert torch.equal(explorer.gallery.pictures.labels, torch.zeros(22, dtype=torch.long))
