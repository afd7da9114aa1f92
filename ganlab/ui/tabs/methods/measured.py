"""What was measured of all methods: the paper's table beside ours, and the effect of the ratio of updates.

Both are read from files that commands write, and shown as written; for a missing file the command is shown.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

from ganlab.hub import CHECKPOINTS
from ganlab.ui.html import markup

TABLE = CHECKPOINTS / "table" / "table.json"
TABLE_COMMANDS = ("python -m train.rows", "python -m train.evaluate --table")
RATIOS = CHECKPOINTS / "ratios" / "ratios.json"
RATIOS_COMMAND = "python -m train.ratios"


def commands(*lines: str) -> str:
    """Commands, each on its own line, that can be copied."""
    return "".join(f'<code class="gl-command">{escape(line)}</code>' for line in lines)


def _read(path: Path, show: Callable[[Any], str], absent: str, remedy: tuple[str, ...]) -> str:
    """What `show` makes of a JSON file, or why there is nothing to show, with the commands that help."""
    if not path.is_file():
        return f'<p class="gl-meter">{escape(absent)}</p>{commands(*remedy)}'
    try:
        return show(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, OSError, RecursionError):
        said = f"{path.parent.name}/{path.name} cannot be read. These commands make it anew:"
        return markup.notice(said) + commands(*remedy)


# ---------------------------------------------------------------------- the table


def table_html() -> str:
    return _read(
        TABLE, _table, "The methods have not been measured side by side yet. The commands:", TABLE_COMMANDS
    )


def _table(table: dict[str, Any]) -> str:
    """Heads (name, unit, meaning), rows of texts and sentences, as `train.studies.table` writes them."""
    heads = "".join(
        f'<th scope="col" title="{escape(meaning)}">{escape(head)}<small>{escape(unit)}</small></th>'
        for head, unit, meaning in table["heads"]
    )
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th>{"".join(map(_cell, cells))}</tr>'
        for name, *cells in table["rows"]
    )
    legend = "".join(f"<li>{escape(line)}</li>" for line in (*table["legend"], table["reading"]))
    return (
        '<div class="gl-wide" role="region" tabindex="0" aria-label="The methods, measured"><table>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
        f'<ul class="gl-fine">{legend}</ul>{commands(TABLE_COMMANDS[0], str(table["command"]))}'
    )


def _cell(text: str) -> str:
    """A figure, and small what follows it: its error, its baseline."""
    figure, space, rest = text.partition(" ")
    return f"<td>{escape(figure)}{f' <small>{escape(rest)}</small>' if space else ''}</td>"


# ---------------------------------------------------------------------- the ratio of updates


def ratios_html() -> str:
    absent = "What the ratio of D's updates to G's does has not been tried here yet. The command:"
    return _read(RATIOS, _ratios, absent, (RATIOS_COMMAND,))


def _ratios(found: dict[str, Any]) -> str:
    cards = "".join(_ratio(row) for row in found["rows"])
    return f'<div class="gl-ratios">{cards}</div>{commands(str(found["command"]))}'


def _ratio(row: dict[str, Any]) -> str:
    frechet, steps = row["frechet"], f"{row['d_steps']}:{row['g_steps']}"
    file = RATIOS.parent / Path(row["samples"]).name  # in this folder, whatever the row says
    uri = "data:image/png;base64," + base64.b64encode(file.read_bytes()).decode("ascii")
    said = f"{row['epochs']} epochs. Fréchet distance {frechet['distance']:.2f}"
    said += f"; real pictures {frechet['floor']:.3f}"
    return (
        f'<figure class="gl-card"><div class="gl-title">D : G = {escape(steps)}</div>'
        f'<img class="gl-picture" src="{uri}" alt="Samples after training with {escape(steps)} updates">'
        f"<figcaption>{escape(said)}</figcaption></figure>"
    )
