"""python -m train.gallery DATASET: store the pictures that all models of a data set share in the app."""

from __future__ import annotations

import sys
from pathlib import Path

from ganlab.gallery import GALLERIES, TEST_FILE, TRAIN_FILE, Pictures, save_pictures
from train.command import create_parser, report_errors
from train.data import datasets
from train.files import write_atomically

EXAMPLES = 500  # first test pictures: examples in the app, inputs of the tests

ABOUT = """# Reference pictures: MNIST

`train.npz`: all 60,000 training digits; `test.npz`: the first 500 test digits. Pixels uint8
(N, 1, 28, 28), labels, and indices in the data set's own order. Made by `python -m train.gallery mnist`.

MNIST is by Yann LeCun, Corinna Cortes and Christopher J. C. Burges, from NIST Special Databases 1
and 3, under [CC BY-SA 3.0](https://creativecommons.org/licenses/by-sa/3.0/). Only its packing was
changed here, and these two files are under the same licence.
"""


def build(dataset: str, root: str, folder: Path) -> None:
    """Write train.npz, test.npz and README.md of a data set in `root` to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, file, count in (("train", TRAIN_FILE, None), ("test", TEST_FILE, EXAMPLES)):
        pictures = datasets.load(dataset, root, split)
        kept = Pictures(pictures.pixels[:count], pictures.labels[:count], pictures.indices[:count])
        save_pictures(folder / file, kept)
        print(f"{folder / file}: {len(kept)} pictures")
    write_atomically(folder / "README.md", ABOUT)


@report_errors
def main(arguments: list[str] | None = None) -> int:
    parser = create_parser(__doc__)
    parser.add_argument("dataset", choices=["mnist"], help="the data set; only mnist has a shared gallery")
    datasets.add_root_flag(parser)
    options = parser.parse_args(arguments)
    build(options.dataset, options.data_root, GALLERIES / options.dataset)
    return 0


if __name__ == "__main__":
    sys.exit(main())
