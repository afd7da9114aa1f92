"""The ratios of D's to G's updates: each is trained, drawn and measured as said."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ganlab import images, latent, networks
from ganlab.config import ModelConfig
from ganlab.gallery import Pictures
from ganlab.judge import Judge
from tests.train.runs import stop_after
from train.config import TrainConfig
from train.data import datasets
from train.measure import frechet
from train.report import results
from train.studies import ratios
from train.trainer import Trainer

NAMES = ("1-1", "5-1", "1-5")


def part(pictures: Pictures, start: int, stop: int) -> Pictures:
    chosen = slice(start, stop)
    return Pictures(pictures.pixels[chosen], pictures.labels[chosen], pictures.indices[chosen])


@pytest.fixture(autouse=True)
def few(digits: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
    """384 training digits in 6 steps, 100 others to test, networks of at most 64 units."""

    def load(dataset: str, root: str, split: str) -> Pictures:
        assert (dataset, root) == ("mnist", "there")
        return part(digits, 0, 384) if split == "train" else part(digits, 400, 500)

    monkeypatch.setattr(datasets, "load", load)
    monkeypatch.setattr(frechet, "SAMPLES", 60)
    monkeypatch.setattr(results, "write_page", lambda *_: None)
    narrow = functools.partial(TrainConfig, width=64, batch_size=64, pictures_every=100, device="cpu")
    monkeypatch.setattr(ratios, "TrainConfig", narrow)


def run(folder: Path, *more: str) -> int:
    paths = ["--runs", str(folder / "runs"), "--folder", str(folder / "ratios"), "--data-root", "there"]
    return ratios.main([*paths, "--epochs", "1", *more])


def rows(folder: Path) -> list[dict[str, Any]]:
    study = json.loads((folder / "ratios" / "ratios.json").read_text())
    assert study["command"] == "python -m train.ratios"
    rows: list[dict[str, Any]] = study["rows"]
    return rows


def generator(run: Path) -> torch.nn.Module:
    """The run's G as its resume file has it, in half precision."""
    settings = json.loads((run / "config.json").read_text())["model"]
    config = ModelConfig(**settings | {"networks": tuple(settings["networks"])})
    G = networks.build(config)["generator"]
    G.load_state_dict(torch.load(run / "resume.pt", weights_only=True)["nets"]["generator"])
    return G.half().float().eval()


@pytest.mark.slow
def test_each_ratio_is_trained_drawn_and_measured(tmp_path: Path, digits: Pictures) -> None:
    assert run(tmp_path) == 0
    study, judge = rows(tmp_path), Judge.load("mnist")
    assert judge is not None
    assert [(row["d_steps"], row["g_steps"]) for row in study] == [(1, 1), (5, 1), (1, 5)]
    for row, name in zip(study, NAMES, strict=True):
        settings = json.loads((tmp_path / "runs" / name / "config.json").read_text())["train"]
        assert f"{settings['d_steps']}-{settings['g_steps']}" == name
        assert (settings["family"], settings["prior"], settings["updates"]) == (
            "tutorial-gan", "normal", "alternating",
        )  # fmt: skip
        assert (settings["seed"], settings["epochs"], row["epochs"]) == (0, 1, 1)
        G = generator(tmp_path / "runs" / name)
        with torch.inference_mode():
            samples_drawn = G(latent.draw("normal", 100, 32, 0))
            samples = judge.network.hidden(G(latent.draw("normal", 100, 60, frechet.SEED)))
            real = judge.network.hidden(digits.inputs(slice(400, 460)))
        assert row["samples"] == f"{name}.png"
        drawn = np.asarray(Image.open(tmp_path / "ratios" / row["samples"]))
        np.testing.assert_array_equal(drawn, np.asarray(images.draw_grid(samples_drawn, 8, 2)))
        A, B = (some.double().numpy() for some in (samples, real))
        distance = ((A.mean(0) - B.mean(0)) ** 2).sum() + A.var(0, ddof=1).sum() + B.var(0, ddof=1).sum()
        A, B = ((some - some.mean(0)) / np.sqrt(59) for some in (A, B))
        distance -= 2 * np.linalg.svd(A @ B.T, compute_uv=False).sum()
        assert row["frechet"]["distance"] == pytest.approx(distance, rel=1e-4)
        assert row["frechet"]["n"] == 60
        assert row["frechet"]["judge"] == judge.fingerprint
    assert len({row["frechet"]["distance"] for row in study}) == 3
    assert len({row["frechet"]["floor"] for row in study}) == 1


@pytest.mark.slow
def test_the_ratio_is_that_of_the_updates(tmp_path: Path) -> None:
    assert run(tmp_path) == 0
    updates = {}
    for name in NAMES:
        state = torch.load(tmp_path / "runs" / name / "resume.pt", weights_only=True)["optimisers"]
        updates[name] = {player: int(state[player]["state"][0]["step"]) for player in state}
    assert updates == {
        "1-1": {"discriminator": 6, "generator": 6},
        "5-1": {"discriminator": 6, "generator": 1},
        "1-5": {"discriminator": 6, "generator": 30},
    }


def test_all_runs_can_be_given_one_precision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ratios, "RATIOS", ((1, 1),))
    assert run(tmp_path, "--precision", "bf16") == 0
    settings = json.loads((tmp_path / "runs" / "1-1" / "config.json").read_text())["train"]
    assert settings["precision"] == "bf16"


@pytest.mark.slow
def test_an_interruption_is_gone_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ratios, "RATIOS", ((1, 1), (5, 1)))
    assert run(tmp_path / "whole") == 0

    def interrupted(config: TrainConfig, *arguments: Any, **options: Any) -> Trainer:
        trainer = Trainer(config, *arguments, **options)
        return stop_after(trainer, 2) if config.d_steps == 5 else trainer

    with monkeypatch.context() as patch:
        patch.setattr(ratios, "Trainer", interrupted)
        assert run(tmp_path / "parts") == 130
    assert "the same command continues" in capsys.readouterr().out
    assert not (tmp_path / "parts" / "ratios" / "ratios.json").exists()
    assert run(tmp_path / "parts") == 0
    for one, other in zip(rows(tmp_path / "whole"), rows(tmp_path / "parts"), strict=True):
        for key in one.keys() - {"seconds", "commit"}:
            assert one[key] == other[key], key
    for name in NAMES[:2]:
        drawn = [(tmp_path / kind / "ratios" / f"{name}.png").read_bytes() for kind in ("whole", "parts")]
        assert drawn[0] == drawn[1]


def test_without_a_judge_there_is_nothing_to_measure_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Judge, "load", lambda dataset: None)
    assert run(tmp_path) == 2
    assert capsys.readouterr().err == (
        "error: There is no judge of mnist: train one with python -m train.judge mnist.\n"
    )
    assert list(tmp_path.iterdir()) == []
