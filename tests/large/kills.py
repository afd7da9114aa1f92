"""python -m tests.large.kills FOLDER: end `python -m train.gallery` by SIGKILL at random moments, many times.

Prints after how many kills it was done, and whether its files are those of a run that nobody ended.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
from pathlib import Path

ENDINGS = (".f32", ".i32", ".csv")


def encode(model: str, folder: Path, out: Path, seconds: float | None) -> int | None:
    """The exit code of the command, or None where it was killed after so many seconds."""
    command = [sys.executable, "-m", "train.gallery", model, str(folder), "--out", str(out)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    return None


def read_files(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir() if path.suffix in ENDINGS}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.large.kills", description=__doc__)
    parser.add_argument("folder", type=Path, help="with pictures")
    parser.add_argument("--model", default="mnist-bigan-plus")
    parser.add_argument("--seconds", type=float, nargs=2, default=(5.0, 20.0), help="between two kills")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    draw = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        killed, whole = Path(folder, "killed"), Path(folder, "whole")
        kills = 0
        while (code := encode(options.model, options.folder, killed, draw.uniform(*options.seconds))) is None:
            kills += 1
        encode(options.model, options.folder, whole, None)
        same = code == 0 and read_files(killed) == read_files(whole)
    print(f"{kills} kills; the files are {'the same' if same else 'NOT the same'}")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
