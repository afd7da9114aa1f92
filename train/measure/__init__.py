"""The measurements, one file each. A new measurement is a file here and a line in MEASUREMENTS.

`train.evaluate`, the commands of single measurements, model cards, docs/results.md and the tests that compare
figures with their files all read this list.
"""

from __future__ import annotations

from train.measure import (
    code_map,
    codes,
    directions,
    frechet,
    identity,
    inversion,
    latent_error,
    light,
    memorization,
    one_nn,
    paths,
    perceptual,
    reconstruction,
    rounds,
    unlike,
)
from train.measure.measurement import EVALUATE, Measurement
from train.measure.outliers import measure as outliers
from train.measure.realworld import measure as realworld

# In the order of a model card's figures and of the sections of docs/results.md.
MEASUREMENTS: tuple[Measurement, ...] = (
    one_nn.MEASUREMENT,
    reconstruction.MEASUREMENT,
    perceptual.MEASUREMENT,
    latent_error.MEASUREMENT,
    codes.MEASUREMENT,
    identity.MEASUREMENT,
    rounds.MEASUREMENT,
    frechet.MEASUREMENT,
    unlike.MEASUREMENT,
    paths.MEASUREMENT,
    realworld.MEASUREMENT,
    outliers.MEASUREMENT,
    light.MEASUREMENT,
    inversion.MEASUREMENT,
    memorization.MEASUREMENT,
    code_map.MEASUREMENT,
    directions.MEASUREMENT,
)
EVALUATED = tuple(m for m in MEASUREMENTS if m.command == EVALUATE)  # all at once, by train.evaluate
SEPARATE = {m.command: m for m in MEASUREMENTS if m.command != EVALUATE}  # by the name of its command
