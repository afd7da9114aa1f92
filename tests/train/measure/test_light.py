"""The light: fitted to what it should see, measured on other pictures, stored where the app looks for it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

import ganlab
from ganlab import latent, light, outliers
from ganlab.explorer import Explorer
from ganlab.gallery import TRAIN_FILE, Pictures, save_pictures
from ganlab.hub import CHECKPOINTS
from ganlab.outliers import Gauge
from train import sums
from train.data import datasets
from train.measure import command
from train.measure import light as measure


def test_logistic_regression_separates_and_weighs_both_sides_alike() -> None:
    scales = torch.tensor([1, 10, 1e-5])
    inputs = torch.randn(2000, 3, generator=torch.Generator().manual_seed(0)) * scales
    unlike = inputs[:, 0] + 0.1 * inputs[:, 1] > 2  # a tenth of them
    fitted = measure.fit(inputs, unlike)
    agreement = measure._compare(fitted.score(inputs), unlike)["agreement"]
    assert agreement["like"] > 0.97
    assert agreement["unlike"] > 0.97
    assert abs(float(fitted.weight[2])) < 10  # of what hardly varies
    with pytest.raises(ValueError, match="the same verdict"):
        measure.fit(inputs, torch.zeros(2000, dtype=torch.bool))


def test_agreement_is_counted_for_each_verdict() -> None:
    unlike = torch.tensor([True, True, True, False, False])
    figures = measure._compare(torch.tensor([2.0, -1.0, 1.0, -3.0, 0.0]), unlike)
    assert figures["agreement"] == {"like": 1.0, "unlike": pytest.approx(2 / 3)}
    assert figures["auroc"] == pytest.approx(5 / 6)
    assert measure._compare(torch.ones(2), torch.ones(2, dtype=torch.bool)) == {
        "agreement": {"like": None, "unlike": 1.0},
        "auroc": None,
    }


def test_latents_are_where_a_person_comes_to(few_neighbours: Explorer, digits: Pictures) -> None:
    x, labels = digits.inputs(slice(0, 20)), digits.labels[:20]
    sets = measure.list_latents(few_neighbours, x, labels, seed=0)
    z = few_neighbours.encode(x)
    torch.testing.assert_close(sets["reconstructions"], z)
    pairs = int((labels[1:] != labels[:-1]).sum())
    assert len(sets["path, middle"]) == len(sets["path, quarter"]) == pairs
    assert len(sets["sliders"]) == len(sets["far out"]) == 20
    assert sets["far out"].abs().max() <= 1  # the prior is uniform
    assert (sets["sliders"] != z).any(1).all()
    assert not any(name.startswith("path between codes") for name in sets)  # these are codes


def test_the_light_is_measured_on_pictures_of_the_other_half(
    few_neighbours: Explorer, digits: Pictures
) -> None:
    test = Pictures(digits.pixels[300:], digits.labels[300:], digits.indices[300:])
    fitted, figures = measure.measure_light(few_neighbours, test, codes=60)
    assert fitted.weight.shape == (light.count_inputs(few_neighbours.judge),)  # type: ignore[arg-type]
    x = test.inputs(slice(100, 160))
    z = few_neighbours.encode(x)
    gauge = Gauge.from_statistics(*outliers.compute_statistics(few_neighbours, test.inputs(slice(None))))
    scores = outliers.score_pictures(few_neighbours, few_neighbours.decode(z), gauge)
    assert scores is not None
    group = figures["sets"]["reconstructions"]
    assert group["count"] == 60
    assert group["unlike"] == pytest.approx(float(scores.are_outliers.double().mean()))
    assert figures["count"] == sum(each["count"] for each in figures["sets"].values())
    assert 0 < figures["unlike"] < 1
    far = latent.draw("uniform", few_neighbours.config.latent_dim, 60, 3).sign()
    torch.testing.assert_close(
        measure.list_latents(few_neighbours, x, test.labels[100:160], 2)["far out"], far
    )


@pytest.mark.slow
def test_the_command_stores_it_where_the_app_looks(
    few_neighbours: Explorer, digits: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "load", lambda *arguments, **shape: digits)
    monkeypatch.setattr(measure, "CODES", 100)
    assert few_neighbours.gallery is not None
    folder = tmp_path / "mnist-ae-l1"
    codes = shutil.ignore_patterns("gallery.safetensors")  # of all of MNIST
    shutil.copytree(CHECKPOINTS / "mnist-ae-l1", folder, ignore=codes)
    (folder / "gallery").mkdir()
    save_pictures(folder / "gallery" / TRAIN_FILE, few_neighbours.gallery.pictures)
    sums.write(folder)
    assert command.main("light", [str(folder), "--data-root", "there"]) == 0
    figures = json.loads((folder / "metrics.json").read_text())["light"]
    assert figures["command"] == "python -m train.light mnist-ae-l1"
    explorer = ganlab.load(str(folder))
    assert figures["fingerprint"] == explorer.fingerprint
    assert light.explain_absence(explorer) == ""


def test_a_model_without_an_encoder_is_refused(gan_model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main("light", [gan_model]) == 2
    assert "encoder" in capsys.readouterr().err


def test_models_have_a_row_each() -> None:
    figures = {
        "count": 16_000, "unlike": 0.25, "agreement": {"like": 0.9, "unlike": 0.875}, "auroc": 0.9756,
        "logit_auroc": 0.8871,
    }  # fmt: skip
    _, rows = measure.compare({"plus": figures})
    assert rows == [["plus", "16,000", "25.00 %", "90.00 %", "87.50 %", "0.976", "0.887"]]
