"""The methods compared: the paper's table beside ours, and the effect of the ratio of updates.

Both come from files that commands write, and are shown as written; for a missing file the command is shown.
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
LEAD = (
    "All methods, trained alike and measured on the same test digits. 1NN and identity: higher is better."
    " Errors and the Fréchet distance: lower is better."
)


def commands(*lines: str) -> str:
    """Commands, each on its own line, that can be copied."""
    return "".join(f'<code class="gl-command">{escape(line)}</code>' for line in lines)


def _show_file(path: Path, show: Callable[[Any], str], absent: str, remedy: tuple[str, ...]) -> str:
    """A JSON file as HTML by `show`; or why there is none, with the commands that write the file."""
    if not path.is_file():
        return f'<p class="gl-meter">{escape(absent)}</p>{commands(*remedy)}'
    try:
        return show(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, OSError, RecursionError):
        text = f"{path.parent.name}/{path.name} cannot be read. These commands write it again:"
        return markup.notice(text) + commands(*remedy)


# ---------------------------------------------------------------------- the table


def table_html() -> str:
    """The table, with its legend behind "details"."""
    absent = "The methods have not been compared yet. These commands do it:"
    return _show_file(TABLE, _show_table, absent, TABLE_COMMANDS)


def _show_table(table: dict[str, Any]) -> str:
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
    how = f'<ul class="gl-fine">{legend}</ul>{commands(TABLE_COMMANDS[0], str(table["command"]))}'
    return (
        f'<p class="gl-lead">{escape(LEAD)}</p>'
        '<div class="gl-wide" role="region" tabindex="0" aria-label="The methods compared"><table>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
        f"{markup.details(how, 'table', 'how this was measured')}"
    )


def _cell(text: str) -> str:
    """A figure, followed in small print by its error and baseline."""
    figure, space, rest = text.partition(" ")
    return f"<td>{escape(figure)}{f' <small>{escape(rest)}</small>' if space else ''}</td>"


# ---------------------------------------------------------------------- the ratio of updates


def ratios_html() -> str:
    """Samples of a GAN for each ratio of D's updates to G's."""
    absent = "Ratios of updates have not been compared yet. This command does it:"
    return _show_file(RATIOS, _show_ratios, absent, (RATIOS_COMMAND,))


def _show_ratios(study: dict[str, Any]) -> str:
    cards = "".join(_ratio_card(row) for row in study["rows"])
    return f'<div class="gl-ratios">{cards}</div>{commands(str(study["command"]))}'


def _ratio_card(row: dict[str, Any]) -> str:
    frechet, steps = row["frechet"], f"{row['d_steps']}:{row['g_steps']}"
    file = RATIOS.parent / Path(row["samples"]).name  # in this folder, whatever the row says
    uri = "data:image/png;base64," + base64.b64encode(file.read_bytes()).decode("ascii")
    caption = f"{row['epochs']} epochs. Fréchet distance {frechet['distance']:.2f}"
    caption += f"; real pictures {frechet['floor']:.3f}"
    return (
        f'<figure class="gl-card"><div class="gl-title">D : G = {escape(steps)}</div>'
        f'<img class="gl-picture" src="{uri}" alt="Samples after training with {escape(steps)} updates">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )
