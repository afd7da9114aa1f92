"""From real digits to the app: two training steps, publish, load, and each action once."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
import torch

import ganlab
from ganlab import images
from ganlab.gallery import Pictures
from ganlab.ui.server.api import build_endpoints
from ganlab.ui.server.models import Models
from train.__main__ import main as train
from train.publish import main as publish


@pytest.mark.slow(8)
def test_train_publish_load_and_use(tmp_path: Path, mnist_root: Path, digits: Pictures) -> None:
    run, root, data = tmp_path / "run", tmp_path / "checkpoints", str(mnist_root)
    settings = ["--epochs", "1", "--limit", "256", "--width", "32", "--data-root", data, "--out", str(run)]
    assert train(["bigan", *settings]) == 0
    assert json.loads((run / "metrics.jsonl").read_text())["step"] == 2
    assert publish([str(run), "fresh", "--root", str(root), "--data-root", data]) == 0

    ex = ganlab.load(str(root / "fresh"))
    assert ex.metrics["one_nn"]["pixels"]["accuracy"] > 0.9  # a figure that no training can change
    picture = images.encode_png(images.to_pil(digits.inputs(slice(0, 1))[0], scale=8))
    x = ex.prepare(picture)
    y = ex.reconstruct(x)
    assert y.shape == (1, 1, 28, 28)
    assert ex.error(x, y) > 0
    near = ex.neighbours(x, 3, "pixels")
    assert near[0].label == digits.labels[0]
    path = ex.interpolate(ex.encode(x), ex.sample(1, seed=1), 5)
    assert torch.equal(path[0], ex.encode(x)[0])
    assert ex.decode(ex.directions.move(path[:1], [1.0], [0.5])).shape == (1, 1, 28, 28)

    api = build_endpoints(Models(str(root / "fresh")))
    answer = api["reconstruct"](base64.b64encode(picture).decode())
    assert abs(answer["error"] - ex.error(x, y)) < 1e-6
    assert answer["latent"]["fingerprint"] == ex.fingerprint
