"""The wave against abTEM's, at equal sampling and slices, and the numbers both start from.

abTEM spreads each atom linearly over four pixels, which damps high frequencies; on the pixels of
0.07 Å here by 1 % at 20 mrad. Its slices act as a whole, so ours do here, too.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from diffragan.config.load import load_experiment
from diffragan.physics.form_factors import electron_form_factor
from diffragan.physics.lobato_table import LOBATO
from diffragan.simulation.abtem_engine import abtem_mid_plane_wave
from diffragan.simulation.agreement import (
    Agreement,
    agreement,
    spectra_agreement,
    without_linear_placement,
)
from diffragan.simulation.orientations import item_generator, posed, random_pose
from diffragan.simulation.wave_task import conventional_task
from diffragan.structures.prepare import prepare_structure, write_preparation
from diffragan.structures.prepared import PreparedStructure, read_prepared

SAMPLING_ANGSTROM, SLICES_ANGSTROM = 0.07, 2.0
STATES_PER_ANGSTROM = 1.6
"""Also compared: a multislice of this band, beyond which every atom scatters for itself."""
WORST_IN_ANGLE, WORST_IN_BAND = 0.01, 0.03

pytest.importorskip("abtem", reason="needs the extra abtem")


def compare(structure: PreparedStructure, box_angstrom: float) -> tuple[Agreement, Agreement]:
    """Compare one random orientation in a box, by the full and by the narrow multislice."""
    experiment = load_experiment("paper")
    experiment = load_experiment("paper", None, experiment.in_box(box_angstrom))
    at_rest = replace(structure.model, b_factors=None)
    generator = item_generator(0, structure.sha256, 0)
    model = posed(at_rest, random_pose(at_rest, generator))
    task = conventional_task(model, experiment, SAMPLING_ANGSTROM, SLICES_ANGSTROM)
    theirs = abtem_mid_plane_wave(
        model, task.whole, task.electron, SLICES_ANGSTROM, task.whole.pixel_angstrom
    )
    narrow = replace(task, multiple_scattering_per_angstrom=STATES_PER_ANGSTROM)
    return (
        agreement(task.whole_wave(), theirs, task.whole, task.electron),
        agreement(narrow.whole_wave(), theirs, task.whole, task.electron),
    )


def check(both: tuple[Agreement, Agreement]) -> None:
    for found in both:
        assert found.angle < WORST_IN_ANGLE
        assert found.band < WORST_IN_BAND
        assert max(found.diffraction, found.image_50, found.image_1000) < WORST_IN_ANGLE


@pytest.mark.parametrize("box_angstrom", [48.0, 61.0])
def test_what_is_seen_of_villin_agrees(villin: PreparedStructure, box_angstrom: float) -> None:
    check(compare(villin, box_angstrom))


@pytest.mark.parametrize("entry", ["1ppn", "7rsa", "1aup"])
def test_what_is_seen_of_real_proteins_agrees(
    entry: str, shared_structures: Path, tmp_path: Path
) -> None:
    source = shared_structures / f"{entry}.pdb.gz"
    structure = read_prepared(write_preparation(prepare_structure(source), tmp_path))
    check(compare(structure, 70.0))


def test_the_linear_placement_of_atoms_explains_most(villin: PreparedStructure) -> None:
    at_rest = replace(villin.model, b_factors=None)
    model = posed(at_rest, random_pose(at_rest, item_generator(0, villin.sha256, 0)))
    experiment = load_experiment("paper")
    task = conventional_task(model, experiment, 0.14, SLICES_ANGSTROM)
    grid, electron = task.whole, task.electron
    theirs = abtem_mid_plane_wave(model, grid, electron, SLICES_ANGSTROM, grid.pixel_angstrom)
    before, _ = spectra_agreement(task.whole_wave(), theirs, grid, electron)
    undone = without_linear_placement(theirs, grid)
    after, _ = spectra_agreement(task.whole_wave(), undone, grid, electron)
    assert after < 0.6 * before


@pytest.mark.parametrize("number", sorted(LOBATO))
def test_form_factors_are_those_of_lobato_and_van_dyck(number: int) -> None:
    from abtem.parametrizations import LobatoParametrization
    from ase.data import chemical_symbols

    frequency = np.linspace(0.0, 3.0, 200)
    theirs = LobatoParametrization().scattering_factor(chemical_symbols[number])(frequency**2)
    ours = electron_form_factor(number, torch.from_numpy(frequency)).numpy()
    np.testing.assert_allclose(ours, theirs, rtol=2e-5)  # abTEM rounds a constant
