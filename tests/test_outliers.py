"""What is unusual, against the definition written out."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

from ganlab import outliers
from ganlab.explorer import Explorer
from ganlab.gallery import Gallery, Pictures
from ganlab.mixture import Mixture
from ganlab.model import LatentModel
from ganlab.networks import LatentMap
from ganlab.outliers import Calibration, Gauge


@pytest.fixture
def tiny(tiny_model: LatentModel, digits: Pictures) -> Explorer:
    gallery = Pictures(digits.pixels[:400], digits.labels[:400], digits.indices[:400])
    return Explorer(tiny_model, Gallery(tiny_model, gallery))


def test_the_statistics_are_what_they_say(tiny: Explorer, digits: Pictures) -> None:
    x, training = digits.inputs(slice(400, 420)), digits.inputs(slice(0, 400))
    statistics, labels = outliers.compute_statistics(tiny, x)
    assert outliers.list_statistics(tiny) == ("error", "neighbour", "code", "discriminator", "judge")
    error = (x - tiny.reconstruct(x)).square().mean((1, 2, 3))
    apart = torch.cdist(tiny.features(x), tiny.features(training))
    code_apart = torch.cdist(tiny.encode(x), tiny.encode(training))
    judged = tiny.model.networks["joint_discriminator"](x, tiny.encode(x))
    np.testing.assert_allclose(statistics[:, 0], error.log(), rtol=1e-4)
    np.testing.assert_allclose(statistics[:, 1], apart.amin(1).log(), rtol=1e-3)
    np.testing.assert_allclose(statistics[:, 2], code_apart.amin(1).log(), rtol=1e-2, atol=1e-2)
    np.testing.assert_allclose(statistics[:, 3], -judged, rtol=1e-4, atol=1e-6)
    assert tiny.judge is not None
    np.testing.assert_allclose(statistics[:, 4], -tiny.judge.network(x).amax(1), rtol=1e-4)
    assert torch.equal(labels, digits.labels[:400][apart.argmin(1)])


def test_a_code_is_as_improbable_as_the_mixture_says(tiny: Explorer, digits: Pictures) -> None:
    assert tiny.gallery is not None
    mixture = Mixture(1, tiny.config.latent_dim)
    mixture.weights.fill_(1)
    row, column = torch.tril_indices(tiny.config.latent_dim, tiny.config.latent_dim)
    mixture.factors[0] = (row == column).float()  # N(0, I)
    mixed = Explorer(dataclasses.replace(tiny.model, mixture=mixture), tiny.gallery)
    x = digits.inputs(slice(400, 410))
    normal = torch.distributions.Normal(0.0, 1.0)
    expected = -normal.log_prob(tiny.encode(x)).sum(1)
    np.testing.assert_allclose(outliers.compute_statistics(mixed, x)[0][:, 2], expected, rtol=1e-4)


def test_a_latent_map_is_not_inverted_for_it(
    mapped: Explorer, digits: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which takes longer than all else: the codes themselves say what is unusual."""
    explorer = Explorer(mapped.model, Gallery(mapped.model, digits))
    x = digits.inputs(slice(0, 8))
    codes, error = explorer.to_codes(explorer.encode(x)), explorer.error(x, explorer.reconstruct(x))
    monkeypatch.setattr(LatentMap, "invert", lambda *_: pytest.fail("the map is inverted"))
    statistics, _ = outliers.compute_statistics(explorer, x)
    assert statistics[:, 0].exp().mean().item() == pytest.approx(error, rel=5e-3)
    near = explorer.gallery.search(codes, "code", 1)[0][:, 0]
    np.testing.assert_allclose(statistics[:, 2].exp(), near.clamp(min=1e-9), atol=1e-3)


def test_without_a_judge_or_a_discriminator_of_pairs_there_are_fewer_statistics(
    tiny: Explorer, digits: Pictures
) -> None:
    nets = {name: net for name, net in tiny.model.networks.items() if name != "joint_discriminator"}
    assert tiny.gallery is not None
    model = dataclasses.replace(tiny.model, networks=nets)
    less = Explorer(model, Gallery(model, tiny.gallery.pictures))
    assert outliers.list_statistics(less) == ("error", "neighbour", "code", "judge")
    x = digits.inputs(slice(400, 410))
    expected = outliers.compute_statistics(tiny, x)[0]
    torch.testing.assert_close(outliers.compute_statistics(less, x)[0], expected[:, [0, 1, 2, 4]])
    less.judge = None
    assert outliers.list_statistics(less) == ("error", "neighbour", "code")
    torch.testing.assert_close(outliers.compute_statistics(less, x)[0], expected[:, :3])


def test_calibration_is_by_class() -> None:
    statistics = torch.tensor([[1.0, 2, 3], [3, 2, 5], [10, 20, 30], [14, 22, 30]], dtype=torch.double)
    labels = torch.tensor([0, 0, 1, 1])
    calibration = Calibration.from_statistics(statistics, labels)
    assert calibration.means.tolist() == [[2, 2, 4], [12, 21, 30]]
    np.testing.assert_allclose(calibration.deviations, [[2**0.5, 0, 2**0.5], [8**0.5, 2**0.5, 0]])
    unusual = torch.tensor([[12 + 2 * 8**0.5, 21 - 5 * 2**0.5, 30.0]], dtype=torch.double)
    np.testing.assert_allclose(calibration.z_scores(unusual, torch.tensor([1])), [[2, -5, 0]], atol=1e-9)
    expected = sum(np.log1p(np.exp(z)) ** 2 for z in (2, -5, 0))  # -5, far below the mean, is no surprise
    np.testing.assert_allclose(calibration.score(unusual, torch.tensor([1])), [expected])
    with pytest.raises(ValueError, match="at least two"):
        Calibration.from_statistics(statistics[:3], labels[:3])


def calibrate(explorer: Explorer, digits: Pictures) -> Explorer:
    statistics, labels = outliers.compute_statistics(explorer, digits.inputs(slice(400, 500)))
    calibration = Calibration.from_statistics(statistics, labels)
    figures = outliers.export_calibration(explorer, calibration, calibration.score(statistics, labels))
    kept = json.loads(json.dumps({"outliers": figures}))
    return Explorer(dataclasses.replace(explorer.model, metrics=kept), explorer.gallery)


def test_the_share_is_the_rank_among_the_measured(tiny: Explorer, digits: Pictures) -> None:
    calibrated = calibrate(tiny, digits)
    statistics, labels = outliers.compute_statistics(tiny, digits.inputs(slice(400, 500)))
    scores = Calibration.from_statistics(statistics, labels).score(statistics, labels)
    for row in range(0, 100, 9):
        outlier = outliers.score_picture(calibrated, digits.inputs(slice(400 + row, 401 + row)))
        assert outlier is not None
        below = float((scores < scores[row]).double().mean())
        assert outlier.share == pytest.approx(below, abs=0.015)
        assert outlier.is_outlier is (outlier.share >= 0.99)


@pytest.mark.parametrize(
    ("key", "other"), [("fingerprint", "another"), ("judge", "another"), ("statistics", ["error", "code"])]
)
def test_a_calibration_of_another_checkpoint_is_not_used(
    tiny: Explorer, digits: Pictures, key: str, other: object
) -> None:
    calibrated = calibrate(tiny, digits)
    assert outliers.score_picture(calibrated, digits.inputs(slice(0, 1))) is not None
    calibrated.metrics["outliers"][key] = other
    assert outliers.score_picture(calibrated, digits.inputs(slice(0, 1))) is None
    assert outliers.score_picture(tiny, digits.inputs(slice(0, 1))) is None


def test_without_a_gallery_there_are_no_statistics(tiny_model: LatentModel) -> None:
    with pytest.raises(ValueError, match="lacks an encoder or a gallery"):
        outliers.compute_statistics(Explorer(tiny_model), torch.zeros(1, 1, 28, 28))


def test_many_pictures_are_scored_as_each_alone(
    tiny: Explorer, digits: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    calibrated, x = calibrate(tiny, digits), digits.inputs(slice(420, 433))
    monkeypatch.setattr(outliers, "BATCH", 5)  # several batches, the last incomplete
    scores = outliers.score_pictures(calibrated, x)
    assert scores is not None
    alone = [outliers.score_picture(calibrated, x[row : row + 1]) for row in range(len(x))]
    assert [single.share for single in alone if single] == pytest.approx(scores.shares.tolist(), abs=1e-6)
    assert [single.is_outlier for single in alone if single] == scores.are_outliers.tolist()
    z_scores = [list(single.z_scores.values()) for single in alone if single]
    np.testing.assert_allclose(scores.z_scores, z_scores, rtol=1e-4, atol=1e-4)
    assert outliers.score_pictures(tiny, x) is None


def test_a_gauge_ranks_by_the_half_that_it_was_not_calibrated_on(tiny: Explorer, digits: Pictures) -> None:
    statistics, labels = outliers.compute_statistics(tiny, digits.inputs(slice(300, 500)))
    gauge = Gauge.from_statistics(statistics, labels)
    expected = Calibration.from_statistics(statistics[:100], labels[:100])
    assert torch.equal(gauge.calibration.means, expected.means)
    held = expected.score(statistics[100:], labels[100:])
    assert list(gauge.quantiles) == pytest.approx(
        torch.quantile(held, torch.linspace(0, 1, 101).double()).tolist()
    )
    shares = gauge.rank(statistics[100:], labels[100:]).shares
    assert torch.equal(shares.argsort(), held.argsort())
    assert (
        int(gauge.rank(statistics[100:], labels[100:]).are_outliers.sum()) == 1
    )  # of 100, the highest percent
    x = digits.inputs(slice(300, 310))
    scores = outliers.score_pictures(tiny, x, gauge)
    assert scores is not None
    torch.testing.assert_close(
        scores.shares, gauge.rank(statistics[:10], labels[:10]).shares, atol=1e-4, rtol=0
    )


def test_the_statistic_of_the_code_follows_from_the_model(tiny: Explorer) -> None:
    assert outliers.choose_code_statistic(tiny) == "distance"
    mixture = Mixture(1, 4)
    mixture.weights.fill_(1)
    mixed = Explorer(dataclasses.replace(tiny.model, mixture=mixture), tiny.gallery)
    assert outliers.choose_code_statistic(mixed) == "mixture"
    z = torch.tensor([[3.0, 0, 4, 0]])
    assert outliers.CODE_STATISTICS["norm"](tiny, z).tolist() == [12.5]
    assert outliers.CODE_STATISTICS["shell"](tiny, z).tolist() == [3.0]
