"""Attack a run of training: kill it, flip bytes of what it saved, fill its disk; and those of other writers.

Each run is a fork of this process, which has imported everything: a kill meets it at work.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.attacks.figures import Figure
from tests.disks import fill, full_disk, small_disk

SEED = 0
EPOCHS = 6
PATIENCE = 300  # seconds for a run
SIZES = (100_000, 300_000, 700_000, 1_000_000, 1_500_000)  # of disks, in bytes; a state takes some 400,000
SHORT = ("a row of a study",)
ROOMS = (0, 4_096, 20_000, 60_000, 200_000, 500_000)  # bytes left on the disk


def attack(short: bool) -> list[Figure]:
    import torch

    torch.set_num_threads(1)  # a fork cannot go on with the threads of its parent
    torch.optim.Adam([torch.zeros(1, requires_grad=True)])  # what it imports, it imports once for all forks
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        figures = [*kill_runs(1 if short else 20, folder), *flip_bytes(20 if short else 400, folder)]
        figures += fill_runs(() if short else SIZES, folder)
        figures += fill_disks(ROOMS[2:3] if short else ROOMS, folder, SHORT if short else None)
    return figures


# ---------------------------------------------------------------------- runs, each a fork


def make_config(run: Path) -> Any:
    from train.config import TrainConfig

    return TrainConfig(
        limit=128, batch_size=32, epochs=EPOCHS, width=32, latent_dim=8, ema=0.9, precision="fp32",
        device="cpu", pictures_every=3, save_minutes=1e-5, out=str(run),
    )  # fmt: skip


def read_digits() -> Any:
    from ganlab.gallery import GALLERIES, load_pictures

    return load_pictures(GALLERIES / "mnist" / "test.npz")


def fork(function: Callable[[], int]) -> int:
    """Call a function in a fork, whose exit status is its result; returns the fork's number."""
    sys.stdout.flush()
    if number := os.fork():
        return number
    status = 99
    with contextlib.suppress(BaseException), Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
        sys.stderr = nowhere
        status = function()
    os._exit(status)


def train(run: Path) -> int:
    """Begin a run or go on with it, to its end."""
    from train.run_folder import has_state
    from train.trainer import Trainer

    return 0 if Trainer(make_config(run), read_digits(), resume=has_state(run)).train() else 1


def wait(number: int) -> int:
    """The exit status of a fork, or minus the signal that ended it."""
    deadline = time.monotonic() + PATIENCE
    while not (ended := os.waitpid(number, os.WNOHANG))[0]:
        if time.monotonic() > deadline:
            os.kill(number, signal.SIGKILL)
        time.sleep(0.005)
    return os.waitstatus_to_exitcode(ended[1])


def hash_run(run: Path) -> str:
    """What a run came to: weights, averages, Adam's moments, and the log without times."""
    import torch

    from train.run_folder import read_state

    digest = hashlib.sha256()

    def add(value: Any) -> None:
        if isinstance(value, dict):
            for key in value:
                if key not in ("seconds", "images_per_second", "settings"):
                    digest.update(str(key).encode())
                    add(value[key])
        elif isinstance(value, list | tuple):
            for item in value:
                add(item)
        elif isinstance(value, torch.Tensor):
            digest.update(value.numpy().tobytes())
        else:
            digest.update(repr(value).encode())

    add(read_state(run, "cpu"))
    for line in (run / "metrics.jsonl").read_text().splitlines():
        add(json.loads(line))
    return digest.hexdigest()


def count_litter(folder: Path) -> int:
    return len([*folder.rglob("*.partial"), *folder.rglob(".*")])


# ---------------------------------------------------------------------- kills


def kill_runs(count: int, folder: Path) -> Iterator[Figure]:
    """Kill each run twice, at random moments; then let it go on to its end."""
    rng = random.Random(SEED)
    straight = folder / "straight"
    began = time.monotonic()
    assert wait(fork(lambda: train(straight))) == 0
    duration, expected = time.monotonic() - began, hash_run(straight)
    same = torn = killed = 0
    for index in range(count):
        run = folder / f"killed-{index}"
        for moment in (rng.random(), rng.random()):
            number = fork(lambda run=run: train(run))
            time.sleep(moment * duration * 0.6)
            os.kill(number, signal.SIGKILL)
            killed += wait(number) == -signal.SIGKILL
            torn += any(run.rglob("*.partial")) if run.exists() else 0
        same += wait(fork(lambda run=run: train(run))) == 0 and hash_run(run) == expected
    yield Figure(
        "runs killed twice (SIGKILL) that ended bit for bit as one that was not",
        f"{same} of {count}", "", f"{count} of {count}", same == count,
    )  # fmt: skip
    yield Figure("kills in the middle of a write, of all that met a run", f"{torn} of {killed}")
    litter = count_litter(folder)
    yield Figure("files left behind by kills, at the end", litter, "", 0, litter == 0)


# ---------------------------------------------------------------------- flips


def flip_bytes(count: int, folder: Path) -> Iterator[Figure]:
    """Flip a bit of the newest state, of the settings and of the log, and resume."""
    from train import run_folder
    from train.trainer import Trainer

    rng = random.Random(SEED)
    run = folder / "straight"
    whole = {name: (run / name).read_bytes() for name in ("resume.pt", "config.json", "metrics.jsonl")}
    expected = hash_run(run)

    def flip(name: str) -> None:
        content = bytearray(whole[name])
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        (run / name).write_bytes(bytes(content))

    with contextlib.redirect_stderr(io.StringIO()) as said:
        noticed = 0
        for _ in range(count):
            flip("resume.pt")
            said.truncate(0)
            run_folder.read_state(run, "cpu")  # the one before it
            noticed += "resume.pt is damaged" in said.getvalue()
        (run / "resume.pt").write_bytes(whole["resume.pt"])
        same, number = 0, max(10, count // 4)
        for index in range(number):
            name = ("config.json", "metrics.jsonl")[index % 2]
            flip(name)
            Trainer(make_config(run), read_digits(), resume=True)
            same += hash_run(run) == expected
            (run / name).write_bytes(whole[name])
    yield Figure(
        "flipped bytes of resume.pt that were noticed", f"{noticed} of {count}", "", f"{count} of {count}",
        noticed == count,
    )  # fmt: skip
    yield Figure(
        "flipped bytes of config.json and metrics.jsonl that cost a run nothing",
        f"{same} of {number}", "", f"{number} of {number}", same == number,
    )  # fmt: skip


# ---------------------------------------------------------------------- full disks


def list_content(folder: Path) -> dict[str, str]:
    """The files below a folder, except the ballast, with the hashes of what they hold."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "ballast"
    }


def list_writers(made_by: Path, disk: Path) -> dict[str, Callable[[], int]]:
    """Commands that write to `disk`, where an earlier result of each lies, by name."""
    from ganlab import __main__ as library
    from train import codes, publish
    from train.report import sheets
    from train.studies.row_files import write_row

    run, pictures = made_by / "straight", made_by / "pictures"
    checkpoint = disk / "tiny-bigan"
    publishing = [str(run), "tiny-bigan", "--root", str(disk), "--no-evaluate"]
    encode = ["encode", str(pictures), "--model", str(made_by / "tiny-bigan"), "--quiet", "-o"]
    outputs = ["--reconstructions", str(disk / "sheet.png"), "--figures", str(disk / "figures.csv")]
    film = ["film", str(made_by / "tiny-bigan"), "seed:1", "seed:2", "--seconds", "1", "--scale", "16", "-o"]

    def study() -> int:
        write_row(disk / "rows" / "row.json", {"seed": 1}, {f"figure {n}": n / 7 for n in range(3_000)})
        return 0

    return {
        "train.publish": lambda: publish.main(publishing),
        "train.codes": lambda: codes.main([str(checkpoint), "--device", "cpu"]),
        "train.sheets": lambda: sheets.main([str(made_by / "tiny-bigan"), "--out", str(disk)]),
        "a row of a study": study,
        "ganlab encode": lambda: library.main([*encode, str(disk / "codes.npz"), *outputs]),
        "ganlab film": lambda: library.main([*film, str(disk / "film.gif")]),
    }


def prepare_writers(folder: Path) -> None:
    """A checkpoint and a folder of pictures for them, not on the disk that will be full."""
    from ganlab import images
    from train import publish

    digits = read_digits()
    (folder / "pictures").mkdir()
    for index in range(40):
        images.save(
            images.to_pil(digits.inputs(slice(index, index + 1))[0]), folder / "pictures" / f"{index}.png"
        )
    publish.publish(folder / "straight", "tiny-bigan", "", folder, measured=False)


def call(writer: Callable[[], int]) -> tuple[int, str]:
    """The status of a command, and what it said on standard error; 1 and the error for one that raised."""
    from ganlab.files import WriteError

    with contextlib.redirect_stderr(io.StringIO()) as said, contextlib.redirect_stdout(io.StringIO()):
        try:
            status = writer()
        except WriteError as error:  # of what is no command
            return 2, f"error: {error}\n"
        except Exception as error:
            return 1, repr(error)
    return status, said.getvalue()


def fill_disks(rooms: tuple[int, ...], folder: Path, chosen: tuple[str, ...] | None) -> Iterator[Figure]:
    """Let each writer replace its earlier result on a disk with so much room, and with more."""
    if not chosen:
        prepare_writers(folder)
    held = tried = full = 0
    broken: list[str] = []
    with small_disk(folder / "disk", 40_000_000) as is_disk:
        disk = folder / "disk"
        writers = list_writers(folder, disk)
        writers = {name: writers[name] for name in chosen or writers}
        for name, writer in writers.items():
            status, said = call(writer)
            assert status == 0, (name, said)
        for name, writer in writers.items():
            for room in rooms:
                before = list_content(disk)
                ballast = fill(disk, room) if is_disk else None
                with contextlib.nullcontext() if is_disk else full_disk(room):
                    status, said = call(writer)
                after = list_content(disk)
                if ballast:
                    ballast.unlink()
                lines = [line for line in said.splitlines() if line.strip()]
                one_sentence = len(lines) == 1 and "disk is full" in lines[0] and lines[0].endswith(".")
                fits = status == 0 or (status == 2 and one_sentence and after == before)
                tried, held, full = tried + 1, held + fits, full + (status != 0)
                if not fits:
                    broken.append(
                        f"{name} with {room} bytes: {status} {said[-300:]!r} {after.keys() ^ before}"
                    )
        shutil.rmtree(disk, ignore_errors=True) if not is_disk else None
    print(*broken, sep="\n", end="\n" if broken else "", file=sys.stderr)
    kind = "a small disk" if is_disk else "files of limited size"
    yield Figure(
        f"writes to a full disk ({kind}): one sentence, all files as before", f"{held} of {tried}", "",
        f"{tried} of {tried}", held == tried,
    )  # fmt: skip
    yield Figure("of these, the disk was too full", full)


def fill_runs(sizes: tuple[int, ...], folder: Path) -> Iterator[Figure]:
    """Train on disks that hold no state, one, two; then give room and go on."""
    if not sizes:
        return
    held, expected = 0, hash_run(folder / "straight")
    for size in sizes:
        with small_disk(folder / "small", size) as is_disk:
            run = folder / "small" / "run"
            with contextlib.nullcontext() if is_disk else full_disk(size // 4):
                status = wait(fork(lambda run=run: call(lambda: run_command(run))[0]))
            clean = not list(run.rglob("*.partial"))
            kept = folder / f"moved-{size}"
            shutil.copytree(run, kept)
            shutil.rmtree(run)
        ended = wait(fork(lambda kept=kept: train(kept))) == 0 and hash_run(kept) == expected
        held += status in (0, 2) and clean and ended
    yield Figure(
        "runs on a disk too small, which then got room and ended bit for bit as others",
        f"{held} of {len(sizes)}", "", f"{len(sizes)} of {len(sizes)}", held == len(sizes),
    )  # fmt: skip


def run_command(run: Path) -> int:
    """`train`, with errors of use as its command answers them."""
    from train.command import report_errors

    return report_errors(train)(run)
