"""What a step does: whose turn it is, losses, gradients, Adam, moving average, noise of the prior."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from ganlab import networks
from train import workers
from train.config import TrainConfig
from train.data import datasets
from train.data.augment_colour import mirror
from train.methods import Method

STRETCH = 3.0  # how far a slider goes, in deviations of the prior


class Updates:
    """The networks of a run and all that changes them, a step at a time.

    Where several processes train together, each has its part of the batch: gradients are averaged, and all of
    them do the same steps with their copies of the networks.
    """

    def __init__(
        self, config: TrainConfig, method: Method, nets: dict[str, nn.Module], device: torch.device
    ) -> None:
        """`nets` are those of the method, and a latent map, on the device with their first weights."""
        self.config, self.method, self.nets, self.device = config, method, nets, device
        self.on_gpu = device.type == "cuda"
        self.seen = {**nets, **self._copy_first_encoder()}  # what the method sees
        self.averaged: dict[str, nn.Module] = {  # EMA copies of what the app will use
            name: copy.deepcopy(nets[name]).eval().requires_grad_(False)
            for name in ("generator", "encoder")
            if config.ema and name in nets
        }
        self.parameters = {
            player: [p for name in owned for p in nets[name].parameters()]
            for player, owned in method.players.items()
        }
        self.optimisers = {
            player: self._build_optimiser(parameters) for player, parameters in self.parameters.items()
        }
        # fp16's range is too small for raw gradients; the scaler does nothing in other precisions.
        self.scaler = torch.amp.GradScaler(device.type, enabled=config.precision == "fp16")
        # Losses summed over this epoch, and the share of the run that is done, where no step waits for them.
        self.sums = torch.zeros(len(method.players), dtype=torch.float64, device=device)
        self.progress = torch.zeros((), device=device)
        if hasattr(method, "progress"):
            method.progress = self.progress

    def _copy_first_encoder(self) -> dict[str, nn.Module]:
        """A frozen copy of the encoder that a second stage begins with, where the method holds on to it."""
        if not self.config.anchor_weight:
            return {}
        return {"first_encoder": copy.deepcopy(self.nets["encoder"]).eval().requires_grad_(False)}

    def _build_optimiser(self, parameters: list[nn.Parameter]) -> torch.optim.Adam:
        cfg = self.config
        return torch.optim.Adam(
            parameters,
            lr=torch.tensor(cfg.lr, device=self.device) if self.on_gpu else cfg.lr,
            betas=(cfg.beta1, cfg.beta2),
            weight_decay=cfg.weight_decay,
            fused=True,
            capturable=self.on_gpu,
        )

    def set_learning_rate(self, rate: float) -> None:
        """Adam's rate of all players."""
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                if isinstance(group["lr"], Tensor):  # part of the captured step
                    group["lr"].fill_(rate)
                else:
                    group["lr"] = rate

    # ------------------------------------------------------------------ a step

    def take_turns(self, pixels: Tensor, step: int) -> None:
        """Step number `step` on the pictures `pixels`, uint8 (N, C, H, W); nothing in it waits for the
        device."""
        x = datasets.to_input(pixels)
        x = mirror(x) if self.config.mirror else x
        z = self._sample_part(len(x))
        losses: dict[str, Tensor] = {}
        for players, fresh in self._plan_turns(step):
            z = self._sample_part(len(x)) if fresh else z
            updated = self.update(x, z, players)
            # The log has the loss that a player's step used, or else the first of this step.
            losses = {**updated, **losses} | {player: updated[player] for player in players}
        stacked = torch.stack([losses[player].detach().double() for player in self.method.players])
        self.sums += workers.start_average([stacked])()[0]

    def _plan_turns(self, step: int) -> Iterator[tuple[tuple[str, ...], bool]]:
        """Yield the players that step together, in order, and whether they get fresh noise.

        Alternating: D; then, every `d_steps` steps, `g_steps` turns in which all other players share a noise.
        """
        players, cfg = tuple(self.method.players), self.config
        if cfg.updates == "simultaneous":
            yield players, False
            return
        others = tuple(player for player in players if player != "discriminator")
        if "discriminator" in players:
            yield ("discriminator",), False
        if "discriminator" not in players or (step + 1) % cfg.d_steps == 0:
            for turn in range(cfg.g_steps):
                for player in others:
                    yield (player,), turn > 0 and player == others[0]

    def update(self, x: Tensor, z: Tensor, players: tuple[str, ...]) -> dict[str, Tensor]:
        """One forward pass, then a step of each of `players`; all gradients are taken before any step.

        z are latents of the prior; a latent map makes them the codes that the method sees. Returns the losses
        of all players.
        """
        dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(self.config.precision)
        with torch.autocast(self.device.type, dtype=dtype, enabled=dtype is not None):
            latent_map = self.nets.get(networks.LATENT_MAP)
            codes = z if latent_map is None else latent_map(z)
            losses = self.method.losses(self.seen, x, codes)
        averages = {}
        for player in players:
            gradients = torch.autograd.grad(
                self.scaler.scale(losses[player]),
                self.parameters[player],
                retain_graph=player != players[-1],
            )
            averages[player] = workers.start_average(gradients)  # while the next player's are computed
        for player, finish in averages.items():
            for parameter, gradient in zip(self.parameters[player], finish(), strict=True):
                parameter.grad = arrange_like(parameter, gradient)
        for player in players:
            self.scaler.step(self.optimisers[player])
        self.scaler.update()
        stepped = {name for player in players for name in self.method.players[player]}
        for name in stepped & self.averaged.keys():
            self._average(self.averaged[name], self.nets[name])
        return {player: loss.detach() for player, loss in losses.items()}

    @torch.no_grad()
    def _average(self, averaged: nn.Module, net: nn.Module) -> None:
        """Move the average towards the current weights; (1 - ema) is the share of the way."""
        averages: list[Tensor] = [*averaged.parameters()]
        torch._foreach_lerp_(averages, [*net.parameters()], 1 - self.config.ema)
        for statistic, current in zip(averaged.buffers(), net.buffers(), strict=True):
            statistic.copy_(current)  # batch norm's are averages already

    def sample_prior(self, count: int) -> Tensor:
        """Noise (count, latent_dim) of the prior, from torch's global generator, which each step seeds."""
        shape = (count, self.config.latent_dim)
        if self.config.prior == "uniform":
            return torch.rand(shape, device=self.device) * 2 - 1
        z = torch.randn(shape, device=self.device)
        if stretched := round(self.config.stretch_share * count):
            z[:stretched] += STRETCH * normalize(torch.randn_like(z[:stretched]), dim=1)
        return z

    def _sample_part(self, count: int) -> Tensor:
        """Noise (count, latent_dim) for the pictures of this process: its part of the global batch's."""
        return workers.take_part(self.sample_prior(count * workers.size()))

    # ------------------------------------------------------------------ resume

    def list_state(self) -> dict[str, Any]:
        """All that steps change, for the resume file."""
        return {
            "sums": dict(zip(self.method.players, self.sums.tolist(), strict=True)),
            "nets": {name: net.state_dict() for name, net in self.nets.items()},
            "averaged": {name: net.state_dict() for name, net in self.averaged.items()},
            "optimisers": {name: o.state_dict() for name, o in self.optimisers.items()},
            "scaler": self.scaler.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put a state's numbers in place. Torch's own errors for one of other networks."""
        # Empty where the epoch had just begun, in runs saved by earlier versions.
        sums = [state["sums"].get(player, 0.0) for player in self.method.players]
        self.sums.copy_(torch.tensor(sums, dtype=torch.float64))
        for name, net in self.nets.items():
            net.load_state_dict(state["nets"][name])
        for name, net in self.averaged.items():
            net.load_state_dict(state["averaged"][name])
        for name, optimiser in self.optimisers.items():
            rates = [group["lr"] for group in optimiser.param_groups]
            optimiser.load_state_dict(state["optimisers"][name])
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                if isinstance(rate, Tensor):  # the tensor itself is part of the captured step
                    group["lr"] = rate.copy_(group["lr"])
        self.scaler.load_state_dict(state["scaler"])


def arrange_like(parameter: Tensor, gradient: Tensor) -> Tensor:
    """The gradient in the parameter's order of memory.

    Convolutions may give it in another, which `backward` corrects and `grad` does not. torch's fused Adam
    reads both in the order of memory: on processors it would then change the wrong weights, and say nothing.
    """
    if gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)
