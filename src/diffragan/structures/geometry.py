"""Sizes, masses and breaks of a molecule."""

from itertools import pairwise

import gemmi
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist

from diffragan.constants import DALTON_PER_KILODALTON
from diffragan.structures.residues import PEPTIDE_BOND_MAX_ANGSTROM, bond_length, residue_label


def largest_dimension(positions: NDArray[np.float64]) -> float:
    """Return the largest distance between two of the points `(n, 3)` [Å].

    Only corners of the convex hull can be that far apart, and there are few of them.
    """
    corners = positions
    if len(positions) > 4:
        try:
            corners = positions[ConvexHull(positions).vertices]
        except QhullError:  # all points in one plane
            corners = np.unique(positions, axis=0)
    return float(pdist(corners).max()) if len(corners) > 1 else 0.0


def atom_positions(model: gemmi.Model) -> NDArray[np.float64]:
    """Return coordinates x, y, z of all atoms, `(n, 3)` [Å]."""
    return np.array([site.atom.pos.tolist() for site in model.all()], dtype=np.float64)


def atom_masses(model: gemmi.Model) -> NDArray[np.float64]:
    """Return the mass of each atom, `(n,)` [Da]."""
    return np.array([site.atom.element.weight for site in model.all()], dtype=np.float64)


def mass_kda(model: gemmi.Model) -> float:
    """Return the mass of all atoms [kDa]."""
    return float(atom_masses(model).sum()) / DALTON_PER_KILODALTON


def element_counts(model: gemmi.Model) -> dict[str, int]:
    """Count atoms by element symbol."""
    names = [site.atom.element.name for site in model.all()]
    return {name: names.count(name) for name in sorted(set(names))}


def chain_gaps(residues: list[gemmi.Residue], chain: str) -> list[dict[str, object]]:
    """List where a chain is broken: residues before and after, how many numbers lie between.

    `missing` counts by residue numbers and is null where the numbers do not tell.
    """
    gaps: list[dict[str, object]] = []
    for before, after in pairwise(residues):
        distance = bond_length(before, after)
        if distance <= PEPTIDE_BOND_MAX_ANGSTROM:
            continue
        skipped = (after.seqid.num or 0) - (before.seqid.num or 0) - 1
        gaps.append(
            {
                "after": residue_label(before, chain),
                "before": residue_label(after, chain),
                "missing": skipped if skipped > 0 else None,
                "distance_angstrom": round(distance, 2),
            }
        )
    return gaps
