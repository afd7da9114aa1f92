"""python -m train.readme: the measured parts of the project's README, from what is stored.

Each stands between `<!-- KIND -->` or `<!-- KIND: NAME... -->` and `<!-- end -->`.
"""

from __future__ import annotations

import re

from ganlab.config import ModelConfig
from ganlab.hub import CHECKPOINTS, CONFIG_FILE, list_models
from ganlab.model import read_metrics
from train.files import write_atomically
from train.report import card, tables
from train.report.card import NONE, markdown, percent

README = CHECKPOINTS.parent / "README.md"
TABLE = CHECKPOINTS / "table"  # the pages that train.table and train.split write
MARKS = re.compile(
    r"(?P<start><!-- (?P<kind>figures|models|table|split|ablation|real_world|outliers|inversion"
    r"|memorization|map)"
    r"(?:: (?P<names>[\w -]+?))? -->)"
    r".*?(?P<end><!-- end -->)",
    flags=re.S,
)


def renewed(text: str) -> str:
    """`text` with the figures of today between its marks."""

    def fresh(match: re.Match[str]) -> str:
        kind, names = match["kind"], (match["names"] or "").split()
        if kind == "figures":
            page = figures(*names)
        elif kind in tables.PARTS:
            page = measured(kind, names)
        elif kind == "models":
            page = models()
        else:
            file = TABLE / f"{kind}.md"
            page = file.read_text(encoding="utf-8") if file.is_file() else ""
        return f"{match['start']}\n{page}{match['end']}"

    return MARKS.sub(fresh, text)


def write() -> None:
    """Put them into the README, where there is one."""
    if README.is_file():
        write_atomically(README, renewed(README.read_text(encoding="utf-8")))


def figures(name: str) -> str:
    """All figures of one checkpoint, and by which command."""
    folder = CHECKPOINTS / name
    config = ModelConfig.from_json((folder / CONFIG_FILE).read_text(encoding="utf-8"), CONFIG_FILE)
    found = read_metrics(folder)
    about = found["evaluation"]
    return (
        f"{markdown(*card.figures(config, found))}\n\n"
        f"Measured by `{about['command']}` on {about['date']}; test set: {about['test']}; gallery:"
        f" {about['gallery']}; ± is one standard error.\n"
    )


def measured(kind: str, names: list[str]) -> str:
    """What a command of its own measured of these checkpoints, beside each other."""
    table, command = tables.PARTS[kind]
    found = {name: read_metrics(CHECKPOINTS / name)[kind] for name in names}
    return f"{markdown(*table(found))}\n\n`{command} {' '.join(names)}`\n"


def models() -> str:
    """All bundled checkpoints, a row each, with the figures that tell them apart."""
    heads = [
        "Checkpoint", "Trained", "1NN, hidden layer", "1NN, codes", "MSE a pixel", "Identity",
        "Fréchet, judge features",
    ]  # fmt: skip
    rows = []
    for name in list_models():
        found = read_metrics(CHECKPOINTS / name)
        nn, training = found.get("one_nn", {}), found.get("training", {})
        hidden = nn.get("features") or nn.get("discriminator")
        rows.append(
            [
                f"[`{name}`](checkpoints/{name}/README.md)",
                f"{training['epochs']} epochs, {training['seconds']:.0f} s" if training else NONE,
                percent(hidden["accuracy"]) if hidden else NONE,
                percent(nn["code"]["accuracy"]) if "code" in nn else NONE,
                f"{found['reconstruction']['mse']:.4f}" if "reconstruction" in found else NONE,
                percent(found["identity"]["share"]) if "identity" in found else NONE,
                _frechet(found.get("frechet", {})),
            ]
        )
    return markdown(heads, rows) + "\n"


def _frechet(found: dict[str, float]) -> str:
    """Of samples of the prior, and of the mixture where there is one."""
    if not found:
        return NONE
    prior = f"{found['distance']:.2f}"
    return f"{found['mixture']:.3f} (prior: {prior})" if "mixture" in found else prior


if __name__ == "__main__":
    write()
