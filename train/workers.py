"""The processes that train one model together, started by torchrun; alone, nothing here does anything.

Each global batch is dealt out row by row: process r of W takes the rows r, r + W, r + 2W, ... So the first
k rows of each part are the first k W rows of the batch, and joined parts are the part of what is joined:
methods that halve, join or cut batches do on their part what one process does on the whole.
"""

from __future__ import annotations

import contextlib
import datetime
import io
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from ganlab.files import describe
from train.messages import STDERR
from train.run_folder import TrainingError

T = TypeVar("T")
SILENCE = 15.0  # seconds without a sign of life after which a process counts as lost
PATIENCE = datetime.timedelta(days=7)  # for a message: a run may pause; losses are noticed otherwise
LOST = (
    "Another of the {size} processes was lost, so this one, number {rank}, stops too. Start all of them again"
    " with --resume: the run goes on from its last saved state, also with another number of processes."
)


@dataclass
class _Group:
    """This process among all of them."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0  # on this machine
    store: Store | None = None
    control: Any = None  # for messages between processors, whatever the devices are
    leaving: bool = False


_group = _Group()


def rank() -> int:
    """The number of this process, from 0."""
    return _group.rank


def size() -> int:
    """How many processes train together; 1: this one alone."""
    return _group.size


def is_writer() -> bool:
    """Whether this is the process that writes the run's folder and speaks."""
    return _group.rank == 0


# ---------------------------------------------------------------------- begin and end


def join(device: str = "auto") -> str:
    """Join the processes that torchrun started, if it did: batches are dealt out from now on. Returns the
    device of this process: of "auto" and "cuda" the GPU with its number on this machine.

    GPUs talk by NCCL, processors by Gloo. TrainingError where there are more processes than GPUs.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1 or "RANK" not in os.environ or _group.size > 1:
        return device
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if device in ("auto", "cuda") and torch.cuda.is_available():
        if local >= torch.cuda.device_count():
            raise TrainingError(
                f"This machine has {torch.cuda.device_count()} GPUs, too few for its processes: use"
                f" --nproc-per-node {torch.cuda.device_count()}, or --device cpu."
            )
        device = f"cuda:{local}"
        torch.cuda.set_device(local)
    on_gpu = device.startswith("cuda")
    store, number, count = next(iter(rendezvous("env://")))
    dist.init_process_group(
        "nccl" if on_gpu else "gloo", store=store, rank=number, world_size=count, timeout=PATIENCE
    )
    _group.rank, _group.size, _group.local_rank = number, count, local
    _group.control = dist.new_group(backend="gloo", timeout=PATIENCE) if on_gpu else dist.group.WORLD
    _group.store, _group.leaving = PrefixStore("ganlab", store), False
    threading.Thread(target=_listen, args=(store.clone(),), daemon=True).start()
    return device


def leave() -> None:
    """Wait for the others at the end, and go."""
    if _group.size > 1:
        _group.leaving = True
        dist.barrier(group=_group.control)
        dist.destroy_process_group()
        _group.__init__()  # type: ignore[misc]


def _listen(store: Any) -> None:
    """Tell the others once a second that this process lives, and end it where one of them does not: a network
    card may wait for a lost machine for minutes. A process killed on a machine that lives is noticed at once,
    by its closed connections."""
    signs = PrefixStore("ganlab/signs", store)
    me, others = _group.rank, [r for r in range(_group.size) if r != _group.rank]
    count, heard = 0, {r: ("", time.monotonic()) for r in others}
    while not _group.leaving:
        count += 1
        try:
            signs.set(str(me), str(count))
            for other in others:
                sign = signs.get(str(other)).decode() if signs.check([str(other)]) else ""
                if sign != heard[other][0]:
                    heard[other] = sign, time.monotonic()
            lost = any(time.monotonic() - when > SILENCE for _, when in heard.values())
        except (RuntimeError, OSError):  # the store is gone, with the process or machine that held it
            lost = True
        if lost and not _group.leaving:
            if may_speak():
                print(f"error: {_describe_loss()}", file=STDERR, flush=True)
            os._exit(2)
        time.sleep(1)


def _describe_loss() -> str:
    return LOST.format(size=_group.size, rank=_group.rank)


def is_loss(error: BaseException) -> bool:
    """Whether an error of torch says that another process cannot be reached."""
    if _group.size == 1 or not isinstance(error, RuntimeError):
        return False
    return isinstance(error, dist.DistError) or any(name in str(error).lower() for name in ("gloo", "nccl"))


@contextlib.contextmanager
def noticing_losses() -> Any:
    """Where another process is lost, a TrainingError says so."""
    try:
        yield
    except RuntimeError as error:
        if not is_loss(error):
            raise
        raise TrainingError(_describe_loss()) from None


def may_speak() -> bool:
    """Whether this process is the first of all to say why the run ends; the others need not repeat it."""
    if _group.store is None:
        return True
    try:
        return bool(_group.store.add("errors", 1) == 1)
    except (RuntimeError, OSError):  # the store is gone
        return True


def fail(error: OSError | ValueError) -> None:
    """End this process because of an error of use, which one process says, so that the others notice; alone
    it does nothing. Libraries that wait for the others as they end would wait for ever."""
    if _group.size > 1:
        if may_speak():
            text = describe(error) if isinstance(error, OSError) else str(error)
            print(f"error: {text}", file=STDERR)
        sys.stdout.flush()
        STDERR.flush()
        os._exit(2)


# ---------------------------------------------------------------------- parts of a batch


def take_part(rows: Tensor) -> Tensor:
    """This process's part of the rows of a global batch."""
    return rows[_group.rank :: _group.size]


def draw(sample: Callable[..., Tensor], count: int, *shape: int, **options: Any) -> Tensor:
    """Random numbers (count, *shape) by `sample`, torch.rand or torch.randn, for the `count` rows of this
    process: those that one process would draw for the global batch, and its part of them."""
    return take_part(sample(count * _group.size, *shape, **options))


# ---------------------------------------------------------------------- messages


class _Sum(torch.autograd.Function):
    """The sum of a tensor over all processes. Its derivative is the same sum, of all processes' gradients,
    so that it can be differentiated again; all of them have to do the same in the same order."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        total = tensor.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total: Tensor = _Sum.apply(gradients[0])
        return total


def gather(rows: Tensor) -> Tensor:
    """All rows of the global batch (n W, ...) of which each process has its part (n, ...), in their order.

    Differentiable: where a loss of the global batch is computed from them in every process, the average of
    the processes' gradients is its gradient.
    """
    if _group.size == 1:
        return rows
    columns = torch.zeros(_group.size, *[1] * (rows.dim() - 1), dtype=rows.dtype, device=rows.device)
    columns[_group.rank] = 1
    total: Tensor = _Sum.apply(rows.unsqueeze(1) * columns)
    return total.flatten(0, 1)


def start_average(tensors: Sequence[Tensor]) -> Callable[[], list[Tensor]]:
    """Begin to average `tensors` over all processes, in one message; what is returned waits for them."""
    if _group.size == 1:
        return lambda: list(tensors)
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    work = dist.all_reduce(flat, async_op=True)

    def finish() -> list[Tensor]:
        work.wait()
        parts = torch.split(flat.div_(_group.size), [tensor.numel() for tensor in tensors])
        return [part.view_as(tensor) for part, tensor in zip(parts, tensors, strict=True)]

    return finish


def agree(wish: bool) -> bool:
    """Whether any process wishes it: the same answer in all of them."""
    if _group.size == 1:
        return wish
    wishes = torch.tensor(int(wish))
    dist.all_reduce(wishes, group=_group.control)
    return bool(wishes)


def share(make: Callable[[], T]) -> T:
    """What `make` returns in the writer, for all processes; only there it is called. Tensors, numbers, texts,
    and lists and dicts of them. ValueErrors, OSErrors and SystemExit are raised in all processes."""
    if _group.size == 1:
        return make()
    message: dict[str, Any] = {}
    error: BaseException | None = None
    if is_writer():
        try:
            message = {"value": make()}
        except SystemExit as caught:
            error, message = caught, {"exit": caught.code if isinstance(caught.code, int) else 1}
        except (OSError, ValueError) as caught:
            error, message = caught, {"error": str(caught)}
    message = _broadcast(message)
    _group.leaving = _group.leaving or "exit" in message
    if error is not None:
        raise error
    if "exit" in message:
        raise SystemExit(message["exit"])
    if "error" in message:
        raise TrainingError(message["error"])
    value: T = message["value"]
    return value


def _broadcast(message: dict[str, Any]) -> dict[str, Any]:
    """The writer's message, in all processes; tensors arrive on the processor."""
    file = io.BytesIO()
    if is_writer():
        torch.save(message, file)
    length = torch.tensor(file.getbuffer().nbytes)
    dist.broadcast(length, 0, group=_group.control)
    data = torch.zeros(int(length), dtype=torch.uint8)
    if is_writer():
        data.copy_(torch.frombuffer(file.getbuffer(), dtype=torch.uint8))
    dist.broadcast(data, 0, group=_group.control)
    if is_writer():
        return message
    received: dict[str, Any] = torch.load(io.BytesIO(data.numpy().tobytes()), "cpu", weights_only=True)
    return received


def in_turn(load: Callable[[], T]) -> T:
    """What `load` returns: the first process of each machine calls it before the others, so that only it
    downloads."""
    if _group.size == 1:
        return load()
    if _group.local_rank == 0:
        value = load()
        dist.barrier(group=_group.control)
        return value
    dist.barrier(group=_group.control)
    return load()
