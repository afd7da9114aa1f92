"""python -m train.search_bench: time, memory and recall of a search in very many codes.

Codes are those of real pictures and of changed copies of them (`train.measure.search_codes`), queries those
of held-out pictures. They are computed once and kept in --folder, some 200 bytes each, and so are results;
--write puts all results there into docs/galleries.md, with the plot docs/img/search.svg.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from datetime import date
from pathlib import Path

from ganlab.files import write_atomically, write_json
from ganlab.search import KINDS
from train.command import create_parser, report_errors
from train.data.indexes import check_kind
from train.measure import search_plot
from train.measure.search_codes import MODEL, make_codes
from train.measure.search_runs import Run, measure
from train.provenance import describe_processor

PAGE, PLOT = Path("docs/galleries.md"), Path("docs/img/search.svg")
BEGIN, END = "<!-- search -->\n", "<!-- end -->"
RESULTS_FILE = "results.json"
MAX_CODES = 100_000_000
DEFAULT = "60000,1000000"
DEFAULT_KINDS = "exact,faiss"


def read_counts(text: str) -> list[int]:
    """Whole numbers with commas between them; argparse.ArgumentTypeError for anything else."""
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        counts = []
    if not counts or not all(1000 <= count <= MAX_CODES for count in counts):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers from 1000 to {MAX_CODES}")
    return counts


def read_kinds(text: str) -> list[str]:
    """Kinds of index with commas between them; argparse.ArgumentTypeError for others."""
    kinds = text.split(",")
    if not {*kinds} <= {*KINDS}:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of {', '.join(KINDS)}")
    return kinds


def load_runs(folder: Path) -> list[Run]:
    """All results that lie in a folder, by kind and size."""
    path = folder / RESULTS_FILE
    runs = [Run(**fields) for fields in json.loads(path.read_text())] if path.is_file() else []
    return sorted(runs, key=lambda run: (KINDS.index(run.kind), run.codes))


def add_run(folder: Path, run: Run) -> None:
    """Keep a result, in place of an earlier one of the same kind and size."""
    kept = [each for each in load_runs(folder) if (each.kind, each.codes) != (run.kind, run.codes)]
    write_json(folder / RESULTS_FILE, [asdict(each) for each in [*kept, run]])


COLUMNS = (
    "",
    "codes",
    "built in",
    "memory to build",
    "on disk",
    "memory",
    "mapped",
    "p50",
    "p95",
    "recall@10",
)


def format_row(run: Run) -> str:
    """A result as a line of a table."""
    cells = (
        run.kind,
        f"{run.codes:,}",
        "nothing to build" if run.kind == "exact" else f"{run.build_seconds:,.0f} s",
        "" if run.kind == "exact" else _format_bytes(run.build_bytes),
        "" if run.kind == "exact" else _format_bytes(run.disk_bytes),
        _format_bytes(run.memory_bytes),
        _format_bytes(run.mapped_bytes),
        f"{run.p50:.2f} ms",
        f"{run.p95:.2f} ms",
        f"{run.recall:.4f}",
    )
    return f"| {' | '.join(cells)} |"


def _format_bytes(count: int) -> str:
    return f"{max(count, 0) / 1e6:,.0f} MB"


def format_table(runs: list[Run]) -> str:
    """All results as a table in Markdown."""
    head = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    return "\n".join([*head, *map(format_row, runs)])


def write_page(runs: list[Run]) -> None:
    """Put the table, with date and processor, and the plot into docs/."""
    text = PAGE.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE} lacks the lines {BEGIN.strip()} and {END}.")
    settings = "\n".join(f"- {run.codes:,} codes: {run.words}" for run in runs if run.kind == "faiss")
    heading = f"Measured on {date.today():%d %B %Y}, {describe_processor()}, {runs[0].dim} dimensions."
    write_atomically(PLOT, search_plot.draw(runs))
    write_atomically(PAGE, f"{before}{begin}{heading}\n\n{format_table(runs)}\n\n{settings}\n{end}{after}")


@report_errors
def main(arguments: list[str] | None = None) -> int:
    parser = create_parser(__doc__)
    parser.add_argument("--codes", type=read_counts, default=DEFAULT, help="how many (default: %(default)s)")
    parser.add_argument("--index", type=read_kinds, default=DEFAULT_KINDS, help="default: %(default)s")
    parser.add_argument("--folder", type=Path, default=Path("runs/search"), help="default: %(default)s")
    parser.add_argument("--model", default=MODEL, help="whose codes (default: %(default)s)")
    parser.add_argument("--memory", type=float, metavar="GB", help="that an index may take (default: half)")
    parser.add_argument("--write", action="store_true", help="put the results into docs/galleries.md")
    options = parser.parse_args(arguments)
    for kind in options.index:
        check_kind(kind)
    memory = None if options.memory is None else int(options.memory * 1e9)
    path, queries = make_codes(options.folder, max(options.codes), options.model)
    print(format_table([]))
    for count in sorted(options.codes):
        for kind in options.index:
            run = measure(path, kind, count, queries, memory)
            add_run(options.folder, run)
            print(format_row(run), flush=True)
            if kind != "exact":
                print(f"  {run.words}", flush=True)
    if options.write:
        write_page(load_runs(options.folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
