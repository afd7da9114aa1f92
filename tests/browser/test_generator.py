"""The generator in the page against torch, by the page's own code in Chromium."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
import torch

import ganlab

pytestmark = pytest.mark.browser
LATENTS = {"mnist-bigan-plus": 1_000, "mnist-bigan": 300, "mnist-gan": 300, "cifar10-gan": 100}
JUDGED_LATENTS = 100

DECODED = """
async ([name, latents]) => {
  const { loadGenerator } = await import(new URL('ganlab/static/lib/generator.js', document.baseURI));
  const G = await loadGenerator(name);
  const pictures = latents.map((z) => G.decode(Float32Array.from(z)).slice());
  const url = await new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.readAsDataURL(new Blob(pictures));
  });
  return { content: url.split(',')[1], fingerprint: G.fingerprint };
}
"""


JUDGED = """
async ([name, latents]) => {
  const lib = new URL('ganlab/static/lib/', document.baseURI);
  const { loadGenerator } = await import(new URL('generator.js', lib));
  const { loadJudge } = await import(new URL('judge.js', lib));
  const [G, judge] = [await loadGenerator(name), await loadJudge(name)];
  return latents.map((z) => Array.from(judge.classify(G.decode(Float32Array.from(z))).logits));
}
"""


@pytest.mark.parametrize("name", LATENTS)
def test_its_pictures_are_those_of_torch(bare_page: Any, name: str) -> None:
    """Also a convolutional one of colour: see networks/test_folding.py, whose layers these are."""
    explorer = ganlab.load(name)
    share = LATENTS[name] // len(explorer.sources)
    z = torch.cat([explorer.sample(share, seed=3, source=source) for source in explorer.sources])
    page = bare_page
    answer = page.evaluate(DECODED, [name, z.tolist()])
    assert answer["fingerprint"] == explorer.fingerprint
    pixels = torch.from_numpy(np.frombuffer(base64.b64decode(answer["content"]), np.float32).copy())
    channels, height, width = explorer.config.image_shape
    pictures = pixels.view(LATENTS[name], height, width, channels).movedim(3, 1)
    worst = float((pictures - explorer.decode(z)).abs().max())
    assert worst <= 1 / 255, f"{255 * worst:.2f} / 255"
    if explorer.judge is not None:  # what the page sees in its own pictures is what the judge sees in these
        some = z[:: len(z) // JUDGED_LATENTS]  # of every source
        logits = torch.tensor(page.evaluate(JUDGED, [name, some.tolist()]))
        expected = explorer.judge.logits(explorer.decode(some))
        assert float((logits - expected).abs().max()) <= 0.1
        sure = expected.topk(2, 1)[0].diff(dim=1)[:, 0] < -0.1  # others may be either
        assert torch.equal(logits.argmax(1)[sure], expected.argmax(1)[sure])
