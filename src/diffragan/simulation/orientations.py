"""Orientation and randomness of every item, from the seed, the molecule and the item's number."""

from collections.abc import Iterable, Sequence
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


@dataclass(frozen=True, slots=True)
class Size:
    """How much room a molecule takes in the poses of a data set."""

    name: str
    across_angstrom: float
    """Largest extent along any axis of the box [Å]."""
    along_beam_angstrom: float
    """Largest extent along the beam [Å]."""


def size_in_poses(name: str, models: Iterable[AtomicModel]) -> Size:
    """Measure a molecule in all its poses; nothing, if there are none."""
    worst = torch.stack([torch.zeros(3), *(model.extent() for model in models)]).amax(0)
    return Size(name, float(worst.max()), float(worst[2]))


def check_fits(
    sizes: Sequence[Size], box_angstrom: float, ice_thickness_angstrom: float | None
) -> None:
    """Make sure that molecules fit their box and their ice.

    Parameters
    ----------
    sizes : Of every molecule that could stick out.
    box_angstrom : Side of the box [Å].
    ice_thickness_angstrom : Thickness of the ice, if there is any [Å].

    Raises
    ------
    InputError : One does not fit; says by how much, and what would do for all.
    """
    if not sizes:
        return
    widest = max(sizes, key=lambda size: size.across_angstrom)
    if widest.across_angstrom > box_angstrom:
        others = sum(size.across_angstrom > box_angstrom for size in sizes) - 1
        also = f" ({others} more {'do' if others > 1 else 'does'} not fit)" if others else ""
        raise InputError(
            f"{widest.name}: {widest.across_angstrom:.1f} Å across, "
            f"{widest.across_angstrom - box_angstrom:.1f} Å more than the box of {box_angstrom:g} Å"
            f"{also}; use a box of {int(widest.across_angstrom) + 3} Å or more (`--box-angstrom`)"
        )
    thickest = max(sizes, key=lambda size: size.along_beam_angstrom)
    ice = ice_thickness_angstrom
    if ice is not None and thickest.along_beam_angstrom > ice:
        raise InputError(
            f"{thickest.name}: {thickest.along_beam_angstrom:.1f} Å thick, and the ice only "
            f"{ice:g} Å; set specimen.ice_thickness_angstrom to "
            f"{int(thickest.along_beam_angstrom) + 3} or more"
        )
