"""Lay conformations of one molecule over each other, so that one orientation fits all."""

from dataclasses import replace

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from diffragan.errors import InputError
from diffragan.structures.prepared import PreparedStructure


def superposed(structures: list[PreparedStructure]) -> list[PreparedStructure]:
    """Turn and shift each structure onto the first, by its alpha carbons.

    The root mean square distance of the alpha carbons is least: Kabsch, Acta Cryst. A32 (1976) 922.

    Raises
    ------
    InputError : A structure has other residues than the first, so it is no conformation of it.
    """
    first = structures[0]
    return [first, *(_onto(first, one) for one in structures[1:])]


def _onto(first: PreparedStructure, other: PreparedStructure) -> PreparedStructure:
    ours, theirs = first.alpha_carbons, other.alpha_carbons
    if len(ours) != len(theirs) or len(ours) < 3:
        raise InputError(
            f"{other.name}: has {len(theirs)} residues and {first.name} {len(ours)}; conformations "
            "of one molecule need the same residues, three or more: cut both alike, or give no "
            "conformations.populations"
        )
    target = first.model.positions.double().numpy()[list(ours)]
    points = other.model.positions.double().numpy()[list(theirs)]
    turn, _ = Rotation.align_vectors(target - target.mean(0), points - points.mean(0))
    matrix = torch.from_numpy(np.asarray(turn.as_matrix()))
    moved = other.model.shifted(torch.from_numpy(-points.mean(0))).rotated(matrix)
    return replace(other, model=moved.shifted(torch.from_numpy(target.mean(0))))
