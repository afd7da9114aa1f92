"""Environments that hold what a requirements.txt asks for and nothing else.

`link` builds one in a moment, out of the distributions that are installed here: a new Python that sees only
those in the transitive closure of the requirements. `install` builds one as a Space does, by pip.
"""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def link(folder: Path, requirements: Path) -> Path:
    """A new environment in `folder`, and its Python. AssertionError where what is installed here is not what
    the requirements ask for."""
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    target = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)}))
    for name in sorted(close(read_requirements(requirements))):
        distribution = importlib.metadata.distribution(name)
        files = distribution.files or []
        for part in sorted({file.parts[0] for file in files if file.parts[0] != ".."}):
            link_part(Path(str(distribution.locate_file(part))), target / part)
    return python


def install(folder: Path, requirements: Path) -> Path:
    """A new environment in `folder` by pip, and its Python. Takes minutes, and a package index."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "-r", requirements], check=True)
    return python


def read_requirements(path: Path) -> list[Requirement]:
    """The lines of a requirements.txt."""
    lines = (line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [Requirement(line) for line in lines if line]


def close(requirements: list[Requirement]) -> set[str]:
    """Names of all distributions that pip would install for these."""
    names: set[str] = set()
    waiting = [(requirement, "") for requirement in requirements]
    visited: set[tuple[str, str]] = set()
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        version = importlib.metadata.version(requirement.name)
        assert requirement.specifier.contains(version, prereleases=True), f"{requirement}: {version} is here"
        name = canonicalize_name(requirement.name)
        names.add(name)
        for wanted in ("", *requirement.extras):
            if (name, wanted) not in visited:
                visited.add((name, wanted))
                waiting += [(each, wanted) for each in list_needs(name)]
    return names


def list_needs(name: str) -> Iterator[Requirement]:
    """What a distribution needs, for all of its extras."""
    yield from map(Requirement, importlib.metadata.requires(name) or [])


def link_part(source: Path, target: Path) -> None:
    """A link to a file or folder; a folder that several distributions share is made, and its parts linked."""
    if target.is_symlink() or not source.exists() or source.name == "__pycache__":
        return
    if source.is_dir() and source.suffix == "" and not (source / "__init__.py").is_file():
        target.mkdir(exist_ok=True)
        for part in source.iterdir():
            link_part(part, target / part.name)
    else:
        target.symlink_to(source)


if __name__ == "__main__":
    print(link(Path(sys.argv[1]), Path("requirements.txt")))
