"""What work costs before it is done, and how much of it runs at once.

A request that would cost too much is refused with one sentence that says what would be right. What may be
asked is bounded where it is read: see `film.MAX_FRAMES`, `recipe.MAX_LATENTS`, `spaces.MAX_NEIGHBOURS`,
`sampling.MAX_COUNT`, `api.MAX_STEPS`; here stands what only several of them together cost.
"""

from __future__ import annotations

from ganlab.animation import MAX_SIDE, Sheet
from ganlab.config import ModelConfig
from ganlab.explorer import Explorer
from ganlab.large.gallery import LargeGallery
from ganlab.search.exact import ExactIndex
from ganlab.studio.film import Film, plan_file
from ganlab.ui.preparation import let_go_first
from ganlab.ui.server.line import MAX_PAUSE, Line

# Pixels of all frames of a file: 600 frames of 512 x 512, which take 6 seconds of a core at most.
MAX_FILM_PIXELS = 160_000_000
MAX_PARTS = 8  # of a film along the shortest way: each is seconds of work
MAX_READ = 200  # pictures of a large gallery: each is a file, which may be a photograph of 12 megapixels
MAX_COMPARED = 20_000_000_000  # numbers of an exact search in a large gallery: a second of a core
MAX_NUMBERS = 4_000_000  # of all pictures in one answer: 5,000 digits, or 1,300 pictures of 32 x 32 in colour

# Seconds of work, one request of an address at a time.
LONG_PLACES, LONG_WAITING, LONG_WAITING_EACH = 2, 200, 100
# Clicks and pictures: tens of milliseconds of work. Python computes in one thread at a time, and others fill
# the gaps; with eight, each waits for the rest at each of its thousands of small steps: 50 visitors wait
# twice as long, and 100 get a seventh less done (docs/serving.md). An address never has all places.
QUICK_PLACES, QUICK_PLACES_EACH, QUICK_WAITING, QUICK_WAITING_EACH = 3, 2, 500, 200
# What a page fetches of a model or of a run in training, which is at hand but for the first time.
PART_PLACES, PART_PLACES_EACH, PART_WAITING, PART_WAITING_EACH = 4, 2, 500, 100
# Maps, which are at hand but for the first time, when they may take a minute.
MAP_PLACES, MAP_PLACES_EACH, MAP_WAITING, MAP_WAITING_EACH = 4, 2, 200, 100
# Large bodies on their way in: up to 16 MB each.
BODY_PLACES, BODY_PLACES_EACH, BODY_WAITING, BODY_WAITING_EACH = 6, 3, 200, 50

QUICK = Line(QUICK_PLACES, QUICK_PLACES_EACH, QUICK_WAITING, QUICK_WAITING_EACH)
PARTS = Line(PART_PLACES, PART_PLACES_EACH, PART_WAITING, PART_WAITING_EACH)
LONG = Line(LONG_PLACES, 1, LONG_WAITING, LONG_WAITING_EACH, before=QUICK)
MAPS = Line(MAP_PLACES, MAP_PLACES_EACH, MAP_WAITING, MAP_WAITING_EACH, before=QUICK)
BODIES = Line(BODY_PLACES, BODY_PLACES_EACH, BODY_WAITING, BODY_WAITING_EACH)


let_go_first(lambda: QUICK.wait_until_idle(MAX_PAUSE))


class TooMuchError(ValueError):
    """Work that costs too much; the message says what would be right."""


def price_film(config: ModelConfig, film: Film, kind: object, scale: object) -> Sheet:
    """The plan of a film's file. TooMuchError above MAX_FILM_PIXELS, ValueError for what is no file."""
    sheet = plan_file(config, film, kind, scale)
    if sheet.pixels > MAX_FILM_PIXELS:
        width, height = sheet.size
        raise TooMuchError(
            f"{sheet.frames} frames of {width} x {height} pixels are too much for one film: take at most"
            f" {MAX_FILM_PIXELS // (width * height)} frames of this size, or smaller ones."
        )
    return sheet


def list_film_limits(config: ModelConfig) -> dict[str, int]:
    """What `price_film` goes by, for the page, which says of a film that it is too large before it asks for
    it: pixels of a side of a frame, at most of an enlarged one, and at most of all frames together."""
    return {"side": config.size, "maxSide": MAX_SIDE, "maxPixels": MAX_FILM_PIXELS}


def price_ways(film: Film, keyframes: int) -> None:
    """TooMuchError for a film along the shortest way through more keyframes than MAX_PARTS allows."""
    parts = keyframes - (not film.loop)
    if film.way == "geodesic" and parts > MAX_PARTS:
        raise TooMuchError(
            f"The shortest way is computed from each keyframe to the next, {MAX_PARTS} times at most,"
            f" not {parts}: take fewer keyframes, or another path."
        )


def price_neighbours(explorer: Explorer, pictures: int, k: int, space: str) -> None:
    """TooMuchError for more neighbours than one answer holds, and, of a large gallery, for more than it is
    read and compared for at once."""
    config, gallery = explorer.config, explorer.gallery
    most = MAX_NUMBERS // (config.channels * config.size**2)
    if isinstance(gallery, LargeGallery):
        most = min(most, MAX_READ)
        index = gallery.indexes.get(space)
        numbers = gallery.rows[space].numel() if isinstance(index, ExactIndex) else 0
        if k and pictures * numbers > MAX_COMPARED:
            raise TooMuchError(
                f"Each picture is compared with all {len(gallery):,} of the gallery, and {pictures} are too"
                f" many for one answer: take at most {max(MAX_COMPARED // numbers, 1)}."
            )
    if pictures * k > most:
        raise TooMuchError(
            f"{k} neighbours of each of {pictures} pictures are too much for one answer: it holds {most:,},"
            f" so take k up to {most // pictures}, or fewer pictures."
        )
