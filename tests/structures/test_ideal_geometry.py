import gemmi
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffragan.structures.ideal_geometry import (
    HYDROGEN_BOND_ANGSTROM,
    carbonyl_oxygen,
    ideal_hydrogens,
    place,
    terminal_oxygen,
)
from diffragan.structures.prepared import PreparedStructure


def angle(a: np.ndarray, at: np.ndarray, b: np.ndarray) -> float:
    u, v = a - at, b - at
    return float(np.degrees(np.arccos(u @ v / np.linalg.norm(u) / np.linalg.norm(v))))


@given(st.integers(0, 1000), st.floats(0.3, 2.8), st.floats(-3.1, 3.1))
def test_placing_gives_the_angle_and_torsion_asked_for(
    seed: int, wanted: float, torsion: float
) -> None:
    a, b, c = np.random.default_rng(seed).normal(size=(3, 3))
    d = c + place(c, b, a, wanted, torsion)
    assert angle(d, c, b) == pytest.approx(np.degrees(wanted), abs=1e-5)
    found = gemmi.calculate_dihedral(*(gemmi.Position(*point) for point in (a, b, c, d)))
    assert np.cos(found - torsion) == pytest.approx(1, abs=1e-6)


def test_three_atoms_in_a_line_still_give_a_place() -> None:
    a, b, c = np.eye(3)[0] * np.array([[0], [1], [2]])
    assert np.isfinite(place(c, b, a, 2.0, 1.0)).all()


def test_methane_like_and_planar_groups() -> None:
    # Ethane's first carbon, three hydrogens anywhere near it.
    positions = np.array(
        [[0, 0, 0], [1.5, 0, 0], [2, 1.4, 0], [-1, 0, 0.1], [-1, 0.1, 0], [0, -1, 0.0]]
    )
    elements = ["C", "C", "C", "H", "H", "H"]
    bonded = [[1, 3, 4, 5], [0, 2], [1], [0], [0], [0]]
    done = ideal_hydrogens(positions, ["CB"] * 6, elements, bonded)
    for one, other in [(3, 4), (3, 5), (4, 5), (3, 1)]:
        assert angle(done[one], done[0], done[other]) == pytest.approx(109.47, abs=0.05)
    np.testing.assert_array_equal(done[:3], positions[:3])
    amide = [[1, 3, 4], [0, 2], [1], [0], [0]]
    flat = ideal_hydrogens(positions[:5], ["ND2"] * 5, ["N", *elements[1:5]], amide)
    assert np.abs(flat[3:, 2]).max() < 1e-9
    assert angle(flat[3], flat[0], flat[4]) == pytest.approx(120)


def test_oxygens_of_a_peptide_and_of_an_end() -> None:
    n, ca, c = np.array([[-0.5, 1.4, 0], [0, 0, 0], [1.53, 0, 0]])
    next_n = np.array([2.2, -1.1, 0.3])
    o = carbonyl_oxygen(n, ca, c, next_n)
    assert angle(o, c, ca) == pytest.approx(angle(o, c, next_n))
    assert np.linalg.norm(o - c) == pytest.approx(1.23)
    end = carbonyl_oxygen(n, ca, c, None)
    oxt = terminal_oxygen(ca, c, end)
    assert angle(end, c, oxt) == pytest.approx(120)
    assert angle(ca, c, oxt) == pytest.approx(120)


def test_every_hydrogen_of_villin_has_its_bond(villin: PreparedStructure) -> None:
    positions = villin.model.positions.double().numpy()
    numbers = villin.model.atomic_numbers.numpy()
    symbols = {6: "C", 7: "N", 8: "O", 16: "S"}
    heavy = np.flatnonzero(numbers != 1)
    for index in np.flatnonzero(numbers == 1):
        distances = np.linalg.norm(positions[heavy] - positions[index], axis=1)
        parent = symbols[numbers[heavy[distances.argmin()]]]
        assert distances.min() == pytest.approx(HYDROGEN_BOND_ANGSTROM[parent], abs=2e-3)
        assert np.sort(distances)[1] > 1.7


def test_a_hydrogen_on_a_torn_off_carbon_keeps_its_side() -> None:
    """As in 2HHF, whose oxidised tyrosine has ring atoms 3 Å apart: no ideal place follows."""
    positions = np.array([[0.0, 0.0, 0.0], [1.4, 0.0, 0.0], [-0.5, 0.8, 0.0]])
    found = ideal_hydrogens(positions, ["CE1", "CD1", "HE1"], ["C", "C", "H"], [[1, 2], [0], [0]])
    kept = positions[2] / np.linalg.norm(positions[2])
    np.testing.assert_allclose(found[2] / np.linalg.norm(found[2]), kept, atol=1e-12)
