"""Orientation and randomness of every item, from the seed, the molecule and the item's number."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.config.specimen import OrientationSettings
from diffragan.errors import InputError
from diffragan.rotations import matrix_from_quaternion
from diffragan.simulation.sampling import draw_orientation
from diffragan.structures.atomic_model import AtomicModel


@dataclass(frozen=True, slots=True)
class Pose:
    """How one copy of the molecule stands in the beam: p -> R p + shift."""

    quaternion: NDArray[np.float64]
    """Unit quaternion x, y, z, w."""
    shift: NDArray[np.float64]
    """Moves the turned molecule's bounding box to the middle of the box [Å]."""


def item_generator(seed: int, structure_sha256: str, orientation: int) -> np.random.Generator:
    """Random generator of one item; independent of order, workers and restarts."""
    molecule = int(structure_sha256[:16], 16)
    return np.random.default_rng(np.random.SeedSequence([seed, molecule, orientation]))


def random_pose(
    model: AtomicModel,
    generator: np.random.Generator,
    settings: OrientationSettings | None = None,
) -> Pose:
    """Draw an orientation and centre the turned molecule by its bounding box.

    Orientations are uniform unless the settings prefer an axis of the molecule.
    """
    quaternion = draw_orientation(settings or OrientationSettings(), generator)
    return Pose(quaternion, centring_shift(model, quaternion))


def centring_shift(model: AtomicModel, quaternion: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shift that centres the turned molecule's bounding box [Å]."""
    turned = model.positions.double().numpy() @ matrix_from_quaternion(quaternion).T
    return np.asarray(-(turned.max(0) + turned.min(0)) / 2)


def posed(model: AtomicModel, pose: Pose) -> AtomicModel:
    """Turn and shift a molecule."""
    matrix = torch.from_numpy(matrix_from_quaternion(pose.quaternion))
    exact = replace(model, positions=model.positions.double())
    moved = exact.rotated(matrix).shifted(torch.from_numpy(pose.shift))
    return replace(moved, positions=moved.positions.float())


def check_fits(name: str, model: AtomicModel, poses: Iterable[Pose], box_angstrom: float) -> None:
    """Make sure that the molecule fits its box in every orientation asked for.

    The orientations are looked at only when the molecule could stick out in some.

    Raises
    ------
    InputError : It does not; says by how much, and the box that would do.
    """
    middle = (model.positions.amax(0) + model.positions.amin(0)) / 2
    if 2 * float((model.positions - middle).norm(dim=1).max()) <= box_angstrom:
        return
    worst = max(float(posed(model, pose).extent().max()) for pose in poses)
    if worst > box_angstrom:
        raise InputError(
            f"{name}: {worst:.1f} Å across, {worst - box_angstrom:.1f} Å more than the box of "
            f"{box_angstrom:g} Å; use a box of {int(worst) + 3} Å or more (`--box-angstrom`)"
        )
