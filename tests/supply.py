"""python -m tests.supply licences|sbom|vulnerabilities: what the project stands on.

Licences are read from the installed distributions. The other two are answered by tools of the extra "supply":
a bill of materials by cyclonedx-bom, known vulnerabilities by pip-audit, which needs a network.
"""

from __future__ import annotations

import argparse
import fnmatch
import importlib.metadata
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement

if sys.version_info >= (3, 11):
    import tomllib
else:  # pytest brings it there
    import tomli as tomllib

from tests.environments import close, read_requirements

ROOT = Path(__file__).resolve().parent.parent
PERMISSIVE = "permissive: its notice is kept in what is installed"
ALLOWED = {
    **dict.fromkeys(
        (
            "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "HPND", "ISC", "MIT",
            "MIT-0", "MIT-CMU", "PSF-2.0", "Python-2.0", "Unlicense", "Zlib", "BSD",
            "Apache-2.0 WITH LLVM-exception",
        ),
        PERMISSIVE,
    ),
    "MPL-2.0": "copyleft for its own files, which are used as they are",
    "OFL-1.1": "fonts: free but for selling them by themselves",
}  # fmt: skip
EXCEPTIONS = {  # by name
    "nvidia-*": "NVIDIA's own licence: PyTorch's wheels for GPUs bring it, those for processors do not",
    "av": "permissive; its wheels hold FFmpeg, x264, x265 (GPL): an extra, not passed on",
    "pillow-heif": "permissive; its wheels hold libheif (LGPL), x265 (GPL): an extra, not passed on",
    "cuda-toolkit": "NVIDIA's own licence: PyTorch's wheels for GPUs bring it, those for processors do not",
}
SPELLINGS = {  # of older metadata
    "MIT License": "MIT",
    "BSD License": "BSD",
    "Apache Software License": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "SIL Open Font License 1.1 (OFL-1.1)": "OFL-1.1",
    "The Unlicense (Unlicense)": "Unlicense",
    "zlib/libpng License": "Zlib",
}
PLANTED = {"pillow": "8.0.0", "urllib3": "1.24"}  # versions with vulnerabilities known since 2021 and 2019
UNREACHED = 3  # exit status where no advisories are at hand


class SupplyError(ValueError):
    """A question that cannot be answered here; the message says what to do."""


# ---------------------------------------------------------------------- licences


def read_groups() -> dict[str, list[Requirement]]:
    """What the app needs, and each extra of pyproject.toml."""
    groups = {"app": read_requirements(ROOT / "requirements.txt")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras: dict[str, list[str]] = project["optional-dependencies"]
    return groups | {extra: list(map(Requirement, lines)) for extra, lines in extras.items()}


def read_licence(name: str) -> str:
    """The licence that an installed distribution states; "" where it states none."""
    metadata = importlib.metadata.metadata(name)
    if expression := metadata.get("License-Expression"):
        return str(expression)
    titles = [line.split(" :: ")[-1] for line in metadata.get_all("Classifier") or [] if "License ::" in line]
    titles = [title for title in titles if title != "OSI Approved"]
    return " AND ".join(titles) or (metadata.get("License") or "").strip().split("\n")[0]


def explain(name: str, licence: str) -> str | None:
    """Why this may be used; None where nobody has said so."""
    for pattern, reason in EXCEPTIONS.items():
        if fnmatch.fnmatch(name, pattern):
            return reason
    choices = [re.split(r"\s+AND\s+", choice) for choice in re.split(r"\s+OR\s+", strip(licence))]
    for parts in choices:  # any of them may be chosen, and all of its parts hold
        titles = [SPELLINGS.get(part.strip(), part.strip()) for part in parts]
        if all(title in ALLOWED for title in titles):
            return "; ".join(dict.fromkeys(ALLOWED[title] for title in titles))
    return None


def strip(licence: str) -> str:
    """An expression without the parentheses around its parts; those within a name stay."""
    return licence if licence in SPELLINGS else re.sub(r"(?:^|(?<=\s))\(|\)(?=\s|$)", "", licence)


def list_licences() -> tuple[dict[str, tuple[str, str | None]], list[str]]:
    """Distribution -> its licence and why it may be used; and the groups that are not installed here."""
    names: set[str] = set()
    absent = []
    for group, requirements in read_groups().items():
        try:
            names |= close(requirements)
        except (importlib.metadata.PackageNotFoundError, AssertionError):
            absent.append(group)
    licences = {name: read_licence(name) for name in sorted(names)}
    return {name: (licence, explain(name, licence)) for name, licence in licences.items()}, absent


def print_licences() -> int:
    licences, absent = list_licences()
    for name, (licence, reason) in licences.items():
        version = importlib.metadata.version(name)
        print(f"{name} {version}: {licence or 'states none'} ({reason or 'NOT ALLOWED'})")
    refused = [name for name, (_, reason) in licences.items() if reason is None]
    end = f": {', '.join(refused)}" if refused else ""
    print(f"{len(licences)} distributions, {len(refused)} not allowed{end}")
    if absent:
        print(f"Not installed here, so not looked at: the extras {', '.join(absent)}.")
    return 1 if refused else 0


# ---------------------------------------------------------------------- tools


def run_tool(module: str, arguments: Iterable[str]) -> subprocess.CompletedProcess[str]:
    """Run a tool of the extra "supply"."""
    done = subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True)
    if "No module named" in done.stderr:
        raise SupplyError(f'{module} is not installed: pip install "ganlab[supply]".')
    return done


def write_sbom(target: Path, python: str) -> int:
    """Write the bill of materials of a Python's environment as CycloneDX JSON."""
    flags = ["environment", python, "--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible"]
    done = run_tool("cyclonedx_py", [*flags, "--of", "JSON", "-o", str(target)])
    if done.returncode:
        raise SupplyError(done.stderr.strip().splitlines()[-1])
    bill = json.loads(target.read_text(encoding="utf-8"))
    print(f"{target}: CycloneDX {bill['specVersion']}, {len(bill['components'])} components")
    return 0


def audit(flags: list[str]) -> dict[str, list[str]]:
    """ "NAME VERSION" -> its advisories, of all that pip-audit knows some of."""
    done = run_tool("pip_audit", ["-f", "json", "--progress-spinner", "off", *flags])
    try:
        report = json.loads(done.stdout)
    except ValueError:
        return {}  # it ended without a report: no advisories could be reached
    return {
        f"{entry['name']} {entry['version']}": [advisory["id"] for advisory in entry["vulns"]]
        for entry in report["dependencies"]
        if entry.get("vulns")
    }


def print_vulnerabilities(service: str) -> int:
    """Audit what is installed, once the tool has shown that it finds what is planted."""
    with tempfile.TemporaryDirectory() as temporary:
        planted = Path(temporary) / "planted.txt"
        planted.write_text("".join(f"{name}=={version}\n" for name, version in PLANTED.items()))
        reported = audit(["-s", service, "-r", str(planted), "--no-deps", "--disable-pip"])
    missed = [name for name in map(" ".join, PLANTED.items()) if name not in reported]
    if missed:
        print(
            f"Nothing was audited: pip-audit reports nothing for {' and '.join(missed)}, so the advisories of"
            f" {service} cannot be reached from here: these are vulnerable. Run it again with a network."
        )
        return UNREACHED
    vulnerable = audit(["-s", service, "--local"])
    for name, advisories in vulnerable.items():
        print(f"{name}: {', '.join(advisories)}")
    print(f"{len(vulnerable)} installed distributions have known vulnerabilities.")
    return 1 if vulnerable else 0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.supply", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("licences", help="of all that is installed for the app and its extras")
    bill = commands.add_parser("sbom", help="a bill of materials, CycloneDX JSON")
    bill.add_argument("target", type=Path, metavar="FILE")
    bill.add_argument("--python", default=sys.executable, help="whose environment (default: this one)")
    known = commands.add_parser("vulnerabilities", help="known ones of what is installed")
    known.add_argument("--service", default="pypi", choices=["pypi", "osv"], help="whose advisories")
    options = parser.parse_args(arguments)
    try:
        if options.command == "licences":
            return print_licences()
        if options.command == "sbom":
            return write_sbom(options.target, options.python)
        return print_vulnerabilities(options.service)
    except SupplyError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
