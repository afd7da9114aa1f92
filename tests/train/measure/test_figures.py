"""Each figure is what a slow, plain computation in NumPy gives."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ganlab import judge as judges
from ganlab import latent, networks
from ganlab.gallery import Gallery, Pictures, build_untrained
from ganlab.judge import Judge
from ganlab.model import LatentModel
from ganlab.networks import paper
from tests.conftest import TINY
from tests.train.runs import settings
from train.measure import batches, codes, frechet, latent_error, paths
from train.measure.evaluate import measure
from train.measure.identity import measure_identity
from train.measure.measurement import Figures, Subject
from train.methods import METHODS
from train.trainer import Trainer

Arrays = dict[str, np.ndarray]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    # Weights as large as a narrow network needs for codes and samples that differ as a wide one's do.
    monkeypatch.setattr(paper, "INIT_STD", 0.5)
    monkeypatch.setattr(frechet, "SAMPLES", 120)
    monkeypatch.setattr(latent_error, "SAMPLES", 120)
    monkeypatch.setattr(batches, "BATCH", 64)  # several batches, the last one incomplete


def part(pictures: Pictures, start: int, stop: int) -> Pictures:
    rows = slice(start, stop)
    return Pictures(pictures.pixels[rows], pictures.labels[rows], pictures.indices[rows])


@pytest.fixture
def known(digits: Pictures) -> Pictures:
    return part(digits, 0, 300)


@pytest.fixture
def test(digits: Pictures) -> Pictures:
    return part(digits, 300, 500)


def create_model(known: Pictures, method: str, zero: bool = False, **changes: Any) -> LatentModel:
    """A narrow random model with the networks of a method; `zero`: E's output as its training starts it."""
    config = dataclasses.replace(TINY, method=method, networks=METHODS[method].networks, **changes)
    nets = networks.build(config)
    networks.initialise(nets, 5, METHODS[method].zero_output if zero else ())  # type: ignore[attr-defined]
    for name in ("encoder", "discriminator"):
        if name in nets:
            networks.calibrate(nets[name], [(known.inputs(slice(0, 90)),)])
    return LatentModel(config, nets, "fingerprint")


def measure_all(
    model: LatentModel, known: Pictures, test: Pictures, judge: Judge | None, seed: int = 0
) -> Figures:
    return measure(Subject(model, Gallery(model, known), judge, lambda: test, seed))


@pytest.fixture
def tiny_judge() -> Judge:
    """A narrow random judge."""
    torch.manual_seed(3)
    config = judges.JudgeConfig("mnist", 1, 28, 10, (2, 3, 4), 8, 0.5, 0.1, 10)
    return Judge(config, judges.Network(config), "hash")


# ---------------------------------------------------------------------- nearest neighbours


def nearest(points: np.ndarray, references: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Label of the nearest reference, by every distance there is."""
    distances = np.stack([((references - point) ** 2).sum(1) for point in points])
    found: np.ndarray = labels[distances.argmin(1)]
    return found


def arrays(net: torch.nn.Module) -> Arrays:
    return {key: value.double().numpy() for key, value in net.state_dict().items()}


def leaky(h: np.ndarray) -> np.ndarray:
    return np.where(h > 0, h, 0.2 * h)


def before_norm(W: Arrays, x: np.ndarray, z: np.ndarray | None = None) -> np.ndarray:
    """The paper's E and D up to their batch norm; a joint D adds z there."""
    h = leaky(x @ W["first.weight"].T) @ W["second.weight"].T
    return h if z is None else h + z @ W["latent.weight"].T


def normed(h: np.ndarray, mean: np.ndarray, var: np.ndarray) -> np.ndarray:
    return leaky((h - mean) / np.sqrt(var + 1e-8))


def rows_of(pictures: Pictures) -> np.ndarray:
    rows: np.ndarray = pictures.pixels.flatten(1).numpy().astype(np.float64) / 255
    return rows


def accuracies(
    known: Pictures, test: Pictures, nets: dict[str, torch.nn.Module], fresh: bool
) -> dict[str, float]:
    """1NN accuracy of each space in float64. `fresh`: statistics are the plain ones of `known`."""
    X, x = rows_of(known), rows_of(test)
    found: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def hidden(W: Arrays, *z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        H, h = (
            before_norm(W, some, *latents) for some, *latents in zip((X, x), *[z] if z else [], strict=True)
        )
        mean, var = W["second_norm.running_mean"], W["second_norm.running_var"]
        if fresh:
            mean, var = H.mean(0), H.var(0, ddof=1)
        return normed(H, mean, var), normed(h, mean, var)

    found["pixels"] = rows_of(known), rows_of(test)
    if "encoder" in nets:
        W = arrays(nets["encoder"])
        found["features"] = hidden(W)
        found["logits"] = H, h = tuple(some @ W["output.weight"].T for some in found["features"])
        found["code"] = Z, z = 2 / (1 + np.exp(-H)) - 1, 2 / (1 + np.exp(-h)) - 1
    if "discriminator" in nets:
        found["discriminator"] = hidden(arrays(nets["discriminator"]))
    elif "joint_discriminator" in nets:
        found["discriminator"] = hidden(arrays(nets["joint_discriminator"]), Z, z)
    labels = known.labels.numpy()
    return {
        space: float((nearest(b, a, labels) == test.labels.numpy()).mean()) for space, (a, b) in found.items()
    }


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("method", ["bigan", "lr", "ae-l2"])
def test_1nn_of_all_spaces_and_their_untrained_baselines(
    known: Pictures, test: Pictures, method: str, seed: int
) -> None:
    stored = create_model(known, method)
    found = measure_all(stored, known, test, None, seed)["one_nn"]
    expected = accuracies(known, test, stored.networks, fresh=False)
    fresh = networks.build(stored.config)
    networks.initialise(fresh, seed)
    bare = accuracies(known, test, fresh, fresh=True)
    if method == "bigan":  # before training E says nothing that a joint D could be judged with
        del bare["discriminator"]
    del bare["pixels"]
    assert {space: row["accuracy"] for space, row in found.items()} == pytest.approx(expected)
    assert {s: row["untrained"] for s, row in found.items() if "untrained" in row} == pytest.approx(bare)
    assert 0.3 < expected["features"] < 1
    for space, row in found.items():
        share = expected[space]
        assert row["standard_error"] == pytest.approx((share * (1 - share) / 200) ** 0.5)


def test_the_baseline_is_that_of_the_seed(known: Pictures, test: Pictures) -> None:
    stored = create_model(known, "lr")
    one, other = (measure_all(stored, known, test, None, seed)["one_nn"] for seed in (0, 7))
    assert one == measure_all(stored, known, test, None, 0)["one_nn"]
    assert one["features"]["accuracy"] == other["features"]["accuracy"]
    assert any(one[space]["untrained"] != other[space]["untrained"] for space in one if space != "pixels")


def test_the_baseline_is_the_same_without_a_discriminators_file(known: Pictures, test: Pictures) -> None:
    """In a run of LR, D draws its random weights before E."""
    whole = create_model(known, "lr")
    kept = ("generator", "encoder")
    config = dataclasses.replace(whole.config, networks=kept, trained_networks=whole.config.networks)
    fewer = LatentModel(config, {name: whole.networks[name] for name in kept}, "fingerprint")
    one, other = (measure_all(model, known, test, None)["one_nn"] for model in (whole, fewer))
    assert one.pop("discriminator")
    assert other == one


def test_an_output_layer_that_starts_at_zero_is_random_in_the_baseline(
    known: Pictures, test: Pictures
) -> None:
    stored = create_model(known, "lr", zero=True, latent_dim=16)
    assert not stored.encoder.get_parameter("output.weight").any()
    found = measure_all(stored, known, test, None)["one_nn"]
    fresh = networks.build(stored.config)
    networks.initialise(fresh, 0)
    bare = accuracies(known, test, fresh, fresh=True)
    for space in ("code", "logits"):
        assert found[space]["accuracy"] < 0.2  # all codes are one
        assert found[space]["untrained"] == pytest.approx(bare[space])
        assert found[space]["untrained"] > found[space]["accuracy"] + 0.1


def test_untrained_weights_are_those_that_a_run_with_this_seed_starts_from(
    known: Pictures, tmp_path: Path
) -> None:
    run = Trainer(settings(tmp_path / "run", method="lr", seed=3), known)
    fresh = build_untrained(run.model_config, known, seed=3)
    assert fresh.keys() == {"encoder", "discriminator"}  # the networks that read pictures
    for name in fresh:
        for key, weight in run.nets[name].named_parameters():
            same = torch.equal(weight, fresh[name].get_parameter(key))
            assert same == ((name, key) != ("encoder", "output.weight")), (name, key)


def test_raw_pixels_need_no_model(known: Pictures, test: Pictures) -> None:
    stored = create_model(known, "gan", family="tutorial-gan", prior="normal", width=64)
    found = measure_all(stored, known, test, None)["one_nn"]["pixels"]
    guess = nearest(rows_of(test), rows_of(known), known.labels.numpy())
    share = (guess == test.labels.numpy()).mean()
    assert found == pytest.approx({"accuracy": share, "standard_error": (share * (1 - share) / 200) ** 0.5})


# ---------------------------------------------------------------------- what is measured of which model


@pytest.mark.parametrize("judged", [True, False])
def test_without_an_encoder_only_d_and_the_samples(
    known: Pictures, test: Pictures, tiny_judge: Judge, judged: bool
) -> None:
    stored = create_model(known, "gan", family="tutorial-gan", prior="normal", width=64)
    found = measure_all(stored, known, test, tiny_judge if judged else None, seed=2)
    assert set(found) == ({"one_nn", "frechet"} if judged else {"one_nn"})
    assert set(found["one_nn"]) == {"discriminator", "pixels"}
    fresh = networks.build(stored.config)
    networks.initialise(fresh, 2)
    for key, nets in (("accuracy", stored.networks), ("untrained", fresh)):
        W = arrays(nets["discriminator"])
        X, x = (2 * rows_of(pictures) - 1 for pictures in (known, test))
        for layer in (0, 2):
            X, x = (leaky(h @ W[f"layers.{layer}.weight"].T + W[f"layers.{layer}.bias"]) for h in (X, x))
        expected = (nearest(x, X, known.labels.numpy()) == test.labels.numpy()).mean()
        assert found["one_nn"]["discriminator"][key] == pytest.approx(expected)


def test_without_a_judge_neither_identity_nor_frechet(
    known: Pictures, test: Pictures, tiny_judge: Judge
) -> None:
    stored = create_model(known, "ae-l2")
    blind, judged = (measure_all(stored, known, test, judge) for judge in (None, tiny_judge))
    assert set(judged) - set(blind) == {"identity", "frechet", "paths"}
    assert blind == {key: judged[key] for key in blind}
    assert set(blind) == {"one_nn", "reconstruction", "latent", "codes"}


def test_without_a_generator_only_neighbours(known: Pictures, test: Pictures, tiny_judge: Judge) -> None:
    whole = create_model(known, "ae-l2")
    config = dataclasses.replace(whole.config, networks=("encoder",))
    alone = LatentModel(config, {"encoder": whole.encoder}, "fingerprint")
    assert set(measure_all(alone, known, test, tiny_judge)) == {"one_nn"}


# ---------------------------------------------------------------------- identity


def test_identity_is_what_the_judge_sees_in_both(digits: Pictures) -> None:
    judge = Judge.load("mnist")
    assert judge is not None
    x, labels = digits.inputs(slice(0, 60)), digits.labels[:60].clone()
    y = torch.cat([x[:20] * 0.9, x[21:41], x[40:].flip(3)])  # faint ones, others, mirrored ones
    labels[:7] = (labels[:7] + 1) % 10
    found = measure_identity(x, y, labels, judge)
    with torch.inference_mode():
        before, after = (judge.network(some).numpy().argmax(1) for some in (x, y))
    share = (before == after).mean()
    assert 0.3 < share < 0.9
    assert found == {
        "share": pytest.approx(share),
        "standard_error": pytest.approx((share * (1 - share) / 60) ** 0.5),
        "label_agreement": pytest.approx((after == labels.numpy()).mean()),
        "judge": judge.fingerprint,
        "judge_accuracy": pytest.approx((before == labels.numpy()).mean()),
    }
    assert found["judge_accuracy"] != found["label_agreement"] != found["share"]
    assert measure_identity(x, x, labels, judge)["share"] == 1


# ---------------------------------------------------------------------- Fréchet distance


class Watched:
    """A judge, and the pictures that it was asked about."""

    def __init__(self, judge: Judge) -> None:
        self.judge, self.asked, self.fingerprint = judge, list[Tensor](), judge.fingerprint

    def features(self, x: Tensor) -> Tensor:
        self.asked.append(x)
        return self.judge.features(x)


def distance(a: Tensor, b: Tensor) -> float:
    """By the matrix square root's trace as a sum of singular values of one set's rows times the other's:
    with A^T A and B^T B the covariances, the eigenvalues of A^T A B^T B are those of (A B^T) (A B^T)^T."""
    A, B = (some.double().numpy() for some in (a, b))
    apart = ((A.mean(0) - B.mean(0)) ** 2).sum() + A.var(0, ddof=1).sum() + B.var(0, ddof=1).sum()
    A, B = ((some - some.mean(0)) / np.sqrt(len(some) - 1) for some in (A, B))
    return float(apart - 2 * np.linalg.svd(A @ B.T, compute_uv=False).sum())


@pytest.mark.parametrize("prior", ["uniform", "normal"])
def test_codes_are_told_beside_the_prior(
    prior: str, known: Pictures, test: Pictures, tiny_judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codes, "TESTED", 60)
    stored = create_model(known, "bigan", prior=prior)
    x = test.inputs(slice(None))
    found = codes.measure_codes(stored, x)
    z = stored.encoder(x)
    assert found["mean_abs"] == pytest.approx(float(z.mean(0).abs().mean()), rel=1e-4)
    spread = z.double().std(0)
    assert found["deviation"] == pytest.approx(float(spread.mean()), rel=1e-4)
    assert (found["deviation_least"], found["deviation_most"]) == pytest.approx(
        (float(spread.min()), float(spread.max())), rel=1e-4
    )
    drawn = latent.draw(prior, 4, 1000, 0)
    assert found["deviation_prior"] == pytest.approx(float(drawn.std()), abs=0.03)
    assert found["energy"] > found["energy_by_chance"]  # an untrained encoder knows of no prior
    assert found["p"] < 0.05


def test_paths_are_between_different_classes_and_judged_between_their_ends(
    known: Pictures, test: Pictures, tiny_judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "PATHS", 6)
    monkeypatch.setattr(paths, "STEPS", 3)
    stored, x = create_model(known, "bigan"), test.inputs(slice(None))
    labels = test.labels.clone()
    labels[1] = labels[0]  # no path between these
    found = paths.measure_paths(stored, x, labels, tiny_judge)
    pairs = [i for i in range(len(x) - 1) if labels[i] != labels[i + 1]][:6]
    assert pairs[0] > 0
    ways, fades = [], []
    for i in pairs:
        a, b = stored.encoder(x[i : i + 1])[0], stored.encoder(x[i + 1 : i + 2])[0]
        steps = [stored.generator((a + t * (b - a))[None]) for t in (0.25, 0.5, 0.75)]
        ways.append([float(tiny_judge.probabilities(step).max()) for step in steps])
        faded = [x[i] + t * (x[i + 1] - x[i]) for t in (0.25, 0.5, 0.75)]
        fades.append([float(tiny_judge.probabilities(step[None]).max()) for step in faded])
    assert found["count"] == 6
    assert found["confidence"] == pytest.approx(np.mean(ways), rel=1e-4)
    assert found["lowest"] == pytest.approx(np.mean([min(way) for way in ways]), rel=1e-4)
    assert found["cross_fade"] == pytest.approx(np.mean(fades), rel=1e-4)
    assert found["cross_fade_lowest"] == pytest.approx(np.mean([min(fade) for fade in fades]), rel=1e-4)


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
    found = frechet.measure_frechet(stored, gallery, x, judge)  # type: ignore[arg-type]
    n = min(samples, pictures, tested)
    z = latent.draw("uniform", 4, n, frechet.SEED)
    with torch.inference_mode():
        real, made_ones = (tiny_judge.network.hidden(some) for some in (x[:n], stored.generator(z)))
        others = next(some for some in judge.asked if _all_in(some, gallery))
        floor = tiny_judge.network.hidden(others)
    assert found["n"] == n == len(others)
    assert found["judge"] == "hash"
    assert found["distance"] == pytest.approx(distance(made_ones, real), rel=1e-5)
    assert found["floor"] == pytest.approx(distance(floor, real), rel=1e-4)
    assert 0 < found["floor"] < found["distance"]


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
    one, other = (some for some in judge.asked if _all_in(some, known))
    assert torch.equal(one, other)
    late = {row.numpy().tobytes() for row in known.inputs(slice(150, 300))}
    assert 25 < sum(row.numpy().tobytes() in late for row in one) < 75


# ---------------------------------------------------------------------- batches


@pytest.mark.parametrize("count", [1, 64, 65, 200])
def test_batches_change_nothing(digits: Pictures, count: int) -> None:
    pictures, sizes = part(digits, 0, count), list[int]()

    def function(x: Tensor) -> Tensor:
        sizes.append(len(x))
        return 2 * x.flatten(1)

    direct = 2 * pictures.inputs(slice(None)).flatten(1)
    assert torch.equal(batches.map_batches(function, pictures), direct)
    assert torch.equal(batches.map_batches(function, pictures.inputs(slice(None))), direct)
    assert max(sizes) <= 64
