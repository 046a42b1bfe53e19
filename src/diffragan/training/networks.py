"""The two networks and their optimisers: made from the seed, averaged, saved and restored."""

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

ADAM_BETA2 = 0.999
"""Kingma and Ba's choice, which the paper keeps."""

YOUNG_SHARE = 4
"""While a run is young the average remembers a quarter of its steps."""


@dataclass(frozen=True, slots=True)
class Networks:
    """What a run trains."""

    generator: nn.Module
    average: nn.Module
    """Running average of the generator, for single steps of an adversarial training go to and fro.
    """
    discriminator: nn.Module
    generator_optimiser: Optimizer
    discriminator_optimiser: Optimizer

    def optimisers(self) -> Iterator[tuple[str, Optimizer]]:
        """Names of the optimisers and they themselves."""
        yield "generator", self.generator_optimiser
        yield "discriminator", self.discriminator_optimiser

    def used(self, settings: TrainingSettings) -> nn.Module:
        """Return the generator that is validated, and used for phasing."""
        return self.average if settings.used_weights == "average" else unwrapped(self.generator)


def unwrapped(network: nn.Module) -> nn.Module:
    """Take a network out of Fabric's wrapper, whose calls wait for the other processes."""
    inner = network.module
    assert isinstance(inner, nn.Module)
    return inner


def make_networks(settings: TrainingSettings, fabric: Fabric) -> Networks:
    """Make both networks with first weights from the seed, on the device of `fabric`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        generator = UNet(settings.generator)
        discriminator = PatchGan(settings.discriminator, settings.generator)
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


def update_average(networks: Networks, step: int, decay: float) -> None:
    """Take the generator of a step (from 0) into its average.

    The average keeps `decay` of itself at each step; less in a young run, of which it remembers a
    quarter of the steps.
    """
    share = max(1 - decay, 1 / (1 + step / YOUNG_SHARE))
    pairs = zip(networks.average.parameters(), networks.generator.parameters(), strict=True)
    for average, current in pairs:
        average.lerp_(current.detach(), share)


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
