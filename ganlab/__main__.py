"""python -m ganlab replay RECIPE -o PICTURE: the picture of a recipe again, to the pixel."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import ganlab
from ganlab import images
from ganlab.explorer import Explorer
from ganlab.recipe import MAX_TEXT, Recipe, RecipeError


def read(source: str) -> Recipe:
    """A recipe from a file, from standard input ("-"), or given as JSON or permalink itself."""
    if source == "-":
        return Recipe.read(sys.stdin.read(2 * MAX_TEXT))
    path = Path(source)
    if source.lstrip().startswith("{") or "recipe=" in source or len(source) > 255 or not path.is_file():
        if source.lower().endswith(".json"):
            raise RecipeError(f"There is no file {source}.")
        return Recipe.read(source)
    with path.open(encoding="utf-8", errors="replace") as file:
        return Recipe.read(file.read(2 * MAX_TEXT))


def explorer_of(recipe: Recipe, name: str | None) -> Explorer:
    """The checkpoint that is named, or the recipe's own: by its name, else by its fingerprint."""
    if name is not None:
        return ganlab.load(name)
    names = ganlab.list_models()
    for candidate in sorted(names, key=lambda known: known != recipe.model):
        explorer = ganlab.load(candidate)
        if explorer.fingerprint == recipe.fingerprint:
            return explorer
    raise RecipeError(
        f"No checkpoint here is the {recipe.model} ({recipe.fingerprint[:16]}) that made this recipe;"
        " name a folder or Hub id with --model."
    )


def replay(options: argparse.Namespace) -> None:
    recipe = read(options.recipe)
    pictures = explorer_of(recipe, options.model).replay(recipe)
    alone = len(pictures) == 1
    made = images.to_pil(pictures[0], options.scale) if alone else images.strip(pictures, options.scale)
    options.out.write_bytes(images.png(made))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m ganlab", description=__doc__)
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
    replaying.set_defaults(run=replay)
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
