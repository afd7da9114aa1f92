"""The measured table and the ratios of updates: shown as their files say, or why not."""

from __future__ import annotations

import base64
import json
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganlab.ui.tabs.methods import measured
from tests.ui.parsed import HOSTILE, elements
from train.studies import ratios, table


def measured_rows() -> list[dict[str, Any]]:
    """Rows as training leaves them, for every system and three seeds, with figures that all differ."""
    rng = np.random.default_rng(0)

    def near(value: float) -> float:
        return float(value * (1 + rng.uniform(-0.02, 0.02)))

    def space(untrained: bool = True) -> dict[str, float]:
        return {"accuracy": near(0.95)} | ({"untrained": near(0.93)} if untrained else {})

    return [
        {
            "method": method, "seed": seed, "epochs": 30, "seconds": near(900), "precision": "bf16",
            "gallery": "MNIST train, 60,000", "test": "MNIST test, 10,000", "test_count": 10_000,
            "one_nn": {
                "features": space(), "code": space(), "discriminator": space(), "pixels": {"accuracy": 0.9691}
            },
            "frechet": {"distance": near(400), "floor": 26.14, "n": 10_000, "judge": "0123abcd"},
            "reconstruction": {
                "l2": near(6), "l2_random_pair": near(9.5), "mse": near(0.05), "mse_mean_image": 0.0675
            },
            "identity": {"share": near(0.7)},
            "latent": {"mean_abs_error": near(0.5), "mean_abs_error_random_pair": 0.6671},
        }
        for method in table.METHODS
        for seed in range(3)
    ]  # fmt: skip


def write_table(path: Path) -> Path:
    path.write_text(json.dumps(table.summarise(measured_rows())))
    return path


@pytest.fixture
def table_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(measured, "TABLE", tmp_path / "table.json")
    return tmp_path / "table.json"


def cells(html: str) -> dict[str, list[str]]:
    """The table's rows by their first cell, without its head."""
    rows = [["".join(cell.itertext()) for cell in row] for row in elements(html, "tr")]
    return {row[0]: row[1:] for row in rows[1:]}


def test_the_table_shows_what_was_measured(table_file: Path) -> None:
    rows = measured_rows()
    table_file.write_text(json.dumps(table.summarise(rows)))
    page = measured.table_html()
    shown = cells(page)
    figures = (
        (1, 100, 2, lambda row: row["one_nn"]["features"]["accuracy"]),
        (2, 100, 2, lambda row: row["one_nn"]["code"]["accuracy"]),
        (4, 1, 4, lambda row: row["reconstruction"]["mse"]),
        (5, 100, 1, lambda row: row["identity"]["share"]),
        (6, 1, 3, lambda row: row["latent"]["mean_abs_error"]),
        (7, 1, 2, lambda row: row["frechet"]["distance"]),
        (8, 1, 0, lambda row: row["seconds"]),
    )
    for name, method in {"BiGAN": "bigan", "LR": "lr", "AE l1": "ae-l1"}.items():
        own = [row for row in rows if row["method"] == method]
        for place, scale, digits, figure in figures:
            values = [scale * figure(row) for row in own]
            error = statistics.stdev(values) / 3**0.5
            assert shown[name][place] == f"{statistics.mean(values):.{digits}f} ± {error:.{digits}f}"
        pair = statistics.mean(row["reconstruction"]["l2_random_pair"] for row in own)
        assert shown[name][3].endswith(f" ({pair:.2f})")
    published = {"BiGAN": "97.39", "D of the GAN": "97.30", "AE l1": "97.63", "random encoder": "96.84"}
    assert {name: shown[name][0] for name in published} == published
    assert shown["raw pixels"][0] == "–"
    assert shown["raw pixels"][1:] == ["96.91", *["–"] * 7]
    assert shown["D of the GAN"][2:7] == ["–"] * 5
    text = "".join(elements(page, "ul")[0].itertext())
    for fact in (
        "3 training seeds",
        "30 epochs",
        "± is the standard error",
        "26.1",
        "0.667",
        "0.0675",
        "0123abcd",
    ):
        assert fact in text
    lines = ["".join(code.itertext()) for code in elements(page, "code")]
    assert lines == ["python -m train.rows", table.COMMAND]


def test_files_and_commands_are_those_of_training() -> None:
    assert measured.TABLE == table.FOLDER / table.TABLE_FILE
    assert measured.RATIOS == ratios.FOLDER / ratios.FILE
    assert table.COMMAND in measured.TABLE_COMMANDS


@pytest.mark.parametrize("text", ["", "[]", "{", '{"systems": {}}', '{"systems": 3, "command": "x"}'])
def test_a_table_that_is_absent_or_damaged_names_its_commands(text: str, table_file: Path) -> None:
    if text:
        table_file.write_text(text)
    page = measured.table_html()
    assert ("cannot be read" in page) == bool(text)
    assert all(command in page for command in measured.TABLE_COMMANDS)


def test_what_files_say_is_escaped(table_file: Path) -> None:
    summary = table.summarise(measured_rows())
    summary["rows"][0][0] = summary["rows"][0][2] = summary["legend"][0] = summary["command"] = HOSTILE
    summary["heads"][1] = [HOSTILE] * 3
    table_file.write_text(json.dumps(summary))
    page = measured.table_html()
    assert "<img" not in page
    assert HOSTILE in cells(page)


@pytest.fixture
def ratio_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(measured, "RATIOS", tmp_path / "ratios" / "ratios.json")
    (tmp_path / "ratios").mkdir()
    frechet = {"distance": 321.06, "floor": 26.14}
    return {"d_steps": 5, "g_steps": 1, "epochs": 10, "frechet": frechet, "samples": "5-1.png"}


def write_ratios(*rows: dict[str, Any]) -> None:
    measured.RATIOS.write_text(json.dumps({"command": "python -m train.ratios", "rows": rows}))


def test_ratios_are_shown_beside_their_pictures(ratio_row: dict[str, Any]) -> None:
    assert "python -m train.ratios" in measured.ratios_html()
    Image.new("L", (4, 2), 77).save(measured.RATIOS.parent / "5-1.png")
    write_ratios(ratio_row)
    page = measured.ratios_html()
    (picture,) = elements(page, "img")
    content = base64.b64decode((picture.get("src") or "").partition("base64,")[2])
    assert content == (measured.RATIOS.parent / "5-1.png").read_bytes()
    (figure,) = elements(page, "figure")
    text = "".join(figure.itertext())
    assert "5:1" in text
    assert "10 epochs. Fréchet distance 321.06; real pictures 26.140" in text


def test_no_file_outside_the_ratios_folder_is_shown(ratio_row: dict[str, Any], tmp_path: Path) -> None:
    Image.new("L", (4, 2)).save(tmp_path / "secret.png")
    write_ratios(ratio_row | {"samples": "../secret.png"})
    page = measured.ratios_html()
    assert "cannot be read" in page
    assert "base64" not in page
