"""The package as others install it: public names, version, types, and every folder of code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import ganlab

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def project() -> dict[str, Any]:
    tomllib = pytest.importorskip("tomllib")  # from Python 3.11 on
    settings: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return settings


def test_the_public_names_are_there() -> None:
    assert {"Explorer", "list_models", "load"} <= set(ganlab.__all__)
    for name in ganlab.__all__:
        assert hasattr(ganlab, name)


def test_the_version_is_written_once(project: dict[str, Any]) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", ganlab.__version__)
    assert "version" not in project["project"]
    assert "version" in project["project"]["dynamic"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "ganlab.__version__"}


def test_every_package_and_its_types_are_installed(project: dict[str, Any]) -> None:
    packages = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for room in ("ganlab", "train")
        for path in (ROOT / room).rglob("__init__.py")
    }
    assert set(project["tool"]["setuptools"]["packages"]) == packages
    assert "py.typed" in project["tool"]["setuptools"]["package-data"]["ganlab"]
    assert (ROOT / "ganlab" / "py.typed").is_file()
