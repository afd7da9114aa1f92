"""What a picture responds to: derivatives of the generator, and its first activations, as vectors of latents.

`ganlab.directions` makes sliders of them. With a latent map F, G's first layers get z = F(u), which is not
linear in the latent u: there closed forms and components of activations are averages over N(0, I).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ganlab import latent
from ganlab.networks import LatentMap
from ganlab.networks.folding import Layer

COMPONENT_SAMPLES = 10_000  # latents whose first activations are analysed
JACOBIAN_SAMPLES = 64  # latents at which the map is differentiated
MAX_REVERSE = 1024  # numbers of a picture whose Jacobian is computed in reverse mode
OFFSET = 1e-2  # of these differences: far above rounding
SEED = 0  # of both


def compute_local(generator: nn.Module, z: Tensor) -> tuple[Tensor, Tensor]:
    """The squared singular values (D,) of the generator's Jacobian at z (D,), largest first, and its right
    singular vectors (D, D), one a row. ganlab/ui/static/lib/jacobian.js computes the same in the page."""
    device = next(generator.parameters()).device
    with torch.inference_mode(False):  # whose tensors have no derivative
        J = _choose_mode(generator, len(z))(lambda z: generator(z.unsqueeze(0))[0].flatten())(
            z.clone().to(device)
        )
    return rank_eigenvectors((J.double().T @ J.double()).cpu())


def _choose_mode(generator: nn.Module, dim: int) -> Callable[..., Callable[[Tensor], Tensor]]:
    """Reverse mode for small pictures; forward mode, by latent dimension, for those in colour, of
    whose thousands of numbers each would take a pass."""
    device = next(generator.parameters()).device
    with torch.no_grad():
        large = generator(torch.zeros(1, dim, device=device)).numel() > MAX_REVERSE
    return torch.func.jacfwd if large else torch.func.jacrev


def compute_closed_form(
    layers: Sequence[Layer], latent_map: LatentMap | None = None
) -> tuple[Tensor, Tensor]:
    """Orthogonal unit vectors (D, D), one a row, and how much (D,) the layers that z enters amplify each,
    squared, largest first: the eigenvectors of A^T A (SeFa, equation 6; arXiv 2007.06600).

    A joins the weights of all layers that z enters, a skip connection too, with the scale of a following
    batch norm, which SeFa leaves out. With a latent map, A is times the map's Jacobian, and the product's
    mean over latents takes the place of A^T A.
    """
    A = join_first_layers(layers)
    gramian = A @ A.T
    if latent_map is not None:
        J = compute_jacobians(latent_map, len(A))
        gramian = torch.einsum("nij,jk,nlk->il", J, gramian, J) / len(J)
    return rank_eigenvectors(gramian)


def compute_components(layers: Sequence[Layer], latent_map: LatentMap) -> tuple[Tensor, Tensor]:
    """The latents' unit vectors (D, D), one a row, along which G's first activations have their principal
    components, and the components' shares (D,) of the activations' variance, largest first (GANSpace,
    section 3, for generators whose latents are isotropic; arXiv 2004.02546).

    The components' coordinates of many samples are regressed on the latents: what is left of each component
    is what is linear in the latent. Vectors are not orthogonal.
    """
    A = join_first_layers(layers)
    u = latent.draw("normal", len(A), COMPONENT_SAMPLES, SEED)
    z = _apply_map(latent_map, u).double()
    z = z - z.mean(0)
    # The activations z A have the rank of z: their components follow from the covariance C of z, as
    # eigenvectors of R A A^T R with R R = C.
    variances, axes = torch.linalg.eigh(z.T @ z / len(z))
    R = (axes * variances.clamp(min=0).sqrt()) @ axes.T
    components, vectors = rank_eigenvectors(R @ A @ A.T @ R)
    scores = z @ A @ A.T @ R @ vectors.T
    slopes = (u.double().T @ scores).T  # of the regression, up to a factor: u is N(0, I)
    slopes = slopes / slopes.norm(dim=1, keepdim=True).clamp(min=1e-12)
    return components / components.sum(), torch.stack([fix_sign(slope) for slope in slopes])


def join_first_layers(layers: Sequence[Layer]) -> Tensor:
    """The weights (D, outputs), float64, of all layers that z enters."""
    return torch.cat(
        [layers[0].weight, *(layer.skip for layer in layers if layer.skip is not None)], 1
    ).double()


def compute_jacobians(latent_map: LatentMap, dim: int) -> Tensor:
    """How codes F(u) change with each dimension of u, at JACOBIAN_SAMPLES latents: (N, D, D), float64, the
    dimensions of u first."""
    u = latent.draw("normal", dim, JACOBIAN_SAMPLES, SEED)
    around = (u.unsqueeze(1) + OFFSET * torch.eye(dim)).flatten(0, 1)
    codes = _apply_map(latent_map, around).view(len(u), dim, dim).double()
    return (codes - _apply_map(latent_map, u).double().unsqueeze(1)) / OFFSET


@torch.inference_mode()
def _apply_map(latent_map: LatentMap, u: Tensor) -> Tensor:
    device = next(latent_map.parameters()).device
    z: Tensor = latent_map(u.to(device)).cpu()
    return z


def rank_eigenvectors(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """The eigenvalues (D,), at least 0, of a symmetric matrix (D, D), largest first, and its eigenvectors
    (D, D), one a row, each with the sign of `fix_sign`."""
    values, vectors = torch.linalg.eigh(matrix)
    return values.flip(0).clamp(min=0), torch.stack([fix_sign(vector) for vector in vectors.T.flip(0)])


def fix_sign(vector: Tensor) -> Tensor:
    """The vector (D,) or its opposite: its largest entry is positive, so that a slider turns the same way on
    every machine."""
    return vector * vector[vector.abs().argmax()].sign()
