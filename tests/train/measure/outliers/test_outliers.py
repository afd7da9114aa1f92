"""Other things than digits: what they are, how they are counted, and that it reaches metrics.json."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import ganlab
from ganlab import metrics, outliers
from ganlab.explorer import Explorer
from ganlab.gallery import CODES_FILE, TRAIN_FILE, Pictures, save_pictures
from ganlab.hub import CHECKPOINTS
from train import sums
from train.data import datasets
from train.measure import command
from train.measure.outliers import measure, sets

DRAWN = ("letters", "clothes", "noise")


@pytest.fixture(autouse=True)
def photographs(monkeypatch: pytest.MonkeyPatch, digits: Pictures) -> None:
    """Colour noise in place of CIFAR-10, the bundled digits in place of the test set."""
    pixels = torch.randint(
        256, (40, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    natural = Pictures(pixels, torch.zeros(40, dtype=torch.int64), torch.arange(40))

    def load(dataset: str, root: str, split: str, **shape: int) -> Pictures:
        assert (root, split) == ("there", "test")
        return {"cifar10": natural, "mnist": digits}[dataset]

    monkeypatch.setattr(datasets, "load", load)


def test_the_same_seed_gives_the_same_pictures() -> None:
    one, again, other = (sets.load_pictures("there", each=6, seed=seed) for seed in (0, 0, 1))
    assert list(one) == [*DRAWN, "photographs"]
    for kind, images in one.items():
        assert len(images) == 6
        assert [image.tobytes() for image in images] == [image.tobytes() for image in again[kind]]
        assert [image.tobytes() for image in images] != [image.tobytes() for image in other[kind]]
        assert len({image.tobytes() for image in images}) > 1
        assert all(np.ptp(np.asarray(image)) > 100 for image in images), kind


def test_letters_that_look_like_digits_are_left_out() -> None:
    assert not set("OIlSZ") & set(sets.LETTERS)
    assert {"A", "K", "x", "e"} <= set(sets.LETTERS)


def test_garments_are_grey_on_black_and_within_their_picture() -> None:
    for seed in range(20):
        pixels = np.asarray(sets.draw_garment(np.random.default_rng(seed)))
        border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        assert border.max() == 0
        assert 0.08 < (pixels > 0).mean() < 0.7


def test_one_half_tells_what_is_usual_and_the_other_how_well(
    few_neighbours: Explorer, digits: Pictures
) -> None:
    explorer = few_neighbours
    test = Pictures(digits.pixels[300:], digits.labels[300:], digits.indices[300:])
    blank = Image.new("L", (40, 40), 255)
    others = {"squares": [Image.fromarray(np.kron(np.eye(2), np.ones((9, 9))) > 0)] * 3 + [blank]}
    figures = measure.measure_outliers(explorer, test, others)
    stats, labels = outliers.compute_statistics(explorer, test.inputs(slice(None)))
    calibration = outliers.Calibration.from_statistics(stats[:100], labels[:100])
    held = calibration.score(stats[100:], labels[100:])
    x = explorer.prepare(others["squares"][0])
    strange = calibration.score(*outliers.compute_statistics(explorer, x)).repeat(3)
    assert figures["sets"]["squares"]["count"] == 3
    assert figures["sets"]["squares"]["refused"] == 1
    assert figures["sets"]["squares"]["auroc"] == pytest.approx(metrics.auroc(strange, held), abs=1e-6)
    assert figures["auroc"] == figures["sets"]["squares"]["auroc"]
    assert figures["quantiles"] == pytest.approx(metrics.quantiles(held), rel=1e-4)
    assert figures["usual"]["means"] == [pytest.approx(row) for row in calibration.means.tolist()]
    assert figures["held_out"] == 100


def test_where_no_ink_is_found_nothing_can_be_measured(few_neighbours: Explorer, digits: Pictures) -> None:
    with pytest.raises(ValueError, match="found ink in none"):
        measure.measure_outliers(few_neighbours, digits, {"blank": [Image.new("L", (40, 40), 255)]})


@pytest.mark.slow
def test_the_command_keeps_it_in_metrics_json(
    few_neighbours: Explorer,
    digits: Pictures,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert few_neighbours.gallery is not None
    shutil.copytree(CHECKPOINTS / "mnist-ae-l1", tmp_path / "copy")
    (tmp_path / "copy" / CODES_FILE).unlink(missing_ok=True)  # of all of MNIST
    gallery = tmp_path / "copy" / "gallery"
    gallery.mkdir()
    save_pictures(gallery / TRAIN_FILE, few_neighbours.gallery.pictures)  # sooner encoded than all of MNIST
    sums.write(tmp_path / "copy")
    before = json.loads((tmp_path / "copy" / "metrics.json").read_text())
    pictures = sets.load_pictures
    monkeypatch.setattr(sets, "load_pictures", lambda root, seed: pictures(root, each=8, seed=seed))
    assert command.main("outliers", [str(tmp_path / "copy"), "--data-root", "there"]) == 0
    after = json.loads((tmp_path / "copy" / "metrics.json").read_text())
    figures = after.pop("outliers")
    before.pop("outliers", None)
    assert after == before
    assert figures["command"] == "python -m train.outliers mnist-ae-l1"
    said = capsys.readouterr().out
    for kind, one in figures["sets"].items():
        assert f"{one['auroc']:.3f}" in next(line for line in said.splitlines() if line.startswith(kind))
    card = (tmp_path / "copy" / "README.md").read_text()
    assert (
        f"with an AUROC of {figures['auroc']:.3f} (letters {figures['sets']['letters']['auroc']:.3f}" in card
    )
    explorer = ganlab.load(str(tmp_path / "copy"))
    assert outliers.score_picture(explorer, digits.inputs(slice(0, 1))) is not None


def test_a_model_of_other_pictures_is_refused(gan_model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main("outliers", [gan_model, "--data-root", "there"]) == 2
    assert "is no model of digits with an encoder" in capsys.readouterr().err
