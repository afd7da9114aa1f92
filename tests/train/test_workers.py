"""Several processes that train one model: equal to one process, and what happens when one of them is lost."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from ganlab.gallery import Pictures
from tests.train.runs import settings
from train import __main__ as command
from train import workers
from train.parallel import SharedBatchNorm1d, SharedDropout, share_batches
from train.run_folder import TrainingError
from train.trainer import Trainer

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def checked() -> str:
    """What the short form of the check says: real processes, of which one is killed."""
    line = [sys.executable, "-m", "train.parallel_check", "--short", "--processes", "2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("case", ["R1, R2 and a moving average", "conv", "the rest"])
def test_several_processes_train_what_one_does(checked: str, case: str) -> None:
    line = next(line for line in checked.splitlines() if case in line)
    differences = [float(number) for number in re.findall(r"[\d.]+e-\d+", line)]
    assert differences
    assert max(differences) <= 1e-5


def test_when_a_process_is_killed_the_others_stop_and_say_so_once(checked: str) -> None:
    line = next(line for line in checked.splitlines() if "killed" in line)
    assert line.count("error: Another of the") == 1
    assert "Start all of them again with --resume" in line


def test_a_run_goes_on_with_another_number_of_processes(checked: str) -> None:
    line = next(line for line in checked.splitlines() if line.startswith("resumed with"))
    assert float(re.findall(r"[\d.]+e-\d+", line)[0]) <= 1e-5


@pytest.fixture
def second_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process as number 1 of 2, with nobody to talk to."""
    monkeypatch.setattr(workers, "_group", workers._Group(rank=1, size=2))


def test_a_part_of_joined_batches_is_the_joined_parts(second_of_two: None) -> None:
    x, y = torch.arange(8), torch.arange(8) + 10
    assert workers.take_part(x).tolist() == [1, 3, 5, 7]
    joined = torch.cat([x, y])
    assert torch.equal(workers.take_part(joined), torch.cat([workers.take_part(x), workers.take_part(y)]))
    assert torch.equal(workers.take_part(joined).chunk(2)[0], workers.take_part(x))


def test_random_numbers_are_those_of_the_global_batch(second_of_two: None) -> None:
    torch.manual_seed(5)
    mine = workers.draw(torch.randn, 6, 3)
    torch.manual_seed(5)
    assert torch.equal(mine, torch.randn(12, 3)[1::2])
    dropout = nn.Dropout(0.4)
    torch.manual_seed(6)
    whole = dropout(torch.ones(8, 5))
    share_batches([dropout])
    assert type(dropout) is SharedDropout
    torch.manual_seed(6)
    assert torch.equal(dropout(torch.ones(4, 5)), whole[1::2])


def test_alone_nothing_changes() -> None:
    tensor = torch.rand(4, 2)
    assert (workers.rank(), workers.size(), workers.is_writer()) == (0, 1, True)
    assert workers.join("cpu") == "cpu"
    assert torch.equal(workers.take_part(tensor), tensor)
    assert workers.gather(tensor) is tensor
    assert workers.start_average([tensor])()[0] is tensor
    assert workers.share(lambda: 3) == 3
    assert workers.agree(True)
    assert not workers.agree(False)
    workers.leave()


def test_batch_norm_keeps_to_itself_where_nobody_trains(second_of_two: None) -> None:
    norm, x = nn.BatchNorm1d(3), torch.rand(5, 3)
    share_batches([norm], statistics=False)
    assert type(norm) is nn.BatchNorm1d
    share_batches([norm])
    assert type(norm) is SharedBatchNorm1d
    with pytest.raises(ValueError, match="process group"):  # of torch: it asks the others
        norm(x)
    norm.eval()
    assert torch.allclose(norm(x), x, atol=1e-4)
    norm.train()
    norm.track_running_stats = False
    assert float(norm(x).detach().mean().abs()) < 1e-6  # the batch's own statistics


def test_a_batch_that_cannot_be_dealt_out_is_refused(
    second_of_two: None, tmp_path: Path, digits: Pictures
) -> None:
    with pytest.raises(TrainingError, match=r"--batch-size 33 cannot be dealt out to 2 processes"):
        Trainer(settings(tmp_path / "run", batch_size=33), digits)


def test_errors_name_the_loss_of_another_process(second_of_two: None) -> None:
    with (
        pytest.raises(TrainingError, match=r"Another of the 2 processes was lost"),
        workers.noticing_losses(),
    ):
        raise RuntimeError("[../gloo/transport/tcp/pair.cc:534] Connection closed by peer")
    with pytest.raises(RuntimeError, match="out of memory"), workers.noticing_losses():
        raise RuntimeError("CUDA out of memory")


def test_the_command_joins_what_torchrun_started(monkeypatch: pytest.MonkeyPatch) -> None:
    devices: list[str] = []

    def join(device: str) -> str:
        devices.append(device)
        raise TrainingError("too few GPUs")

    monkeypatch.setattr(workers, "join", join)
    for line in (["bigan", "--device", "cpu"], ["bigan"]):
        assert command.main(line) == 2
    assert devices == ["cpu", "auto"]
