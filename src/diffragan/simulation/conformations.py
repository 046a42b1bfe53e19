"""Several conformations in one data set: which one an item shows, and how far it is bent."""

from collections.abc import Sequence

import numpy as np

from diffragan.config.specimen import ConformationSettings
from diffragan.errors import ConfigError
from diffragan.structures.atomic_model import AtomicModel
from diffragan.structures.normal_modes import NormalModes, displaced_along


def check_populations(settings: ConformationSettings, structures: int) -> None:
    """Make sure that every structure has its population.

    Raises
    ------
    ConfigError : There are more or fewer populations than structures.
    """
    given = settings.populations
    if given is not None and len(given) != structures:
        raise ConfigError(
            f"conformations.populations has {len(given)} shares for {structures} structures; "
            "give one for each structure, in the same order"
        )


def draw_conformation(populations: Sequence[float], generator: np.random.Generator) -> int:
    """Draw the number of a conformation, each with its population."""
    edges = np.cumsum(populations)
    return int(np.searchsorted(edges, generator.uniform() * edges[-1], side="right"))


def bent(
    model: AtomicModel,
    modes: NormalModes,
    amplitude_angstrom: float,
    generator: np.random.Generator,
) -> AtomicModel:
    """Bend a molecule at random along its normal modes, as heat does.

    Each mode gets the same mean energy, so the softest moves most; over many draws the root mean
    square displacement of all atoms is `amplitude_angstrom`. An amplitude of zero changes nothing.

    Parameters
    ----------
    model : The molecule the modes belong to.
    modes : Its lowest modes.
    amplitude_angstrom : Root mean square displacement over atoms and draws [Å].
    generator : Source of the amplitudes.
    """
    normal = generator.standard_normal(len(modes.stiffness))
    return displaced_along(model, modes, amplitude_angstrom * np.sqrt(modes.shares()) * normal)
