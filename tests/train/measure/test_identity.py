"""Identity is what the judge sees in a picture and in its reconstruction."""

from __future__ import annotations

import pytest
import torch

from ganlab.gallery import Pictures
from ganlab.judge import Judge
from train.measure.identity import measure_identity


def test_identity_is_what_the_judge_sees_in_both(digits: Pictures) -> None:
    judge = Judge.load("mnist")
    assert judge is not None
    x, labels = digits.inputs(slice(0, 60)), digits.labels[:60].clone()
    y = torch.cat([x[:20] * 0.9, x[21:41], x[40:].flip(3)])  # faint ones, others, mirrored ones
    labels[:7] = (labels[:7] + 1) % 10
    figures = measure_identity(x, y, labels, judge)
    with torch.inference_mode():
        before, after = (judge.network(some).numpy().argmax(1) for some in (x, y))
    share = (before == after).mean()
    assert 0.3 < share < 0.9
    assert figures == {
        "share": pytest.approx(share),
        "standard_error": pytest.approx((share * (1 - share) / 60) ** 0.5),
        "label_agreement": pytest.approx((after == labels.numpy()).mean()),
        "judge": judge.fingerprint,
        "judge_accuracy": pytest.approx((before == labels.numpy()).mean()),
    }
    assert figures["judge_accuracy"] != figures["label_agreement"] != figures["share"]
    assert measure_identity(x, x, labels, judge)["share"] == 1
