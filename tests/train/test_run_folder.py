"""What a run's folder holds is whole or noticed: states with a checksum, log, settings."""

from __future__ import annotations

import json
import random
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ganlab.files import WriteError
from ganlab.gallery import Pictures
from tests.disks import full_disk
from tests.train.runs import STEPS, assert_same, log, settings, state, stop_after
from train import publish, run_folder
from train.run_folder import PREVIOUS_FILE, RESUME_FILE, TrainingError, read_state, write_state
from train.trainer import Trainer

STATE = {"step": 3, "nets": {"encoder": {"weight": torch.arange(200.0)}}, "log": [{"step": 3}]}


def flip(path: Path, position: int) -> None:
    """Change one bit of a file."""
    content = bytearray(path.read_bytes())
    content[position] ^= 1 << position % 8
    path.write_bytes(bytes(content))


def make_unsealed(path: Path) -> None:
    """Write a state as versions without checksums did."""
    torch.save(torch.load(path, weights_only=True), path)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, digits: Pictures) -> Path:
    """A run that was saved twice: after its second epoch, and in the middle of the third."""
    run = stop_after(Trainer(settings(tmp_path_factory.mktemp("runs") / "run"), digits), 2 * STEPS + 1)
    assert not run.train()
    return run.run


@pytest.fixture
def halted(original: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    return Path(shutil.copytree(original, tmp_path / "run"))


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory, digits: Pictures) -> Trainer:
    """The same run, uninterrupted."""
    run = Trainer(settings(tmp_path_factory.mktemp("runs") / "straight"), digits)
    assert run.train()
    return run


# ------------------------------------------------------------------ the state


def test_torch_reads_a_sealed_state_as_it_is(tmp_path: Path) -> None:
    write_state(tmp_path, STATE)
    read = torch.load(tmp_path / RESUME_FILE, weights_only=True)
    assert torch.equal(read["nets"]["encoder"]["weight"], torch.arange(200.0))
    with zipfile.ZipFile(tmp_path / RESUME_FILE) as archive:
        assert archive.comment.startswith(b"sha256:")


def test_each_flipped_byte_is_noticed(tmp_path: Path) -> None:
    write_state(tmp_path, STATE)
    path = tmp_path / RESUME_FILE
    whole = path.read_bytes()
    for position in [*range(0, len(whole), 13), *range(len(whole) - 90, len(whole), 5)]:
        flip(path, position)
        assert not run_folder.is_whole(path), position
        path.write_bytes(whole)
    assert run_folder.is_whole(path)


@pytest.mark.parametrize("length", [0, 1, 21, 22, 70, 71, 500, -1, -64, -71, -72])
def test_a_state_that_was_cut_is_noticed(length: int, tmp_path: Path) -> None:
    write_state(tmp_path, STATE)
    path = tmp_path / RESUME_FILE
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(TrainingError, match=r"resume\.pt is damaged \(it") as caught:
        read_state(tmp_path, "cpu")
    assert str(caught.value).endswith("start the run again, in another folder.")
    assert "\n" not in str(caught.value)


def test_a_state_of_an_earlier_version_is_read_and_its_numbers_are_checked(tmp_path: Path) -> None:
    write_state(tmp_path, STATE)
    path = tmp_path / RESUME_FILE
    make_unsealed(path)
    assert read_state(tmp_path, "cpu")["step"] == 3
    numbers = torch.arange(200.0).numpy().tobytes()
    flip(path, path.read_bytes().index(numbers) + 401)
    with pytest.raises(TrainingError, match="its checksums do not fit"):
        read_state(tmp_path, "cpu")


def test_what_is_no_state_gets_one_sentence_that_suggests_nothing_unsafe(tmp_path: Path) -> None:
    path = tmp_path / RESUME_FILE
    for content, reason in (
        (b"", "it is empty"),
        (b"PK\x03\x04", "it is cut short, or is no state"),
        (b"not a file of torch", "it is cut short, or is no state"),
        (Path("/"), "it holds something else than numbers and their names"),  # a pickle that runs code
        (torch.arange(3), "it holds no state"),
    ):
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            with path.open("w+b") as file:
                torch.save(content, file)
                run_folder.seal(file)
        with pytest.raises(TrainingError) as caught:
            read_state(tmp_path, "cpu")
        assert str(caught.value) == (f"{path} is damaged ({reason}): start the run again, in another folder.")


@pytest.mark.parametrize("damage", ["flip", "cut", "remove", "unsealed flip"])
def test_a_damaged_state_falls_back_to_the_one_before_it_bit_for_bit(
    damage: str, halted: Path, straight: Trainer, digits: Pictures, capsys: pytest.CaptureFixture[str]
) -> None:
    newest = halted / RESUME_FILE
    if damage == "remove":
        newest.unlink()
    elif damage == "cut":
        newest.write_bytes(newest.read_bytes()[:-1000])
    else:
        if damage == "unsealed flip":
            make_unsealed(newest)
        flip(newest, newest.stat().st_size // 2)
    resumed = Trainer(settings(halted), digits, resume=True)
    warning = capsys.readouterr().err
    assert warning.count("warning: ") == 1
    assert f"{newest} is " in warning
    assert "so this is the state that was saved before it, resume.previous.pt." in warning
    assert resumed.step == 2 * STEPS
    assert resumed.train()
    assert_same(state(resumed), state(straight))
    assert log(halted) == log(straight.run)
    assert all(run_folder.is_whole(halted / name) for name in (RESUME_FILE, PREVIOUS_FILE))


def test_a_damaged_state_never_takes_the_place_of_the_whole_one_before_it(tmp_path: Path) -> None:
    for step in (1, 2):
        write_state(tmp_path, STATE | {"step": step})
    flip(tmp_path / RESUME_FILE, 700)
    write_state(tmp_path, STATE | {"step": 3})
    assert read_state(tmp_path, "cpu")["step"] == 3
    (tmp_path / RESUME_FILE).unlink()
    assert read_state(tmp_path, "cpu")["step"] == 1


def test_two_damaged_states_are_named_both(halted: Path, digits: Pictures) -> None:
    flip(halted / RESUME_FILE, 5000)
    flip(halted / PREVIOUS_FILE, 5000)
    with pytest.raises(
        TrainingError, match=r"resume\.pt is damaged .*, and .*resume\.previous\.pt is damaged"
    ):
        Trainer(settings(halted), digits, resume=True)
    with pytest.raises(publish.PublishError, match=r"cannot be published: .*resume\.pt is damaged"):
        publish.read_run(halted, "tiny", unfinished=True)


def test_a_state_of_another_run_gets_one_sentence(halted: Path, tmp_path: Path, digits: Pictures) -> None:
    other = Trainer(settings(tmp_path / "other", width=24), digits)
    other.save()
    shutil.copy(halted / "config.json", other.run / "config.json")
    for name, value in (("settings", None), ("nets", {}), ("step", "many")):
        changed = read_state(other.run, "cpu") | {name: value}
        kept = {key: entry for key, entry in changed.items() if key != "settings"}
        write_state(other.run, kept)
        with pytest.raises(TrainingError, match="is of another run: its networks are not those of these"):
            Trainer(settings(other.run), digits, resume=True)


def test_a_full_disk_leaves_the_newest_state_and_no_litter(tmp_path: Path) -> None:
    write_state(tmp_path, STATE)
    for room in (0, 500, 2_000):
        with (
            full_disk(room),
            pytest.raises(WriteError, match=r"resume\.pt could not be written: the disk is"),
        ):
            write_state(tmp_path, STATE | {"step": 4})
        assert [path.name for path in tmp_path.iterdir()] == [RESUME_FILE]
        assert read_state(tmp_path, "cpu")["step"] == 3


def test_a_disk_without_room_for_three_states_keeps_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in (1, 2):
        write_state(tmp_path, STATE | {"step": step})
    original = run_folder.seal

    def seal(file: Any) -> None:
        if (tmp_path / PREVIOUS_FILE).exists():
            raise OSError(28, "No space left on device")
        original(file)

    monkeypatch.setattr(run_folder, "seal", seal)
    write_state(tmp_path, STATE)
    assert read_state(tmp_path, "cpu")["step"] == 3
    monkeypatch.setattr(run_folder, "is_whole", lambda path: False)
    with pytest.raises(WriteError):  # where the newest is damaged, the one before it is all there is
        write_state(tmp_path, STATE)
    assert (tmp_path / PREVIOUS_FILE).is_file()


# ------------------------------------------------------------------ log and settings


def tear(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def spoil(path: Path) -> None:
    path.write_bytes(b'\xff\xfe{"epoch"\n[1]\n{"epoch": 1, "step": "x"}\n' + path.read_bytes())


@pytest.mark.parametrize("unsealed", [False, True])
@pytest.mark.parametrize("damage", [tear, spoil, Path.unlink])
def test_a_damaged_log_costs_no_epoch(
    damage: Callable[[Path], Any], unsealed: bool, halted: Path, straight: Trainer, digits: Pictures
) -> None:
    if unsealed:  # as earlier versions: only the log knows
        old = read_state(halted, "cpu")
        write_state(halted, {key: value for key, value in old.items() if key not in ("log", "settings")})
    damage(halted / "metrics.jsonl")
    last = publish.read_run(halted, "tiny", unfinished=True)[1]["epochs"]
    resumed = Trainer(settings(halted), digits, resume=True)
    assert resumed.train()
    assert_same(state(resumed), state(straight))
    if not unsealed or damage is spoil:
        assert last == 2
        assert log(halted) == log(straight.run)
    assert log(halted)[-1]["epoch"] == 3


def test_a_line_of_the_log_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    run_folder.append_to_log(tmp_path, {"epoch": 1})
    size = (tmp_path / "metrics.jsonl").stat().st_size
    with (
        full_disk(size + 5),
        pytest.raises(WriteError, match=r"metrics\.jsonl could not be written: the disk"),
    ):
        run_folder.append_to_log(tmp_path, {"epoch": 2})
    run_folder.append_to_log(tmp_path, {"epoch": 3})
    assert (tmp_path / "metrics.jsonl").read_text() == '{"epoch": 1}\n{"epoch": 3}\n'


@pytest.mark.parametrize("content", [None, b"", b"{", b"{}", b"[1]", b'{"train": 1}', b"\xff\xfe"])
def test_settings_that_cannot_be_read_are_those_of_the_state(
    content: bytes | None,
    halted: Path,
    straight: Trainer,
    digits: Pictures,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = halted / "config.json"
    before = path.read_text()
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    resumed = Trainer(settings(halted), digits, resume=True)
    assert "config.json was damaged or missing; it is written anew" in capsys.readouterr().err
    assert json.loads(path.read_text()) == json.loads(before)
    if content == b"{":
        assert resumed.train()
        assert_same(state(resumed), state(straight))


def test_settings_that_no_file_holds_are_one_sentence(halted: Path, digits: Pictures) -> None:
    old = read_state(halted, "cpu")
    write_state(halted, {key: value for key, value in old.items() if key != "settings"})
    assert Trainer(settings(halted), digits, resume=True).step == 2 * STEPS + 1
    (halted / "config.json").write_text("{")
    sentence = r"config\.json is damaged or missing, and the run's state does not hold it too\."
    with pytest.raises(TrainingError, match=sentence):
        Trainer(settings(halted), digits, resume=True)
    with pytest.raises(publish.PublishError, match=sentence):
        publish.read_run(halted, "tiny", unfinished=True)


def test_what_a_killed_process_was_writing_goes(halted: Path, digits: Pictures) -> None:
    (halted / "samples").mkdir(exist_ok=True)
    litter = [halted / "resume.pt.partial", halted / "samples" / "epoch_0001.png.partial"]
    for path in litter:
        path.write_bytes(bytes(random.Random(0).randbytes(99)))
    Trainer(settings(halted), digits, resume=True)
    assert not any(path.exists() for path in litter)
