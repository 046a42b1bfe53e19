"""Which view of a data set a particle of another program is: by its molecule and orientation."""

from collections.abc import Sequence
from math import asin, degrees, radians, sin, sqrt
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from diffragan.errors import InputError
from diffragan.io.star import Particles
from diffragan.io.triplets import TripletStore
from diffragan.phasing.particles import micrograph_name
from diffragan.rotations import Matrices, matrix_from_quaternion, relion_angles_degrees

TOLERANCE_DEGREES = 0.5
"""Rounding of angles in a STAR file is far less, neighbouring views are degrees apart."""


def match_views(data: TripletStore, particles: Particles, path: Path) -> list[int]:
    """Find the item of a data set that each particle shows.

    Parameters
    ----------
    particles : With orientations; a column with names of molecules, such as `rlnMicrographName`, is
        needed where several molecules were seen from the same direction.
    path : The STAR file, for messages.

    Raises
    ------
    InputError : Particles have no orientations, or one matches no view, several, or another's.
    """
    if particles.rotations is None:
        raise InputError(
            f"{path}: has no orientations, so its particles cannot be told apart; add the columns "
            "_rlnAngleRot, _rlnAngleTilt and _rlnAnglePsi of the data set's views"
        )
    owner = data.read("structure")
    views = matrix_from_quaternion(data.read("orientation"))
    names = [str(entry["name"]) for entry in data.store.attributes["structures"]]
    molecule = _molecule_of_each(particles, names)
    found = np.full(len(particles.rotations), -1)
    for index in [None] if molecule is None else sorted(set(molecule)):
        if molecule is None:
            rows, candidates = np.arange(len(found)), np.arange(len(owner))
        else:
            rows = np.flatnonzero(np.array(molecule) == index)
            candidates = np.flatnonzero(owner == index)
        if not len(candidates):
            raise InputError(
                f"{path}: has particles of {names[index or 0]}, of which {data.store.path} has no "
                "views"
            )
        found[rows] = _nearest(views, candidates, particles.rotations, rows, path)
    _check_single(found, path)
    return [int(item) for item in found]


def _molecule_of_each(particles: Particles, names: Sequence[str]) -> list[int] | None:
    """Molecule of each particle, from a column that names nothing else; None without one."""
    known = {micrograph_name(name): index for index, name in enumerate(names)}
    for column in particles.extra.values():
        words = [PurePosixPath(text).name for text in column]
        # A micrograph is a file, and some programs write its suffix.
        for found in (words, [PurePosixPath(word).stem for word in words]):
            if set(found) <= set(known):
                return [known[word] for word in found]
    return None


def _nearest(
    views: Matrices,
    candidates: NDArray[np.int64],
    rotations: Matrices,
    rows: NDArray[np.int64],
    path: Path,
) -> NDArray[np.int64]:
    """Return the candidate of the same orientation for each particle of `rows`."""
    tree = cKDTree(views[candidates].reshape(-1, 9))
    distance, place = tree.query(rotations[rows].reshape(-1, 9), k=min(2, len(candidates)))
    distance, place = distance.reshape(len(rows), -1), place.reshape(len(rows), -1)
    # |R - S| = sqrt(8) sin(angle / 2) in the Frobenius norm.
    reach = sqrt(8) * sin(radians(TOLERANCE_DEGREES) / 2)
    far = np.flatnonzero(distance[:, 0] > reach)
    if len(far):
        first = int(far[0])
        item = int(candidates[place[first, 0]])
        apart = degrees(2 * asin(min(1.0, float(distance[first, 0]) / sqrt(8))))
        raise InputError(
            f"{path}: particle {int(rows[first]) + 1} has rot, tilt, psi "
            f"{_angles(rotations[rows[first]])}, and the nearest view, item {item}, has "
            f"{_angles(views[item])}, {apart:.1f} degrees away; {len(far)} of {len(rows)} match no "
            "view of the data set"
        )
    if distance.shape[1] > 1 and (distance[:, 1] <= reach).any():
        first = int(np.flatnonzero(distance[:, 1] <= reach)[0])
        items = [int(candidates[place[first, column]]) for column in (0, 1)]
        raise InputError(
            f"{path}: particle {int(rows[first]) + 1} has the orientation of the items {items[0]} "
            f"and {items[1]}; add the column _rlnMicrographName with the names of the molecules"
        )
    return np.asarray(candidates[place[:, 0]])


def _check_single(items: NDArray[np.int64], path: Path) -> None:
    values, counts = np.unique(items, return_counts=True)
    if (counts > 1).any():
        item = int(values[counts > 1][0])
        first, second = np.flatnonzero(items == item)[:2]
        raise InputError(
            f"{path}: particles {first + 1} and {second + 1} both show item {item}; leave one out"
        )


def _angles(rotation: Matrices) -> str:
    return ", ".join(f"{angle:.1f}" for angle in relion_angles_degrees(rotation))
