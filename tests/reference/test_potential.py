"""The potential against textbook values and a naive sum."""

import numpy as np
import pytest
import torch

from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.physics.form_factors import VOLT_ANGSTROM2_PER_ANGSTROM, electron_form_factor
from diffragan.physics.potential import whole_potential
from diffragan.physics.slices import atoms_by_slice, slice_lattice
from diffragan.structures.atomic_model import AtomicModel

GRID = Grid(48, 16.0)


def test_the_constant_is_47_88_volt_square_angstrom() -> None:
    """h^2 / (2 pi m e); Kirkland, 3rd ed., eq. C.2."""
    assert pytest.approx(47.878, abs=0.001) == VOLT_ANGSTROM2_PER_ANGSTROM


@pytest.mark.parametrize(("number", "expected"), [(6, 2.51), (7, 2.21), (8, 1.98), (16, 5.16)])
def test_forward_scattering_matches_the_international_tables(number: int, expected: float) -> None:
    """f(0) in Å; International Tables C, table 4.3.2.2 and Doyle and Turner (1968)."""
    found = float(electron_form_factor(number, torch.zeros(1, dtype=torch.float64)))
    assert found == pytest.approx(expected, rel=0.03)


def test_form_factors_match_gemmi_where_both_parametrisations_hold() -> None:
    gemmi = pytest.importorskip("gemmi")
    for symbol, number in (("C", 6), ("N", 7), ("O", 8), ("S", 16)):
        coefficients = gemmi.Element(symbol).c4322
        for q in (0.1, 0.3, 0.6, 1.0):
            theirs = coefficients.calculate_sf((q / 2) ** 2)
            ours = float(electron_form_factor(number, torch.tensor([q], dtype=torch.float64)))
            assert ours == pytest.approx(theirs, rel=0.06)


def test_high_frequencies_follow_rutherford() -> None:
    """Mott and Bethe: f(q) -> Z / (2 pi^2 a0 q^2) times 1, as electrons screen no more."""
    bohr_angstrom = 0.529177
    q = torch.tensor([6.0], dtype=torch.float64)
    for number in (6, 7, 8):
        expected = number / (2 * np.pi**2 * bohr_angstrom * 36.0)
        assert float(electron_form_factor(number, q)) == pytest.approx(expected, rel=0.05)


def test_the_separable_sum_equals_the_naive_one() -> None:
    rng = np.random.default_rng(0)
    positions = rng.uniform(-8, 8, (12, 3))
    numbers = rng.choice([1, 6, 8], 12)
    model = AtomicModel(torch.from_numpy(positions).float(), torch.from_numpy(numbers))
    axis = np.fft.fftfreq(GRID.pixels, GRID.pixel_angstrom)
    qy, qx = np.meshgrid(axis, axis, indexing="ij")
    q = np.hypot(qx, qy)
    total = np.zeros_like(q, dtype=complex)
    for (x, y, _), number in zip(positions, numbers, strict=True):
        factor = electron_form_factor(int(number), torch.from_numpy(q)).numpy()
        total += factor * np.exp(-2j * np.pi * (qx * x + qy * y))
    total[q > 2 / 3 * GRID.nyquist_per_angstrom] = 0
    scale = VOLT_ANGSTROM2_PER_ANGSTROM * GRID.pixels**2 / GRID.box_angstrom**2
    expected = np.fft.ifft2(total * scale).real
    found = whole_potential(model, GRID).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4 * expected.max())


def test_slices_divide_the_box_evenly_whatever_the_molecule() -> None:
    model = AtomicModel(
        torch.tensor([[[0, 0, -7.9], [0, 0, 0.1], [0, 0, 8.0]]]), torch.ones(3).long()
    )
    assert slice_lattice(model, 16.0, 3.0) == (6, pytest.approx(16 / 6))
    found = list(atoms_by_slice(model, 16.0, 3.0))
    heights = [atoms.height_angstrom for atoms in found]
    assert heights == pytest.approx([-20 / 3, 4 / 3, 20 / 3])
    for atoms, z in zip(found, (-7.9, 0.1, 8.0), strict=True):
        assert float(atoms.positions[0, 0, 2]) + atoms.height_angstrom == pytest.approx(z, abs=1e-5)


def test_slices_grow_to_hold_a_molecule_thicker_than_the_depth() -> None:
    model = AtomicModel(torch.tensor([[[0.0, 0.0, 9.0]]]), torch.ones(1).long())
    assert slice_lattice(model, 16.0, 2.0) == (9, 2.0)


def test_a_batch_of_poses_keeps_each_pose_its_own_atoms() -> None:
    """Slices of a ragged batch are padded; the padding must not scatter."""
    rng = np.random.default_rng(5)
    poses = torch.from_numpy(rng.uniform(-7, 7, (3, 20, 3))).float()
    numbers = torch.from_numpy(rng.choice([1, 6, 8], 20))
    seen = [0, 0, 0]
    for atoms in atoms_by_slice(AtomicModel(poses, numbers), 16.0, 4.0):
        assert atoms.present is not None
        for pose in range(3):
            here = atoms.present[pose]
            seen[pose] += int(here.sum())
            found = atoms.positions[pose, here] + torch.tensor([0, 0, atoms.height_angstrom])
            distance = torch.cdist(found, poses[pose]).amin(1)
            assert float(distance.max()) < 1e-5
    assert seen == [20, 20, 20]


def test_an_unknown_element_is_an_error_that_names_it() -> None:
    with pytest.raises(InputError, match="atomic number 99"):
        electron_form_factor(99, torch.zeros(1))
