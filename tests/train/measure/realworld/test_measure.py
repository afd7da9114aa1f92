"""Shares are what one counts by hand, and they reach metrics.json and the card."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

import ganlab
from ganlab.config import ModelConfig
from ganlab.gallery import Pictures
from ganlab.hub import CHECKPOINTS
from tests.pictures import encoded
from train import sums
from train.measure import command, evaluate
from train.measure.realworld import measure
from train.measure.realworld.scenes import Picture
from train.report import card

BLANK = encoded(Image.new("L", (60, 60), 255), "PNG")


def uploads(digits: Pictures, count: int, kind: str = "as stored") -> list[Picture]:
    return [
        Picture(kind, int(digits.labels[row]), encoded(Image.fromarray(digits.pixels[row, 0].numpy()), "PNG"))
        for row in range(count)
    ]


def test_shares_are_counted_kind_by_kind(digits: Pictures) -> None:
    explorer = ganlab.load("mnist-bigan")
    judge = explorer.judge
    assert judge is not None
    good = uploads(digits, 40)
    wrong = [Picture("lies", (one.label + 1) % 10, one.file) for one in good[:20]]
    figures = measure.measure_real_world(explorer, [*good, *wrong, Picture("blank", 3, BLANK)])
    x = digits.inputs(slice(0, 40))
    kept = (judge.labels(explorer.reconstruct(x)) == digits.labels[:40]).float().mean()
    assert list(figures["kinds"]) == ["as stored", "lies", "blank"]
    assert figures["kinds"]["as stored"]["reconstructed"] == pytest.approx(float(kept))
    assert figures["kinds"]["as stored"]["prepared"] == pytest.approx(
        float((judge.labels(x) == digits.labels[:40]).float().mean())
    )
    assert figures["kinds"]["lies"]["prepared"] == 0
    assert figures["kinds"]["blank"] == {"count": 1, "prepared": 0.0, "reconstructed": 0.0}
    assert figures["count"] == 61
    assert figures["prepared"] == pytest.approx(40 / 61, abs=0.02)


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digits: Pictures) -> Path:
    """The bundled model in a folder of its own, and few uploads."""
    folder = tmp_path / "mnist-bigan"
    shutil.copytree(CHECKPOINTS / "mnist-bigan", folder)
    monkeypatch.setattr(
        measure,
        "draw_pictures",
        lambda seed: uploads(digits, {measure.SEED: 10, measure.FRESH_SEED: 20}[seed]),
    )
    return folder


def test_the_command_prints_a_table_and_keeps_the_rest_of_the_figures(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = json.loads((copy / "metrics.json").read_text())
    assert command.main("realworld", [str(copy)]) == 0
    after = json.loads((copy / "metrics.json").read_text())
    assert after.pop("real_world")["count"] == 10
    before.pop("real_world", None)
    assert after == before
    printed = capsys.readouterr().out
    assert "as stored" in printed
    assert "Of 10 digits from outside MNIST" in (copy / card.CARD_FILE).read_text()


@pytest.mark.slow
def test_measuring_the_rest_anew_keeps_them_while_the_weights_are_the_same(
    copy: Path, monkeypatch: pytest.MonkeyPatch, digits: Pictures
) -> None:
    assert command.main("realworld", [str(copy)]) == 0
    monkeypatch.setattr(evaluate, "measure", lambda subject: {"one_nn": {}})
    assert evaluate.evaluate(copy, digits)["real_world"]["count"] == 10
    stored = json.loads((copy / "metrics.json").read_text())
    stored["real_world"]["fingerprint"] = "of other weights"
    (copy / "metrics.json").write_text(json.dumps(stored))
    sums.write(copy)
    assert "real_world" not in evaluate.evaluate(copy, digits)


def test_the_card_names_the_kinds_that_fail() -> None:
    sentence = measure.MEASUREMENT.sentence
    assert sentence is not None

    def said(**kinds: float) -> str:
        shown = {
            kind: {"count": 40, "prepared": 1.0, "reconstructed": share} for kind, share in kinds.items()
        }
        whole = {"count": 80, "prepared": 0.961, "reconstructed": 0.5, "standard_error": 0.02}
        fresh = {"count": 60, "prepared": 0.97, "reconstructed": 0.6}
        return sentence({"command": "the command", "kinds": shown, "fresh": fresh, **whole})

    assert "of 60 fresh ones, which preparation was not adjusted to, in 97.00 % and 60.00 %" in said(
        photo=0.5
    )
    assert "96.10 % after preparation" in said(photo=0.5)
    assert "50.00 ± 2.00 %" in said(photo=0.5)
    assert said(photo=0.5, scan=0.95).endswith("Kinds below 90 %: photo (50 %).")
    assert said(photo=0.9, scan=0.95).endswith("Kinds below 90 %: none.")


@pytest.mark.parametrize(
    ("name", "said"), [("absent", "available"), ("no encoder", "is no model of digits with an encoder")]
)
def test_what_cannot_be_measured_is_said(
    name: str, said: str, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = name
    if name == "no encoder":
        config = ModelConfig.from_json((copy / "config.json").read_text(), "config.json")
        config = dataclasses.replace(config, networks=("generator",))
        (copy / "config.json").write_text(config.to_json())
        given = str(copy)
    assert command.main("realworld", [given]) == 2
    assert said in capsys.readouterr().err
