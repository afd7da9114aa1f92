"""python app.py, as a person types it."""

from __future__ import annotations

import ipaddress
import os
import socket
import subprocess
import sys
import types
from pathlib import Path

import pytest

import app
from ganlab import hub
from ganlab.ui.server.proxy import read_proxies

Capture = pytest.CaptureFixture[str]
ROOT = Path(__file__).parents[1]


# Takes the place of the package of that name: it wants to come before CUDA.
SPACES = (
    "import os, sys\nsys.exit('spaces comes too late') if 'torch' in sys.modules else print('spaces')\n"
    "print(os.environ['OMP_NUM_THREADS'])\n"
)


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "app.py", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
    )


def test_help_explains_every_flag(capsys: Capture) -> None:
    with pytest.raises(SystemExit, match="0"):
        app.main(["--help"])
    text = capsys.readouterr().out
    for flag in (
        "--model",
        "--host",
        "--port",
        "--device",
        "--root-path",
        "--trusted-proxies",
        "--workers",
        "--mcp",
    ):
        assert flag in text


def test_on_a_space_its_own_proxy_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPACE_ID", raising=False)
    assert app.parse([]).trusted_proxies == ""
    monkeypatch.setenv("SPACE_ID", "user/name")
    proxies = read_proxies(app.parse([]).trusted_proxies)
    assert all(ipaddress.ip_network(proxy).is_private for proxy in proxies)
    assert any(ipaddress.ip_address("10.16.1.2") in ipaddress.ip_network(proxy) for proxy in proxies)


def test_on_a_space_the_visitors_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("SPACE_ID", raising=False)
    app.share_cores()
    assert "OMP_NUM_THREADS" not in os.environ  # a visitor alone has all cores
    monkeypatch.setenv("SPACE_ID", "user/name")
    app.share_cores()
    assert os.environ["OMP_NUM_THREADS"] == "1"
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    app.share_cores()
    assert os.environ["OMP_NUM_THREADS"] == "4"


def check_line(text: str) -> str:
    """The single line that is printed when the app does not start."""
    lines = text.strip().splitlines()
    assert len(lines) == 1, text
    assert lines[0].startswith("error: ")
    return lines[0]


@pytest.mark.slow
def test_a_wrong_flag_is_answered_by_one_sentence(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_error(*arguments: str) -> str:
        assert app.main([*arguments]) == 2
        return check_line(capsys.readouterr().err)

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = str(listener.getsockname()[1])
        assert f"port {port} of 127.0.0.1 cannot be used" in read_error("--port", port)
    assert "cannot be used" in read_error("--host", "192.0.2.1")  # an address of no machine (RFC 5737)
    assert "The device is auto, cpu, cuda or cuda:N, not 'warp'" in read_error(
        "--device", "warp", "--port", "0"
    )
    # As a person types it, in a process of its own, which finds itself on a Space that lends GPUs.
    (tmp_path / "spaces.py").write_text(SPACES)
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    space = {"SPACE_ID": "user/name", "SPACES_ZERO_GPU": "true"}
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    result = run("--model", "no-such-model", "--port", "0", PYTHONPATH=paths, **space)
    assert result.returncode == 2
    assert result.stdout == "spaces\n1\n"
    assert "Model 'no-such-model' not found; available = " in check_line(result.stderr)


def test_a_space_that_lends_gpus_serves_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    assert app.choose_device("auto") == "auto"
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    monkeypatch.setitem(sys.modules, "spaces", types.ModuleType("spaces"))
    assert [app.choose_device(name) for name in ("auto", "cpu", "cuda")] == ["cpu", "cpu", "cuda"]


def test_the_default_is_the_model_that_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(hub, "CHECKPOINTS", tmp_path)
    assert app.choose_model() == app.DEFAULT_MODEL
    for name in ("another", app.DEFAULT_MODEL):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").touch()
    assert app.choose_model() == app.DEFAULT_MODEL
    (tmp_path / app.DEFAULT_MODEL / "config.json").unlink()  # broken, which is to be said
    assert app.choose_model() == app.DEFAULT_MODEL
    (tmp_path / app.DEFAULT_MODEL).rmdir()  # a Space of one model
    assert app.choose_model() == "another"
