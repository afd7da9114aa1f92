"""The Fréchet distance compares as many samples as there are real pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from ganlab import latent
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from ganlab.judge import Judge
from tests.train.measure.models import (
    create_model,
    part,
)
from train.measure import frechet

pytestmark = pytest.mark.usefixtures("small")


class Watched:
    """A judge, and the pictures that it was given."""

    def __init__(self, judge: Judge) -> None:
        self.judge, self.requests, self.fingerprint = judge, list[Tensor](), judge.fingerprint

    def features(self, x: Tensor) -> Tensor:
        self.requests.append(x)
        return self.judge.features(x)


def distance(a: Tensor, b: Tensor) -> float:
    """By the matrix square root's trace as a sum of singular values of one set's rows times the other's:
    with A^T A and B^T B the covariances, the eigenvalues of A^T A B^T B are those of (A B^T) (A B^T)^T."""
    A, B = (some.double().numpy() for some in (a, b))
    apart = ((A.mean(0) - B.mean(0)) ** 2).sum() + A.var(0, ddof=1).sum() + B.var(0, ddof=1).sum()
    A, B = ((some - some.mean(0)) / np.sqrt(len(some) - 1) for some in (A, B))
    return float(apart - 2 * np.linalg.svd(A @ B.T, compute_uv=False).sum())


@pytest.mark.parametrize(("samples", "pictures", "tested"), [(50, 300, 200), (500, 300, 130), (500, 80, 200)])
def test_frechet_compares_as_many_samples_as_real_pictures(
    digits: Pictures,
    known: Pictures,
    tiny_judge: Judge,
    samples: int,
    pictures: int,
    tested: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(frechet, "SAMPLES", samples)
    stored, x = create_model(known, "bigan"), digits.inputs(slice(300, 300 + tested))
    judge, gallery = Watched(tiny_judge), part(digits, 0, pictures)
    figures = frechet.measure_frechet(stored, gallery, x, judge)  # type: ignore[arg-type]
    n = min(samples, pictures, tested)
    z = latent.draw("uniform", 4, n, frechet.SEED)
    with torch.inference_mode():
        real, made_ones = (tiny_judge.network.hidden(some) for some in (x[:n], stored.generator(z)))
        others = next(some for some in judge.requests if _all_in(some, gallery))
        floor = tiny_judge.network.hidden(others)
    assert figures["n"] == n == len(others)
    assert figures["judge"] == "hash"
    assert figures["distance"] == pytest.approx(distance(made_ones, real), rel=1e-5)
    assert figures["floor"] == pytest.approx(distance(floor, real), rel=1e-4)
    assert 0 < figures["floor"] < figures["distance"]


def _all_in(x: Tensor, pictures: Pictures) -> bool:
    """Whether x are different pictures of `pictures`, which share none with the test set."""
    known = {row.numpy().tobytes() for row in pictures.inputs(slice(None))}
    rows = [row.numpy().tobytes() for row in x]
    return set(rows) <= known and len(set(rows)) == len(rows)


def test_the_floor_is_not_the_first_pictures(known: Pictures, test: Pictures, tiny_judge: Judge) -> None:
    """A training set may be sorted by class: the others are drawn from all of it, the same every time."""
    judge, stored = Watched(tiny_judge), create_model(known, "bigan")
    for _ in range(2):
        frechet.measure_frechet(stored, known, test.inputs(slice(0, 100)), judge)  # type: ignore[arg-type]
    one, other = (some for some in judge.requests if _all_in(some, known))
    assert torch.equal(one, other)
    late = {row.numpy().tobytes() for row in known.inputs(slice(150, 300))}
    assert 25 < sum(row.numpy().tobytes() in late for row in one) < 75


def test_paths_and_reconstructions_are_compared_with_real_pictures(
    known: Pictures, test: Pictures, tiny_judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frechet, "SAMPLES", 150)  # fewer than there are test pictures
    explorer = Explorer(create_model(known, "bigan"))
    x, labels = test.inputs(slice(0, 150)), test.labels[:150]
    figures = frechet.measure_paths(explorer, test.inputs(slice(None)), test.labels, tiny_judge)
    firsts = [row for row in range(149) if labels[row] != labels[row + 1]]
    z, real = explorer.encode(x), tiny_judge.features(x)
    quarters = torch.stack([explorer.interpolate(z[row], z[row + 1], 5)[1] for row in firsts])
    assert figures["paths"]["count"] == len(firsts)
    expected = distance(tiny_judge.features(explorer.decode(quarters)), real)
    assert figures["paths"]["quarter"] == pytest.approx(expected, rel=1e-4)
    expected = distance(tiny_judge.features(explorer.decode(z)), real)
    assert figures["reconstructions"] == pytest.approx(expected, rel=1e-4)
