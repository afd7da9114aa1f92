"""How a run is looked at: its networks on pictures and latents that stay the same, and are left as they are.

Pictures and codes are those of the networks that the app would use (moving averages where the run keeps
them), in evaluation mode. D judges the pairs of the game itself: of the networks in training, and its batch
norm takes the statistics of each batch, real and generated apart, as in training, without storing them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ganlab import metrics, networks
from ganlab.judge import Judge
from ganlab.networks import Encoder

QUICK = 256  # pictures of a look
SAMPLES, PAIRS, GENERATED = 16, 8, 512  # samples, reconstructions, generated pictures before D, of a moment
JUDGED = 500  # samples of the Fréchet distance
LEVELS = 65535  # of a position: 0 is -extent, LEVELS is +extent
MAX_DECISION = 127
EDGE = 0.05  # share of the logits on either side of the margin
TINY = 1e-12

Networks = Mapping[str, nn.Module]
Figures = dict[str, float | None]


@dataclass(frozen=True, eq=False)
class Observer:
    """Looks at networks. `pixels` uint8 (N, C, H, W), N >= 2, and `z` (N, latent_dim) of the prior lie on the
    networks' device; `labels` int64 (N,) on the CPU, or None where pictures have none."""

    nets: Networks  # of the game
    averaged: Networks  # of the app, where they differ from those of the game
    pixels: Tensor
    labels: Tensor | None
    z: Tensor
    batch: int  # pictures at a time
    deviation: float  # of the prior
    precision: torch.dtype | None = None  # of products; None: full

    @property
    def extent(self) -> float:
        """Half the side of the square that positions lie in, in the latents' units."""
        return round((4 + 1.5 * math.sqrt(self.z.shape[1])) * self.deviation, 3)

    def look(self) -> Figures:
        """Quick figures of the first QUICK probes: D's mean logits and the margin between them, the error of
        reconstructions, diversity of samples, spread of codes. None where a network is missing."""
        x, z = self._get_inputs(slice(QUICK)), self.z[:QUICK]
        figures: Figures = dict.fromkeys(("d_real", "d_made", "margin", "reconstruction", "code_spread"))
        with self._hold():
            samples = self._generate(z)
            codes = self._encode(x)
            if codes is not None:
                figures["reconstruction"] = float(metrics.mse(self._decode(codes), x).mean())
                figures["code_spread"] = float(codes.std(0).mean()) / self.deviation
            logits = self._judge(x, codes, z)
        figures["diversity"], figures["nearest"] = compare_distances(samples, x)
        if logits is not None:
            figures |= describe_logits(*logits)
        return figures

    def capture(
        self, before: np.ndarray | None, full: bool = True
    ) -> tuple[dict[str, np.ndarray], float | None, Figures]:
        """A moment: its arrays; the logit of a step of `decisions`, None without D; and 1NN accuracy.

        Positions are aligned with those `before`, uint16 (N, 2), where there are any. One that is not `full`
        has samples and reconstructions alone.
        """
        x, arrays = self._get_inputs(slice(None if full else PAIRS)), {}
        logits = features = None
        with self._hold():
            arrays["samples"] = to_bytes(self._generate(self.z[:SAMPLES]))
            codes, features = self._encode_with_features(x)
            if codes is not None:
                arrays["reconstructions"] = to_bytes(self._decode(codes[:PAIRS]))
            if full:
                logits = self._judge(x, codes, self.z[:GENERATED])
        if not full:
            return arrays, None, {}
        if codes is not None:
            arrays["positions"] = lay_out(codes.cpu(), self.extent, before)
        decisions, scale = ({}, None) if logits is None else quantise_logits(*logits)
        one_nn = None
        if features is not None and self.labels is not None:
            one_nn = measure_one_nn(features, self.labels)
        return arrays | decisions, scale, {"one_nn": one_nn}

    def measure_frechet(self, judge: Judge, real: Tensor) -> float:
        """Fréchet distance of JUDGED samples from the features `real` of as many probes. The judge takes
        longer than all else."""
        count = len(real)
        with self._hold():
            samples = self._generate(self.z[:count])
        return metrics.frechet_distance(judge.features(samples), real)

    def read_features(self, judge: Judge) -> Tensor:
        """The judge's features of the first JUDGED probes."""
        return judge.features(self._get_inputs(slice(JUDGED)))

    # ------------------------------------------------------------------ networks

    @contextmanager
    def _hold(self) -> Iterator[None]:
        """Networks as they are looked at; after it, each layer is in the mode that it was in."""
        modes = {module: module.training for net in self._list() for module in net.modules()}
        norms = [
            module
            for name, net in self.nets.items()
            if name.endswith("discriminator")
            for module in net.modules()
            if isinstance(module, _BatchNorm)
        ]
        tracked = [norm.track_running_stats for norm in norms]
        try:
            for module in modes:
                module.training = False
            for norm in norms:  # statistics of the batch, which are not kept
                norm.training, norm.track_running_stats = True, False
            device = self.z.device.type
            with torch.no_grad(), torch.autocast(device, self.precision, enabled=self.precision is not None):
                yield
        finally:
            for module, training in modes.items():
                module.training = training
            for norm, track in zip(norms, tracked, strict=True):
                norm.track_running_stats = track

    def _list(self) -> list[nn.Module]:
        return [*self.nets.values(), *self.averaged.values()]

    def _get_shown(self, name: str) -> nn.Module | None:
        return self.averaged.get(name, self.nets.get(name))

    def _get_inputs(self, rows: slice) -> Tensor:
        return self.pixels[rows].float() / 255

    def _map_parts(self, net: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
        """net of equal parts of the rows of `inputs`, of at most `batch` rows, as float32."""
        parts = math.ceil(len(inputs[0]) / self.batch)
        return torch.cat([net(*part).float() for part in zip(*(t.chunk(parts) for t in inputs), strict=True)])

    def _map_latents(self, z: Tensor) -> Tensor:
        """What G is given for latents of the prior: codes, where a latent map makes them."""
        latent_map = self.nets.get(networks.LATENT_MAP)
        return z if latent_map is None else self._map_parts(latent_map, z)

    def _generate(self, z: Tensor) -> Tensor:
        return self._decode(self._map_latents(z))

    def _decode(self, codes: Tensor) -> Tensor:
        G = self._get_shown("generator")
        assert G is not None
        return self._map_parts(G, codes)

    def _encode(self, x: Tensor) -> Tensor | None:
        E = self._get_shown("encoder")
        return None if E is None else self._map_parts(E, x)

    def _encode_with_features(self, x: Tensor) -> tuple[Tensor | None, Tensor | None]:
        E = cast("Encoder | None", self._get_shown("encoder"))
        if E is None:
            return None, None
        parts = [E.encode_with_features(part) for part in x.chunk(math.ceil(len(x) / self.batch))]
        codes, features = (torch.cat([part[index].float() for part in parts]) for index in (0, 1))
        return codes, features

    def _judge(self, x: Tensor, codes: Tensor | None, z: Tensor) -> tuple[Tensor, Tensor] | None:
        """D's logits (N,) and (M,), on the CPU, of real and generated pictures or pairs; None without D.
        `codes` are those of x by the encoder that is shown."""
        joint = "joint_discriminator" in self.nets
        D = self.nets.get("joint_discriminator" if joint else "discriminator")
        if D is None:
            return None
        latents = self._map_latents(z)
        pairs: tuple[tuple[Tensor, ...], ...] = ((x,), (self._map_parts(self.nets["generator"], latents),))
        if joint:
            if codes is None or "encoder" in self.averaged:
                codes = self._map_parts(self.nets["encoder"], x)
            pairs = ((x, codes), (*pairs[1], latents))
        logits_real, logits_generated = (self._map_parts(D, *pair).cpu() for pair in pairs)
        return logits_real, logits_generated


# ---------------------------------------------------------------------- pure functions


def to_bytes(x: Tensor) -> np.ndarray:
    """Pictures (N, C, H, W) in [0, 1] as uint8; what is no number is black."""
    pixels: np.ndarray = x.nan_to_num().clamp(0, 1).mul(255).round().to(torch.uint8).cpu().numpy()
    return pixels


def describe_logits(real: Tensor, generated: Tensor) -> Figures:
    """Mean logits, and the margin: how far nearly all real ones lie above nearly all generated ones. Negative
    where they overlap. What a relativistic D adds to all of them does not change it."""
    margin = real.quantile(EDGE) - generated.quantile(1 - EDGE)
    return {"d_real": float(real.mean()), "d_made": float(generated.mean()), "margin": float(margin)}


def quantise_logits(real: Tensor, generated: Tensor) -> tuple[dict[str, np.ndarray], float]:
    """Logits (N,) and (M,) as int8 arrays by name, and the logit of a step of theirs."""
    rows = {"decisions": real.nan_to_num(), "decisions_made": generated.nan_to_num()}
    scale = max(TINY, *(float(values.abs().max()) for values in rows.values())) / MAX_DECISION
    return {name: (values / scale).round().to(torch.int8).numpy() for name, values in rows.items()}, scale


def compare_distances(samples: Tensor, x: Tensor) -> tuple[float, float]:
    """Samples beside as many real pictures: the mean distance between two of them, and the mean distance to
    the nearest other one, each divided by the real pictures'. 1: as diverse; 0: all alike."""
    figures = []
    for rows in (samples.float().flatten(1), x.flatten(1)):
        distances = torch.cdist(rows, rows)
        count = len(rows)
        mean = float(distances.sum()) / (count * (count - 1))
        distances.fill_diagonal_(math.inf)
        figures.append((mean, float(distances.amin(1).mean())))
    (mean, nearest), (real_mean, real_nearest) = figures
    return mean / max(real_mean, TINY), nearest / max(real_nearest, TINY)


def measure_one_nn(features: Tensor, labels: Tensor) -> float:
    """How often the nearest of the second half of the rows (N, F) has the label of a row of the first."""
    half = len(features) // 2
    nearest = torch.cdist(features[:half], features[half:]).argmin(1).cpu()
    return metrics.accuracy(labels[half:][nearest], labels[:half])


def lay_out(codes: Tensor, extent: float, before: np.ndarray | None) -> np.ndarray:
    """Codes (N, D) on the plane of their two principal directions: uint16 (N, 2), see LEVELS.

    Which way the plane is turned or mirrored means nothing, so it is turned to where most codes stay close to
    their positions `before` (orthogonal Procrustes: Schönemann 1966, Psychometrika 31:1). Codes of one
    dimension lie on a line.
    """
    rows = codes.double().nan_to_num()
    rows = rows - rows.mean(0)
    axes = torch.linalg.eigh(rows.T @ rows).eigenvectors.flip(1)[:, :2]
    axes = axes * axes.gather(0, axes.abs().argmax(0, keepdim=True)).sign()  # the same on every machine
    positions = rows @ axes
    if positions.shape[1] == 1:
        positions = torch.cat([positions, torch.zeros_like(positions)], 1)
    if before is not None and before.shape == tuple(positions.shape):
        target = torch.from_numpy(before.astype(np.float64)) / LEVELS * 2 - 1
        left, _, right = torch.linalg.svd(positions.T @ (target - target.mean(0)))
        positions = positions @ (left @ right)
    levels = ((positions / extent + 1) / 2 * LEVELS).round().clamp(0, LEVELS)
    positions_16: np.ndarray = levels.numpy().astype(np.uint16)
    return positions_16
