"""Patterns of a made-up molecule, by the project's own multislice."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch

from diffragan.config.experiment import Experiment
from diffragan.config.load import load_experiment
from diffragan.grid import Grid
from diffragan.physics.forward import diffraction_pattern, measured_region
from diffragan.physics.multislice import mid_plane_wave
from diffragan.reconstruction.many_views.geometry import grid_for, measured_pixels
from diffragan.reconstruction.many_views.patterns import PatternSet, expected_per_unit
from diffragan.reconstruction.truth import true_potential_map
from diffragan.rotations import matrix_from_quaternion, uniform_quaternion
from diffragan.structures.atomic_model import AtomicModel
from diffragan.typing import Tensor

RADIUS = 9.0
BOX = 40.0
LIMIT = 0.4
SLICE = 3.0
ATOMS = 120
BOND = 1.4
DALTONS_PER_ATOM = 14.0


def experiment() -> Experiment:
    return load_experiment(
        "paper",
        overrides={
            "box_angstrom": BOX,
            "diffraction": {"max_angle_mrad": 11},
            "wave_pixels": 64,
            "image_pixels": 64,
            "numerics": {"accuracy": 0.1},
        },
    )


def grid() -> Grid:
    return grid_for(LIMIT, BOX)


def molecule(seed: int = 5) -> AtomicModel:
    """Random atoms within a ball, more of them on one side, none closer than a bond."""
    generator = torch.Generator().manual_seed(seed)
    drawn = (2 * torch.rand(6000, 3, generator=generator, dtype=torch.float64) - 1) * RADIUS
    drawn[::4] = drawn[::4].abs()
    kept: list[Tensor] = []
    for point in drawn[drawn.norm(dim=1) < RADIUS]:
        if all(float((point - other).norm()) > BOND for other in kept):
            kept.append(point)
        if len(kept) == ATOMS:
            break
    points = torch.stack(kept)
    numbers = torch.tensor([6, 7, 8])[torch.randint(3, (len(points),), generator=generator)]
    return AtomicModel(points - points.mean(0), numbers)


def orientations(count: int, seed: int = 7) -> Tensor:
    generator = np.random.default_rng(seed)
    quaternions = np.stack([uniform_quaternion(generator) for _ in range(count)])
    return torch.from_numpy(matrix_from_quaternion(quaternions))


def truth(seed: int = 5) -> Tensor:
    """The true potential with its origin at voxel [0, 0, 0]."""
    volume: Tensor = torch.fft.ifftshift(true_potential_map(molecule(seed), grid()))
    return volume


@lru_cache
def waves(count: int, seed: int = 5) -> Tensor:
    model, setting = molecule(seed), experiment()
    single = AtomicModel(model.positions.float(), model.atomic_numbers)
    turned = [single.rotated(r) for r in orientations(count)]
    field, electron = setting.simulation_grid, setting.electron
    return torch.stack([mid_plane_wave(one, field, electron, SLICE) for one in turned])


def patterns(count: int = 40, seed: int = 5) -> PatternSet:
    """Noise-free patterns at known orientations."""
    setting = experiment()
    side = setting.diffraction_pixels
    pixels = measured_pixels(setting, measured_region(side, 0.5), LIMIT)
    values = diffraction_pattern(waves(count, seed), side).flatten(1)[:, pixels.places]
    unit = expected_per_unit(setting, None)
    return of_values(values, PatternSet(
        "made up", pixels, setting, False, orientations(count).float(),
        torch.full((count,), unit, dtype=torch.float64), lambda _: values, tuple(range(count)),
    ))  # fmt: skip


def of_values(values: Tensor, like: PatternSet, counted: bool = False) -> PatternSet:
    """A set with other values."""

    def read(numbers: Sequence[int]) -> Tensor:
        return values[list(numbers)]

    return replace(like, read=read, counted=counted)


def counted(exposure: float, count: int = 40, seed: int = 5) -> PatternSet:
    """The same patterns counted at an exposure [e/Å2]."""
    exact = patterns(count, seed)
    factor = expected_per_unit(exact.experiment, exposure) / float(exact.expected[0])
    generator = torch.Generator().manual_seed(3)
    drawn = torch.poisson(exact.read(exact.kept) * factor, generator=generator)
    return replace(of_values(drawn, exact, counted=True), expected=exact.expected * factor)
