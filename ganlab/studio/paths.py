"""Ways from one latent to another, and how long each is, measured in pictures.

- "lerp": a straight line through the latents, the way of a uniform prior;
- "slerp": a great circle, the way of a normal prior;
- "codes", for a model with a latent map: a straight line between the codes of the two latents; each of its
  codes is taken back to the latent that it belongs to;
- "geodesic": the shortest way, measured in pictures, see `ganlab.geodesic`.

ganlab/ui/static/lib/film.js computes the first three, and asks the server for the last.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from ganlab import geodesic, latent
from ganlab.explorer import Explorer

WAYS = {
    "lerp": "straight line",
    "slerp": "great circle",
    "codes": "straight between codes",
    "geodesic": "shortest in pictures",
}
MAX_STORED = 64  # geodesics of a model that are kept, 3 to 15 kB each

Way = Callable[[Tensor, Tensor, Tensor], Tensor]  # a (D,), b (D,), t (T, 1) in [0, 1] -> (T, D)

_stored: WeakKeyDictionary[Explorer, OrderedDict[bytes, Tensor]] = WeakKeyDictionary()  # results only
_lock = threading.Lock()  # guards it


def list_ways(explorer: Explorer) -> tuple[str, ...]:
    """The keys of WAYS that this model has."""
    return tuple(way for way in WAYS if way != "codes" or explorer.model.latent_map is not None)


def find_default(explorer: Explorer) -> str:
    """The way that follows the model's prior."""
    return latent.WAYS_OF_PRIORS[explorer.config.prior]


def choose_way(explorer: Explorer, key: str | None) -> Way:
    """The way with this key, None for the prior's; ValueError for one that the model does not have."""
    key = key or find_default(explorer)
    if key not in tuple(WAYS):  # a tuple: the value may be unhashable
        raise ValueError(f"Path {key!r} not found; available = {list(list_ways(explorer))}.")
    if key not in list_ways(explorer):
        raise ValueError(
            f"{explorer.config.name} has no latent map: its latents are its codes, and the straight line"
            ' between them is "lerp".'
        )
    if key == "codes":
        return lambda a, b, t: _interpolate_codes(explorer, a, b, t)
    if key == "geodesic":
        return lambda a, b, t: geodesic.resample(find_geodesic(explorer, a, b), t)
    return latent.WAYS[key]


def interpolate(explorer: Explorer, a: Tensor, b: Tensor, steps: int, way: str | None = None) -> Tensor:
    """`Explorer.interpolate` along one of WAYS: (steps, latent_dim), with exact ends."""
    if way is None:
        return explorer.interpolate(a, b, steps)
    first, last = explorer.check_latents(a)[0], explorer.check_latents(b)[0]
    return latent.connect(first, last, steps, choose_way(explorer, way))


def _interpolate_codes(explorer: Explorer, a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    codes = explorer.to_codes(torch.stack([a, b]))
    return explorer.from_codes(latent.lerp(codes[0], codes[1], t))


# ---------------------------------------------------------------------- the shortest way


def find_geodesic(explorer: Explorer, a: Tensor, b: Tensor) -> Tensor:
    """The shortest way from a to b, both (D,), as latents (P, D) at equal distances in time, between which it
    is straight: at least two, few enough for a page."""
    path = get_stored(explorer, a, b)
    if path is None:
        *_, step = trace_geodesic(explorer, a, b)
        path = step.path
    return path


def get_stored(explorer: Explorer, a: Tensor, b: Tensor) -> Tensor | None:
    """The shortest way from a to b if it was computed before."""
    with _lock:
        return _stored.get(explorer, OrderedDict()).get(_key(a, b))


def trace_geodesic(explorer: Explorer, a: Tensor, b: Tensor) -> Iterator[geodesic.Step]:
    """Compute the shortest way from a to b step by step, from the shortest of the model's other ways; the
    last step has the result, which is kept for the next time. Nothing is computed between two steps."""
    others = [path for way in list_ways(explorer) if way != "geodesic" for path in _try(explorer, a, b, way)]
    lengths = [measure_length(explorer, path) for path in others]
    best = others[lengths.index(min(lengths))]
    start = best[:: geodesic.FINE_PIECES // geodesic.PIECES].to(explorer.device)
    step = None
    for step in geodesic.shorten(_describe(explorer), start, explorer.config.prior):
        yield step
    assert step is not None
    if measure_length(explorer, geodesic.refine(step.path)) > min(lengths):
        step = replace(step, path=best)  # what it gained lies only where it was looked at
        yield step
    with _lock:
        paths = _stored.setdefault(explorer, OrderedDict())
        paths[_key(a, b)] = step.path
        while len(paths) > MAX_STORED:
            paths.popitem(last=False)


def _try(explorer: Explorer, a: Tensor, b: Tensor, way: str) -> list[Tensor]:
    """The way in geodesic.FINE_PIECES pieces; empty for one that leads through codes without a latent."""
    try:
        return [interpolate(explorer, a, b, geodesic.FINE_PIECES + 1, way)]
    except ValueError:
        return []


def _key(a: Tensor, b: Tensor) -> bytes:
    return torch.stack([a, b]).numpy().tobytes()


# ---------------------------------------------------------------------- lengths


def name_space(explorer: Explorer) -> str:
    """In what the distance of two pictures is measured, in words."""
    return "pixels" if explorer.judge is None else "features of the classifier"


def _describe(explorer: Explorer) -> geodesic.Describe:
    """Latents -> the classifier's features of their pictures, or their pixels where there is no classifier.

    In pixels a cross-fade is short, and the shortest way through G comes near it (Laine, "Feature-Based
    Metrics for Exploring the Latent Space of Generative Models", 2018).
    """
    G, judge = explorer.model.generator, explorer.judge
    if judge is None:
        return lambda z: G(z).flatten(1)
    return lambda z: judge.network.hidden(G(z))


def measure_length(explorer: Explorer, path: Tensor) -> float:
    """The length in pictures of a path (T, D): the L2 distances, in the space of `name_space`, from each
    picture to the next, summed."""
    return geodesic.measure_length(_describe(explorer), path.to(explorer.device))


def measure_ways(explorer: Explorer, parts: Sequence[tuple[Tensor, Tensor]]) -> dict[str, float]:
    """The length in pictures of each way that the model has here, through all parts from a to b (D,), in
    geodesic.FINE_PIECES pieces a part; under "" the straight distance of the ends' pictures, which no way
    through G can fall below."""
    lengths = {}
    for way in list_ways(explorer):
        tried = [path for a, b in parts for path in _try(explorer, a, b, way)]
        if len(tried) == len(parts):
            lengths[way] = sum(measure_length(explorer, path) for path in tried)
    return {**lengths, "": sum(measure_length(explorer, torch.stack(part)) for part in parts)}
