"""What was measured of all methods: the paper's table beside ours, and what the ratio of updates does.

Both are read from files that commands write, and shown as they stand there; a file that is not there says
by which command it is made.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from ganlab.hub import CHECKPOINTS
from ganlab.ui.html import markup

TABLE = CHECKPOINTS / "table" / "table.json"
TABLE_COMMANDS = ("python -m train.rows", "python -m train.evaluate --table")
RATIOS = CHECKPOINTS / "ratios" / "ratios.json"
RATIOS_COMMAND = "python -m train.ratios"
NONE = "–"
PAPER = ("1NN, the paper", "%", "accuracy of nearest neighbours in Table 1 of the paper")


class Column(NamedTuple):
    """A figure of a system: its key, its head with the unit, how it is shown, what it is."""

    key: str
    head: str
    unit: str
    digits: int
    scale: float
    meaning: str


COLUMNS = (
    Column("hidden", "1NN, hidden layer", "%", 2, 100, "accuracy of nearest neighbours in the hidden layer"),
    Column("code", "1NN, codes", "%", 2, 100, "accuracy of nearest neighbours among the codes E(x)"),
    Column("l2", "EGr", "L2", 2, 1, "mean of the norm of x − G(E(x)); in brackets, of a random pair"),
    Column("mse", "error a pixel", "MSE", 4, 1, "mean squared error of G(E(x)), pixels from 0 to 1"),
    Column("identity", "identity", "%", 1, 100, "pictures whose class the judge finds again in G(E(x))"),
    Column("latent", "|E(G(z)) − z|", "mean", 3, 1, "how far E is from the latent of a generated picture"),
    Column("frechet", "Fréchet distance", "judge", 2, 1, "of samples from test pictures; lower is better"),
    Column("seconds", "training", "s", 0, 1, "seconds of one run"),
)  # fmt: skip


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


def shown(mean: dict[str, Any], digits: int, scale: float) -> str:
    """A mean over seeds, with its standard error where there are several."""
    text = f"{scale * mean['value']:.{digits}f}"
    if mean.get("error") is not None:
        text += f" <small>± {scale * mean['error']:.{digits}f}</small>"
    return text


def _cell(system: dict[str, Any], column: Column) -> str:
    if column.key not in system:
        return NONE
    text = shown(system[column.key], column.digits, column.scale)
    if column.key == "l2":
        text += f" <small>({system['l2_random_pair']['value']:.{column.digits}f})</small>"
    return text


def _head(head: str, unit: str, meaning: str) -> str:
    return f'<th scope="col" title="{escape(meaning)}">{escape(head)}<small>{escape(unit)}</small></th>'


def _row(name: str, published: float | None, cells: list[str]) -> str:
    paper = NONE if published is None else f"{published:.2f}"
    body = "".join(f"<td>{cell}</td>" for cell in (paper, *cells))
    return f'<tr><th scope="row">{escape(name)}</th>{body}</tr>'


def _table(found: dict[str, Any]) -> str:
    heads = [_head("system", "", "what was trained, or what stands in for it"), _head(*PAPER)]
    heads += [_head(column.head, column.unit, column.meaning) for column in COLUMNS]
    rows = [
        _row(system["name"], system.get("published"), [_cell(system, column) for column in COLUMNS])
        for system in found["systems"].values()
    ]
    random, pixels = found["random"], found["pixels"]
    rows.append(
        _row("random encoder", random.get("published"), [_cell(random, column) for column in COLUMNS])
    )
    share = {"hidden": {"value": pixels["accuracy"]}}
    rows.append(_row("raw pixels", None, [_cell(share, column) for column in COLUMNS]))
    return (
        '<div class="gl-wide" role="region" tabindex="0" aria-label="The methods, measured"><table>'
        f"<thead><tr>{''.join(heads)}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        f'<ul class="gl-fine">{"".join(f"<li>{escape(line)}</li>" for line in _legend(found))}</ul>'
        f"{commands(TABLE_COMMANDS[0], str(found['command']))}"
    )


def _legend(found: dict[str, Any]) -> list[str]:
    """How to read the figures, from the file itself."""
    systems = found["systems"].values()
    seeds = sorted({len(system["seeds"]) for system in systems if "lost" not in system})
    lost = [system for system in systems if "lost" in system]
    return [
        f"{' or '.join(map(str, seeds))} training seeds a system, {found['epochs']} epochs each"
        f" ({', '.join(found['precision'])}); the paper trained one for 400.",
        "± is the standard error over the seeds: two figures less than about two of them apart may be equal.",
        f"Tested on {found['test']}, neighbours among {found['gallery']} (the paper: 50,000).",
        f"Judge: {', '.join(found['judge'])}. Fréchet distance of {found['frechet_n']:,} samples of the prior"
        f" in its features; that of as many real training pictures is {found['frechet_floor']:.3f}.",
        f"Two independent latents are {found['latent_random_pair']:.3f} apart. The mean picture has an error"
        f" of {found['mse_mean_image']:.4f} a pixel.",
        *(
            f"{system['name']} is without seed {', '.join(map(str, system['lost']))}, which was lost in"
            " training: it gives no digit back."
            for system in lost
        ),
        "The paper's release scores training digits that it set aside; the test set is harder, and python -m"
        " train.split shows by how much.",
        "D is that of the LR runs: nothing of their E reaches G or D, so that it is the D of a plain GAN.",
        str(found["reading"]),
    ]


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
