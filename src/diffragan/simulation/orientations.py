"""Orientation and randomness of every item, from the seed, the molecule and the item's number."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

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


def largest_extent(model: AtomicModel) -> float:
    """Largest distance between two atoms: no orientation is wider [Å]."""
    points = model.positions.detach().double().cpu().numpy()
    # A flat or tiny molecule has no hull.
    outer = points[ConvexHull(points, qhull_options="QJ").vertices] if len(points) > 4 else points
    return float(pdist(outer).max()) if len(outer) > 1 else 0.0


def check_fits(
    name: str,
    models: Iterable[AtomicModel],
    largest_angstrom: float,
    box_angstrom: float,
    ice_thickness_angstrom: float | None,
) -> None:
    """Make sure that the molecule fits its box, and its ice, in every pose asked for.

    Parameters
    ----------
    name : The molecule's.
    models : It in every pose; looked at only when it could stick out in some.
    largest_angstrom : Its largest extent in any orientation [Å].
    box_angstrom : Side of the box [Å].
    ice_thickness_angstrom : Thickness of the ice, if there is any [Å].

    Raises
    ------
    InputError : It does not fit; says by how much, and what would do.
    """
    ice = ice_thickness_angstrom or float("inf")
    if largest_angstrom <= min(box_angstrom, ice):
        return
    worst = torch.stack([model.extent() for model in models]).amax(0)
    widest, thickest = float(worst.max()), float(worst[2])
    if widest > box_angstrom:
        raise InputError(
            f"{name}: {widest:.1f} Å across, {widest - box_angstrom:.1f} Å more than the box of "
            f"{box_angstrom:g} Å; use a box of {int(widest) + 3} Å or more (`--box-angstrom`)"
        )
    if thickest > ice:
        raise InputError(
            f"{name}: {thickest:.1f} Å thick, and the ice only {ice:g} Å; set "
            f"specimen.ice_thickness_angstrom to {int(thickest) + 3} or more"
        )
