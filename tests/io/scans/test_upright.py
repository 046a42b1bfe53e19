"""The detector's transposition is undone first, then its flips; units are those of the field."""

import itertools

import numpy as np
import pytest
from f_scan import letter_f

from diffragan.config.acquisition import ScanSettings
from diffragan.electron import Electron
from diffragan.io.scans.units import Quantity, angstrom, kev, mrad
from diffragan.io.scans.upright import upright, upright_shape


@pytest.mark.parametrize(
    ("transposed", "flipped_y", "flipped_x"), list(itertools.product([False, True], repeat=3))
)
def test_the_letter_stands_upright_whichever_way_the_detector_does(
    transposed: bool, flipped_y: bool, flipped_x: bool
) -> None:
    letter = letter_f()
    # What a detector that is flipped, and then lies on its side, writes.
    written = letter[::-1] if flipped_y else letter
    written = written[:, ::-1] if flipped_x else written
    written = written.T if transposed else written
    settings = ScanSettings(
        detector_transposed=transposed, detector_flipped_y=flipped_y, detector_flipped_x=flipped_x
    )
    np.testing.assert_array_equal(upright(written[None], settings)[0], letter)
    assert upright_shape(written.shape, settings) == letter.shape


def test_merlin_turned_upside_down_is_mended_by_the_flip() -> None:
    letter = letter_f()
    np.testing.assert_array_equal(
        upright(letter[::-1], ScanSettings(detector_flipped_y=True)), letter
    )


@pytest.mark.parametrize(
    ("unit", "per_angstrom"),
    [
        ("1/nm", 0.1), ("nm^-1", 0.1), ("[1_/_n_m]", 0.1), ("[n_m^-1]", 0.1), ("1/Å", 1.0),
        ("Å^-1", 1.0), ("\N{ANGSTROM SIGN}⁻¹", 1.0), ("A^-1", 1.0), ("1/A", 1.0), ("1/m", 1e-10),
        ("1 / angstrom", 1.0), ("nm-1", 0.1),
    ],
)  # fmt: skip
def test_frequencies_become_angles(unit: str, per_angstrom: float) -> None:
    expected = Electron(300).angle_mrad(0.2 * per_angstrom)
    assert mrad(Quantity(0.2, unit), 300) == pytest.approx(expected)
    assert mrad(Quantity(0.2, unit), None) is None


def test_other_units_become_ours() -> None:
    assert mrad(Quantity(2e-3, "rad"), None) == pytest.approx(2)
    assert mrad(Quantity(1, "deg"), None) == pytest.approx(17.4533)
    assert mrad(Quantity(1, "pixels"), 200) is None
    assert angstrom(Quantity(-2, "µm")) == pytest.approx(2e4)
    assert angstrom(Quantity(2, "\N{GREEK SMALL LETTER MU}m")) == pytest.approx(2e4)
    assert angstrom(Quantity(3, "A")) == 3
    assert angstrom(Quantity(3, "px")) is None
    assert kev(Quantity(2e5, "V")) == kev(Quantity(200, "kV")) == kev(Quantity(2e5, "eV")) == 200
    assert kev(Quantity(1, "")) is None
