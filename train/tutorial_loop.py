"""The training loop of tutorials, for comparison in `python -m train.bench`: nothing else uses it."""

from __future__ import annotations

import statistics
import time

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from ganlab import networks
from ganlab.config import ModelConfig
from train.methods.bigan import BiGAN

PICTURES, BATCH = 4096, 128
WINDOWS = 3  # passes over the pictures


class DrawnPictures(Dataset[Tensor]):
    """Random grey pictures as PIL images, which each access makes a float32 tensor (1, 28, 28)."""

    def __init__(self) -> None:
        pixels = torch.randint(0, 256, (PICTURES, 28, 28), dtype=torch.uint8)
        self.images = [Image.fromarray(picture.numpy()) for picture in pixels]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        from torchvision.transforms.functional import to_tensor

        picture: Tensor = to_tensor(self.images[index])
        return picture


def measure_tutorial(device: torch.device) -> float:
    """Print and return the images a second of BiGAN with the paper's networks, updated in turns in fp32."""
    config = ModelConfig("", "bigan", "", "paper", BiGAN.networks, 1, 28, 50, "uniform", 1024)
    nets = networks.build(config)
    networks.initialise(nets, 0)
    for net in nets.values():
        net.to(device).train()
    method, loader = BiGAN(), DataLoader(DrawnPictures(), BATCH, shuffle=True)
    optimisers = {
        player: torch.optim.Adam([p for name in owned for p in nets[name].parameters()], 2e-4, (0.5, 0.999))
        for player, owned in method.players.items()
    }
    rates = []
    for _ in range(WINDOWS):
        started = time.perf_counter()
        for batch in loader:
            x = batch.to(device)
            for player, optimiser in optimisers.items():
                step(method, nets, optimiser, player, x)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        rates.append(len(loader) * BATCH / (time.perf_counter() - started))
    rate = statistics.median(rates)
    print(f"tutorial's loop, bigan: {rate:,.0f} images/s ({min(rates):,.0f} to {max(rates):,.0f}), fp32")
    return rate


def step(
    method: BiGAN, nets: dict[str, nn.Module], optimiser: torch.optim.Optimizer, player: str, x: Tensor
) -> None:
    """One player's turn, with a forward pass of its own."""
    z = 2 * torch.rand(len(x), 50, device=x.device) - 1
    loss = method.losses(nets, x, z)[player]
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
