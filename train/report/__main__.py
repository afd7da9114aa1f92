"""python -m train.report: write docs/results.md and the README's table of models from the stored figures."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from train.command import create_parser, report_errors
from train.report import results


@report_errors
def main(arguments: Sequence[str] | None = None) -> int:
    create_parser(__doc__).parse_args(arguments)
    results.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
