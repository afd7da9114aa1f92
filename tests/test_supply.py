"""What the project stands on: licences that somebody has allowed, and an audit that proves itself first."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests import supply


def test_all_that_is_installed_for_the_app_is_allowed() -> None:
    licences, absent = supply.list_licences()
    assert "app" not in absent
    assert {"gradio", "numpy", "torch", "pillow"} <= licences.keys()
    assert {name: licence for name, (licence, reason) in licences.items() if reason is None} == {}


@pytest.mark.parametrize(
    ("name", "licence", "allowed"),
    [
        ("a", "MIT", True),
        ("a", "BSD License", True),
        ("a", "ISC License (ISCL)", True),
        ("a", "MPL-2.0 AND (Apache-2.0 OR MIT)", True),
        ("a", "GPL-3.0-only OR MIT", True),
        ("a", "GPL-3.0-only AND MIT", False),
        ("a", "GNU General Public License v3 (GPLv3)", False),
        ("a", "Other/Proprietary License", False),
        ("a", "", False),
        ("nvidia-nccl-cu13", "LicenseRef-NVIDIA-Proprietary", True),
    ],
)
def test_a_licence_is_allowed_by_name(name: str, licence: str, allowed: bool) -> None:
    assert (supply.explain(name, licence) is not None) is allowed


def test_what_nobody_allowed_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    original = supply.read_licence
    monkeypatch.setattr(supply, "read_licence", lambda name: "AGPL" if name == "numpy" else original(name))
    assert supply.main(["licences"]) == 1
    assert "1 not allowed: numpy" in capsys.readouterr().out


def answer(monkeypatch: pytest.MonkeyPatch, *reports: dict[str, list[str]] | None) -> None:
    """Let pip-audit report this, call by call; None: it ends without a report."""
    remaining = iter(reports)

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        report = next(remaining)
        entries = [
            {"name": name.split()[0], "version": name.split()[1], "vulns": [{"id": i} for i in advisories]}
            for name, advisories in (report or {}).items()
        ]
        text = (
            ""
            if report is None
            else json.dumps({"dependencies": [*entries, {"name": "b", "skip_reason": ""}]})
        )
        return subprocess.CompletedProcess(command, 1, text, "")

    monkeypatch.setattr(subprocess, "run", run)


KNOWN = {"pillow 8.0.0": ["PYSEC-1"], "urllib3 1.24": ["PYSEC-2"]}


@pytest.mark.parametrize("planted", [None, {}, {"pillow 8.0.0": ["PYSEC-1"]}])
def test_an_audit_that_misses_what_is_planted_says_that_it_is_none(
    planted: dict[str, list[str]] | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(monkeypatch, planted)
    assert supply.main(["vulnerabilities"]) == supply.UNREACHED
    assert "Nothing was audited: pip-audit reports nothing for " in capsys.readouterr().out


def test_an_audit_names_what_is_vulnerable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(monkeypatch, KNOWN, {"gradio 6.31.0": ["GHSA-1", "GHSA-2"], "numpy 2.0.0": []})
    assert supply.main(["vulnerabilities"]) == 1
    said = capsys.readouterr().out
    assert "gradio 6.31.0: GHSA-1, GHSA-2\n1 installed" in said
    answer(monkeypatch, KNOWN, {})
    assert supply.main(["vulnerabilities", "--service", "osv"]) == 0


def test_a_tool_that_is_not_here_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done = subprocess.CompletedProcess([], 1, "", "python: No module named pip_audit\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    for command in (["vulnerabilities"], ["sbom", "bill.json"]):
        assert supply.main(command) == 2
        assert 'is not installed: pip install "ganlab[supply]".' in capsys.readouterr().err
