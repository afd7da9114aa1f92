"""Random changes of colour pictures: crops, mirror images, colours; all of a batch at once, on its device.

Pictures are resampled by a matrix for their rows and one for their columns, so that gradients go through and
are the same in every run (unlike those of grid_sample on CUDA). Random numbers are torch's global ones.
"""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor

from train import workers

MIN_AREA = 0.25  # of a crop, as a share of the picture
MAX_ASPECT = 4 / 3  # of a crop's sides, and its inverse
MAX_BRIGHTNESS = 0.2  # added, either way
MAX_LOG_CONTRAST, MAX_LOG_SATURATION = 0.4, 0.6  # of the natural logarithms of the factors, either way
MAX_HUE = math.radians(30)  # either way
GREY_SHARE = 0.2  # of the pictures that lose their colours
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue (ITU-R BT.601)
MAX_SHIFT, MAX_LOG_ZOOM = 0.125, 0.2  # of `perturb`: in sides of the picture, and of the natural logarithm


def augment_colour(x: Tensor) -> Tensor:
    """A view of each picture of x (N, 3, H, W) in [0, 1], as SimCLR's (Chen et al., arXiv 2002.05709,
    appendix A): a crop of random size and shape, mirrored or not, in other colours or none."""
    n, device = len(x), x.device
    area = MIN_AREA + (1 - MIN_AREA) * workers.draw(torch.rand, n, device=device)
    aspect = torch.exp(_draw(n, math.log(MAX_ASPECT) / 2, device))
    zoom = torch.stack([area.sqrt() * aspect, area.sqrt() / aspect], 1).clamp(max=1)
    shift = _draw((n, 2), 1.0, device) * (1 - zoom)
    zoom[:, 1] *= _draw_signs(n, device)
    with torch.autocast(x.device.type, enabled=False):
        view = resample(x.float(), zoom, shift)
        matrix = _turn_hue(_draw(n, MAX_HUE, device)) @ _saturate(_draw(n, MAX_LOG_SATURATION, device).exp())
        grey = workers.draw(torch.rand, n, 1, 1, device=device) < GREY_SHARE
        matrix = torch.where(grey, _saturate(torch.zeros(n, device=device)), matrix)
        contrast = _draw((n, 1, 1), MAX_LOG_CONTRAST, device).exp()
        return recolour(view, contrast * matrix, _draw(n, MAX_BRIGHTNESS, device)).clamp(0, 1)


def mirror(x: Tensor) -> Tensor:
    """x (N, C, H, W), each picture mirrored or not."""
    chosen = workers.draw(torch.rand, len(x), 1, 1, 1, device=x.device) < 0.5
    return torch.where(chosen, x.flip(3), x)


class Perturbation:
    """The same random change of each of `count` pictures, for all tensors that hold them: what a
    discriminator sees, so that few pictures suffice (ADA, Karras et al., arXiv 2006.06676).

    Each picture is shifted, zoomed and recoloured, each with the probability `chance`, a tensor () or a
    number in [0, 1].
    """

    def __init__(self, count: int, chance: Tensor | float, device: torch.device) -> None:
        def often(*shape: int) -> Tensor:
            return (workers.draw(torch.rand, count, *shape, device=device) < chance).float()

        zoom = torch.exp(often() * _draw(count, MAX_LOG_ZOOM, device))
        self.zoom = torch.stack([zoom, zoom], 1)
        self.shift = often(1) * 2 * _draw((count, 2), MAX_SHIFT, device)
        hue = _turn_hue(often() * _draw(count, MAX_HUE, device))
        matrix = hue @ _saturate(torch.exp(often() * _draw(count, MAX_LOG_SATURATION, device)))
        self.matrix = torch.exp(often(1, 1) * _draw((count, 1, 1), MAX_LOG_CONTRAST, device)) * matrix
        self.offset = often() * _draw(count, MAX_BRIGHTNESS, device)

    def __call__(self, x: Tensor) -> Tensor:
        """x (N, 3 or 1, H, W); grey pictures keep their grey. Values may leave [0, 1], so that gradients do
        not end."""
        with torch.autocast(x.device.type, enabled=False):
            view = resample(x.float(), self.zoom, self.shift)
            return recolour(view, self.matrix, self.offset) if x.shape[1] == 3 else view


def resample(x: Tensor, zoom: Tensor, shift: Tensor) -> Tensor:
    """The part of each picture of x (N, C, H, W) of the size `zoom` (N, 2) around the point `shift` (N, 2),
    in half sides, first vertical, then horizontal; bilinear, with the border repeated outside. A negative
    zoom mirrors."""
    rows, columns = (_weigh(zoom[:, i], shift[:, i], x.shape[2 + i]).to(x.dtype) for i in (0, 1))
    return rows[:, None] @ x @ columns.mT[:, None]


def _weigh(zoom: Tensor, shift: Tensor, size: int) -> Tensor:
    """(N, size, size): what each pixel of a line takes of each."""
    pixels = torch.arange(size, device=zoom.device)
    centres = (2 * pixels + 1) / size - 1
    positions = ((zoom[:, None] * centres + shift[:, None] + 1) * size - 1) / 2
    positions = positions.clamp(0, size - 1)
    return (1 - (positions[:, :, None] - pixels).abs()).clamp(min=0)


def recolour(x: Tensor, matrix: Tensor, offset: Tensor) -> Tensor:
    """`matrix` (N, 3, 3) times the difference of each pixel of x (N, 3, H, W) from its picture's mean grey,
    plus that grey and `offset` (N,)."""
    grey = (x.mean((2, 3)) * _weigh_channels(x.device)).sum(1)[:, None, None]
    flat = matrix.to(x.dtype) @ (x.flatten(2) - grey) + grey + offset[:, None, None]
    return flat.view_as(x)


@functools.lru_cache(maxsize=8)
def _weigh_channels(device: torch.device) -> Tensor:
    """LUMA (3,), copied to the device once: a CUDA graph cannot copy from ordinary memory."""
    return torch.tensor(LUMA, device=device)


def _saturate(factor: Tensor) -> Tensor:
    """(N,) -> (N, 3, 3): away from grey by a factor; 0: to grey."""
    grey = _weigh_channels(factor.device).expand(3, 3)
    return grey + factor[:, None, None] * (torch.eye(3, device=factor.device) - grey)


def _turn_hue(angle: Tensor) -> Tensor:
    """(N,) radians -> (N, 3, 3): a rotation about the axis of greys."""
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None] / math.sqrt(3)
    eye, ones = torch.eye(3, device=angle.device), torch.ones(3, 3, device=angle.device)
    cross = eye.roll(1, 0) - eye.roll(1, 1)
    return cos * eye + (1 - cos) / 3 * ones + sin * cross


def _draw(shape: int | tuple[int, ...], limit: float, device: torch.device) -> Tensor:
    """Uniform on [-limit, limit]."""
    sizes = (shape,) if isinstance(shape, int) else shape
    return (2 * workers.draw(torch.rand, *sizes, device=device) - 1) * limit


def _draw_signs(n: int, device: torch.device) -> Tensor:
    return 1 - 2 * (workers.draw(torch.rand, n, device=device) < 0.5).float()
