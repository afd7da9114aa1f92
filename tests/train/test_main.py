"""python -m train: its flags, its one-line errors, and a real process that is stopped by a signal."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ganlab.gallery import Pictures
from tests.train.runs import assert_same, log, state, stop_after
from train import __main__ as command
from train.command import list_commands
from train.config import TrainConfig
from train.presets import FAMILY_DEFAULTS, PRESETS
from train.trainer import Trainer
from train.watch import recorder

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
    presets = "(bigan-plus: mnist, mnist-second, colour, cifar10, imagenet64; bigan: imagenet64)"
    assert presets in " ".join(text.split())
    for name, purpose in list_commands().items():
        assert f"\n  train.{name:13} {purpose}" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: method"),
        (["vae"], "invalid choice: 'vae' (choose from"),
        (["bigan", "--colour", "red"], "unrecognized arguments: --colour red"),
        (["bigan", "--epochs", "many"], "argument --epochs: invalid int value: 'many'"),
        (["bigan", "--prior", "cauchy"], "argument --prior: invalid choice: 'cauchy'"),
        (["gan", "--family"], "argument --family: expected one argument"),
        (["bigan", "--epochs", "0"], "--epochs must be at least 1, not 0."),
        (["bigan", "--watch-share", "2"], "--watch-share lies between 0 and 1, not 2.0"),
        (["bigan", "--watch-share", "0", "--stop-when-lost"], "need a --watch-share above 0"),
        (["bigan", "--lr", "nan"], "--lr must be above 0"),
        (["bigan", "--seed", str(10**30)], "--seed is below 2^63"),
        (["bigan", "--dataset", "imagenet"], "Data set 'imagenet' not found; available ="),
        (["bigan", "--device", "mps"], "The device is auto, cpu, cuda or cuda:N, not 'mps'."),
        (["bigan", "--device", "cuda:77"], "no such CUDA GPU"),
        (["bigan", "--precision", "fp16"], "fp16 is for GPUs"),
        (["bigan", "--batch-size", "501"], "500 pictures do not fill one batch of 501."),
        (["bigan", "--resume"], "holds no resume.pt: start it without --resume."),
        (["bigan", "--data-root", "/nowhere"], "MNIST is incomplete in /nowhere and could not be downloaded"),
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
    assert json.loads((run / "history" / "status.json").read_text())["state"] == "finished"


def test_a_run_writes_no_history_where_that_is_not_wanted(mnist_root: Path, tmp_path: Path) -> None:
    arguments = ["bigan", *TINY, "--epochs", "1", "--data-root", str(mnist_root), "--out", str(tmp_path)]
    assert command.main([*arguments, "--watch-share", "0"]) == 0
    assert not (tmp_path / "history").exists()


def test_a_lost_run_that_is_stopped_says_why(
    mnist_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder.Detector, "see", lambda _, look, step: [("certain", "D is certain.")] * step)
    monkeypatch.setattr(recorder.Budget, "allows", lambda *_: True)
    arguments = ["bigan", *TINY, "--epochs", "9", "--data-root", str(mnist_root), "--out", str(tmp_path)]
    assert command.main([*arguments, "--stop-when-lost"]) == command.LOST
    assert "Stopped and saved after step 1: D is certain." in capsys.readouterr().out


@pytest.fixture
def configured(
    mnist_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], TrainConfig]:
    """A function that returns the settings that a command would train with."""
    seen: list[TrainConfig] = []

    def trainer(config: TrainConfig, *_: object, **__: object) -> None:
        seen.append(config)
        raise ValueError("not today")

    monkeypatch.setattr(command, "Trainer", trainer)

    def settings(line: str) -> TrainConfig:
        assert (
            command.main([*line.split(), "--data-root", str(mnist_root), "--out", str(tmp_path / "run")]) == 2
        )
        return seen.pop()

    return settings


def own(config: TrainConfig) -> dict[str, Any]:
    """What differs from the defaults."""
    return {
        f.name: getattr(config, f.name)
        for f in dataclasses.fields(config)
        if getattr(config, f.name) != f.default and f.name not in ("data_root", "out")
    }


@pytest.mark.parametrize("family", list(FAMILY_DEFAULTS))
@pytest.mark.parametrize("form", ["gan --family {}", "gan --family={}", "--family {} gan", "gan --fam {}"])
def test_a_family_brings_its_presets(
    form: str, family: str, configured: Callable[[str], TrainConfig]
) -> None:
    expected = {"method": "gan", "family": family, **FAMILY_DEFAULTS[family]}
    assert own(configured(form.format(family))) == expected


def test_a_flag_beats_the_preset_of_the_family(configured: Callable[[str], TrainConfig]) -> None:
    # on either side of --family, even where it says what the default would have been
    given = "--prior uniform {} --updates simultaneous --weight-decay 2.5e-5"
    result = own(configured("gan " + given.format("--family tutorial-gan")))
    assert result == {"method": "gan", "family": "tutorial-gan", "latent_dim": 100, "decay_epochs": 0}
    result = own(configured("gan --latent-dim 7 --family tutorial-gan --decay-epochs 3 --epochs 9"))
    assert result.items() >= {"latent_dim": 7, "decay_epochs": 3, "epochs": 9, "prior": "normal"}.items()


def test_the_papers_family_has_no_presets(configured: Callable[[str], TrainConfig]) -> None:
    assert own(configured("gan")) == own(configured("gan --family paper")) == {"method": "gan"}
    # nor do those of one command stay for the next
    configured("gan --family tutorial-gan")
    assert own(configured("gan")) == {"method": "gan"}


# What checkpoints/mnist-bigan-plus was trained with.
LONG = (
    "bigan-plus --family conv --norm spectral --width 24 --epochs 36 --lr 6e-4"
    " --pixel-weight 0.2 --latent-weight 0.1 --prior-weight 10"
    " --contrast-weight 2 --feature-dim 64 --code-noise 0.15 --code-share 1 --augment"
    " --precision bf16 --out runs/mnist-bigan-plus"
)
SHORT = "bigan-plus --preset mnist --out runs/mnist-bigan-plus"
SECOND = "bigan-plus --preset mnist-second --from-checkpoint mnist-first"


def test_the_presets_of_the_apps_own_model_are_what_trained_it() -> None:
    (short, resume), (long, _) = (command.read_arguments(line.split()) for line in (SHORT, LONG))
    assert short == long
    assert not resume
    second, _ = command.read_arguments(SECOND.split())
    folder = ROOT / "checkpoints" / "mnist-bigan-plus"
    stored = json.loads((folder / "config.json").read_text())
    training = json.loads((folder / "metrics.json").read_text())["training"]
    for key in ("family", "norm", "width", "latent_dim", "prior", "feature_dim"):
        assert getattr(short, key) == getattr(second, key) == stored[key], key
    for key in ("epochs", "seed", "updates", "precision", "batch_size", "ema"):
        assert getattr(second, key) == training[key], key


@pytest.mark.parametrize(("method", "name"), [(m, name) for m, names in PRESETS.items() for name in names])
def test_every_preset_makes_a_run(method: str, name: str) -> None:
    first = ["--from-checkpoint", "mnist-first"] if name == "mnist-second" else []
    config, _ = command.read_arguments([method, "--preset", name, *first])
    expected = {"method": method} | PRESETS[method][name]
    assert dataclasses.asdict(config).items() >= expected.items()


def test_a_flag_beats_the_preset() -> None:
    line = "bigan-plus --epochs 5 --preset mnist --no-augment --norm batch"
    config, _ = command.read_arguments(line.split(" "))
    assert (config.epochs, config.augment, config.norm) == (5, False, "batch")
    assert (config.family, config.width, config.ema) == ("conv", 24, 0.999)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "bigan-plus --preset emnist",
            "bigan-plus has no preset 'emnist': its presets are ['mnist', 'mnist-second', 'colour',",
        ),
        ("gan --preset mnist", "gan has no preset 'mnist': it has none."),
        ("gan --family cubist", "--family is one of ['paper', 'tutorial-gan',"),
        ("lr --family tutorial-gan", "has no cross-entropy with E's answer: use --regression l2."),
        ("jlr --prior normal", "has no cross-entropy with E's answer: use --regression l2."),
        ("gan --d-steps 5", "--d-steps and --g-steps belong to --updates alternating."),
    ],
)
def test_settings_that_do_not_go_together_are_one_line(
    line: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([*line.split(), "--out", str(tmp_path / "run")]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    assert message in said.err
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_run_of_another_family_is_written_down_and_resumed(
    mnist_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    line = ["gan", "--family", "tutorial-gan", *TINY, "--epochs", "1"]
    line += ["--data-root", str(mnist_root), "--out", str(run)]
    assert command.main(line) == 0
    written = json.loads((run / "config.json").read_text())
    expected = FAMILY_DEFAULTS["tutorial-gan"] | {"latent_dim": 4, "family": "tutorial-gan"}
    assert written["train"].items() >= expected.items()
    assert written["model"]["family"] == "tutorial-gan"
    assert written["model"]["prior"] == "normal"
    assert command.main([*line, "--resume"]) == 0  # the presets are the same again
    capsys.readouterr()
    assert command.main([*line, "--resume", "--family", "tutorial-bigan"]) == 2
    assert "--family is tutorial-bigan, the run was started with tutorial-gan" in capsys.readouterr().err


def test_a_run_of_before_families_and_ratios_goes_on(
    mnist_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    line = ["bigan", *TINY, "--updates", "alternating", "--epochs", "1"]
    line += ["--data-root", str(mnist_root), "--out", str(run)]
    assert command.main(line) == 0
    written = json.loads((run / "config.json").read_text())
    for setting in ("family", "d_steps", "g_steps", "regression", "regression_weight"):
        del written["train"][setting]
    (run / "config.json").write_text(json.dumps(written))
    assert command.main([*line, "--resume"]) == 0
    capsys.readouterr()
    for flags, says in (
        (["--d-steps", "2"], "--d-steps is 2, the run was started with 1"),
        (["--family", "tutorial-bigan"], "--family is tutorial-bigan, the run was started with paper"),
    ):
        assert command.main([*line, *flags, "--resume"]) == 2
        said = capsys.readouterr().err
        assert says in said
        assert said.count("\n") == 1


@pytest.mark.slow
def test_a_process_stopped_by_a_signal_is_resumed_bit_for_bit(
    mnist_root: Path, tmp_path: Path, digits: Pictures
) -> None:
    """It would train for hours; the test's own process resumes where it was stopped."""

    def arguments(out: Path) -> list[str]:
        rare = ["--pictures-every", "100000", "--save-every", "100000", "--epochs", "100000"]
        return ["bigan", *TINY, *rare, "--data-root", str(mnist_root), "--out", str(out)]

    run = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-m", "train", *arguments(run)],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ONE_THREAD,
    )
    try:
        deadline = time.monotonic() + 300
        epochs = run / "metrics.jsonl"
        while not (epochs.exists() and epochs.read_text()):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, "no epoch in 300 s"
            time.sleep(0.005)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=300)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130, err
    assert "Traceback" not in err
    saved = torch.load(run / "resume.pt", weights_only=True)["step"]
    assert saved >= 10  # an epoch
    assert f"Stopped and saved after step {saved}; the same command with --resume goes on." in out

    def train_on(out: Path, resume: bool) -> Trainer:
        config, _ = command.read_arguments(arguments(out))
        trainer = stop_after(Trainer(config, digits, resume=resume), saved + 11)
        assert not trainer.train()
        return trainer

    resumed, straight = train_on(run, resume=True), train_on(tmp_path / "straight", resume=False)
    assert_same(state(resumed), state(straight))
    assert log(run) == log(tmp_path / "straight")
