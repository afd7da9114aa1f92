"""The command that stores a checkpoint's codes: what it writes, what it says, what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ganlab import gallery as galleries
from ganlab.gallery import CODES_FILE, TRAIN_FILE, Gallery, Pictures, save_pictures
from ganlab.model import load
from tests.conftest import untrained_model
from tests.test_pictures import draw
from train import codes, sums


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
    (tiny_folder / CODES_FILE).write_bytes(b"others")
    sums.write(tiny_folder)
    assert codes.main([str(tiny_folder), "--device", "cpu"]) == 0  # the new ones have another sum


def test_a_model_without_training_pictures_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_folder = untrained_model(tmp_path / "tiny", dataset="my pictures")
    assert codes.main([tiny_folder, "--device", "cpu"]) == 2
    assert "tiny lacks an encoder or training pictures" in capsys.readouterr().err


def test_what_is_lost_is_said() -> None:
    points = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(50) % 2
    same = codes.describe(points, points, labels)
    assert same.startswith("error 0.00% of a standard deviation; of the 10 nearest codes 100.0% are the same")
    assert "100.0%" not in codes.describe(points, points.flip(0), labels)


def test_a_checkpoint_of_before_its_data_set_had_a_gallery_is_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(untrained_model(tmp_path / "before", dataset="cifar10"))
    pictures = draw(30, size=28, channels=1)
    monkeypatch.setattr(galleries, "GALLERIES", tmp_path / "galleries")
    before = load(str(folder))
    with pytest.raises(ValueError, match=r"python -m train\.gallery cifar10"):
        codes.complete(before)
    (tmp_path / "galleries" / "cifar10").mkdir(parents=True)
    save_pictures(tmp_path / "galleries" / "cifar10" / TRAIN_FILE, pictures)
    assert codes.main([str(folder)]) == 0
    after = load(str(folder))
    assert (after.config.gallery, after.config.classes) == ("cifar10", pictures.classes)
    assert after.config.aliases == (before.fingerprint,)
    gallery = Gallery.load(after)
    assert gallery is not None
    assert gallery._codes is not None
    assert codes.complete(after).fingerprint == after.fingerprint
