"""Times of the page's generator, printed and not asserted: pytest -m bench -s tests/browser -k generator.

Weights are random, which takes as long as others do, so no checkpoint is needed.
"""

from __future__ import annotations

import base64
import dataclasses
from typing import Any

import pytest

from ganlab import networks
from ganlab.config import ModelConfig
from ganlab.explorer import Explorer
from ganlab.judge import Judge, JudgeConfig, Network
from ganlab.model import LatentModel
from ganlab.studio import portable, portable_judge

pytestmark = [pytest.mark.bench, pytest.mark.browser]

COLOUR = ModelConfig(
    name="random",
    method="bigan-plus",
    dataset="cifar10",
    family="residual",
    networks=("generator", "latent_map"),
    channels=3,
    size=32,
    latent_dim=128,
    prior="normal",
    width=64,
    blocks=1,
    map_width=512,
    map_blocks=4,
    map_steps=6,
)
NO_MAP = {"networks": ("generator",), "map_width": 0, "map_blocks": 0, "map_steps": 0}
GREY = {"channels": 1, "size": 28, "latent_dim": 50, "blocks": 0}
CASES: dict[str, dict[str, Any]] = {
    "residual, 32 x 32, width 48": {"width": 48},
    "residual, 32 x 32, width 64": {},
    "residual, 64 x 64, width 48": {"size": 64, "width": 48},
    "residual, 64 x 64, width 64": {"size": 64},
    "conv, 64 x 64, width 24": {"family": "conv", "size": 64, "width": 24, "blocks": 0, **NO_MAP},
    "conv, 64 x 64, width 32": {"family": "conv", "size": 64, "width": 32, "blocks": 0, **NO_MAP},
    "conv, 28 x 28, width 24": {"family": "conv", **GREY, "width": 24, "map_width": 384},
    "paper, 28 x 28": {"family": "paper", **GREY, "width": 1024, **NO_MAP},
}

# Median ms in the page: reading the file, F, and G; `plain` without WebAssembly.
TIMES = """
async ([content, plain]) => {
  const { Generator } = await import(new URL('ganlab/static/lib/generator.js', document.baseURI));
  const { buffer } = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const median = (work, most) => {
    const times = [];
    for (const until = performance.now() + most; times.length < 5 || performance.now() < until;) {
      const start = performance.now();
      work();
      times.push(performance.now() - start);
    }
    return times.sort((a, b) => a - b)[times.length >> 1];
  };
  const start = performance.now();
  const G = new Generator(buffer, plain);
  const open = performance.now() - start;
  const z = Float32Array.from({ length: G.latentDim }, (_, i) => Math.sin(i));
  const first = performance.now();
  G.decode(z);
  const once = performance.now() - first;
  return { open, first: once, F: median(() => G.toCodes(z), 500), G: median(() => G.decodeCode(z), 1000) };
}
"""


# Widths and size of a judge: the digits', and larger ones of pictures in colour.
JUDGES = {
    "grey, 28 x 28": (1, 28, (16, 32, 64)),
    "colour, 32 x 32": (3, 32, (48, 96, 192)),
    "colour, 64 x 64": (3, 64, (48, 96, 192)),
}

JUDGED = """
async ([content, plain]) => {
  const { Judge } = await import(new URL('ganlab/static/lib/judge.js', document.baseURI));
  const { buffer } = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const judge = new Judge(buffer, plain);
  const pixels = new Float32Array(3 * 64 * 64).fill(0.5);
  const times = [];
  for (const until = performance.now() + 700; times.length < 5 || performance.now() < until;) {
    const start = performance.now();
    judge.classify(pixels);
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[times.length >> 1];
}
"""


def build(settings: dict[str, Any]) -> LatentModel:
    config = dataclasses.replace(COLOUR, **settings)
    nets = networks.build(config)
    networks.initialise(nets, seed=0)
    return LatentModel(config, {name: net.eval() for name, net in nets.items()}, "0" * 16)


def test_the_generator(bare_page: Any) -> None:
    print("\n| generator | multiplications | file | read | first | F | G | G without WebAssembly |")
    print("|---|---|---|---|---|---|---|---|")
    for name, settings in CASES.items():
        model = build(settings)
        content = portable.pack(model)
        packed = base64.b64encode(content).decode()
        quick, plain = (bare_page.evaluate(TIMES, [packed, alone]) for alone in (False, True))
        cells = [f"{quick[key]:.1f} ms" for key in ("open", "first", "F", "G")]
        millions = model.multiplications / 1e6
        print(
            f"| {name} | {millions:.0f} million | {len(content) / 1e6:.1f} MB |"
            f" {' | '.join(cells)} | {plain['G']:.1f} ms |"
        )


def test_the_judge_beside_the_generator(bare_page: Any) -> None:
    print("\n| judge | file | a picture | without WebAssembly |\n|---|---|---|---|")
    for name, (channels, size, widths) in JUDGES.items():
        explorer = Explorer(build({"channels": channels, "size": size}))
        config = JudgeConfig("random", channels, size, 10, widths, 128, 0, 0, 0, grid=4)
        explorer.judge = Judge(config, Network(config), "0" * 16)
        content = portable_judge.pack(explorer)
        packed = base64.b64encode(content).decode()
        quick, plain = (bare_page.evaluate(JUDGED, [packed, alone]) for alone in (False, True))
        print(f"| {name}, {widths} | {len(content) / 1e6:.1f} MB | {quick:.1f} ms | {plain:.1f} ms |")
