"""The container: it has what a Space has, another user, and a health check that works. It is not built."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import free_port

ROOT = Path(__file__).parents[1]


def read_dockerfile() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile with what they say, lines joined."""
    text = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")]
    return [(line[0], line[1]) for line in lines]


def test_the_container_has_what_a_space_has_and_another_user() -> None:
    instructions = read_dockerfile()
    copied = [name for word, text in instructions if word == "COPY" for name in text.split()[:-1]]
    assert set(copied) == {"requirements.txt", "app.py", "LICENSE", "ganlab/", "checkpoints/"}
    assert all((ROOT / name).exists() for name in copied)
    (user,) = [text for word, text in instructions if word == "USER"]
    assert re.fullmatch(r"[1-9]\d*", user)  # a number, so that a cluster can see that it is not root
    words = [word for word, _ in instructions]
    assert words.index("USER") > max(i for i, word in enumerate(words) if word in ("COPY", "RUN"))
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[0] == "*"  # all but what is named
    assert {line[1:] for line in ignored[1:] if line[0] == "!"} == set(copied)


def test_the_visitors_of_a_container_share_its_cores() -> None:
    assert ("ENV", "OMP_NUM_THREADS=1") in read_dockerfile()


def check_health(url: str) -> int:
    """The exit status of the container's health check, of a server at another address."""
    (check,) = [text for word, text in read_dockerfile() if word == "HEALTHCHECK"]
    command = json.loads(check[check.index("CMD") + 3 :].replace("http://127.0.0.1:7860", url))
    assert command[0] == "python"
    return subprocess.run([sys.executable, *command[1:]], capture_output=True, timeout=60).returncode


def test_the_container_is_not_well_where_nothing_answers() -> None:
    assert check_health(f"http://127.0.0.1:{free_port()}") == 1
