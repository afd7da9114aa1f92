"""A judge of colour pictures: what its augmentation changes and keeps, its size, and that it learns."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from ganlab import judge as judges
from ganlab.gallery import Pictures
from ganlab.judge import Judge, JudgeConfig, Network
from train import judge as training
from train import judge_colour

RANGES = ("MAX_SHIFT", "MAX_ZOOM", "MAX_BRIGHTNESS", "MAX_CONTRAST", "MAX_SATURATION", "HOLE")
CPU = torch.device("cpu")


def only(monkeypatch: pytest.MonkeyPatch, **ranges: float) -> None:
    for name in RANGES:
        monkeypatch.setattr(judge_colour, name, ranges.get(name, 0.0))


def draw_pictures(count: int, size: int = 32) -> Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(1)) / 2 + 0.25


def augment(x: Tensor) -> Tensor:
    return judge_colour.augment(x, torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", [32, 64])
def test_without_ranges_half_of_the_pictures_are_mirrored_and_nothing_else(
    size: int, monkeypatch: pytest.MonkeyPatch
):
    only(monkeypatch)
    x = draw_pictures(100, size)
    same = (augment(x) - x).abs().amax((1, 2, 3)) < 1e-4
    mirrored = (augment(x) - x.flip(3)).abs().amax((1, 2, 3)) < 1e-4
    assert (same ^ mirrored).all()
    assert 30 < mirrored.sum() < 70


def test_shifts_are_whole_pixels_and_mirror_the_border(monkeypatch: pytest.MonkeyPatch):
    only(monkeypatch, MAX_SHIFT=1 / 8)
    rows = torch.arange(32.0).view(1, 1, 32, 1).expand(200, 3, 32, 32) / 32
    shifted = augment(rows)[:, 0, :, 0] * 32
    down = shifted[:, 16] - 16
    torch.testing.assert_close(down, down.round(), rtol=0, atol=1e-3)
    assert down.round().unique().tolist() == list(range(-4, 5))
    lowest = shifted[down.round() == 4][0]
    torch.testing.assert_close(lowest[-6:], torch.tensor([30.0, 31, 31, 30, 29, 28]), rtol=0, atol=1e-3)


def test_colours_change_by_picture_and_stay_in_range(monkeypatch: pytest.MonkeyPatch):
    only(monkeypatch, MAX_BRIGHTNESS=0.3)
    x = torch.full((200, 3, 32, 32), 0.5)
    values = augment(x).amax((1, 2, 3)) / 0.5
    assert 0.7 <= values.min() < 0.75
    assert 1.25 < values.max() <= 1.3
    only(monkeypatch, MAX_SATURATION=0.4)
    assert (augment(x) - x).abs().max() < 1e-5  # grey stays grey
    only(monkeypatch, MAX_SATURATION=9.0, MAX_CONTRAST=9.0, MAX_BRIGHTNESS=9.0)
    wild = augment(draw_pictures(50))
    assert wild.min() >= 0
    assert wild.max() <= 1


def test_a_square_of_a_quarter_of_the_side_is_hidden(monkeypatch: pytest.MonkeyPatch):
    only(monkeypatch, HOLE=0.25)
    x = draw_pictures(100)
    x = (x + x.flip(3)) / 2  # mirrored pictures are the same
    changed = ((augment(x) - x).abs().amax(1) > 1e-4).sum((1, 2))
    assert changed.max() == 64
    assert changed.min() < 64  # some lie at the border
    assert changed.min() > 0


@pytest.mark.parametrize(("size", "classes"), [(32, 10), (64, 50)])
def test_its_file_is_small(size: int, classes: int, tmp_path: Path):
    pixels = torch.zeros(classes, 3, size, size, dtype=torch.uint8)
    recipe = training.choose_recipe(Pictures(pixels, torch.arange(classes), torch.arange(classes)))
    config = JudgeConfig("", 3, size, classes, recipe.widths, recipe.features, 0, 0, 0, grid=recipe.grid)
    judges.save(config, Network(config), tmp_path / "judge")
    assert sum(path.stat().st_size for path in (tmp_path / "judge").iterdir()) < 1_600_000
    judge = Judge.read(tmp_path / "judge")
    assert judge.config == config
    x = draw_pictures(3, size)
    assert judge.features(x).shape == (3, 128)
    assert judge.labels(x).max() < classes


def test_it_learns_colours(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    labels = torch.arange(120) % 3
    pixels = (draw_pictures(120, 16) * 100).to(torch.uint8)
    pixels[torch.arange(120), labels] += 60
    pictures = Pictures(pixels, labels, torch.arange(120))
    recipe = training.choose_recipe(pictures)
    small = judge_colour.Recipe(**{**vars(recipe), "widths": (4, 8, 8), "features": 16, "batch": 40})
    first, second = (training.fit(pictures, 8, 0, CPU, small).eval() for _ in range(2))
    assert (first(pictures.inputs(slice(None))).argmax(1) == labels).double().mean() > 0.9
    assert capsys.readouterr().out.count("epoch 8/8") == 2
    assert first.state_dict().keys() == second.state_dict().keys()


@pytest.mark.parametrize("grid", [-1, 65, "2", True])
def test_a_grid_that_makes_no_sense_is_refused(grid: object):
    with pytest.raises(judges.CheckpointError, match="grid is a whole number from 0 to 64"):
        JudgeConfig("", 3, 32, 10, (4, 8, 8), 16, 0, 0, 0, grid=grid)  # type: ignore[arg-type]
