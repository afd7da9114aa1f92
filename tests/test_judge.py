"""The judge: what is stored is what judges, what does not fit is refused, and the bundled one is good."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from ganlab import hub
from ganlab import judge as judges
from ganlab.config import CheckpointError
from ganlab.gallery import Pictures
from ganlab.judge import Judge, JudgeConfig, Network

TINY = JudgeConfig(
    dataset="tiny",
    channels=1,
    size=28,
    classes=10,
    widths=(2, 3, 4),
    features=8,
    accuracy=0.75,
    standard_error=0.01,
    count=4,
    training={"epochs": 1},
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An untrained judge, stored."""
    torch.manual_seed(0)
    judges.save(TINY, Network(TINY), tmp_path / "tiny")
    return tmp_path / "tiny"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The judges are those under tmp_path."""
    monkeypatch.setattr(judges, "JUDGES", tmp_path)
    Judge.load.cache_clear()
    yield
    Judge.load.cache_clear()


@pytest.fixture(scope="module")
def mnist() -> Judge:
    judge = Judge.load("mnist")
    assert judge is not None
    return judge


def rewrite(folder: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    tensors = safetensors.torch.load_file(folder / judges.WEIGHTS_FILE)
    change(tensors)
    safetensors.torch.save_file(tensors, folder / judges.WEIGHTS_FILE)


def redescribe(folder: Path, **changes: Any) -> None:
    path = folder / judges.CONFIG_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


# ------------------------------------------------------------------ the bundled judge of MNIST


def test_it_labels_the_bundled_test_digits_as_its_stored_accuracy_says(mnist: Judge, digits: Pictures):
    assert mnist.accuracy >= 0.993
    assert mnist.config.count == 10_000
    share = mnist.accuracy
    assert mnist.config.standard_error == pytest.approx((share * (1 - share) / 10_000) ** 0.5)
    labels = mnist.labels(digits.inputs(slice(None)))
    assert labels.shape == (500,)
    assert labels.dtype == torch.int64
    right = (labels == digits.labels).double().mean()
    assert right >= 0.98  # four standard errors of a share of 0.995 on 500


def test_its_probabilities_are_a_softmax_over_its_features(mnist: Judge, digits: Pictures):
    x = digits.inputs(slice(0, 50))
    features, probabilities = mnist.features(x).numpy(), mnist.probabilities(x).numpy()
    assert features.shape == (50, 128)
    assert features.min() == 0  # after the nonlinearity
    assert (features.max(0) > 0).mean() > 0.9  # of which few units are idle
    stored = safetensors.torch.load_file(judges.JUDGES / "mnist" / judges.WEIGHTS_FILE)
    weight, bias = (stored[f"output.{key}"].double().numpy() for key in ("weight", "bias"))
    powers = np.exp(features @ weight.T + bias)
    np.testing.assert_allclose(probabilities, powers / powers.sum(1, keepdims=True), atol=1e-5)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
    assert np.array_equal(probabilities.argmax(1), mnist.labels(x).numpy())


def test_a_picture_is_judged_alone_as_among_others(
    mnist: Judge, digits: Pictures, monkeypatch: pytest.MonkeyPatch
):
    x = digits.inputs(slice(0, 60))
    labels, probabilities = mnist.labels(x), mnist.probabilities(x)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(judges, "BATCH", 7)  # the last batch is incomplete
    assert torch.equal(mnist.labels(x[order]), labels[order])
    torch.testing.assert_close(mnist.probabilities(x[order]), probabilities[order], rtol=0, atol=1e-5)
    alone = torch.cat([mnist.labels(x[row : row + 1]) for row in range(20)])
    assert torch.equal(alone, labels[:20])


def test_threads_may_share_it(mnist: Judge, digits: Pictures):
    parts = torch.split(digits.inputs(slice(0, 80)), 10)
    expected = [mnist.features(part) for part in parts]
    with ThreadPoolExecutor(4) as pool:
        for features, alone in zip(pool.map(mnist.features, parts), expected, strict=True):
            assert torch.equal(features, alone)


def test_blank_and_random_pictures_are_judged_without_a_fuss(mnist: Judge):
    x = torch.cat([torch.zeros(1, 1, 28, 28), torch.ones(1, 1, 28, 28), torch.rand(1, 1, 28, 28)])
    assert mnist.probabilities(x).isfinite().all()
    assert mnist.features(x[:0]).shape == (0, 128)
    assert mnist.labels(x[:0]).shape == (0,)


@pytest.mark.parametrize(
    "x",
    [
        torch.zeros(2, 3, 28, 28),
        torch.zeros(2, 1, 32, 32),
        torch.zeros(1, 28, 28),
        torch.zeros(784),
        torch.zeros(2, 1, 28, 28, dtype=torch.uint8),
    ],
)
def test_other_pictures_are_refused(mnist: Judge, x: torch.Tensor):
    for method in (mnist.labels, mnist.probabilities, mnist.features):
        with pytest.raises(ValueError, match=r"judge takes floats of the shape \(N, 1, 28, 28\) in \[0, 1\]"):
            method(x)


def test_it_is_small_and_holds_data_only():
    files = list((judges.JUDGES / "mnist").iterdir())
    assert {path.name for path in files} == {"judge.json", "judge.safetensors"}
    assert sum(path.stat().st_size for path in files) < 1_000_000
    assert "judges" not in hub.list_models()


# ------------------------------------------------------------------ finding and loading


def test_a_judge_is_read_once_and_none_is_none(folder: Path, here: None):
    judge = Judge.load("tiny")
    assert judge is Judge.load("tiny")
    assert judge is not None
    assert (judge.name, judge.accuracy, judge.config) == ("tiny", 0.75, TINY)
    for name in ("cifar10", "", "../tiny", str(folder), "tiny/.", "a\0b", "long" * 100):
        assert Judge.load(name) is None


def test_it_is_stored_in_half_precision_and_comes_back_as_it_was(folder: Path):
    torch.manual_seed(0)
    network, judge = Network(TINY), Judge.read(folder)
    stored = safetensors.torch.load_file(folder / judges.WEIGHTS_FILE)
    assert stored.keys() == network.state_dict().keys()
    for key, value in network.state_dict().items():
        expected = value.half() if value.is_floating_point() else value
        assert stored[key].dtype == expected.dtype
        assert torch.equal(stored[key], expected)
        assert torch.equal(judge.network.state_dict()[key], expected.to(value.dtype))
    assert not any(module.training for module in judge.network.modules())
    assert not any(p.requires_grad for p in judge.network.parameters())
    with pytest.raises(dataclasses.FrozenInstanceError):
        judge.fingerprint = "0"  # type: ignore[misc]


def test_loading_and_judging_leave_the_global_random_state_alone(folder: Path):
    before = torch.random.get_rng_state()
    Judge.read(folder).labels(torch.zeros(1, 1, 28, 28))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_fingerprint_is_of_the_content_and_not_of_the_path(folder: Path, tmp_path: Path):
    first = Judge.read(folder).fingerprint
    assert len(first) == 16
    assert int(first, 16) >= 0
    renamed = folder.rename(tmp_path / "moved")
    seen = [Judge.read(renamed).fingerprint]
    assert seen == [first]
    rewrite(renamed, lambda t: t["output.weight"].view(-1)[0].add_(0.25))
    seen.append(Judge.read(renamed).fingerprint)
    redescribe(renamed, accuracy=0.5)
    seen.append(Judge.read(renamed).fingerprint)
    assert len(set(seen)) == 3


# ------------------------------------------------------------------ strictness


def drop(t: dict[str, torch.Tensor]) -> None:
    del t["output.weight"]


def add(t: dict[str, torch.Tensor]) -> None:
    t["secret"] = torch.zeros(1)


def reshape(t: dict[str, torch.Tensor]) -> None:
    t["output.weight"] = torch.zeros(8, 10, dtype=torch.half)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop, r"missing \['output.weight'\], extra \[\]"),
        (add, r"missing \[\], extra \['secret'\]"),
        (reshape, r"output.weight has shape \(8, 10\), its config wants \(10, 8\)"),
    ],
)
def test_weights_that_do_not_fit_are_refused(folder: Path, change: Callable[..., None], message: str):
    rewrite(folder, change)
    with pytest.raises(CheckpointError, match=rf"judges/tiny/judge\.safetensors.*{message}"):
        Judge.read(folder)


@pytest.mark.parametrize("keep", [0, 4, 200, -1])
def test_truncated_weights_are_refused(folder: Path, keep: int):
    path = folder / judges.WEIGHTS_FILE
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match=r"judges/tiny/judge\.safetensors is damaged"):
        Judge.read(folder)


@pytest.mark.parametrize("file", [judges.CONFIG_FILE, judges.WEIGHTS_FILE])
def test_half_a_judge_is_refused(folder: Path, file: str):
    (folder / file).unlink()
    with pytest.raises(CheckpointError, match=f"judges/tiny lacks {file}: it is no judge."):
        Judge.read(folder)


def test_an_oversized_weights_file_is_refused_unread(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(judges, "MAX_WEIGHTS_BYTES", 100)
    read = Path.read_bytes
    monkeypatch.setattr(
        Path, "read_bytes", lambda self: pytest.fail("read") if self.suffix == ".safetensors" else read(self)
    )
    with pytest.raises(CheckpointError, match="bytes, over the limit of 100: refused"):
        Judge.read(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "not valid JSON"),
        (b"", "not valid JSON"),
        (b"\xff\xfe{", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b"[1, 2]", r"not the description of a judge: unknown \[\], missing \['accuracy'"),
        (b'{"epochs": 3}', r"not the description of a judge: unknown \['epochs'\], missing \['accuracy'"),
    ],
)
def test_a_damaged_description_is_refused(folder: Path, content: bytes, message: str):
    (folder / judges.CONFIG_FILE).write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"judges/tiny/judge\.json(:| is) {message}"):
        Judge.read(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": "red"}, r"unknown \['colour'\], missing \[\]"),
        ({"dataset": 3}, "dataset is a text"),
        ({"training": None}, "training an object"),
        ({"classes": 1}, "classes is a whole number from 2 to 1024, not 1"),
        ({"channels": True}, "channels is a whole number from 1 to 4, not True"),
        ({"size": "28"}, "size is a whole number"),
        ({"features": 8.0}, "features is a whole number"),
        ({"count": -1}, "count is a whole number"),
        ({"widths": [2, 3]}, r"widths are three to five whole numbers, not \[2, 3\]"),
        ({"widths": 16}, "widths are three to five whole numbers, not 16"),
        ({"widths": [2, 3, 10**9]}, "each of widths is a whole number from 1 to 1024"),
        ({"accuracy": 1.5}, "accuracy is a share from 0 to 1, not 1.5"),
        ({"accuracy": float("nan")}, "accuracy is a share from 0 to 1, not nan"),
        ({"standard_error": None}, "standard_error is a share from 0 to 1, not None"),
        ({"features": 16}, "its config wants"),
        ({"size": 1024}, "its config wants"),
    ],
)
def test_a_description_that_makes_no_sense_is_refused(folder: Path, changes: dict[str, Any], message: str):
    redescribe(folder, **changes)
    with pytest.raises(CheckpointError, match=message):
        Judge.read(folder)
