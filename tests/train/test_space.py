"""A minimal Space: it starts with what it brings along, and with nothing else."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ganlab import model
from ganlab.studio import portable
from tests import environments
from tests.conftest import free_port
from tests.test_container import check_health
from train import space
from train.space import lay_out

ROOT = Path(__file__).parents[2]
PATIENCE = 300.0  # seconds


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that others may enter: pytest's own are private, and made private again by each run."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def restrict(room: Path) -> list[str]:
    """What is put before a command to take all rights from it but that to write into `room`; nothing where
    this process may not do so."""
    room.mkdir()
    enter = ["unshare", "--mount", "sh", str(ROOT / "tests" / "read_only.sh"), str(room)]
    enter.append(str(Path(sys.base_prefix).resolve()))
    with contextlib.suppress(OSError):
        if subprocess.run([*enter, "true"], capture_output=True, cwd="/").returncode == 0:
            return enter
    return ["env", f"TMPDIR={room}"]


@contextlib.contextmanager
def started(folder: Path, python: Path, room: Path) -> Iterator[str]:
    """The app of a Space, by its own environment; the value is its address without "/"."""
    port = free_port()
    output = room.with_suffix(".log")
    with output.open("wb") as log:
        app = subprocess.Popen(
            [*restrict(room), str(python), "app.py", "--port", str(port)],
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "OMP_NUM_THREADS": "1"},
        )
    try:
        url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + PATIENCE
        while b"ganlab: http" not in output.read_bytes() or not answers(url):
            assert app.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.05)
        yield url
        assert "Traceback" not in output.read_text()
    finally:
        app.terminate()
        app.wait(PATIENCE)


def answers(url: str) -> bool:
    try:
        return bool(get(f"{url}/theme.css"))
    except urllib.error.URLError:
        return False


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        content: bytes = answer.read()
    return content


@pytest.mark.slow
@pytest.mark.parametrize(
    "build", [environments.link, pytest.param(environments.install, marks=pytest.mark.install)]
)
def test_a_minimal_space_starts_with_its_requirements_alone(
    public_folder: Path, small_model: Path, build: Callable[[Path, Path], Path]
) -> None:
    folder = public_folder / "space"
    assert space.main([str(folder), "--model", str(small_model)]) == 0
    parts = {path.relative_to(folder).parts[0] for path in folder.rglob("*")}
    assert parts == {"app.py", "requirements.txt", "LICENSE", "README.md", "ganlab", "checkpoints"}
    python = build(public_folder / "environment", folder / "requirements.txt")
    with started(folder, python, public_folder / "room") as url:
        assert "tiny" in get(url + "/").decode()
        generator = get(f"{url}/ganlab/generator?model=tiny")
        assert generator == portable.pack(model.load(str(small_model)))
        kinds = json.loads(get(f"{url}/ganlab/directions?model=tiny"))["kinds"]
        assert "principal" in {kind["id"] for kind in kinds}  # of the gallery's codes
        assert get(f"{url}/ganlab/judge?model=tiny")
        assert check_health(url) == 0


def test_a_space_is_laid_out_whole_or_not_at_all(tmp_path: Path, small_model: Path) -> None:
    folder = tmp_path / "space"
    assert lay_out(folder, str(small_model)) == "tiny"
    head = (folder / "README.md").read_text(encoding="utf-8").split("---")[1]
    fields = dict(re.findall(r"^(\w+): (.+)$", head, re.M))
    own_head = (ROOT / "README.md").read_text(encoding="utf-8").split("---")[1]
    for line in ("sdk_version", "python_version"):  # of a Space of the whole repository
        assert fields[line] == dict(re.findall(r"^(\w+): (.+)$", own_head, re.M))[line]
    assert fields["python_version"] in ('"3.10"', '"3.12"')  # what a Space with ZeroGPU may have
    expected = {"app_file": "app.py", "sdk": "gradio", "title": "ganlab · Tiny"}
    assert expected.items() <= fields.items()
    assert len(fields["short_description"]) <= 60
    places = {path.parent.relative_to(folder).as_posix() for path in folder.glob("checkpoints/**/*.*")}
    assert places == {"checkpoints/tiny", "checkpoints/galleries/mnist", "checkpoints/judges/mnist"}
    assert not list(folder.rglob("__pycache__"))
    with pytest.raises(ValueError, match="exists already: name a new folder, or an empty one"):
        lay_out(folder, str(small_model))
    assert space.main([str(tmp_path / "other"), "--model", "absent"]) == 2
    assert not (tmp_path / "other").exists()
