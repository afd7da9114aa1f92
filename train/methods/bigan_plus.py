"""BiGAN+: BiGAN whose reconstructions are judged too, after ALICE (Li et al., arXiv 1709.01215)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize, softplus

from ganlab.networks import Encoder
from train.data.augment import augmented

TEMPERATURE = 0.2  # of the contrast
DIRECTIONS = 128  # of the sliced distance


def contrast(a: Tensor, b: Tensor) -> Tensor:
    """NT-Xent (Chen et al., arXiv 2002.05709, eq. 1) of features (N, F) of two views of N pictures.

    Each row is to be nearer, by its angle, to the other view of its picture than to the 2N - 2 rest.
    """
    rows = normalize(torch.cat([a, b]).float(), dim=1)
    near = rows @ rows.T / TEMPERATURE
    near.fill_diagonal_(-torch.inf)
    partner = torch.arange(len(rows), device=rows.device).roll(len(a))
    return cross_entropy(near, partner)


def sliced_distance(codes: Tensor, z: Tensor) -> Tensor:
    """Squared 2-Wasserstein distance between rows (N, D) of codes and of latents, along random directions.

    Along one direction it is the mean squared difference of the sorted projections; returned is the mean
    over DIRECTIONS of torch's global random stream (SWAE, Kolouri et al., arXiv 1804.01947).
    """
    directions = normalize(torch.randn(z.shape[1], DIRECTIONS, device=z.device), dim=0)
    with torch.autocast(z.device.type, enabled=False):
        a, b = ((rows.float() @ directions).sort(0).values for rows in (codes, z))
        return (a - b).square().mean()


class BiGANPlus:
    """BiGAN's game, and a second discriminator P that tells (x, x) from (x, G(E(x))).

    P makes G(E(x)) x itself, not only something that goes with E(x): ALICE's bound on the conditional
    entropy H(x|z) (section 3.1). Its settings add, each with weight 0 for nothing:

    - `pixel_weight` times the squared error of G(E(x)), summed over pixels;
    - `latent_weight` times the mean of (E(G(z)) - z)^2;
    - `contrast_weight` times `contrast` of E's features of two changed views of x;
    - `prior_weight` times `sliced_distance` of codes from the prior, which the errors above pull them off;
    - `code_noise`, the deviation of normal noise added to codes before D judges them and G decodes them, so
      that near codes give near pictures, and codes fill space as latents of the prior do (the encoder of
      ALI, Dumoulin et al., arXiv 1606.00704, is such a one, and learns its deviation);
    - `code_share`: so much of the latents in the game with D and of the latent error are not of the prior
      but codes c of other pictures moved towards it, sqrt(1 - s^2) c + s noise with s uniform on
      [0, `code_spread`]: what D then asks of G are digits between the digits that E knows, and not only
      in the prior's empty corners;
    - `augment`: half of the pictures to be given back are changed views, as uploads differ from MNIST.

    G decodes latents and codes in one batch, so that one batch norm serves both.
    """

    title = "BiGAN+"
    networks: tuple[str, ...] = ("generator", "encoder", "joint_discriminator", "pair_discriminator")
    players: Mapping[str, tuple[str, ...]] = {
        "discriminator": ("joint_discriminator", "pair_discriminator"),
        "generator_encoder": ("generator", "encoder"),
    }
    training_only = ("pair_discriminator",)
    decodes: tuple[str, ...] = ("prior", "codes")

    def __init__(
        self,
        pair_weight: float = 1.0,
        pixel_weight: float = 0.0,
        latent_weight: float = 0.0,
        contrast_weight: float = 0.0,
        prior_weight: float = 0.0,
        code_noise: float = 0.0,
        code_share: float = 0.0,
        code_spread: float = 0.5,
        augment: bool = False,
    ) -> None:
        self.pair, self.pixel, self.latent = pair_weight, pixel_weight, latent_weight
        self.contrast, self.prior = contrast_weight, prior_weight
        self.noise, self.share, self.spread = code_noise, code_share, code_spread
        self.augment = augment
        if self.share == 1:  # all of the game's latents are codes: G never sees the prior
            self.decodes = ("codes",)
        if not pair_weight:  # P would learn nothing
            self.networks = BiGANPlus.networks[:-1]
            self.players = {**BiGANPlus.players, "discriminator": ("joint_discriminator",)}

    def losses(self, nets: Mapping[str, nn.Module], x: Tensor, z: Tensor) -> dict[str, Tensor]:
        G, E, D = nets["generator"], cast("Encoder", nets["encoder"]), nets["joint_discriminator"]
        code = E(x)
        target, codes = x, code
        if self.contrast or self.augment:
            view = augmented(x)
            view_code, view_features = E.both(view)
        if self.augment:
            half = len(x) // 2
            target, codes = torch.cat([x[:half], view[half:]]), torch.cat([code[:half], view_code[half:]])
        prior, z = z, self._moved(code, z)
        made, again = G(torch.cat([z, self._noisy(codes)])).chunk(2)
        code = self._noisy(code)
        real, fake = D(torch.cat([x, made]), torch.cat([code, z]), batches=2).float().chunk(2)
        judged = (softplus(-real).mean() + softplus(fake).mean()) / 2
        total = (softplus(real).mean() + softplus(-fake).mean()) / 2
        if self.pair:
            pairs = torch.cat([torch.cat([target, target], 1), torch.cat([target, again], 1)])
            same, near = nets["pair_discriminator"](pairs, batches=2).float().chunk(2)
            judged = judged + (softplus(-same).mean() + softplus(near).mean()) / 2
            total = total + self.pair * softplus(-near).mean()
        if self.pixel:
            total = total + self.pixel * (again.float() - target).square().flatten(1).sum(1).mean()
        if self.contrast:
            total = total + self.contrast * contrast(view_features, E.hidden(augmented(x)))
        if self.prior:
            total = total + self.prior * sliced_distance(code, prior)
        if self.latent:
            total = total + self.latent * (E(made).float() - z).square().mean()
        return {"discriminator": judged, "generator_encoder": total}

    def _noisy(self, codes: Tensor) -> Tensor:
        return codes + self.noise * torch.randn_like(codes) if self.noise else codes

    def _moved(self, code: Tensor, z: Tensor) -> Tensor:
        """z with a share of its rows replaced by codes of pictures in another order, moved to the prior.

        Where codes have the prior's variance the moved ones have it too, so that D cannot tell them by it.
        """
        count = round(self.share * len(z))
        if not count:
            return z
        others = code.detach().float()[torch.randperm(len(code), device=code.device)[:count]]
        s = self.spread * torch.rand(count, 1, device=code.device)
        return torch.cat([(1 - s * s).sqrt() * others + s * z[:count], z[count:]])
