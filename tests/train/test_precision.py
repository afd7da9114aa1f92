"""Which precision a device trains in, and that bf16 trains fp32 weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ganlab.gallery import Pictures
from tests.train.runs import settings
from train import precision
from train.precision import resolve_precision
from train.run_folder import TrainingError
from train.trainer import Trainer


def test_precisions(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    for name in ("fp32", "bf16"):
        assert resolve_precision(name, cpu) == name
    with pytest.raises(TrainingError, match="fp16 is for GPUs; on a processor use bf16 or fp32"):
        resolve_precision("fp16", cpu)
    for bf16, expected in ((0.2, "bf16"), (0.9, "fp32"), (5.0, "fp32")):
        times = {torch.bfloat16: bf16, torch.float32: 1.0}
        monkeypatch.setattr(precision, "_time_matmul", times.__getitem__)
        assert resolve_precision("auto", cpu) == expected
    for supported, expected in ((True, "bf16"), (False, "fp16")):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda supported=supported: supported)
        assert resolve_precision("auto", gpu) == expected


def test_tests_do_not_depend_on_how_fast_this_machine_is() -> None:
    assert {resolve_precision("auto", torch.device("cpu")) for _ in range(3)} == {"fp32"}


def test_bf16_trains_fp32_weights(tmp_path: Path, digits: Pictures) -> None:
    run = Trainer(settings(tmp_path / "run", precision="bf16", epochs=1), digits)
    assert run.train()
    exact = Trainer(settings(tmp_path / "exact", epochs=1), digits)
    exact.train()
    for name, net in run.nets.items():
        for key, value in net.named_parameters():
            assert value.dtype == torch.float32
            torch.testing.assert_close(value, exact.nets[name].get_parameter(key), rtol=0, atol=3e-3)
    assert any(
        not torch.equal(value, exact.nets["generator"].get_parameter(key))
        for key, value in run.nets["generator"].named_parameters()
    )
