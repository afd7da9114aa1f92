"""python -m train.split: 1NN in the hidden layer again, on the digits that the method's release scores.

The release's script sets 10,000 random training digits aside and looks for their neighbours among the
other 50,000 (load.py and data.py of jeffdonahue/bigan); the test set only with --use_test_set, which its
published commands and log are without. The test set is the harder one, and this says by how much.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ganlab import metrics, model
from ganlab.gallery import Pictures, build_untrained
from ganlab.nearest import Points, find_nearest
from ganlab.networks import Discriminator, Encoder
from train.data import datasets
from train.files import write_atomically, write_json
from train.measure.figures import BATCH, in_batches
from train.report import results
from train.report.card import NONE, markdown
from train.studies.table import RANDOM_PUBLISHED, SYSTEMS, WITHIN, is_near

FILE, TEXT_FILE = "split.json", "split.md"
COMMAND = "python -m train.split"
DATASET = "mnist"
SET_ASIDE = 10_000
SEED = 0  # of the split
SEEDS = (0, 1, 2)  # of random encoders

Network = Callable[[Tensor], Tensor]


def halves(pictures: Pictures, seed: int = SEED) -> tuple[Pictures, Pictures]:
    """The pictures without a random sixth (10,000 of MNIST's 60,000), and that sixth."""
    order = torch.randperm(len(pictures), generator=torch.Generator().manual_seed(seed))
    aside = min(SET_ASIDE, len(pictures) // 6)

    def some(rows: Tensor) -> Pictures:
        return Pictures(pictures.pixels[rows], pictures.labels[rows], pictures.indices[rows])

    return some(order[aside:]), some(order[:aside])


@torch.inference_mode()
def accuracies(network: Network, rest: Pictures, aside: Pictures, test: Pictures) -> dict[str, float]:
    """1NN of the test set among all training pictures and among `rest`, and of `aside` among `rest`."""
    kept, held = (in_batches(network, some) for some in (rest, aside))
    tested = in_batches(network, test)
    near, rows = _first(tested, kept)
    near_held, rows_held = _first(tested, held)
    both = torch.where(near <= near_held, rest.labels[rows], aside.labels[rows_held])
    return {
        "test_all": metrics.accuracy(both, test.labels),
        "test_rest": metrics.accuracy(rest.labels[rows], test.labels),
        "aside_rest": metrics.accuracy(rest.labels[_first(held, kept)[1]], aside.labels),
    }


def _first(points: Tensor, references: Tensor) -> tuple[Tensor, Tensor]:
    """Distance and row (N,) of each point's nearest reference."""
    of = Points.from_rows(references)
    found = [find_nearest(some, of, 1) for some in torch.split(points, BATCH)]
    return torch.cat([near[:, 0] for near, _ in found]), torch.cat([rows[:, 0] for _, rows in found])


def measure(pictures: Pictures, test: Pictures) -> dict[str, Any]:
    """All systems of the paper's table that have a checkpoint, random encoders and raw pixels."""
    rest, aside = halves(pictures)

    def row(name: str, published: float | None, nets: list[Network]) -> dict[str, Any]:
        found = [accuracies(net, rest, aside, test) for net in nets]
        means = {key: sum(one[key] for one in found) / len(found) for key in found[0]}
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
        rows.append(row(f"{system.name}, `{name}`", system.published, [hidden(stored.networks[network])]))
    # The last one's config: all of these share E's layers.
    bare = [build_untrained(stored.config, pictures, seed, ("encoder",))["encoder"] for seed in SEEDS]
    rows.append(row("random encoder", RANDOM_PUBLISHED, [hidden(net) for net in bare]))
    rows.append(row("raw pixels", None, [lambda some: some.flatten(1)]))
    counts = {"all": len(pictures), "rest": len(rest), "aside": len(aside), "test": len(test)}
    return {"command": COMMAND, "seed": SEED, "counts": counts, "rows": rows}


def render(found: dict[str, Any]) -> str:
    n = found["counts"]
    heads = [
        "Hidden layer", "Published", f"Test set, among {n['all']:,}", f"Test set, among {n['rest']:,}",
        f"{n['aside']:,} training digits, among the other {n['rest']:,}",
    ]  # fmt: skip
    lines: list[list[str]] = []
    near: list[str] = []
    far: list[str] = []
    for row in found["rows"]:
        shares = [100 * row[key] for key in ("test_all", "test_rest", "aside_rest")]
        published = row["published"]
        shown = NONE if published is None else f"{published:.2f}"
        lines.append([row["name"], shown, *(f"{value:.2f}" for value in shares)])
        if published is not None:
            (near if is_near(row["aside_rest"], published) else far).append(row["name"].partition(",")[0])
    error = 100 * metrics.standard_error(found["rows"][0]["aside_rest"], n["aside"])
    verdict = (
        f"Within {WITHIN} points of the published figure in the last column: {', '.join(near) or 'none'}"
    )
    verdict += f"; not: {', '.join(far)}." if far else "."
    return (
        f"{markdown(heads, lines)}\n\n`{found['command']}`. 1NN accuracy in percent; one standard error is"
        f" {error:.2f}. The last column is what the release's script prints unless it is given"
        " `--use_test_set`; its published commands and log are without. Our models saw all training digits,"
        f" without labels. {verdict}"
    )


def write(found: dict[str, Any]) -> None:
    """split.json, split.md and the project's README."""
    results.TABLE.mkdir(parents=True, exist_ok=True)
    write_json(results.TABLE / FILE, found)
    write_atomically(results.TABLE / TEXT_FILE, render(found) + "\n")
    results.write()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    datasets.add_root_flag(parser)
    options = parser.parse_args(arguments)
    try:
        pictures, test = (datasets.load(DATASET, options.data_root, split) for split in ("train", "test"))
        found = measure(pictures, test)
        write(found)
        print(render(found))
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
