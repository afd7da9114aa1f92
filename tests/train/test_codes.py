"""The command that stores a checkpoint's codes: what it writes, what it says, what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ganlab.gallery import CODES_FILE, TRAIN_FILE, Gallery, Pictures, save_pictures
from ganlab.model import load
from train import codes


def test_codes_are_computed_and_stored(
    tiny_folder: Path, digits: Pictures, capsys: pytest.CaptureFixture[str]
) -> None:
    (tiny_folder / "gallery").mkdir()
    save_pictures(tiny_folder / "gallery" / TRAIN_FILE, digits)
    (tiny_folder / CODES_FILE).write_bytes(b"damaged")
    assert codes.main([str(tiny_folder), "--device", "cpu"]) == 0
    assert "of the 10 nearest codes" in capsys.readouterr().out
    model = load(str(tiny_folder))
    gallery = Gallery.load(model)
    assert gallery is not None
    expected = codes.compute(model).codes
    torch.testing.assert_close(gallery.codes, expected, rtol=0, atol=float(expected.std()) / 20)
    assert not torch.equal(gallery.codes, expected)  # they were read from the file


def test_a_model_without_training_pictures_is_refused(
    tiny_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert codes.main([str(tiny_folder), "--device", "cpu"]) == 2
    assert "tiny lacks an encoder or training pictures" in capsys.readouterr().err


def test_what_is_lost_is_said() -> None:
    points = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(50) % 2
    same = codes.describe(points, points, labels)
    assert same.startswith("error 0.00% of a standard deviation; of the 10 nearest codes 100.0% are the same")
    assert "100.0%" not in codes.describe(points, points.flip(0), labels)
