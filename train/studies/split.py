"""python -m train.split: measure 1NN again, on the training digits that the method's release scores.

The release's script sets 10,000 random training digits aside and looks for their neighbours among the
other 50,000 (load.py and data.py of jeffdonahue/bigan). It uses the test set only with --use_test_set, which
its published commands and log do not have. The test set is harder, and this study measures by how much.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ganlab import metrics, model
from ganlab.gallery import Pictures, build_untrained
from ganlab.nearest import Points
from ganlab.networks import Discriminator, Encoder
from train.command import create_parser, report_errors
from train.data import datasets
from train.files import write_json
from train.measure.batches import find_first, map_batches
from train.report import results
from train.report.text import NONE, format_markdown
from train.studies.table import RANDOM_PUBLISHED, SYSTEMS, WITHIN, is_near

FILE, PAGE = "split.json", "split"
COMMAND = "python -m train.split"
DATASET = "mnist"
SET_ASIDE = 10_000
SEED = 0  # of the split
SEEDS = (0, 1, 2)  # of random encoders

Network = Callable[[Tensor], Tensor]


def split_pictures(pictures: Pictures, seed: int = SEED) -> tuple[Pictures, Pictures]:
    """The pictures without a random sixth (10,000 of MNIST's 60,000), and that sixth."""
    order = torch.randperm(len(pictures), generator=torch.Generator().manual_seed(seed))
    aside = min(SET_ASIDE, len(pictures) // 6)

    def select(rows: Tensor) -> Pictures:
        return pictures.take(rows)

    return select(order[aside:]), select(order[:aside])


@torch.inference_mode()
def measure_accuracies(network: Network, rest: Pictures, aside: Pictures, test: Pictures) -> dict[str, float]:
    """1NN of the test set among all training pictures and among `rest`, and of `aside` among `rest`."""
    kept, held = (Points.from_rows(map_batches(network, some)) for some in (rest, aside))
    tested = map_batches(network, test)
    near, rows = find_first(tested, kept)
    near_held, rows_held = find_first(tested, held)
    both = torch.where(near <= near_held, rest.labels[rows], aside.labels[rows_held])
    return {
        "test_all": metrics.accuracy(both, test.labels),
        "test_rest": metrics.accuracy(rest.labels[rows], test.labels),
        "aside_rest": metrics.accuracy(rest.labels[find_first(held.rows, kept)[1]], aside.labels),
    }


def measure(pictures: Pictures, test: Pictures) -> dict[str, Any]:
    """All systems of the paper's table that have a checkpoint, random encoders and raw pixels."""
    rest, aside = split_pictures(pictures)

    def row(name: str, published: float | None, nets: list[Network]) -> dict[str, Any]:
        shares = [measure_accuracies(net, rest, aside, test) for net in nets]
        means = {key: sum(share[key] for share in shares) / len(shares) for key in shares[0]}
        print(f"{name}: " + ", ".join(f"{key} {100 * value:.2f}" for key, value in means.items()), flush=True)
        return {"name": name, "published": published, "networks": len(nets), **means}

    def hidden(network: nn.Module) -> Network:
        assert isinstance(network, (Encoder, Discriminator))
        return network.hidden

    rows = []
    for system in SYSTEMS.values():
        name = f"{DATASET}-{system.method}"
        network = "discriminator" if system.space == "discriminator" else "encoder"
        stored = model.load(name)
        if network not in stored.networks:  # a checkpoint need not hold the discriminator that trained it
            continue
        rows.append(row(f"{system.name}, `{name}`", system.published, [hidden(stored.networks[network])]))
    # All of these share E's layers, so that the last config serves.
    bare = [build_untrained(stored.config, pictures, seed, ("encoder",))["encoder"] for seed in SEEDS]
    rows.append(row("random encoder", RANDOM_PUBLISHED, [hidden(net) for net in bare]))
    rows.append(row("raw pixels", None, [lambda some: some.flatten(1)]))
    counts = {"all": len(pictures), "rest": len(rest), "aside": len(aside), "test": len(test)}
    return {"command": COMMAND, "seed": SEED, "counts": counts, "rows": rows}


def render(study: dict[str, Any]) -> str:
    """The page of split.json in Markdown."""
    n = study["counts"]
    heads = [
        "Hidden layer", "Published", f"Test set, among {n['all']:,}", f"Test set, among {n['rest']:,}",
        f"{n['aside']:,} training digits, among the other {n['rest']:,}",
    ]  # fmt: skip
    lines: list[list[str]] = []
    near: list[str] = []
    far: list[str] = []
    for row in study["rows"]:
        shares = [100 * row[key] for key in ("test_all", "test_rest", "aside_rest")]
        published = row["published"]
        shown = NONE if published is None else f"{published:.2f}"
        lines.append([row["name"], shown, *(f"{value:.2f}" for value in shares)])
        if published is not None:
            (near if is_near(row["aside_rest"], published) else far).append(row["name"].partition(",")[0])
    error = 100 * metrics.standard_error(study["rows"][0]["aside_rest"], n["aside"])
    verdict = (
        f"Within {WITHIN} points of the published figure in the last column: {', '.join(near) or 'none'}"
    )
    verdict += f"; not: {', '.join(far)}." if far else "."
    return (
        f"{format_markdown(heads, lines)}\n\n`{study['command']}`. 1NN accuracy in percent; one standard"
        f" error is {error:.2f}. The last column is what the release's script prints unless it is given"
        " `--use_test_set`; its published commands and log are without. Our models saw all training digits,"
        f" without labels. {verdict}"
    )


def write(study: dict[str, Any]) -> None:
    """Write split.json, its page and docs/results.md."""
    results.PAGES.mkdir(parents=True, exist_ok=True)
    write_json(results.PAGES / FILE, study)
    results.write_page(PAGE, render(study))


@report_errors
def main(arguments: Sequence[str] | None = None) -> int:
    parser = create_parser(__doc__)
    datasets.add_root_flag(parser)
    options = parser.parse_args(arguments)
    pictures, test = (datasets.load(DATASET, options.data_root, split) for split in ("train", "test"))
    study = measure(pictures, test)
    write(study)
    print(render(study))
    return 0


if __name__ == "__main__":
    sys.exit(main())
