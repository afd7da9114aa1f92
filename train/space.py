"""python -m train.space FOLDER [--model NAME]: lay out a Hugging Face Space that serves one checkpoint.

The folder gets the app, the package, the checkpoint with its gallery and judge, and the README whose head the
Hub reads. It needs nothing else: it starts with what requirements.txt installs."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from ganlab import gallery, judge, model
from ganlab.config import ModelConfig
from ganlab.studio.staging import Staging
from train.command import create_parser, report_errors
from train.data import datasets
from train.report.card import CARD_FILE
from train.upload import check_sizes

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_MODEL = "mnist-bigan-plus"
FILES = ("app.py", "requirements.txt", "LICENSE")
HEAD = """\
---
title: {title}
emoji: 🔢
colorFrom: indigo
colorTo: gray
sdk: gradio
sdk_version: {gradio}
python_version: "{python}"
app_file: app.py
license: mit
short_description: Explore the latent space of a GAN
tags: [gan, latent-space, inversion, interpolation]
suggested_hardware: cpu-basic
---

# {title}

Explore the latent space of {name}: draw or upload a picture, see its reconstruction, drag sliders, walk
between two pictures. [What the model is and how well it does](checkpoints/{name}/README.md).
`python -m train.space` of ganlab laid this folder out; it starts anywhere by
`pip install -r requirements.txt && python app.py`.
"""
PYTHON = "3.12"  # of the versions that a Space with ZeroGPU may have, the newest


def lay_out(folder: Path, name: str = DEFAULT_MODEL) -> str:
    """Fill a new or empty `folder` with a Space that serves the checkpoint of a bundled name, a folder, or a
    Hub id, and return the checkpoint's name there. ValueError for a checkpoint that cannot be loaded, or a
    folder that holds anything."""
    stored = model.load(name)
    assert stored.folder is not None
    config = stored.config
    inside = config.name if re.fullmatch(r"[a-z0-9][a-z0-9-]*", config.name) else "model"
    with Staging() as staging:
        space = staging.reserve_folder(folder)
        for file in FILES:
            shutil.copy(ROOT / file, space)
        unused = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")
        shutil.copytree(ROOT / "ganlab", space / "ganlab", ignore=unused)
        for source, target in list_parts(stored.folder, config, inside):
            shutil.copytree(source, space / "checkpoints" / target, ignore=unused)
        (space / CARD_FILE).write_text(write_head(config, inside), encoding="utf-8")
        check_sizes(space)
    return inside


def list_parts(folder: Path, config: ModelConfig, inside: str) -> list[tuple[Path, str]]:
    """The folders of a checkpoint, of its shared gallery where that may be passed on, and of its judge, each
    with its place in checkpoints/."""
    parts = [(folder, inside)]
    named = datasets.DATASETS.get(config.dataset)
    if config.gallery and named and named.bundled and not (folder / gallery.OWN_FOLDER).exists():
        parts.append((gallery.GALLERIES / config.gallery, f"galleries/{config.gallery}"))
    if named and (judge.JUDGES / config.dataset).is_dir():
        parts.append((judge.JUDGES / config.dataset, f"judges/{config.dataset}"))
    return parts


def write_head(config: ModelConfig, inside: str) -> str:
    """The Space's README.md."""
    head = (ROOT / "README.md").read_text(encoding="utf-8")
    version = re.search(r"^sdk_version: (\S+)$", head, re.M)
    assert version is not None
    title = re.sub(r"[^\w .·-]", "", f"ganlab · {config.title or config.name}")
    return HEAD.format(title=title, gradio=version[1], python=PYTHON, name=inside)


@report_errors
def main(arguments: list[str] | None = None) -> int:
    parser = create_parser(__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a new or empty folder")
    parser.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        metavar="NAME",
        help=f"a bundled name, a folder, or a Hub id (default: {DEFAULT_MODEL})",
    )
    options = parser.parse_args(arguments)
    name = lay_out(options.folder, options.model)
    size = sum(path.stat().st_size for path in options.folder.rglob("*") if path.is_file())
    print(f"{options.folder}: {name}, {size / 1e6:.1f} MB; python app.py there starts it, and")
    print(f"hf upload USER/NAME {options.folder} . --repo-type space makes it a Space")
    return 0


if __name__ == "__main__":
    sys.exit(main())
