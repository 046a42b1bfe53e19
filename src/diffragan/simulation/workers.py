"""How many processes share a simulation, and whether their memory is there."""

import os
from math import ceil

from diffragan.config.experiment import Experiment
from diffragan.config.numerics import ANTIALIAS_FRACTION, BYTES_PER_PIXEL
from diffragan.device import machine_memory_bytes
from diffragan.errors import ConfigError
from diffragan.structures.vitreous_ice import WATERS_PER_A3

ITEMS_WORTH_A_WORKER = 24
"""Starting a process costs as much as simulating about this many items."""
ITEMS_PER_WORKER = 4
"""Fewest items for which a worker is started that was asked for."""
PROCESS_BYTES = 0.35e9
"""Memory of one process before it simulates; nearly all of it is PyTorch."""
BYTES_PER_PHASE = 64
"""Memory for each atom of a slice and Fourier sample along an axis, as measured in ice: complex
factors for x and y, with what computing them takes."""
ATOMS_PER_WATER = 3


def memory_bytes(experiment: Experiment) -> float:
    """Memory that one worker needs at its peak [bytes]."""
    pixels = experiment.simulation_grid.pixels
    needed = PROCESS_BYTES + BYTES_PER_PIXEL * pixels**2
    thickness = experiment.specimen.ice_thickness_angstrom
    if thickness is not None:
        in_slice = min(thickness, experiment.slice_thickness_angstrom) * experiment.box_angstrom**2
        samples = ANTIALIAS_FRACTION * pixels
        needed += BYTES_PER_PHASE * samples * in_slice * ATOMS_PER_WATER * WATERS_PER_A3
    return needed


def worker_count(wanted: int | None, items: int, experiment: Experiment) -> int:
    """Return how many processes to use: as many as wanted, or as pay and fit into the memory.

    Parameters
    ----------
    wanted : What the user asked for, if anything.
    items : Triplets to make.
    experiment : Its grid decides the memory.

    Raises
    ------
    ConfigError : `wanted` is not positive, or the machine has too little memory.
    """
    if wanted is not None and wanted < 1:
        raise ConfigError(f"the number of workers is {wanted}; use 1 or more")
    share = max(1, ceil(items / ITEMS_PER_WORKER))
    least = min(wanted or 1, share)
    machine = machine_memory_bytes()
    room = int(machine / memory_bytes(experiment))
    if least > room:
        pixels = experiment.simulation_grid.pixels
        raise ConfigError(
            f"{least} worker{'s' * (least > 1)} with {pixels} pixels a side "
            f"need {least * memory_bytes(experiment) / 1e9:.1f} GB of memory, and this machine has "
            f"{machine / 1e9:.1f} GB; use fewer workers or lower numerics.pixels"
        )
    if wanted is not None:
        return least
    return min(os.cpu_count() or 1, 1 + items // ITEMS_WORTH_A_WORKER, room)
