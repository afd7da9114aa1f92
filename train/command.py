"""What the commands of this package share: help from the module's docstring, errors of one line."""

from __future__ import annotations

import argparse
import ast
import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, ParamSpec

import train
from ganlab.files import describe
from train.messages import STDERR

P = ParamSpec("P")

# The first line of a command's module: what one types, and what it does.
FIRST_LINE = re.compile(r"(?P<program>python -m [\w.]+)(?P<arguments>[^:]*): (?P<purpose>[^\n]+)")
MODULES = (
    "bench",
    "codes",
    "judge",
    "latent_map",
    "publish",
    "space",
    "sums",
    "upload",
)  # of this package itself


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, where argparse would print all flags before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message} (--help lists the flags)\n")


def create_parser(docstring: str | None) -> Parser:
    """A parser for a module whose docstring begins "python -m train.NAME ARGUMENTS: purpose"."""
    match = FIRST_LINE.match(docstring or "")
    if match is None or docstring is None:
        raise ValueError(
            f'A command\'s docstring begins with "python -m train.NAME: ...", not {docstring!r}.'
        )
    purpose = docstring[match.start("purpose") :].strip()
    return Parser(prog=match["program"], description=purpose[0].upper() + purpose[1:])


def report_errors(main: Callable[P, int]) -> Callable[P, int]:
    """Let `main` answer errors of use with one line on stderr and exit code 2, Ctrl-C with code 130."""

    @functools.wraps(main)
    def run(*args: P.args, **kwargs: P.kwargs) -> int:
        try:
            return main(*args, **kwargs)
        except OSError as error:
            print(f"error: {describe(error)}", file=STDERR)
            return 2
        except ValueError as error:
            print(f"error: {error}", file=STDERR)
            return 2
        except KeyboardInterrupt:
            print("Stopped.", file=STDERR)
            return 130

    return run


def list_commands() -> dict[str, str]:
    """The other commands of the package and their purposes, read from their docstrings without importing."""
    folder = Path(train.__file__).parent
    files = train.COMMANDS | train.MEASUREMENTS | {name: f"{name}.py" for name in MODULES}
    purposes = {}
    for name, file in sorted(files.items()):
        docstring = ast.get_docstring(ast.parse((folder / file).read_text(encoding="utf-8")))
        match = FIRST_LINE.match(docstring or "")
        purposes[name] = match["purpose"].rstrip(".") if match else ""
    return purposes
