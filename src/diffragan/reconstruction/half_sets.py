"""Which half map a particle goes into: one of two, for good."""

from typing import Literal

import numpy as np
import torch

from diffragan.errors import ConfigError, InputError
from diffragan.reconstruction.sources.particle_set import ParticleSet
from diffragan.typing import Int, Tensor

HalfSetRule = Literal["auto", "alternate", "random", "file"]


def half_sets(particles: ParticleSet, rule: HalfSetRule, seed: int) -> Int[Tensor, " n"]:
    """Half set of each particle, 0 or 1.

    Parameters
    ----------
    particles : With the half sets of their file, if it has any.
    rule : `alternate` takes every other particle, `random` draws equal halves by the seed, `file`
        takes rlnRandomSubset, `auto` takes the file's where there are, and alternates otherwise.
    seed : Of the random halves.

    Raises
    ------
    ConfigError : The file has no half sets.
    InputError : A half would be empty.
    """
    numbers = torch.arange(particles.count)
    if rule == "random":
        order = np.random.default_rng(seed).permutation(particles.count)
        found = torch.from_numpy(order) % 2
    elif rule == "alternate" or (rule == "auto" and particles.half_sets is None):
        found = numbers % 2
    elif particles.half_sets is None:
        raise ConfigError(
            f"--half-sets file: {particles.name} has no column _rlnRandomSubset; use alternate or "
            "random"
        )
    else:
        found = particles.half_sets
    sizes = torch.bincount(found, minlength=2)
    if int(sizes.min()) == 0:
        raise InputError(
            f"{particles.name}: all of its {particles.count} images are in one half set, and half "
            "maps need both; give more images or use --half-sets random"
        )
    return found
