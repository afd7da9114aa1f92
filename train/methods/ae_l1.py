"""AE-l1: an autoencoder with BiGAN's networks, the paper's baseline (arXiv 1605.09782, section 4.1)."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn


class AutoencoderL1:
    """E and G minimise |x - G(E(x))|, summed over pixels, averaged over pictures; no prior is matched.

    A mean over the 784 pixels would be so small that the weight decay outweighs it.
    """

    title = "Autoencoder l1"
    networks: tuple[str, ...] = ("generator", "encoder")
    players: Mapping[str, tuple[str, ...]] = {"generator_encoder": ("generator", "encoder")}
    decodes = ("codes",)

    def losses(self, nets: Mapping[str, nn.Module], x: Tensor, z: Tensor) -> dict[str, Tensor]:
        G, E = nets["generator"], nets["encoder"]
        return {"generator_encoder": (G(E(x)).float() - x).abs().flatten(1).sum(1).mean()}
