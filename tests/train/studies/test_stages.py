"""The study of the second stage: one gauge for all rows, a map for codes in a box, rows that are kept."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import pytest
import torch

from ganlab import model
from ganlab.gallery import Pictures
from tests.conftest import untrained_model
from train.flow_matching import FitConfig
from train.studies import stages

pytestmark = pytest.mark.usefixtures("few", "pages")


@pytest.fixture
def flags(checkpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A row of the checkpoint as it is, and one of a model with a uniform prior that gets a map."""
    small = functools.partial(
        FitConfig,
        width=8,
        teacher_width=8,
        blocks=1,
        map_steps=2,
        guidance=0,
        batch_size=16,
        precision="fp32",
    )
    monkeypatch.setattr(stages, "FitConfig", small)
    boxed = untrained_model(tmp_path / "boxed", prior="uniform", gallery="mnist")
    paths = ["--folder", str(tmp_path / "rows"), "--runs", str(tmp_path / "runs")]
    return [
        f"before={checkpoint}",
        f"a box={boxed}",
        "--with-map",
        "a box",
        "--steps",
        "3",
        "--pairs",
        "20",
        *paths,
    ]


def test_codes_in_a_box_get_a_map_and_reconstructions_stay(
    few: Pictures, checkpoint: str, tmp_path: Path
) -> None:
    stored = model.load(untrained_model(tmp_path / "boxed", prior="uniform", gallery="mnist"))
    bare = stages.unbox(stored)
    x = few.inputs(slice(0, 9))
    assert torch.equal(bare.encoder(x), stored.encoder.logits(x))
    assert torch.equal(bare.generator(bare.encoder(x)), stored.generator(stored.encoder(x)))
    assert (bare.encoder(x) - stored.encoder(x)).abs().max() > 0.1
    config = FitConfig(
        width=8, teacher_width=8, blocks=1, map_steps=2, teacher_steps=2, weak_steps=1, steps=2, end_steps=2,
        pairs=20, batch_size=16, precision="fp32",
    )  # fmt: skip
    mapped = stages.add_map(stored, few, config, tmp_path / "run")
    assert mapped.latent_map is not None
    assert mapped.config.prior == "normal"
    again = mapped.generator(mapped.encoder(x))
    assert torch.allclose(again, stored.generator(stored.encoder(x)), atol=1e-2)
    normal = model.load(checkpoint)
    assert torch.equal(stages.unbox(normal).encoder(x), normal.encoder(x))


def test_rows_are_measured_by_one_gauge_kept_and_shown(
    flags: list[str], pages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    assert stages.main(flags) == 0
    rows = [json.loads((tmp_path / "rows" / f"{name}.json").read_text()) for name in ("before", "a-box")]
    assert rows[0]["computed_with"]["gauge"] == rows[1]["computed_with"]["gauge"]
    assert [row["computed_with"]["steps"] for row in rows] == [0, 3]
    assert rows[0]["frechet"] != rows[1]["frechet"]
    page = (pages / "stages.md").read_text()
    for name, row in zip(("before", "a box"), rows, strict=True):
        line = next(line for line in page.splitlines() if line.startswith(f"| {name} |"))
        assert f"| {row['frechet']:.3f} |" in line
        assert f"| {row['mse']:.4f} |" in line
    assert page.strip() in (tmp_path / "docs" / "results.md").read_text()

    def refuse(*args: object) -> None:
        raise AssertionError("a row that is stored is not computed again")

    capsys.readouterr()
    monkeypatch.setattr(stages, "Yardstick", refuse)
    assert stages.main(flags) == 0
    assert page in capsys.readouterr().out
    assert stages.main([*flags, "--steps", "4"]) == 2
    assert "a-box.json was computed with steps 3 and not 4" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["nothing"], "A row is written NAME=CHECKPOINT"),
        (["a=x", "--with-map", "b"], "--with-map names rows"),
    ],
)
def test_what_is_no_row_is_refused(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stages.main(arguments) == 2
    assert reason in capsys.readouterr().err
