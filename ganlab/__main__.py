"""python -m ganlab replay RECIPE -o PICTURE: the picture of a recipe, to the pixel.

python -m ganlab film MODEL KEYFRAME KEYFRAME... -o FILE: a film through pictures, samples and recipes.
python -m ganlab encode FOLDER -o CODES.npz: the codes of all pictures of a folder.
python -m ganlab verify [NAME...]: whether checkpoints, judges and galleries are as they were published.
"""

from __future__ import annotations

import argparse
import io
import math
import sys
from pathlib import Path
from typing import get_args

import torch
from torch import Tensor

import ganlab
from ganlab import animation, images, verify
from ganlab.explorer import Explorer
from ganlab.hub import CHECKPOINTS
from ganlab.images import Polarity
from ganlab.model import resolve_device
from ganlab.studio import film, folder
from ganlab.studio.film import Film
from ganlab.studio.folder import FolderResult, Outputs, check_outputs, encode_folder, list_pictures
from ganlab.studio.paths import WAYS
from ganlab.studio.recipe import MAX_TEXT, Recipe, RecipeError, find_checkpoint, find_latents, replay
from ganlab.studio.staging import explain, write_whole
from ganlab.terminal import Progress, stop_by_signal

DEFAULT_MODEL = "mnist-bigan-plus"
INTERRUPTED = 130  # the exit status of what Ctrl-C ends
MAX_NAMED = 20  # pictures left out that the report names


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
    otherwise = (
        f"No checkpoint here is the {recipe.model} ({recipe.fingerprint[:16]}) of this recipe;"
        " name a folder or Hub id with --model."
    )
    return find_checkpoint(recipe, ganlab.list_models(), ganlab.load, "recipe", otherwise)[1]


def replay_recipe(options: argparse.Namespace) -> None:
    """Write the picture of `options.recipe`, or its pictures side by side, to `options.out`."""
    recipe = read_recipe(options.recipe)
    pictures = replay(load_explorer(recipe, options.model), recipe)
    single = len(pictures) == 1
    image = (
        images.to_pil(pictures[0], options.scale) if single else images.draw_strip(pictures, options.scale)
    )
    write_whole(options.out, images.encode_png(image))


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
    sheet = film.plan_file(explorer.config, settings, kind, options.scale)
    content = io.BytesIO()
    animation.write_file(content, film.iterate_frames(explorer, settings, keyframes), sheet, kind)
    write_whole(options.out, content.getvalue())


def encode_pictures(options: argparse.Namespace) -> None:
    """Write the codes of `options.folder`, and what else is asked for."""
    outputs = Outputs(
        codes=options.out,
        reconstructions=options.reconstructions,
        neighbours=options.neighbours,
        figures=options.figures,
        features=not options.no_features,
        k=options.k,
        space=options.space,
    )
    listing = list_pictures(options.folder)
    check_outputs(outputs, listing.folder)
    explorer = ganlab.load(options.model, resolve_device(options.device))
    progress = Progress("encoding")
    try:
        with stop_by_signal():
            result = encode_folder(
                explorer,
                listing,
                outputs,
                options.ink,
                options.batch_size,
                None if options.quiet else progress,
            )
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"after {progress.done:,} of {len(listing.names):,} pictures") from None
    finally:
        progress.close()
    report(result, outputs, explorer)


def report(result: FolderResult, outputs: Outputs, explorer: Explorer) -> None:
    """Say what was written, and on standard error what was left out."""
    paths = (outputs.codes, outputs.reconstructions, outputs.neighbours, outputs.figures)
    written = ", ".join(str(path) for path in paths if path is not None)
    print(f"Encoded {result.count:,} pictures with {explorer.config.name}: {written}.")
    if result.doubtful:
        see = (
            f"see the column doubt of {outputs.figures}"
            if outputs.figures
            else "--figures FILE says of which"
        )
        print(f"Preparation was unsure of {result.doubtful:,} of them: {see}.", file=sys.stderr)
    if not result.refused:
        return
    print(f"Left out, {len(result.refused):,} in all:", file=sys.stderr)
    for name, reason in result.refused[:MAX_NAMED]:
        print(f"  {name}: {reason}", file=sys.stderr)
    if (more := len(result.refused) - MAX_NAMED) > 0:
        print(f'  and {more:,} more, which "refused" of {outputs.codes} lists.', file=sys.stderr)


def verify_all(options: argparse.Namespace) -> None:
    """Say of each checkpoint, judge and gallery whether it is as it was published; ValueError where one is
    not."""
    folders = [verify.find_folder(name) for name in options.names] or verify.list_folders()
    broken = 0
    for path in folders:
        faults = verify.list_faults(path)
        broken += bool(faults)
        where = path.name if path.parent == CHECKPOINTS else f"{path.parent.name}/{path.name}"
        print(f"{where}: {'broken' if faults else 'as it was published'}", flush=True)
        for fault in faults:
            print(f"  {fault}", flush=True)
    if broken:
        raise ValueError(f"{broken} of {len(folders)} are not as they were published.")


def add_verify(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The flags of `verify`."""
    verifying = commands.add_parser("verify", help="whether checkpoints, judges, galleries are undamaged")
    verifying.add_argument(
        "names", nargs="*", metavar="NAME", help="mnist-bigan, judges/mnist, a folder (default: all bundled)"
    )
    verifying.set_defaults(run=verify_all)


def add_encode(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The flags of `encode`."""
    encoding = commands.add_parser("encode", help="the codes of all pictures of a folder")
    encoding.add_argument("folder", type=Path, metavar="FOLDER", help="with pictures, at any depth")
    encoding.add_argument(
        "-o", "--out", type=Path, required=True, metavar="CODES.npz", help="codes, features, names, labels"
    )
    encoding.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        metavar="NAME",
        help="a checkpoint's name, folder or Hub id (default: %(default)s)",
    )
    encoding.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    encoding.add_argument(
        "--batch-size",
        type=int,
        default=folder.BATCH,
        metavar="N",
        help="pictures at a time (default: %(default)s)",
    )
    encoding.add_argument(
        "--ink", choices=get_args(Polarity), default="auto", help="of the pictures (default: %(default)s)"
    )
    encoding.add_argument("--no-features", action="store_true", help="leave the features out")
    encoding.add_argument(
        "--reconstructions",
        type=Path,
        metavar="PATH",
        help="a new folder of PNG files, or a file: .npz, or .png for a contact sheet",
    )
    encoding.add_argument(
        "--figures", type=Path, metavar="FILE.csv", help="error, gauge, class, doubt: a line for each picture"
    )
    encoding.add_argument("--neighbours", type=Path, metavar="FILE.csv", help="nearest training pictures")
    encoding.add_argument("-k", type=int, default=5, help="how many neighbours (default: %(default)s)")
    encoding.add_argument(
        "--space", default="features", help="where they are searched (default: %(default)s)"
    )
    encoding.add_argument("--quiet", action="store_true", help="show no progress")
    encoding.set_defaults(run=encode_pictures)


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
        "-o",
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help=f"ends in {', '.join(film.FORMATS)}",
    )
    filming.add_argument("--seconds", type=float, default=3.0, help="its length (default: %(default)s)")
    filming.add_argument("--rate", type=float, default=25, help="frames a second (default: %(default)s)")
    filming.add_argument("--easing", choices=film.EASINGS, default="linear", help="(default: %(default)s)")
    filming.add_argument("--way", choices=list(WAYS), help="between keyframes (default: the prior's)")
    filming.add_argument("--loop", action="store_true", help="lead back to the first")
    filming.add_argument("--scale", type=int, default=8, help="size of a pixel (default: %(default)s)")
    filming.set_defaults(run=make_film)
    add_encode(commands)
    add_verify(commands)
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except (ValueError, OSError) as error:
        print(f"error: {explain(error) if isinstance(error, OSError) else error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as interrupt:
        print(
            f"Interrupted{f' {interrupt}' if interrupt.args else ''}: nothing was written.", file=sys.stderr
        )
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
