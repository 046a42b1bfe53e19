"""Laws of the lens: aberrations, astigmatism and partial coherence."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from diffragan.config.optics import OpticsSettings
from diffragan.electron import Electron
from diffragan.grid import Grid
from diffragan.physics.optics import aberration_phase, convergence_envelope, transfer_function

GRID = Grid(64, 40.0)
ELECTRON = Electron(300.0)
WAVELENGTH = ELECTRON.wavelength_angstrom

lenses = st.builds(
    OpticsSettings,
    defocus_angstrom=st.floats(-20_000, 20_000),
    spherical_aberration_mm=st.floats(0, 3),
    astigmatism_angstrom=st.floats(0, 5_000),
    astigmatism_angle_deg=st.floats(-180, 180),
    convergence_mrad=st.floats(0.01, 0.5),
)


def frequencies() -> tuple[np.ndarray, np.ndarray]:
    axis = np.fft.fftfreq(GRID.pixels, GRID.pixel_angstrom)
    y, x = np.meshgrid(axis, axis, indexing="ij")
    return y, x


def naive_phase(optics: OpticsSettings, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The phase as CTF programs write it: with defocus U, defocus V and an angle."""
    defocus_u = optics.defocus_angstrom + optics.astigmatism_angstrom
    defocus_v = optics.defocus_angstrom - optics.astigmatism_angstrom
    angle = np.arctan2(y, x) - np.deg2rad(optics.astigmatism_angle_deg)
    defocus = (defocus_u + defocus_v) / 2 + (defocus_u - defocus_v) / 2 * np.cos(2 * angle)
    q = np.hypot(y, x)
    cs = optics.spherical_aberration_mm * 1e7
    return np.pi / 2 * cs * WAVELENGTH**3 * q**4 - np.pi * WAVELENGTH * defocus * q**2


@given(lenses)
def test_the_phase_is_that_of_two_defoci_and_an_angle(optics: OpticsSettings) -> None:
    found = aberration_phase(optics, GRID, ELECTRON).numpy()
    np.testing.assert_allclose(found, naive_phase(optics, *frequencies()), rtol=1e-9, atol=1e-9)


@given(lenses)
def test_astigmatism_has_two_fold_symmetry(optics: OpticsSettings) -> None:
    half_turn = optics.model_copy(
        update={"astigmatism_angle_deg": optics.astigmatism_angle_deg + 180}
    )
    here, there = (aberration_phase(lens, GRID, ELECTRON) for lens in (optics, half_turn))
    torch.testing.assert_close(here, there)
    opposite = torch.roll(torch.flip(here, (0, 1)), (1, 1), (0, 1))
    inside = slice(1, GRID.pixels // 2)
    torch.testing.assert_close(here[inside, inside], opposite[inside, inside])


@given(lenses)
def test_a_quarter_turn_of_the_angle_swaps_the_two_defoci(optics: OpticsSettings) -> None:
    turned = optics.model_copy(update={"astigmatism_angle_deg": optics.astigmatism_angle_deg + 90})
    both = aberration_phase(optics, GRID, ELECTRON) + aberration_phase(turned, GRID, ELECTRON)
    round_lens = optics.model_copy(update={"astigmatism_angstrom": 0.0})
    expected = 2 * aberration_phase(round_lens, GRID, ELECTRON)
    torch.testing.assert_close(both, expected, rtol=1e-9, atol=1e-6)


def test_the_largest_defocus_lies_along_the_angle_from_x_to_y() -> None:
    optics = OpticsSettings(
        defocus_angstrom=1000.0, astigmatism_angstrom=300.0, astigmatism_angle_deg=45.0
    )
    chi = aberration_phase(optics, GRID, ELECTRON)
    per_defocus = -torch.pi * WAVELENGTH * GRID.squared_frequencies(dtype=torch.float64)
    assert float((chi / per_defocus)[10, 10]) == pytest.approx(1300.0)
    assert float((chi / per_defocus)[10, -10]) == pytest.approx(700.0)
    assert float((chi / per_defocus)[0, 10]) == pytest.approx(1000.0)


@given(lenses)
def test_the_convergence_envelope_is_the_mean_over_directions(optics: OpticsSettings) -> None:
    """A tilt of the beam adds grad chi . tilt / lambda to the phase (Frank's derivation)."""
    y, x = frequencies()
    step = 1e-6
    slope_x = (naive_phase(optics, y, x + step) - naive_phase(optics, y, x - step)) / (2 * step)
    slope_y = (naive_phase(optics, y + step, x) - naive_phase(optics, y - step, x)) / (2 * step)
    alpha = optics.convergence_mrad * 1e-3 / WAVELENGTH
    nodes, weights = np.polynomial.hermite.hermgauss(40)  # for exp(-t^2)
    weights = weights / weights.sum()
    one_by_one = [
        (weights[:, None, None] * np.exp(1j * slope * alpha * nodes[:, None, None])).sum(0)
        for slope in (slope_x, slope_y)
    ]
    found = convergence_envelope(optics, GRID, ELECTRON).numpy()
    resolved = alpha * np.hypot(slope_x, slope_y) < 4  # as far as 40 directions see
    np.testing.assert_allclose(
        found[resolved], (one_by_one[0] * one_by_one[1]).real[resolved], atol=1e-4
    )


@given(st.floats(-20_000, 20_000), st.floats(0, 3), st.floats(0, 1))
def test_without_astigmatism_it_is_franks_formula(defocus: float, cs: float, alpha: float) -> None:
    optics = OpticsSettings(
        defocus_angstrom=defocus, spherical_aberration_mm=cs, convergence_mrad=alpha
    )
    q = np.hypot(*frequencies())
    bracket = cs * 1e7 * WAVELENGTH**3 * q**3 - defocus * WAVELENGTH * q
    expected = np.exp(-((np.pi * alpha * 1e-3 / WAVELENGTH) ** 2) * bracket**2)
    found = convergence_envelope(optics, GRID, ELECTRON).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_the_envelope_is_one_in_parallel_light_and_falls_with_the_angle() -> None:
    damped = [
        transfer_function(
            OpticsSettings(defocus_angstrom=5000.0, convergence_mrad=alpha), GRID, ELECTRON
        ).abs()
        for alpha in (0.0, 0.05, 0.1, 0.2)
    ]
    torch.testing.assert_close(damped[0], torch.ones_like(damped[0]))
    for less, more in pairwise(damped):
        assert bool((more <= less).all())
        assert float(more[0, 0]) == 1.0


@pytest.mark.parametrize(
    "wrong", [{"astigmatism_angstrom": -1.0}, {"convergence_mrad": -0.1}, {"convergence_mrad": 11}]
)
def test_impossible_lenses_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        OpticsSettings(defocus_angstrom=0.0, **wrong)
