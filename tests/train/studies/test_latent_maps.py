"""The study of latent maps: rows are fitted, measured, kept and shown; what they cost is said."""

from __future__ import annotations

import functools
import importlib.util
import json
from pathlib import Path

import pytest
import torch

from ganlab.networks import LatentMap
from train import flow_matching
from train.flow_matching import FitConfig
from train.studies import couplings, latent_maps
from train.studies.latent_maps import Variant

pytestmark = pytest.mark.usefixtures("few", "pages")

ROWS = {
    "affine": Variant("affine"),
    "one round": Variant(last="first round", width=8),
    "Heun": Variant(last="first round", heun_steps=3, width=8),
    "two rounds": Variant(width=8),
    "three": Variant(last="ends", guidance=0.5, end_share=0.5, width=8),
}


@pytest.fixture
def flags(checkpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command on narrow maps, with a budget of a second."""
    small = functools.partial(FitConfig, teacher_width=8, blocks=1, map_steps=2, lr=0.02)
    monkeypatch.setattr(latent_maps, "FitConfig", small)
    monkeypatch.setattr(latent_maps, "VARIANTS", ROWS)
    monkeypatch.setattr(couplings, "AFFINE_LAYERS", 2)
    for module in (couplings, flow_matching):
        monkeypatch.setattr(module, "WARM_UP", 1)
        monkeypatch.setattr(module, "EMA", 0.1)
    budget = ["--steps", "3", "--pairs", "20", "--batch-size", "16", "--precision", "fp32"]
    return [checkpoint, *budget, "--folder", str(tmp_path / "rows"), "--runs", str(tmp_path / "runs")]


def test_rows_are_fitted_measured_kept_and_shown(
    flags: list[str], pages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    assert latent_maps.main(flags) == 0
    rows = {name: json.loads((tmp_path / "rows" / f"{stem}.json").read_text()) for name, stem in (
        ("affine", "affine"), ("one round", "one-round"), ("Heun", "heun"), ("two rounds", "two-rounds"),
        ("three", "three"),
    )}  # fmt: skip
    page = (pages / "latent-maps.md").read_text()
    lines = [line for line in page.splitlines() if line.startswith("|")][2:]
    for (name, row), line in zip(rows.items(), lines, strict=True):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells[0] == name
        assert cells[1] == f"{row['frechet']:.3f}"
        nats = [row["nats_train"], row["nats_test"]]
        assert (None in nats) == (name == "Heun")  # slow
        assert cells[4:6] == (["–"] * 2 if name == "Heun" else [f"{value:.2f}" for value in nats])
        assert cells[6] == f"{row['spread']:.2f}"
        assert 0.1 < row["spread"] < 10
        assert 0 < row["error"] < 0.01  # of codes as large as 20
        assert row["seconds"] > 0
        assert row["samples"] == 200
    euler, heun = rows["one round"], rows["Heun"]
    assert heun["multiplications"] - 16 == 3 * (euler["multiplications"] - 16)  # 2 x 3 steps, not 2
    assert len({row["frechet"] for row in rows.values()}) == len(rows)
    assert "3 steps of 16 codes in each round" in page
    assert page.strip() in (tmp_path / "docs" / "results.md").read_text()

    def refuse(*args: object) -> None:
        raise AssertionError("a row that is stored is not computed again")

    capsys.readouterr()
    monkeypatch.setattr(latent_maps, "fit_map", refuse)
    monkeypatch.setattr(latent_maps, "load_codes", refuse)
    assert latent_maps.main(flags) == 0
    assert page in capsys.readouterr().out


def test_rows_share_their_first_round(
    flags: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert latent_maps.main([*flags, "--rows", "one round"]) == 0
    first = json.loads((tmp_path / "rows" / "one-round.json").read_text())
    stored = torch.load(tmp_path / "runs" / "first-0.1-0.pt", weights_only=True)
    assert stored["seconds"] == pytest.approx(first["seconds"], rel=1e-4)
    seen: list[LatentMap] = []

    def measure(latent_map: LatentMap, *others: object) -> dict[str, float]:
        seen.append(latent_map)
        return original(latent_map, *others)

    original = latent_maps.measure_map
    monkeypatch.setattr(latent_maps, "measure_map", measure)
    assert latent_maps.main([*flags, "--rows", "Heun"]) == 0
    assert json.loads((tmp_path / "rows" / "heun.json").read_text())["seconds"] == first["seconds"]
    for key, value in stored["state"]["averaged"].items():
        assert torch.allclose(seen[0].velocity.state_dict()[key], value, atol=1e-3), key


def test_rows_of_another_budget_are_refused(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert latent_maps.main([*flags, "--rows", "one round"]) == 0
    assert latent_maps.main([*flags, "--steps", "4"]) == 2
    assert "one-round.json was computed with steps 3 and not 4" in capsys.readouterr().err


def test_no_row_begins_after_the_minutes(
    flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert latent_maps.main([*flags, "--minutes", "0"]) == 0
    assert "0 minutes are over before 'affine'; the same command continues." in capsys.readouterr().out
    assert not (tmp_path / "rows").exists()


def test_without_the_library_one_sentence_says_which_rows_need_it(
    flags: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert latent_maps.main(flags) == 2
    assert (
        'error: Rows that need the library zuko (affine): pip install -e ".[studies]"'
        in capsys.readouterr().err
    )
    latent_maps.check_library(["one round"])
