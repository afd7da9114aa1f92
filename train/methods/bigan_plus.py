"""BiGAN+: BiGAN whose reconstructions are judged too, after ALICE (Li et al., arXiv 1709.01215)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize, softplus

from ganlab.networks import Encoder, JointDiscriminator
from train import workers
from train.data.augment import augment
from train.data.augment_colour import Perturbation
from train.methods.games import GAMES, penalise_gradient

TEMPERATURE = 0.2  # of NT-Xent
IMAGE_GAIN = 8.0  # on the logits of the discriminator of pictures, which spectral norm keeps near 0
DIRECTIONS = 128  # of the sliced Wasserstein distance


def nt_xent(a: Tensor, b: Tensor) -> Tensor:
    """NT-Xent (Chen et al., arXiv 2002.05709, eq. 1), the contrastive loss of SimCLR: a scalar.

    `a` and `b` are the features (N, F) of two views of N pictures. By its cosine similarity each row is to be
    nearest to the other view of its picture, among the 2N - 1 other rows.
    """
    a, b = workers.gather(a.float()), workers.gather(b.float())
    rows = normalize(torch.cat([a, b]), dim=1)
    similarity = rows @ rows.T / TEMPERATURE
    similarity.fill_diagonal_(-torch.inf)
    partner = torch.arange(len(rows), device=rows.device).roll(len(a))
    return cross_entropy(similarity, partner)


def sliced_wasserstein(codes: Tensor, z: Tensor) -> Tensor:
    """Squared sliced 2-Wasserstein distance between the rows of `codes` and of `z`, both (N, D): a scalar.

    Along one direction it is the mean squared difference of the sorted projections; the result is the mean
    over DIRECTIONS random unit vectors, of torch's global random numbers (SWAE, Kolouri et al., arXiv
    1804.01947, section 3).
    """
    directions = normalize(torch.randn(z.shape[1], DIRECTIONS, device=z.device), dim=0)
    with torch.autocast(z.device.type, enabled=False):
        codes, z = codes.float(), z.float()
        a, b = ((workers.gather(rows) @ directions.to(rows)).sort(0).values for rows in (codes, z))
        return (a - b).square().mean()


class BiGANPlus:
    """BiGAN's game, and a second discriminator P that tells (x, x) from (x, G(E(x))).

    P asks that G(E(x)) is x itself, not only some picture that goes with E(x): ALICE's bound on the
    conditional entropy H(x|z) (section 3.1). The settings add, where they are not 0:

    - `pixel_weight` times the squared error of G(E(x)), summed over pixels;
    - `latent_weight` times the mean of (E(G(z)) - z)^2;
    - `contrast_weight` times `nt_xent` of E's features of two augmented views of x;
    - `prior_weight` times `sliced_wasserstein` of codes and prior, which the two errors drive apart;
    - `code_noise`, the standard deviation of normal noise on the codes that D judges and G decodes, so that
      near codes give near pictures (the encoder of ALI, Dumoulin et al., arXiv 1606.00704, learns its own);
    - `code_share`: this share of the latents z that D judges, and of the latent error, are not from the prior
      but mixtures of the code c of another picture and noise, sqrt(1 - s^2) c + s noise with s uniform on
      [0, `code_spread`]. D then judges pictures between digits that E knows;
    - `augment`: half of the pictures to reconstruct are augmented views, as uploads differ from MNIST;
    - `image_weight` times the loss of a discriminator that tells x from G(z) and G(E(x)) by the picture alone
      (the unary term of BigBiGAN, Donahue and Simonyan, arXiv 1907.02544, section 2);
    - `anchor_weight` times the squared distance of codes and features from those of the encoder that a second
      stage began with, so that what was fitted to them, as a latent map, still fits;
    - `again_weight` times the squared error of G(E(G(z))), summed over pixels: G's own pictures are fixed
      points of repeated reconstruction;
    - `decoded_weight` times the loss of D on (G(E(x)), E(x)) as one more generated pair;
    - `feature_weight` times the mean squared error of what D sees in G(E(x)), beside what it sees in x (an
      error in learned features, as of VAE/GAN, Larsen et al., arXiv 1512.09300, section 2.2).

    With the game "relativistic" all discriminators play that of R3GAN (arXiv 2501.05441), with `penalty` / 2
    times R1 and R2, which falls to a tenth in the run, on `penalty_share` of the batch; and they see pictures
    that are perturbed with a chance that grows to `perturb_chance` along a cosine (section 4.2).

    G decodes latents and codes in one batch, so that its batch norm has the same statistics for both.
    """

    title = "BiGAN+"
    networks: tuple[str, ...] = ("generator", "encoder", "joint_discriminator", "pair_discriminator")
    players: Mapping[str, tuple[str, ...]] = {
        "discriminator": ("joint_discriminator", "pair_discriminator"),
        "generator_encoder": ("generator", "encoder"),
    }
    training_only = ("pair_discriminator", "discriminator")
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
        image_weight: float = 0.0,
        again_weight: float = 0.0,
        anchor_weight: float = 0.0,
        game: str = "logistic",
        penalty: float = 0.0,
        penalty_share: float = 1.0,
        perturb_chance: float = 0.0,
        decoded_weight: float = 0.0,
        feature_weight: float = 0.0,
    ) -> None:
        self.pair_weight, self.pixel_weight, self.latent_weight = pair_weight, pixel_weight, latent_weight
        self.contrast_weight, self.prior_weight = contrast_weight, prior_weight
        self.code_noise, self.code_share, self.code_spread = code_noise, code_share, code_spread
        self.augment = augment
        if code_share == 1:  # all latents of the game are codes: G never sees the prior
            self.decodes = ("codes",)
        self.image_weight, self.again_weight = image_weight, again_weight
        self.anchor_weight = anchor_weight
        self.game, self.penalty, self.penalty_share = game, penalty, penalty_share
        self.perturb_chance = perturb_chance
        self.decoded_weight, self.feature_weight = decoded_weight, feature_weight
        self.progress = torch.zeros(())  # share of the run that is done; the trainer keeps it
        # A discriminator of weight 0 would learn nothing.
        judging = ["joint_discriminator"]
        judging += ["pair_discriminator"] * bool(pair_weight) + ["discriminator"] * bool(image_weight)
        self.networks = ("generator", "encoder", *judging)
        self.players = {**BiGANPlus.players, "discriminator": tuple(judging)}

    def losses(self, nets: Mapping[str, nn.Module], x: Tensor, z: Tensor) -> dict[str, Tensor]:
        G, E = nets["generator"], cast("Encoder", nets["encoder"])
        half = len(x) // 2 if self.augment else len(x)  # pictures to reconstruct that are not augmented
        target, drift = x, None
        if self.anchor_weight:
            seen = torch.cat([x, augment(x)[half:]])
            codes, drift = self._encode_near(nets, seen)
            code, target = codes[: len(x)], torch.cat([x[:half], seen[len(x) :]])
            target_code = torch.cat([code[:half], codes[len(x) :]])
        else:
            code = target_code = E(x)
            if self.contrast_weight or self.augment:
                view = augment(x)
                view_code, view_features = E.encode_with_features(view)
            if self.augment:
                target = torch.cat([x[:half], view[half:]])
                target_code = torch.cat([code[:half], view_code[half:]])
        prior, z = z, self._mix_in_codes(z, code)
        generated, reconstructed = G(torch.cat([z, self._add_noise(target_code)])).chunk(2)
        code = self._add_noise(code)
        d_loss, ge_loss = self._judge_pairs(nets, (x, code), (generated, z), reconstructed)
        if self.pair_weight:
            loss = self._judge_reconstructions(nets["pair_discriminator"], target, reconstructed)
            d_loss, ge_loss = d_loss + loss[0], ge_loss + self.pair_weight * loss[1]
        if self.pixel_weight:
            error = (reconstructed.float() - target).square().flatten(1).sum(1).mean()
            ge_loss = ge_loss + self.pixel_weight * error
        if self.contrast_weight:
            ge_loss = ge_loss + self.contrast_weight * nt_xent(view_features, E.hidden(augment(x)))
        if self.prior_weight:
            ge_loss = ge_loss + self.prior_weight * sliced_wasserstein(code, prior)
        if self.image_weight:
            pictures = torch.cat([x, generated, reconstructed])
            logits = IMAGE_GAIN * nets["discriminator"](pictures, batches=3).float()
            real, fake = logits.split([len(x), 2 * len(x)])
            d_loss = d_loss + (softplus(-real).mean() + softplus(fake).mean()) / 2
            ge_loss = ge_loss + self.image_weight * softplus(-fake).mean()
        if self.latent_weight or self.again_weight:
            again = E(generated)
            ge_loss = ge_loss + self.latent_weight * (again.float() - z).square().mean()
        if self.again_weight:
            error = (G(again).float() - generated.float().detach()).square().flatten(1).sum(1).mean()
            ge_loss = ge_loss + self.again_weight * error
        if drift is not None:
            ge_loss = ge_loss + self.anchor_weight * drift
        return {"discriminator": d_loss, "generator_encoder": ge_loss}

    def _judge_pairs(
        self,
        nets: Mapping[str, nn.Module],
        real: tuple[Tensor, Tensor],
        fake: tuple[Tensor, Tensor],
        reconstructed: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """D's game about pairs of pictures and codes: losses of D, and of G and E."""
        D, (x, code), (generated, z) = cast("JointDiscriminator", nets["joint_discriminator"]), real, fake
        perturb = self._draw_perturbation(x)
        pictures, codes = [perturb(x), self._draw_perturbation(x)(generated)], [code, z]
        if self.decoded_weight or self.feature_weight:
            pictures, codes = [*pictures, perturb(reconstructed)], [*codes, code.detach()]
        count = len(pictures)
        if self.feature_weight:
            seen = D.look(torch.cat(pictures), batches=count)
            logits = D.output(D.join(seen, torch.cat(codes), batches=count)).squeeze(1)
        else:
            logits = D(torch.cat(pictures), torch.cat(codes), batches=count)
        judged = logits.float().chunk(count)
        d_loss, ge_loss = GAMES[self.game](*judged[:2])
        if self.decoded_weight:
            loss = GAMES[self.game](judged[0], judged[2])
            d_loss = d_loss + self.decoded_weight * loss[0]
            ge_loss = ge_loss + self.decoded_weight * loss[1]
        if self.feature_weight:
            originals, _, copies = seen.float().chunk(3)
            ge_loss = ge_loss + self.feature_weight * (copies - originals.detach()).square().mean()
        if self.penalty:
            rows = slice(max(1, round(self.penalty_share * len(x))))
            inputs = (torch.cat([part[rows] for part in parts[:2]]) for parts in (pictures, codes))
            d_loss = d_loss + self._penalise(D, *inputs)
        return d_loss, ge_loss

    def _judge_reconstructions(
        self, P: nn.Module, target: Tensor, reconstructed: Tensor
    ) -> tuple[Tensor, Tensor]:
        """P's game about pairs of a picture and itself, or its reconstruction: losses of P and of G and E."""
        perturb = self._draw_perturbation(target)
        x, y = perturb(target), perturb(reconstructed)
        pairs = torch.cat([torch.cat([x, x], 1), torch.cat([x, y], 1)])
        same, near = P(pairs, batches=2).float().chunk(2)
        d_loss, ge_loss = GAMES[self.game](same, near)
        if self.game == "logistic":
            ge_loss = softplus(-near).mean()  # its other half is nobody's
        if self.penalty:
            count = max(1, round(self.penalty_share * len(x)))
            rows = torch.cat([part[:count] for part in pairs.chunk(2)])
            d_loss = d_loss + self._penalise(P, rows)
        return d_loss, ge_loss

    def _penalise(self, discriminator: nn.Module, *inputs: Tensor) -> Tensor:
        """R1 and R2, of `inputs` of which one half is real, the other generated."""
        return self.penalty * 0.1**self.progress * penalise_gradient(discriminator, *inputs)

    def _draw_perturbation(self, x: Tensor) -> Callable[[Tensor], Tensor]:
        """A change of pictures for the discriminators; none without a chance of it."""
        if not self.perturb_chance:
            return lambda pictures: pictures
        chance = self.perturb_chance * (1 - torch.cos(math.pi * self.progress)) / 2
        return Perturbation(len(x), chance, x.device)

    def _encode_near(self, nets: Mapping[str, nn.Module], x: Tensor) -> tuple[Tensor, Tensor]:
        """Codes of x, and the mean squared distance from the first encoder's, with that of the features."""
        E, first = cast("Encoder", nets["encoder"]), cast("Encoder", nets["first_encoder"])
        code, features = E.encode_with_features(x)
        with torch.no_grad():
            first_code, first_features = first.encode_with_features(x)
        drift = (code.float() - first_code.float()).square().mean()
        return code, drift + (features.float() - first_features.float()).square().sum(1).mean()

    def _add_noise(self, codes: Tensor) -> Tensor:
        if not self.code_noise:
            return codes
        noise = workers.draw(torch.randn, *codes.shape, dtype=codes.dtype, device=codes.device)
        return codes + self.code_noise * noise

    def _mix_in_codes(self, z: Tensor, code: Tensor) -> Tensor:
        """z (N, D), whose first rows, a share of `code_share`, become codes of other pictures and noise.

        sqrt(1 - s^2) c + s z has the variance of the prior where the codes have it, so that D cannot tell the
        mixtures by their variance. No gradient reaches E through them.
        """
        count = round(self.code_share * len(z))
        if not count:
            return z
        all_codes = workers.gather(code.detach().float())
        order = torch.randperm(len(all_codes), device=code.device)[: count * workers.size()]
        others = all_codes[workers.take_part(order)]
        s = self.code_spread * workers.draw(torch.rand, count, 1, device=code.device)
        return torch.cat([(1 - s * s).sqrt() * others + s * z[:count], z[count:]])
