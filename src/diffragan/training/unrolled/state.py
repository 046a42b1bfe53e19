"""The network of a run, its average and its optimiser: made from the seed, saved, restored."""

import copy
from dataclasses import asdict, dataclass
from math import cos, pi
from pathlib import Path
from typing import Any

import torch
from torch.optim import AdamW

from diffragan.config.unrolled_training import UnrolledTraining
from diffragan.errors import InputError
from diffragan.io.checkpoints import Checkpoint, Tensors, fill_module
from diffragan.models.unrolled import UnrolledNetwork
from diffragan.training.position import Position

PARTS = ("network", "average", "optimiser")
USED = "average"
"""The weights that are validated and used."""
LAST_RATE = 0.01
"""Share of the learning rate that is left at the end."""
YOUNG_SHARE = 4
"""While a run is young the average remembers a quarter of its steps."""


@dataclass(slots=True)
class State:
    """What a step changes."""

    network: UnrolledNetwork
    average: UnrolledNetwork
    optimiser: AdamW
    position: Position


def make_state(settings: UnrolledTraining, device: torch.device) -> State:
    """Make a network with first weights from the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = UnrolledNetwork(settings.network)
    network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(network).requires_grad_(False)
    optimiser = AdamW(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    return State(network, average, optimiser, Position())


def learning_rate(settings: UnrolledTraining, step: int) -> float:
    """Learning rate of a step: a rise, then half a cosine down to a hundredth.

    Source: Loshchilov and Hutter, ICLR 2017, eq. 5, without restarts.
    """
    rise = min(1.0, (step + 1) / max(1, settings.warmup_steps))
    fall = LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + cos(pi * min(1.0, step / settings.steps)))
    return settings.learning_rate * rise * fall


def update_average(state: State, decay: float) -> None:
    """Take the weights of a step into their average."""
    share = max(1 - decay, 1 / (1 + state.position.step / YOUNG_SHARE))
    for average, current in zip(
        state.average.parameters(), state.network.parameters(), strict=True
    ):
        average.lerp_(current.detach(), share)


def checkpoint_of(state: State, description: dict[str, Any]) -> Checkpoint:
    """Everything a run needs to go on."""
    saved = state.optimiser.state_dict()
    moments = {
        f"{index}.{key}": value
        for index, values in saved["state"].items()
        for key, value in values.items()
    }
    tensors = {
        "network": dict(state.network.state_dict()),
        "average": dict(state.average.state_dict()),
        "optimiser": moments,
    }
    described = {
        **description,
        "optimiser": saved["param_groups"],
        "position": asdict(state.position),
    }
    return Checkpoint(tensors, described)


def restore(state: State, checkpoint: Checkpoint, where: Path) -> None:
    """Bring back what `checkpoint_of` gave.

    Raises
    ------
    InputError : It is that of another network.
    """
    fill_module(state.network, dict(checkpoint.tensors["network"]), where)
    fill_module(state.average, dict(checkpoint.tensors["average"]), where)
    moments: dict[int, Tensors] = {}
    try:
        for name, value in checkpoint.tensors["optimiser"].items():
            index, key = name.split(".")
            moments.setdefault(int(index), {})[key] = value
        groups = checkpoint.description["optimiser"]
        state.optimiser.load_state_dict({"state": moments, "param_groups": groups})
        state.position = Position.from_json(dict(checkpoint.description["position"]))
    except (KeyError, ValueError):
        raise InputError(f"{where}: its optimiser does not fit its network; train again") from None
