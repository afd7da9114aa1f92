"""A look at a folder before a run: what is there is counted, and settings follow from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from train.__main__ import read_arguments
from train.data.survey import Survey, choose_settings, survey
from train.methods import METHODS


def write(path: Path, size: tuple[int, int] = (40, 40), seed: int = 0, grey: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (4, 4) if grey else (4, 4, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR).save(path)


@pytest.fixture
def animals(tmp_path: Path) -> Path:
    """Two classes of colour pictures of several sizes, with a copy and two damaged files."""
    folder = tmp_path / "animals"
    for n in range(20):
        write(folder / "barn-owl" / f"{n:02d}.png", (90 + n, 70), seed=n)
    for n in range(9):
        write(folder / "cat" / f"{n:02d}.png", (60, 64), seed=100 + n)
    (folder / "cat" / "copy.png").write_bytes((folder / "cat" / "00.png").read_bytes())
    (folder / "cat" / "cut.png").write_bytes((folder / "cat" / "01.png").read_bytes()[:90])
    (folder / "cat" / "text.jpg").write_text("no picture")
    return folder


def test_what_is_there_is_counted_and_said(animals: Path) -> None:
    overview = survey(animals)
    assert overview.counts == {"train": 27, "test": 3}
    assert overview.classes == {"barn owl": 20, "cat": 10}
    assert (overview.side, overview.coloured, overview.divided) == (70, True, False)
    assert (overview.duplicates, overview.broken) == (1, ("cat/cut.png", "cat/text.jpg"))
    assert overview.describe() == [
        f"{animals}: 30 colour pictures of 60 x 64 to 109 x 70 pixels",
        "2 classes of 10 to 20 pictures: barn owl, cat",
        "27 to train on, 3 to test on: every tenth picture (folders train and test choose it)",
        "exact copies of another file: 1 (training pictures that are test pictures too: 1)",
        "left out since they cannot be read: 2, first 'cat/cut.png'",
    ]


def test_splits_that_share_pictures_are_named(tmp_path: Path) -> None:
    for n in range(6):
        write(tmp_path / "train" / f"{n}.png", seed=n)
    for n in range(4, 8):
        write(tmp_path / "val" / f"{n}.png", seed=n)
    overview = survey(tmp_path)
    assert (overview.divided, overview.counts) == (True, {"train": 6, "test": 4})
    assert (overview.duplicates, overview.across) == (2, 2)
    said = "\n".join(overview.describe())
    assert "6 to train on, 4 to test on: its own folder" in said
    assert "exact copies of another file: 2 (training pictures that are test pictures too: 2)" in said
    assert "no class folders: neighbours have no votes and sliders no classes" in said


@pytest.mark.parametrize(
    ("side", "size"), [(8, 32), (47, 32), (48, 64), (64, 64), (95, 64), (96, 128), (128, 128), (3000, 128)]
)
def test_the_size_follows_the_pictures(side: int, size: int) -> None:
    assert choose_settings(made_up(sizes=[(side, 2 * side)]), "bigan", None, "cpu")["size"] == size


def made_up(count: int = 5000, coloured: bool = True, sizes: list[tuple[int, int]] | None = None) -> Survey:
    counts = {"train": count, "test": count // 10}
    return Survey(Path("made up"), counts, False, {}, sizes or [(64, 64)], coloured, 0, 0, ())


@pytest.mark.parametrize("method", list(METHODS))
def test_every_method_gets_settings_that_it_takes(method: str, animals: Path) -> None:
    config, _ = read_arguments([method, "--dataset", str(animals)])
    assert (config.size, config.channels) == (64, 3)
    assert config.batch_size <= 27
    assert config.family == ("residual" if method == "bigan-plus" else "paper")


def test_flags_go_before_what_was_chosen(animals: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--size", "32", "--channels", "1", "--batch-size", "5", "--epochs", "3", "--width", "8"]
    config, _ = read_arguments(["bigan-plus", "--dataset", str(animals), *flags])
    assert (config.size, config.channels, config.batch_size, config.epochs, config.width) == (32, 1, 5, 3, 8)
    said = capsys.readouterr().out
    assert "chosen where no flag says otherwise: --size 64 --channels 3 --preset colour" in said
    conv, _ = read_arguments(["bigan-plus", "--dataset", str(animals), "--family", "conv"])
    assert (conv.family, conv.size) == ("conv", 64)  # without the preset, which is of another family


def test_named_data_sets_are_not_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    config, _ = read_arguments(["bigan"])
    assert (config.dataset, config.size, config.batch_size) == ("mnist", None, 128)
    assert capsys.readouterr().out == ""


def test_small_sets_get_small_batches_and_few_epochs_are_enough_for_large_ones() -> None:
    small, large = (choose_settings(made_up(count), "bigan-plus", None, "cpu") for count in (100, 50_000))
    assert small["batch_size"] == 8
    assert small["epochs"] == 400
    assert "batch_size" not in large
    assert large["epochs"] == 10


def test_grey_pictures_are_grey(tmp_path: Path) -> None:
    for n in range(10):
        write(tmp_path / f"{n}.png", (28, 28), seed=n, grey=True)
    overview = survey(tmp_path)
    assert not overview.coloured
    settings = choose_settings(overview, "bigan-plus", None, "cpu")
    assert (settings["size"], settings["channels"]) == (32, 1)


def test_a_folder_without_a_readable_picture_is_refused(tmp_path: Path) -> None:
    for n in range(10):
        (tmp_path / f"{n}.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="None of the 10 pictures of"):
        survey(tmp_path)
