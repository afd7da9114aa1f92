"""The command that maps codes, and its measure of faithfulness."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import ganlab
from ganlab import gallery
from ganlab.gallery import ATTRIBUTES_FILE, Pictures, save_pictures
from ganlab.hub import CHECKPOINTS
from ganlab.model import METRICS_FILE
from ganlab.studio import codemap
from train import sums
from train.measure import command
from train.measure.code_map import measure_faithfulness, write_attributes


def test_a_copy_is_faithful_and_a_shuffled_one_is_not() -> None:
    rng = torch.Generator().manual_seed(0)
    codes = torch.randn(1500, 2, generator=rng)
    labels = (codes[:, 0] > 0).long()
    same = measure_faithfulness(3 * codes, codes, labels)
    assert same["neighbours_kept"] == pytest.approx(1)
    assert same["one_nn"] == same["one_nn_codes"] > 0.98
    other = measure_faithfulness(codes[torch.randperm(1500, generator=rng)], codes, labels)
    assert other["neighbours_kept"] < 0.05
    assert other["one_nn"] == pytest.approx(0.5, abs=0.06)


def test_attributes_are_stored_in_a_few_levels(tmp_path: Path, digits: Pictures) -> None:
    write_attributes(digits, tmp_path / ATTRIBUTES_FILE)
    with np.load(tmp_path / ATTRIBUTES_FILE) as file:
        values, names, lows, highs = (file[key] for key in ("values", "names", "lows", "highs"))
    assert values.shape == (len(digits), 6)
    assert len(np.unique(values)) <= 32
    ink = list(names).index("ink")
    true = digits.flat.sum(1).clamp(float(lows[ink]), float(highs[ink])).numpy()
    stored = lows[ink] + values[:, ink] / 255 * (highs[ink] - lows[ink])
    assert np.abs(stored - true).max() <= (highs[ink] - lows[ink]) / 62 + 1


@pytest.mark.slow
def test_the_command_maps_a_checkpoint(
    tmp_path: Path, digits: Pictures, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "mnist-ae-l1"
    shutil.copytree(CHECKPOINTS / "mnist-ae-l1", folder)
    (folder / gallery.CODES_FILE).unlink(missing_ok=True)
    (folder / "gallery").mkdir()
    few = Pictures(digits.pixels[:200], digits.labels[:200], digits.indices[:200])
    save_pictures(folder / "gallery" / gallery.TRAIN_FILE, few)
    sums.write(folder)
    assert command.main("map", [str(folder), "--jobs", "1"]) == 0
    assert "t-SNE of 200 codes" in capsys.readouterr().out
    assert (folder / "gallery" / ATTRIBUTES_FILE).is_file()
    explorer = ganlab.load(str(folder))
    assert codemap.list_kinds(explorer) == ("tsne", "principal")
    figures = json.loads((folder / METRICS_FILE).read_text())["map"]
    assert figures["tsne"]["neighbours_kept"] > 0.4  # of 200 pictures; by chance 0.05
    assert figures["fingerprint"] == explorer.fingerprint


def test_a_model_without_an_encoder_gets_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main("map", ["mnist-gan"]) == 2
    assert "no encoder" in capsys.readouterr().err
