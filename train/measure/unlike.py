"""How much of a latent space is no digit: shares of what the app shows that its gauge calls unlike digits.

The gauge (`ganlab.outliers`) compares a picture with the test pictures; what is more unusual than 99 % of
them is unlike. It is calibrated anew for the weights that are measured, on the first half of the test
pictures, and ranks by the second, as `python -m train.outliers` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from ganlab import metrics, outliers
from ganlab.explorer import Explorer
from ganlab.gallery import Pictures
from ganlab.outliers import Gauge
from train.measure.batches import get_batch, map_batches
from train.measure.measurement import (
    Figures,
    Measurement,
    Row,
    Subject,
    name_likeness,
    name_pictures,
    require_gauge,
    require_judged_digits,
)
from train.measure.travel import STEPS, compute_paths, list_pairs, list_slider_ends
from train.report.text import NONE, Table, format_percent

SAMPLES = 10_000  # of each source
PAIRS = 500  # of test pictures of different classes, with a path between them
DIGITS = 100  # test pictures whose sliders are moved to their ends
MIN_TEST = 1_000  # test pictures, without which the gauge's highest percent is a matter of chance
COLOUR_PAIRS, COLOUR_DIGITS, COLOUR_ENDS = 300, 10, 500  # of a model in colour: pairs, sliders' pictures
SEED = 0  # of the samples, and of the sliders' ends that are drawn


def measure_unlike(
    explorer: Explorer,
    test: Pictures,
    samples: int = SAMPLES,
    pairs: int = PAIRS,
    digits: int = DIGITS,
    ends: int | None = None,
) -> Figures:
    """Shares of pictures unlike digits, by a gauge that is calibrated on `test`: of the test pictures that it
    ranks by, of reconstructions, of samples of each source, of paths between `pairs` of test pictures, and of
    the ends of all sliders of each kind for the first `digits` test pictures, of which `ends` are drawn at
    random where there are more."""
    x = test.inputs(slice(None))
    statistics, labels = outliers.compute_statistics(explorer, x)
    gauge = Gauge.from_statistics(statistics, labels, outliers.count_classes(explorer))
    half, batch = len(x) // 2, get_batch(explorer.config)

    def count(shares: Tensor) -> Figures:
        share = float((shares >= outliers.MIN_SHARE).double().mean())
        return {
            "count": len(shares),
            "share": share,
            "standard_error": metrics.standard_error(share, len(shares)),
        }

    def rank(z: Tensor) -> Figures:
        scores = outliers.score_pictures(explorer, map_batches(explorer.decode, z, batch), gauge)
        assert scores is not None
        return count(scores.shares)

    z = map_batches(explorer.encode, x, batch)
    paths = compute_paths(explorer, z, list_pairs(test.labels, pairs))
    return {
        "limit": outliers.MIN_SHARE,
        "real": count(gauge.rank(statistics[half:], labels[half:]).shares),
        "reconstructions": rank(z[:samples]),
        "samples": {
            source: rank(explorer.sample(samples, SEED, source=source)) for source in explorer.sources
        },
        "paths": {name: rank(latents) for name, latents in paths.items()},
        "sliders": {
            kind: rank(_draw(list_slider_ends(explorer, z[:digits], kind).flatten(0, 1), ends))
            for kind in explorer.directions.kinds
        },
    }


def _draw(z: Tensor, count: int | None) -> Tensor:
    """`count` of z (N, D), or all where there are no more."""
    if count is None or len(z) <= count:
        return z
    return z[torch.randperm(len(z), generator=torch.Generator().manual_seed(SEED))[:count]]


def measure_quickly(explorer: Explorer, test: Pictures) -> Figures:
    """`measure_unlike` in half a minute, while a model is tuned: the same gauge, of 1,000 samples, 200 pairs
    and the sliders of 5 digits. Shares do not compare between gauges, and so `test` are all test pictures."""
    return measure_unlike(explorer, test, samples=1_000, pairs=200, digits=5)


def list_shares(figures: Figures, noun: str | None = None) -> Iterator[tuple[str, Figures]]:
    """What was measured, and its group of figures; `noun` is what the pictures are called."""
    noun = noun or name_pictures(figures)
    yield "test pictures themselves", figures["real"]
    yield "reconstructions G(E(x))", figures["reconstructions"]
    for source, group in figures["samples"].items():
        yield f"samples of the {source}", group
    for name, group in figures["paths"].items():
        yield f"paths between two {noun}, at {'t = 0.25' if name == 'quarter' else 't = 0.5'}", group
    for kind, group in figures["sliders"].items():
        yield f"ends of the sliders, {kind} (±{STEPS})", group


def _rows(figures: Figures) -> Iterator[Row]:
    (_, real), *others = list_shares(figures)
    for name, group in others:
        yield Row(
            f"Unlike {name_likeness(figures)}, of {group['count']:,} {name}",
            format_percent(group["share"], digits=1),
            f"{format_percent(real['share'], digits=1)} of real {name_pictures(figures)}",
        )


def _explain_absence(subject: Subject) -> str:
    if reason := require_gauge(subject) if subject.in_colour else require_judged_digits(subject):
        return reason
    if "generator" not in subject.networks or subject.gallery is None:
        return f"{subject.name} has no generator or no gallery, and so no gauge of what is unlike digits."
    if len(subject.test) < MIN_TEST:
        return f"{len(subject.test)} test pictures are too few for a gauge: {MIN_TEST:,} at least."
    return ""


def _sentence(figures: Figures) -> str:
    def percent(group: Figures) -> str:
        return format_percent(group["share"], digits=1)

    noun, like = name_pictures(figures), name_likeness(figures)
    sources = ", ".join(f"{percent(group)} of the {name}" for name, group in figures["samples"].items())
    sliders = ", ".join(f"{kind} {percent(group)}" for kind, group in figures["sliders"].items())
    quarter, middle = (percent(figures["paths"][key]) for key in ("quarter", "middle"))
    shares = (
        f"The gauge, which calls {percent(figures['real'])} of real test {noun} unlike {like}, does so for"
        f" {percent(figures['reconstructions'])} of their reconstructions, for samples ({sources}), for paths"
        f" between two {noun} ({quarter} at a quarter, {middle} in the middle), and for the ends of sliders"
        f" ({sliders})."
    )
    if noun == "digits":
        return f"Not all of its latents are digits. {shares}"
    return (
        f"{shares} It notices what is unusual for E, and not that objects are missing: what G draws is smooth"
        " and usual, and the Fréchet distance and the judge's certainty say how far it is from real pictures."
    )


def _column(figures: Figures) -> str:
    """Of samples of the source that the app draws from first, and of the middles of paths."""
    first = next(iter(figures["samples"].values()))
    return " / ".join(f"{100 * group['share']:.0f} %" for group in (first, figures["paths"]["middle"]))


def compare(models: Mapping[str, Figures]) -> Table:
    """One row a group of pictures, one column a model."""
    digits = all(name_pictures(figures) == "digits" for figures in models.values())
    noun = "digits" if digits else "pictures"
    shares = {name: dict(list_shares(figures, noun)) for name, figures in models.items()}
    groups = dict.fromkeys(group for row in shares.values() for group in row)

    def cell(row: Mapping[str, Figures], group: str) -> str:
        return format_percent(row[group]["share"], digits=1) if group in row else NONE

    rows = [[group, *(cell(row, group) for row in shares.values())] for group in groups]
    return ["Unlike digits, of" if digits else "Unlike real pictures, of", *models], rows


def _measure(subject: Subject) -> Figures:
    if not subject.in_colour:
        return measure_unlike(subject.explorer, subject.test) | subject.describe()
    sizes = subject.limit(SAMPLES), COLOUR_PAIRS, COLOUR_DIGITS, COLOUR_ENDS
    return measure_unlike(subject.explorer, subject.test, *sizes) | subject.describe()


MEASUREMENT = Measurement(
    key="unlike",
    measure=_measure,
    explain_absence=_explain_absence,
    seeds={"unlike": SEED},
    rows=_rows,
    columns={"Unlike real ones: samples / path middles": _column},
    sentence=_sentence,
    title="How much of the space is digits",
    introduction=f"""\
Which share of the pictures that the app shows its own gauge calls unlike digits: more unusual than 99 % of
test digits, by the error of their reconstruction, the nearest training digit, the code, the discriminator
of pairs where there is one, and the judge. Samples are {SAMPLES:,} of each source; paths are the app's own
between {PAIRS} pairs of test digits of different classes; sliders are all of a kind, at both ends, for
{DIGITS} test digits. How certain the judge alone is says little here: it is certain of rubble too.""",
    compare=compare,
)
