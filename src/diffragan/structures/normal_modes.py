"""The lowest normal modes of a molecule: how it bends, from its shape alone.

Alpha carbons closer than a cutoff are joined by equal springs (the anisotropic network model). The
slowest motions of that network are carried over to all atoms: each follows the rigid motion of the
alpha carbons around it, so that bonds nearly keep their lengths.

Source: Atilgan et al., Biophys. J. 80 (2001) 505.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array, csc_array
from scipy.sparse.linalg import eigsh
from scipy.spatial import cKDTree

from diffragan.errors import InputError
from diffragan.structures.atomic_model import AtomicModel

Points = NDArray[np.float64]

CUTOFF_ANGSTROM = 15.0
"""Alpha carbons closer than this are joined (Atilgan et al. use 13 to 15 Å)."""
NEIGHBOURHOOD_ANGSTROM = 4.0
"""Width of the Gaussian that weighs the alpha carbons whose motion an atom follows."""
RIGID_MOTIONS = 6
ZERO_STIFFNESS = 1e-6
"""Of a spring's: motions this soft cost nothing, so the network is in loose parts."""


@dataclass(frozen=True, slots=True)
class NormalModes:
    """The softest motions of one molecule, the softest first."""

    directions: NDArray[np.float64]
    """`(modes, atoms, 3)`: orthogonal, each with a root mean square displacement of one."""
    stiffness: NDArray[np.float64]
    """`(modes,)`: eigenvalues of the network, in units of a spring's."""

    def shares(self) -> NDArray[np.float64]:
        """Each mode's share of the mean square displacement at equal energy: 1 / stiffness."""
        softness = 1 / self.stiffness
        return np.asarray(softness / softness.sum())


def normal_modes(
    model: AtomicModel, alpha_carbons: NDArray[np.int64], count: int, name: str = "the structure"
) -> NormalModes:
    """Find the `count` lowest modes that are not rigid-body motions.

    Parameters
    ----------
    model : All atoms of the molecule.
    alpha_carbons : Their indices among the atoms.
    count : Number of modes.
    name : What to call the molecule in an error.

    Raises
    ------
    InputError : The molecule has too few residues, or is in parts that do not touch.
    """
    positions = model.positions.detach().double().cpu().numpy()
    nodes = positions[alpha_carbons]
    if 3 * len(nodes) <= count + RIGID_MOTIONS:
        raise InputError(
            f"{name}: {len(nodes)} residues have no {count} normal modes; "
            f"use at most {max(3 * len(nodes) - RIGID_MOTIONS - 1, 0)} (conformations.modes)"
        )
    # A start that is fixed, not random, makes the same modes every time.
    start = np.random.default_rng(0).standard_normal(3 * len(nodes))
    stiffness, vectors = eigsh(
        network_hessian(nodes), k=count + RIGID_MOTIONS, sigma=-0.01, which="LM", v0=start
    )
    order = np.argsort(stiffness)[RIGID_MOTIONS:]
    if stiffness[order[0]] < ZERO_STIFFNESS:
        raise InputError(
            f"{name}: is in parts that do not touch, so its normal modes are not defined; "
            "prepare one chain, or set conformations.mode_amplitude_angstrom to 0"
        )
    moved = vectors[:, order].T.reshape(count, len(nodes), 3)
    directions = orthogonal_modes(follow(positions, nodes, moved), positions)
    return NormalModes(directions, stiffness[order])


def network_hessian(nodes: Points) -> csc_array:
    """Second derivatives of the springs' energy, `(3 nodes, 3 nodes)`, spring constant one."""
    pairs = cKDTree(nodes).query_pairs(CUTOFF_ANGSTROM, output_type="ndarray")
    first, second = pairs[:, 0], pairs[:, 1]
    along = nodes[first] - nodes[second]
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    blocks = along[:, :, None] * along[:, None, :]
    rows, columns, values = [], [], []
    for one, other, sign in (
        (first, second, -1.0), (second, first, -1.0), (first, first, 1.0), (second, second, 1.0)
    ):  # fmt: skip
        for i in range(3):
            for j in range(3):
                rows.append(3 * one + i)
                columns.append(3 * other + j)
                values.append(sign * blocks[:, i, j])
    side = 3 * len(nodes)
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return coo_array(entries, shape=(side, side)).tocsc()


def follow(points: Points, nodes: Points, moved: Points) -> Points:
    """Let each point follow the rigid motion that best fits the nodes around it.

    Least squares of shift and small rotation about the point, with Gaussian weights: a moving
    least squares deformation with a rigid basis, linear in the nodes' displacements.

    Parameters
    ----------
    points : `(points, 3)` [Å].
    nodes : `(nodes, 3)` [Å].
    moved : Displacements of the nodes, `(modes, nodes, 3)`.

    Returns
    -------
    Displacements of the points, `(modes, points, 3)`.

    Source: Schaefer, McPhail and Warren, ACM Trans. Graph. 25 (2006) 533.
    """
    followed = np.empty((len(moved), len(points), 3))
    for index, point in enumerate(points):
        arm = nodes - point
        square = (arm**2).sum(1)
        weight = np.exp(-(square - square.min()) / (2 * NEIGHBOURHOOD_ANGSTROM**2))
        near = weight > 1e-6
        basis = np.zeros((near.sum(), 3, RIGID_MOTIONS))
        basis[:, :, :3] = np.eye(3)
        basis[:, :, 3:] = -_cross_matrices(arm[near])
        root = np.sqrt(weight[near])[:, None, None]
        matrix = (root * basis).reshape(-1, RIGID_MOTIONS)
        target = (root[:, :, 0] * moved[:, near]).reshape(len(moved), -1)
        motion = np.linalg.lstsq(matrix, target.T, rcond=1e-6)[0]
        followed[:, index] = motion[:3].T
    return followed


def _cross_matrices(vectors: Points) -> Points:
    """Matrices `(n, 3, 3)` with which `[v] @ w` is the cross product of v and w."""
    x, y, z = vectors.T
    zero = np.zeros_like(x)
    rows = [[zero, -z, y], [z, zero, -x], [-y, x, zero]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def orthogonal_modes(moved: Points, positions: Points) -> Points:
    """Take rigid-body motion out of modes `(modes, atoms, 3)` and make them orthogonal.

    The order is kept: each mode loses what it shares with those before it. Each has a root mean
    square displacement of one at the end.
    """
    count = len(positions)
    arm = positions - positions.mean(0)
    rigid = np.concatenate(
        [np.tile(np.eye(3), (count, 1)), -_cross_matrices(arm).reshape(-1, 3)], 1
    )
    columns = np.concatenate([rigid, moved.reshape(len(moved), -1).T], axis=1)
    basis, triangle = np.linalg.qr(columns)
    signed = basis * np.where(np.diag(triangle) < 0, -1.0, 1.0)
    return np.asarray(signed[:, RIGID_MOTIONS:].T.reshape(moved.shape) * np.sqrt(count))


def displaced_along(model: AtomicModel, modes: NormalModes, amplitudes: Points) -> AtomicModel:
    """Move a molecule by `amplitudes` `(modes,)`, each a root mean square displacement [Å]."""
    shift = torch.from_numpy(np.tensordot(amplitudes, modes.directions, axes=1))
    return AtomicModel(
        model.positions + shift.to(model.positions), model.atomic_numbers, model.b_factors
    )
