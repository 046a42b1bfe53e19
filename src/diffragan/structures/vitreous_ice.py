"""Put a molecule into a slab of vitreous ice, cut anew from one block for every pattern.

The ice is low-density amorphous ice, as in plunge-frozen specimens: a tetrahedral network whose
oxygens have their first neighbours at 2.76 Å, with diffuse rings at 3.7 and 2.2 Å.

Sources: Dubochet et al., Q. Rev. Biophys. 21 (1988) 129 (vitreous specimens and their rings);
Bowron et al., J. Chem. Phys. 125 (2006) 194502 (neighbours in low-density amorphous ice).
"""

from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from diffragan.errors import InputError
from diffragan.io.ice_block import IceBlock, packaged_ice_block
from diffragan.structures.atomic_model import AtomicModel
from diffragan.structures.ice_filling import fill_box

ICE_DENSITY_G_PER_CM3 = 0.94
"""Low-density amorphous ice: Mishima, Calvert and Whalley, Nature 314 (1985) 76."""
WATER_MASS_DA = 18.01528
AVOGADRO_PER_MOL = 6.02214076e23
A3_PER_CM3 = 1e24
WATERS_PER_A3 = ICE_DENSITY_G_PER_CM3 / WATER_MASS_DA * AVOGADRO_PER_MOL / A3_PER_CM3

MOLECULE_GAP_ANGSTROM = 2.6
"""No water oxygen is closer to a heavy atom of the molecule: a short hydrogen bond.

The ice is not relaxed around the molecule, so this gap displaces more than the molecule's own
volume: 1.44 Å3/Da for 1AUP, where a protein takes up 1.21 Å3/Da (Harpaz, Gerstein and Chothia,
Structure 2 (1994) 641). The first shell of water is that much too thin.
"""
OXYGEN, HYDROGEN = 8, 1


def embed_in_ice(
    model: AtomicModel,
    box_angstrom: float,
    thickness_angstrom: float,
    generator: np.random.Generator,
    block: IceBlock | None = None,
) -> AtomicModel:
    """Surround a molecule by a slab of ice that fills the box.

    The slab repeats across the faces of the box along x and y, as the multislice does, and ends in
    two planes at z = -thickness / 2 and +thickness / 2.

    Parameters
    ----------
    model : The molecule as it stands in the beam, inside the box about the origin.
    box_angstrom : Side of the box along x and y [Å].
    thickness_angstrom : Thickness of the slab along the beam [Å].
    generator : Chooses the cut.
    block : The ice to cut from; the package's own when left out.

    Returns
    -------
    The molecule's atoms first and unchanged, then oxygen and two hydrogens of each water. If the
    molecule has B-factors, the water has their median.

    Raises
    ------
    InputError : The slab is thinner than the molecule.
    """
    _check_covers(model, thickness_angstrom)
    sides = np.array([box_angstrom, box_angstrom, thickness_angstrom])
    oxygens, hydrogens = fill_box(
        block or packaged_ice_block(),
        (box_angstrom, box_angstrom, thickness_angstrom),
        (True, True, False),
        WATERS_PER_A3,
        generator,
    )
    oxygens = oxygens - sides / 2
    heavy = model.positions[model.atomic_numbers != HYDROGEN].detach().double().cpu().numpy()
    free = clear_of(oxygens, heavy, box_angstrom)
    waters = np.concatenate([oxygens[:, None], oxygens[:, None] + hydrogens], axis=1)[free]
    return _joined(model, waters)


def clear_of(
    oxygens: NDArray[np.float64], heavy: NDArray[np.float64], box_angstrom: float
) -> NDArray[np.bool_]:
    """Say which oxygens `(waters, 3)` keep the gap from the atoms `(atoms, 3)` [Å].

    Neighbours across the faces of the box count, since the box repeats along x and y.
    """
    if len(heavy) == 0:
        return np.ones(len(oxygens), dtype=bool)
    periods = np.array([box_angstrom, box_angstrom, 0.0])  # 0: does not repeat along z
    lowest = min(oxygens[:, 2].min(initial=0.0), heavy[:, 2].min())
    tree = cKDTree(_in_cell(heavy, box_angstrom, lowest), boxsize=periods)
    distance, _ = tree.query(
        _in_cell(oxygens, box_angstrom, lowest), distance_upper_bound=MOLECULE_GAP_ANGSTROM
    )
    return np.asarray(np.isinf(distance))


def _in_cell(
    points: NDArray[np.float64], box_angstrom: float, lowest: float
) -> NDArray[np.float64]:
    inside = np.mod(points, box_angstrom)
    inside[inside == box_angstrom] = 0.0  # the remainder of a tiny negative number
    inside[:, 2] = points[:, 2] - lowest
    return inside


def _check_covers(model: AtomicModel, thickness_angstrom: float) -> None:
    needed = 2 * float(model.positions[:, 2].abs().max())
    if needed > thickness_angstrom:
        raise InputError(
            f"the ice is {thickness_angstrom:g} Å thick and the molecule needs {needed:.1f} Å in "
            f"this orientation; use ice of {ceil(needed) + 1} Å or more "
            "(specimen.ice_thickness_angstrom)"
        )


def _joined(model: AtomicModel, waters: NDArray[np.float64]) -> AtomicModel:
    count = len(waters)
    positions = torch.from_numpy(waters.reshape(-1, 3)).to(model.positions)
    numbers = torch.tensor([OXYGEN, HYDROGEN, HYDROGEN]).repeat(count).to(model.atomic_numbers)
    b_factors = model.b_factors
    if b_factors is not None:
        b_factors = torch.cat([b_factors, b_factors.median().expand(3 * count)])
    return AtomicModel(
        torch.cat([model.positions, positions]),
        torch.cat([model.atomic_numbers, numbers]),
        b_factors,
    )
