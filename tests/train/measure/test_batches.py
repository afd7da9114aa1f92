"""Batches change no result."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ganlab.gallery import Pictures
from tests.train.measure.models import (
    part,
)
from train.measure import batches

pytestmark = pytest.mark.usefixtures("small")


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
