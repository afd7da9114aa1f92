"""Which runs the ablation makes, and what it says of them."""

from __future__ import annotations

import dataclasses
import functools
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ganlab.gallery import Pictures
from train import trainer
from train.config import TrainConfig
from train.data import datasets
from train.measure import frechet, latent_error
from train.report import results
from train.studies import ablation


def part(pictures: Pictures, start: int, stop: int) -> Pictures:
    chosen = slice(start, stop)
    return Pictures(pictures.pixels[chosen], pictures.labels[chosen], pictures.indices[chosen])


def config(name: str) -> TrainConfig:
    return ablation.make_config(name, 3, "fp32", Path("run"))


def differences(a: str, b: str) -> set[str]:
    one, other = dataclasses.asdict(config(a)), dataclasses.asdict(config(b))
    return {key for key in one if one[key] != other[key]}


def test_each_part_adds_one_thing_to_the_row_above() -> None:
    names = list(ablation.PARTS)
    for above, name in pairwise(names):
        assert differences(above, name) == set(ablation.PARTS[name]), name
    last = names[-1]
    for name, changed in ablation.OTHERWISE.items():
        assert differences(last, name) == set(changed), name
    plain = config("plain BiGAN")
    assert (plain.method, plain.family, plain.prior, plain.epochs) == ("bigan-plus", "conv", "normal", 3)
    assert (plain.pair_weight, plain.pixel_weight, plain.contrast_weight, plain.augment) == (0, 0, 0, False)
    files = [ablation.format_file_name(name) for name in ablation.variants()]
    assert len(set(files)) == len(files)
    assert files[1] == "pair-discriminator"


@pytest.fixture
def small(digits: Pictures, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    def load(dataset: str, root: str, split: str) -> Pictures:
        assert (dataset, root) == ("mnist", "there")
        return part(digits, 0, 128) if split == "train" else part(digits, 400, 460)

    monkeypatch.setattr(datasets, "load", load)
    monkeypatch.setattr(frechet, "SAMPLES", 60)
    monkeypatch.setattr(latent_error, "SAMPLES", 60)
    monkeypatch.setattr(ablation, "GAUSSIANS", 2)
    narrow = functools.partial(TrainConfig, batch_size=64, pictures_every=100, device="cpu")
    monkeypatch.setattr(ablation, "TrainConfig", narrow)
    monkeypatch.setattr(
        ablation, "FAMILY_DEFAULTS", {"conv": ablation.FAMILY_DEFAULTS["conv"] | {"width": 4}}
    )
    monkeypatch.setattr(trainer, "resolve_precision", lambda name, device: "fp32")
    monkeypatch.setattr(results, "PAGES", tmp_path / "table")
    monkeypatch.setattr(results, "README", tmp_path / "README.md")
    monkeypatch.setattr(results, "RESULTS", tmp_path / "docs" / "results.md")
    paths = ["--runs", str(tmp_path / "runs"), "--folder", str(tmp_path / "rows"), "--data-root", "there"]
    return [*paths, "--epochs", "1"]


@pytest.mark.slow
def test_rows_are_trained_measured_and_shown(
    small: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["plain BiGAN", "+ contrastive loss"]
    assert ablation.main([*small, "--rows", *names]) == 0
    rows: dict[str, Any] = ablation.read_rows(tmp_path / "rows")
    assert list(rows) == names
    page = (tmp_path / "table" / "ablation.md").read_text()
    lines = [line for line in page.splitlines() if line.startswith("|")][2:]
    for name, line in zip(names, lines, strict=True):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells[0] == name
        assert cells[1] == f"{100 * rows[name]['identity']['share']:.2f} %"
        assert cells[3] == f"{100 * rows[name]['one_nn']['features']['accuracy']:.2f} %"
    assert page.strip() in (tmp_path / "docs" / "results.md").read_text()
    assert page in capsys.readouterr().out
    settings = json.loads((tmp_path / "runs" / "contrastive-loss" / "config.json").read_text())["train"]
    assert settings["feature_dim"] == 64
    assert ablation.main([*small, "--rows", *names]) == 0
    assert capsys.readouterr().out.count("exists already") == 2


def test_rows_of_different_budgets_are_not_put_together() -> None:
    with pytest.raises(ValueError, match=r"different epochs cannot be compared: \[3, 10\]"):
        ablation.render({"plain BiGAN": {"epochs": 10}, "+ contrastive loss": {"epochs": 3}})
