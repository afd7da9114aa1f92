"""Symptoms of a lost run on networks whose state is known, and the command that follows runs."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import pytest
import torch

from ganlab.gallery import Pictures
from tests.train.runs import take
from train.config import TrainConfig
from train.data import datasets
from train.studies import lost
from train.studies.symptoms import measure_symptoms
from train.trainer import Trainer


def build(digits: Pictures, folder: Path, **settings: object) -> Trainer:
    """A narrow run before its first step, whose D has an opinion."""
    config = TrainConfig(width=32, batch_size=64, precision="fp32", device="cpu", out=str(folder), **settings)  # type: ignore[arg-type]
    trainer = Trainer(config, digits)
    rng = torch.Generator().manual_seed(1)
    with torch.no_grad():
        trainer.nets["joint_discriminator"].get_parameter("output.weight").normal_(std=0.5, generator=rng)
    return trainer


def probe(digits: Pictures, trainer: Trainer) -> dict[str, float]:
    x = datasets.to_input(digits.pixels[:128])
    z = torch.rand(128, 50, generator=torch.Generator().manual_seed(2)) * 2 - 1
    return measure_symptoms(trainer, x, z)


def test_measuring_leaves_the_run_as_it_is(digits: Pictures, tmp_path: Path) -> None:
    runs = [build(digits, tmp_path / name) for name in "ab"]
    for step, rows in enumerate(runs[0].shuffle(0)[:3]):
        for run in runs:
            run.train_step(rows)
        if step == 1:
            assert probe(digits, runs[1])["discriminator_stride"] > 0
    for first, second in zip(runs[0].nets.values(), runs[1].nets.values(), strict=True):
        for key, value in first.state_dict().items():
            assert torch.equal(value, second.state_dict()[key]), key


def test_with_statistics_apart_nothing_pulls_the_mean_of_equal_pictures(
    digits: Pictures, tmp_path: Path
) -> None:
    shares = {}
    for statistics in ("apart", "shared"):
        trainer = build(digits, tmp_path / statistics, statistics=statistics)
        with torch.no_grad():  # G paints one grey picture
            trainer.nets["generator"].get_parameter("output.weight").zero_()
        figures = probe(digits, trainer)
        assert figures["diversity"] < 1e-6
        assert figures["drift"] > 0.3  # digits are dark
        assert figures["pull"] > 1e-3
        shares[statistics] = figures["pull_in_common"]
    assert shares["apart"] < 1e-6
    assert shares["shared"] > 1e-2


def line(step: int, separated: float, diversity: float = 1.0) -> dict[str, float]:
    return {"step": step, "separated": separated, "diversity": diversity}


def test_d_is_certain_where_it_separates_nearly_all_pairs() -> None:
    early = [line(100, 1.0), line(300, 1.0)]  # as every run
    well = [line(step, 0.8) for step in range(400, 900, 100)]
    ill = [line(step, 1.0) for step in range(900, 1300, 100)]
    assert lost.list_certain(early + well) == []
    assert lost.list_certain(early + well + ill) == [900, 1000, 1100, 1200]


def test_a_summary_counts_lost_runs_and_compares_the_seeds_that_are_sound_in_all_forms() -> None:
    def run(mse: float) -> list[dict[str, float]]:
        return [line(400, 0.9), line(500, 0.9) | {"mse": mse, "one_nn_features": 0.9, "one_nn_codes": 0.8}]

    runs = {("a", 0): run(0.2), ("a", 1): run(0.04), ("a", 2): run(0.06), ("a", 3): run(0.05)}
    runs |= {("b", 0): run(0.01), ("b", 1): run(0.08), ("b", 2): run(0.08)}
    rows = [" ".join(row.split()) for row in lost.summarise(runs, black=0.1).splitlines()]
    assert "2 sound seeds" in rows[0]
    assert rows[2].startswith("a 1 of 4 0.0500 ± 0.0100 0.9000")
    assert rows[3].startswith("b 0 of 3 0.0800 ± 0.0000 0.9000")
    alone = lost.summarise({("a", 0): run(0.2)}, black=0.1)
    assert "1 of 1" in alone
    assert "–" in alone


def test_the_lowest_point_is_not_the_grey_beginning() -> None:
    lines = [
        line(step, 1.0, diversity) for step, diversity in ((100, 0.1), (500, 0.4), (600, 0.3), (700, 0.9))
    ]
    assert lost.find_lowest(lines)["step"] == 600
    assert lost.find_lowest(lines[:1])["step"] == 100


@pytest.fixture
def narrow(digits: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "load", lambda *_: take(digits, 256))
    monkeypatch.setattr(lost, "PROBES", 64)
    monkeypatch.setattr(lost, "TEST", 50)
    settings = functools.partial(TrainConfig, batch_size=64, device="cpu")
    settings.width, settings.lr = TrainConfig.width, TrainConfig.lr  # type: ignore[attr-defined]
    monkeypatch.setattr(lost, "TrainConfig", settings)


def test_the_command_follows_every_run_once(
    narrow: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = [
        "--forms",
        "paper",
        "shared",
        "--seeds",
        "3",
        "--epochs",
        "1",
        "--width",
        "16",
        "--every",
        "3",
    ]
    arguments += ["--precision", "fp32", "--runs", str(tmp_path)]
    assert lost.main(arguments) == 0
    assert "shared" in capsys.readouterr().out
    lines = [json.loads(text) for text in (tmp_path / "paper-w16-s3.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [3, 4]
    assert 0 <= lines[-1]["one_nn_codes"] <= 1
    (tmp_path / "shared-w16-s3.jsonl").write_text(json.dumps(lines[0]) + "\n")  # not to its end
    followed = []
    monkeypatch.setattr(lost, "follow", lambda config, *_: followed.append(config.statistics))
    assert lost.main(arguments) == 0
    assert followed == ["shared"]
    assert lost.main([*arguments[:-2], "--epochs", "16"]) == 2
    assert "between 1 and 15" in capsys.readouterr().err
