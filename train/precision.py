"""The floating-point format of training: bf16, fp16 or fp32, by what the device is fast at."""

from __future__ import annotations

import time
from typing import Any

import torch

from train.run_folder import TrainingError


def resolve_precision(name: str, device: torch.device) -> Any:
    """bf16, fp16 or fp32 for a --precision; "auto" asks the GPU, or measures the processor.

    TrainingError for fp16 on a processor.
    """
    if name != "auto":
        if name == "fp16" and device.type == "cpu":
            raise TrainingError("--precision fp16 is for GPUs; on a processor use bf16 or fp32.")
        return name
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    return "bf16" if _time_matmul(torch.bfloat16) < 0.6 * _time_matmul(torch.float32) else "fp32"


def set_up_cuda(precision: str) -> None:
    """Fast products where the precision allows them, and convolutions that give the same in every run."""
    torch.backends.cudnn.deterministic = True
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision != "fp32"


def _time_matmul(dtype: torch.dtype) -> float:
    """Seconds of the fastest of five products (512, 1024) x (1024, 1024)."""
    a = torch.ones(512, 1024, dtype=dtype)
    b = torch.ones(1024, 1024, dtype=dtype)
    times = []
    for _ in range(5):
        started = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - started)
    return min(times)
