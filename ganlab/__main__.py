"""python -m ganlab replay RECIPE -o PICTURE: the picture of a recipe, to the pixel.

python -m ganlab film MODEL KEYFRAME KEYFRAME... -o FILE: a film through pictures, samples and recipes.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import torch
from torch import Tensor

import ganlab
from ganlab import images
from ganlab.explorer import Explorer
from ganlab.studio import film
from ganlab.studio.film import Film
from ganlab.studio.paths import WAYS
from ganlab.studio.recipe import MAX_TEXT, Recipe, RecipeError, find_latents, replay


def read_recipe(source: str) -> Recipe:
    """A recipe from a file, from standard input ("-"), from JSON, or from a permalink."""
    if source == "-":
        return Recipe.parse(sys.stdin.read(2 * MAX_TEXT))
    path = Path(source)
    if source.lstrip().startswith("{") or "recipe=" in source or len(source) > 255 or not path.is_file():
        if source.lower().endswith(".json"):
            raise RecipeError(f"There is no file {source}.")
        return Recipe.parse(source)
    with path.open(encoding="utf-8", errors="replace") as file:
        return Recipe.parse(file.read(2 * MAX_TEXT))


def load_explorer(recipe: Recipe, name: str | None) -> Explorer:
    """The checkpoint `name`, or the bundled one that accepts the recipe, first the one that it names."""
    if name is not None:
        return ganlab.load(name)
    names, change = ganlab.list_models(), ""
    for candidate in sorted(names, key=lambda candidate: candidate != recipe.model):
        explorer = ganlab.load(candidate)
        if explorer.accepts(recipe.fingerprint):
            return explorer
        change = change or explorer.config.explain_replacement(recipe.fingerprint, "recipe")
    raise RecipeError(
        change
        or f"No checkpoint here is the {recipe.model} ({recipe.fingerprint[:16]}) of this recipe;"
        " name a folder or Hub id with --model."
    )


def replay_recipe(options: argparse.Namespace) -> None:
    """Write the picture of `options.recipe`, or its pictures side by side, to `options.out`."""
    recipe = read_recipe(options.recipe)
    pictures = replay(load_explorer(recipe, options.model), recipe)
    single = len(pictures) == 1
    image = (
        images.to_pil(pictures[0], options.scale) if single else images.draw_strip(pictures, options.scale)
    )
    options.out.write_bytes(images.encode_png(image))


def read_keyframe(explorer: Explorer, source: str) -> Tensor:
    """The latent (1, latent_dim) of seed:NUMBER, of a recipe's file, or of a picture, which is inverted."""
    if source.startswith("seed:"):
        if not source[5:].isdecimal():
            raise ValueError(f"A sample is written seed:NUMBER, like seed:7, not {source!r}.")
        return explorer.sample(1, int(source[5:]))
    if source.lower().endswith(".json"):
        return find_latents(explorer, read_recipe(source))
    if not Path(source).is_file():
        raise ValueError(f"There is no picture {source}.")
    return explorer.invert(explorer.prepare(source)).z


def make_film(options: argparse.Namespace) -> None:
    """Write the film through `options.keyframes` to `options.out`."""
    kind = options.out.suffix.lstrip(".").lower()
    if kind not in film.FORMATS:
        endings = ", ".join(f".{name}" for name in film.FORMATS)
        raise ValueError(f"The file's name ends in one of {endings}.")
    frames = options.seconds * options.rate
    if not math.isfinite(frames):
        raise ValueError("--seconds and --rate are finite numbers.")
    settings = Film(round(frames), options.seconds, options.easing, options.way, options.loop)
    explorer = ganlab.load(options.model)
    keyframes = torch.cat([read_keyframe(explorer, source) for source in options.keyframes])
    pictures = film.render_frames(explorer, settings, keyframes)
    options.out.write_bytes(film.encode_file(pictures, settings, kind, options.scale))


def main(arguments: list[str] | None = None) -> int:
    """Run a command; its exit status, 2 for an error of use, which is printed in one sentence."""
    text = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m ganlab", description=__doc__, formatter_class=text)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    replaying = commands.add_parser("replay", help="the picture of a recipe; of a path, side by side")
    replaying.add_argument(
        "recipe", metavar="RECIPE", help="a file, - for standard input, JSON, or a permalink"
    )
    replaying.add_argument("-o", "--out", type=Path, required=True, metavar="PICTURE", help="a PNG file")
    replaying.add_argument("--model", metavar="NAME", help="a checkpoint's name, folder or Hub id")
    replaying.add_argument(
        "--scale", type=int, default=1, choices=range(1, 33), metavar="1-32", help="times as large"
    )
    replaying.set_defaults(run=replay_recipe)
    filming = commands.add_parser("film", help="a film through two or more latents")
    filming.add_argument("model", metavar="MODEL", help="a checkpoint's name, folder or Hub id")
    filming.add_argument(
        "keyframes", metavar="KEYFRAME", nargs="+", help="a picture, seed:7, or a recipe's file"
    )
    filming.add_argument(
        "-o", "--out", type=Path, required=True, metavar="FILE", help=f"ends in {', '.join(film.FORMATS)}"
    )
    filming.add_argument("--seconds", type=float, default=3.0, help="its length (default: %(default)s)")
    filming.add_argument("--rate", type=float, default=25, help="frames a second (default: %(default)s)")
    filming.add_argument("--easing", choices=film.EASINGS, default="linear", help="(default: %(default)s)")
    filming.add_argument("--way", choices=list(WAYS), help="between keyframes (default: the prior's)")
    filming.add_argument("--loop", action="store_true", help="lead back to the first")
    filming.add_argument("--scale", type=int, default=8, help="size of a pixel (default: %(default)s)")
    filming.set_defaults(run=make_film)
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
