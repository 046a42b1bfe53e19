"""The two networks and their optimisers: made from the seed, one step, saved and restored."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import nn
from torch.optim import Adam, Optimizer

from diffragan.config.training import TrainingSettings
from diffragan.errors import InputError
from diffragan.io.checkpoints import Tensors, fill_module
from diffragan.models.patchgan import PatchGan
from diffragan.models.unet import UNet
from diffragan.training.data import Batch
from diffragan.training.objective import discriminator_loss, generator_loss
from diffragan.typing import Tensor

ADAM_BETA2 = 0.999
"""Kingma and Ba's choice, which the paper keeps."""

SMALLEST_SHARE = 0.02
"""Of a new step in the average: it remembers about 50 steps."""
YOUNG_SHARE = 4
"""While a run is young the average remembers a quarter of its steps."""


@dataclass(frozen=True, slots=True)
class Networks:
    """What a run trains."""

    generator: nn.Module
    average: nn.Module
    """Running average of the generator: what is judged and used, for single steps of an adversarial
    training go to and fro."""
    discriminator: nn.Module
    generator_optimiser: Optimizer
    discriminator_optimiser: Optimizer

    def optimisers(self) -> Iterator[tuple[str, Optimizer]]:
        """Names of the optimisers and they themselves."""
        yield "generator", self.generator_optimiser
        yield "discriminator", self.discriminator_optimiser


def make_networks(settings: TrainingSettings, fabric: Fabric) -> Networks:
    """Make both networks with first weights from the seed, on the device of `fabric`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        generator = UNet(settings.generator)
        discriminator = PatchGan(settings.discriminator_width)
    prepared: list[Any] = []
    average = copy.deepcopy(generator).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average.requires_grad_(False)
    for network in (generator, discriminator):
        # Channels last is a third faster on CPUs and the tensor cores' own order on GPUs.
        module = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimiser = Adam(
            module.parameters(), lr=settings.learning_rate, betas=(settings.beta1, ADAM_BETA2)
        )
        prepared += fabric.setup(module, optimiser)
    return Networks(prepared[0], fabric.to_device(average), prepared[2], prepared[1], prepared[3])


def adversarial_step(
    networks: Networks, batch: Batch, l1_weight: float, fabric: Fabric
) -> dict[str, float]:
    """Improve the discriminator once, then the generator once.

    Returns
    -------
    Losses, gradient norms and mean scores (0 to 1, real or not) by name.
    """
    generated = networks.generator(batch.observed)
    networks.discriminator.requires_grad_(True)
    real = networks.discriminator(batch.observed, batch.truth)
    fake = networks.discriminator(batch.observed, generated.detach())
    loss_d = discriminator_loss(real, fake)
    norm_d = _descend(networks.discriminator, networks.discriminator_optimiser, loss_d, fabric)

    networks.discriminator.requires_grad_(False)
    judged = networks.discriminator(batch.observed, generated)
    loss_g = generator_loss(judged, generated, batch.truth, l1_weight)
    norm_g = _descend(networks.generator, networks.generator_optimiser, loss_g, fabric)
    measured = {
        "generator_loss": loss_g,
        "discriminator_loss": loss_d,
        "l1": (generated - batch.truth).abs().mean(),
        "generator_gradient": norm_g,
        "discriminator_gradient": norm_d,
        "real_score": torch.sigmoid(real).mean(),
        "fake_score": torch.sigmoid(fake).mean(),
    }
    values = torch.stack([value.detach().float() for value in measured.values()]).tolist()
    return dict(zip(measured, values, strict=True))


def update_average(networks: Networks, step: int) -> None:
    """Take the generator of a step (from 0) into its average, whose memory grows with the steps."""
    share = max(SMALLEST_SHARE, 1 / (1 + step / YOUNG_SHARE))
    pairs = zip(networks.average.parameters(), networks.generator.parameters(), strict=True)
    for average, current in pairs:
        average.lerp_(current.detach(), share)


def _descend(module: nn.Module, optimiser: Optimizer, loss: Tensor, fabric: Fabric) -> Tensor:
    """Take one step down and return the norm of the gradient."""
    optimiser.zero_grad()
    fabric.backward(loss)
    gradients = [p.grad for p in module.parameters() if p.grad is not None]
    norm = torch.nn.utils.get_total_norm(gradients)
    optimiser.step()
    return norm


def network_tensors(networks: Networks) -> dict[str, Tensors]:
    """All tensors a resumed run needs, by part of the checkpoint."""
    moments = {
        f"{name}.{index}.{key}": value
        for name, optimiser in networks.optimisers()
        for index, state in optimiser.state_dict()["state"].items()
        for key, value in state.items()
    }
    return {
        "generator": dict(networks.generator.state_dict()),
        "average": dict(networks.average.state_dict()),
        "discriminator": dict(networks.discriminator.state_dict()),
        "optimisers": moments,
        "random": {"torch": torch.get_rng_state()},
    }


def optimiser_scalars(networks: Networks) -> dict[str, Any]:
    """Return the optimisers' settings as JSON."""
    return {
        name: optimiser.state_dict()["param_groups"] for name, optimiser in networks.optimisers()
    }


def restore_networks(
    networks: Networks, tensors: Mapping[str, Tensors], scalars: Mapping[str, Any], where: Path
) -> None:
    """Bring back what `network_tensors` and `optimiser_scalars` gave.

    Raises
    ------
    InputError : The tensors are those of other networks.
    """
    fill_module(networks.generator, tensors["generator"], where)
    fill_module(networks.average, tensors["average"], where)
    fill_module(networks.discriminator, tensors["discriminator"], where)
    for name, optimiser in networks.optimisers():
        state: dict[int, Tensors] = {}
        for full_name, value in tensors["optimisers"].items():
            owner, index, key = full_name.split(".")
            if owner == name:
                state.setdefault(int(index), {})[key] = value
        try:
            optimiser.load_state_dict({"state": state, "param_groups": scalars[name]})
        except (KeyError, ValueError):
            raise InputError(
                f"{where}: the optimisers do not fit the configuration beside them; train again"
            ) from None
    torch.set_rng_state(tensors["random"]["torch"])
