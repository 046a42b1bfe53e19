"""Weights of the unrolled network: those of the package, of a training run, or of a folder.

They are safetensors with JSON beside them; nothing is ever unpickled.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from diffragan.config.unrolled_training import UnrolledTraining
from diffragan.errors import InputError
from diffragan.io.checkpoints import BEST, DESCRIPTION, fill_module, has_checkpoint, read_checkpoint
from diffragan.models.unrolled import UnrolledNetwork
from diffragan.typing import Tensor

PART = "average"
"""The running average of the weights is what a run is validated by."""
PACKAGED = "unrolled"


@dataclass(frozen=True, slots=True)
class UnrolledWeights:
    """A trained network, and what it was trained for."""

    settings: UnrolledTraining
    tensors: Mapping[str, Tensor]
    description: Mapping[str, Any]
    where: Path


def packaged_weights() -> Path:
    """Folder of the weights that come with the package."""
    return Path(str(resources.files("diffragan.weights"))) / PACKAGED


def read_unrolled(place: Path) -> UnrolledWeights:
    """Read weights of an unrolled network.

    Parameters
    ----------
    place : A run of `diffragan train --preset unrolled`, whose best weights count, or a folder with
        `checkpoint.json` and `average.safetensors`.

    Raises
    ------
    InputError : There are none, they are damaged, of another version, or of another network.
    """
    if not place.is_dir():
        raise InputError(f"{place}: no such folder of weights; `diffragan train` makes one")
    folder = place if (place / DESCRIPTION).is_file() else place / BEST
    if folder != place and not has_checkpoint(place, BEST):
        raise InputError(
            f"{place}: holds no weights; give a run of `diffragan train --preset unrolled`"
        )
    checkpoint = read_checkpoint(folder, (PART,))
    if checkpoint.description.get("kind") != "unrolled":
        raise InputError(
            f"{place}: holds weights of another kind of network; make some for this method with "
            "`diffragan train --preset unrolled`"
        )
    try:
        settings = UnrolledTraining.model_validate(checkpoint.description["settings"])
    except (KeyError, ValidationError):
        raise InputError(
            f"{folder}: its configuration is not one of this program; train again"
        ) from None
    return UnrolledWeights(settings, checkpoint.tensors[PART], checkpoint.description, place)


def make_network(weights: UnrolledWeights) -> UnrolledNetwork:
    """Make the network and give it its weights.

    Raises
    ------
    InputError : They do not fit the configuration beside them.
    """
    network = UnrolledNetwork(weights.settings.network)
    fill_module(network, dict(weights.tensors), weights.where)
    return network.eval()
