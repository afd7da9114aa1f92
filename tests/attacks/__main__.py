"""python -m tests.attacks NAME [--short] [--write]: attack the app, and print what it took.

With --write the figures go into docs/attacks.md. The exit status is 1 where the app has not held.
"""

from __future__ import annotations

import argparse
import importlib
import sys

from tests.attacks import ATTACKS
from tests.attacks.figures import PAGE, update_page, write_table


def main(arguments: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(
        prog="python -m tests.attacks", description="Attack the app as a stranger would."
    )
    names = parser.add_subparsers(dest="name", required=True, metavar="NAME")
    chosen = [name for name in ATTACKS if name in arguments[:1]]
    for name in ATTACKS:
        flags = names.add_parser(name)
        flags.add_argument("--short", action="store_true", help="the form that is part of the suite")
        flags.add_argument("--write", action="store_true", help=f"write the figures into docs/{PAGE.name}")
        if name in chosen:  # the others need not be imported
            module = importlib.import_module(f"tests.attacks.{name}")
            getattr(module, "add_flags", lambda parser: None)(flags)
    options = vars(parser.parse_args(arguments))
    options.pop("name")
    write = options.pop("write")
    figures = module.attack(**options)
    print(*figures, sep="\n")
    if write:
        command = " ".join(["python -m tests.attacks", *(part for part in arguments if part != "--write")])
        section = getattr(module, "name_section", lambda **options: chosen[0])(**options)
        text = update_page(PAGE.read_text(encoding="utf-8"), section, write_table(figures, command))
        PAGE.write_text(text, encoding="utf-8")
    return 0 if all(figure.ok for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
