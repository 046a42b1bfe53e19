"""The wave against abTEM's, at equal sampling and slices.

abTEM spreads each atom linearly over four pixels, so it is compared on pixels of 0.137 Å, where
that damps 20 mrad by 4 %; on coarser ones the difference is abTEM's own (see abtem_engine.py).
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from diffragan.electron import Electron
from diffragan.fourier import fourier
from diffragan.grid import Grid
from diffragan.physics.form_factors import electron_form_factor
from diffragan.physics.lobato_table import LOBATO
from diffragan.physics.multislice import mid_plane_wave
from diffragan.simulation.abtem_engine import abtem_mid_plane_wave
from diffragan.simulation.orientations import item_generator, posed, random_pose
from diffragan.structures.prepare import prepare_structure, write_preparation
from diffragan.structures.prepared import PreparedStructure, read_prepared

ELECTRON = Electron(200.0)
GRID = Grid(512, 70.0)
SLICE_ANGSTROM = 2.0
WORST_DIFFERENCE = 0.02

pytest.importorskip("abtem", reason="needs the extra abtem")


def relative_difference(structure: PreparedStructure) -> float:
    """Relative L2 of psi_s inside 20 mrad, in one random orientation."""
    generator = item_generator(0, structure.sha256, 0)
    model = posed(structure.model, random_pose(structure.model, generator))
    ours = fourier(mid_plane_wave(model, GRID, ELECTRON, SLICE_ANGSTROM))
    theirs = fourier(
        abtem_mid_plane_wave(model, GRID, ELECTRON, SLICE_ANGSTROM, GRID.pixel_angstrom)
    )
    inside = GRID.squared_frequencies() <= ELECTRON.frequency_per_angstrom(20.0) ** 2
    return float(torch.linalg.norm((ours - theirs)[inside]) / torch.linalg.norm(theirs[inside]))


def test_the_wave_of_villin_agrees(villin: PreparedStructure) -> None:
    assert relative_difference(villin) < WORST_DIFFERENCE


@pytest.mark.parametrize("entry", ["1ppn", "7rsa", "1aup"])
def test_the_waves_of_real_proteins_agree(
    entry: str, shared_structures: Path, tmp_path: Path
) -> None:
    source = shared_structures / f"{entry}.pdb.gz"
    structure = read_prepared(write_preparation(prepare_structure(source), tmp_path))
    assert relative_difference(structure) < WORST_DIFFERENCE


@pytest.mark.parametrize("number", sorted(LOBATO))
def test_form_factors_are_those_of_lobato_and_van_dyck(number: int) -> None:
    from abtem.parametrizations import LobatoParametrization
    from ase.data import chemical_symbols

    frequency = np.linspace(0.0, 3.0, 200)
    theirs = LobatoParametrization().scattering_factor(chemical_symbols[number])(frequency**2)
    ours = electron_form_factor(number, torch.from_numpy(frequency)).numpy()
    np.testing.assert_allclose(ours, theirs, rtol=2e-5)  # abTEM rounds a constant
