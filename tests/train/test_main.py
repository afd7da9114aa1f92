"""The command: its flags, its one-line errors, and a real process that is told to stop."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from train import __main__ as command
from train.config import TrainConfig

ROOT = Path(command.__file__).resolve().parent.parent
TINY = ["--width", "16", "--latent-dim", "4", "--batch-size", "50", "--precision", "fp32", "--device", "cpu"]

ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}  # as the tests themselves, so that sums are the same


def test_help_mentions_every_flag(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        command.main(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for field in dataclasses.fields(TrainConfig):
        assert field.name == "method" or "--" + field.name.replace("_", "-") in text
    assert "--resume" in text
    assert "{bigan" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: method"),
        (["vae"], "invalid choice: 'vae' (choose from"),
        (["bigan", "--colour", "red"], "unrecognized arguments: --colour red"),
        (["bigan", "--epochs", "many"], "argument --epochs: invalid int value: 'many'"),
        (["bigan", "--prior", "cauchy"], "argument --prior: invalid choice: 'cauchy'"),
        (["bigan", "--epochs", "0"], "--epochs must be at least 1, not 0."),
        (["bigan", "--lr", "nan"], "--lr must be above 0"),
        (["bigan", "--seed", str(10**30)], "--seed is below 2^63"),
        (["bigan", "--dataset", "imagenet"], "Data set 'imagenet' not found; available ="),
        (["bigan", "--device", "mps"], "--device is auto, cpu, cuda or cuda:N, not 'mps'."),
        (["bigan", "--device", "cuda:77"], "no such CUDA GPU"),
        (["bigan", "--precision", "fp16"], "fp16 is for GPUs"),
        (["bigan", "--batch-size", "501"], "500 pictures do not fill one batch of 501."),
        (["bigan", "--resume"], "holds no resume.pt: start it without --resume."),
        (["bigan", "--data-root", "/nowhere"], "MNIST is not whole in /nowhere and could not be fetched"),
    ],
)
def test_an_error_of_use_is_one_line_and_code_2(
    arguments: list[str],
    message: str,
    mnist_root: Path,
    tmp_path: Path,
    no_download: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    if arguments and "--data-root" not in arguments:
        arguments = [*arguments, "--data-root", str(mnist_root)]
    if arguments and "--device" not in arguments:
        arguments = [*arguments, "--device", "cpu"]
    try:
        code = command.main([*arguments, *(["--out", str(tmp_path / "run")] if arguments else [])])
    except SystemExit as stopped:
        code = stopped.code  # type: ignore[assignment]
    said = capsys.readouterr()
    assert code == 2
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    assert message in said.err
    assert not (tmp_path / "run").exists()


def test_a_folder_that_cannot_be_made_is_one_line(
    mnist_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    code = command.main(
        ["bigan", *TINY, "--data-root", str(mnist_root), "--out", str(tmp_path / "file" / "run")]
    )
    said = capsys.readouterr()
    assert code == 2
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1


def test_a_short_run_says_where_it_is(
    mnist_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], no_download: list[str]
) -> None:
    run = tmp_path / "run"
    arguments = ["bigan", *TINY, "--epochs", "1", "--data-root", str(mnist_root), "--out", str(run)]
    assert command.main(arguments) == 0
    assert f"Done: {run} " in capsys.readouterr().out
    assert command.main(arguments) == 2
    assert "already holds a run" in capsys.readouterr().err
    assert command.main([*arguments, "--resume"]) == 0
    assert no_download == []


def test_a_process_told_to_stop_saves_first_and_goes_on_later(mnist_root: Path, tmp_path: Path) -> None:
    epochs, steps = 30, 10

    def arguments(out: Path) -> list[str]:
        rare = ["--pictures-every", "1000", "--save-every", "1000"]
        return [*TINY, *rare, "--epochs", str(epochs), "--data-root", str(mnist_root), "--out", str(out)]

    run = tmp_path / "run"
    start = [sys.executable, "-m", "train", "bigan", *arguments(run)]
    process = subprocess.Popen(
        start, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ONE_THREAD
    )
    try:
        deadline = time.monotonic() + 120
        log = run / "metrics.jsonl"
        while not (log.exists() and log.read_text()) and time.monotonic() < deadline:
            assert process.poll() is None, process.communicate()
            time.sleep(0.005)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130, err
    assert "Traceback" not in err
    saved = torch.load(run / "resume.pt", weights_only=True)["step"]
    assert steps <= saved < epochs * steps
    assert f"Stopped and saved after step {saved}; the same command with --resume goes on." in out

    done = subprocess.run(
        [*start, "--resume"], cwd=ROOT, text=True, capture_output=True, env=ONE_THREAD, timeout=120
    )
    assert done.returncode == 0, done.stderr
    rows = [json.loads(row) for row in (run / "metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == list(range(1, epochs + 1))
    state = torch.load(run / "resume.pt", weights_only=True)
    assert state["step"] == epochs * steps

    straight = tmp_path / "straight"
    assert command.main(["bigan", *arguments(straight)]) == 0
    expected = torch.load(straight / "resume.pt", weights_only=True)
    for name, net in expected["nets"].items():
        for key, value in net.items():
            assert torch.equal(value, state["nets"][name][key]), (name, key)
