"""Every sign, axis and origin, pinned by an asymmetric object: a letter F made of carbon atoms.

docs/conventions.md names these tests; a change that breaks one changes a convention.
"""

import numpy as np
import pytest
import torch

from diffragan.config.optics import OpticsSettings
from diffragan.electron import Electron
from diffragan.fourier import fourier
from diffragan.grid import Grid
from diffragan.physics.forward import diffraction_pattern, image, projected_potential_of
from diffragan.physics.multislice import mid_plane_wave, propagator
from diffragan.physics.optics import phase_contrast, transfer_function
from diffragan.reconstruction.truth import true_potential_map
from diffragan.rotations import matrix_from_quaternion, relion_angles_degrees
from diffragan.simulation.orientations import Pose, posed
from diffragan.structures.atomic_model import AtomicModel

GRID = Grid(96, 32.0)
ELECTRON = Electron(200.0)
STEM = [(-4.0, y) for y in (-6.0, -3.0, 0.0, 3.0, 6.0)]
ARMS = [(-1.0, 6.0), (2.0, 6.0), (5.0, 6.0), (-1.0, 1.0), (2.0, 1.0)]


@pytest.fixture
def letter() -> AtomicModel:
    points = [(x, y, 0.0) for x, y in STEM + ARMS]
    return AtomicModel(torch.tensor(points), torch.full((len(points),), 6))


def brightest(picture: torch.Tensor, count: int) -> set[tuple[int, ...]]:
    """Return the nearest whole Å of the brightest local maxima, x before y."""
    values = picture.clone()
    found: set[tuple[int, ...]] = set()
    n = picture.shape[-1]
    scale = GRID.box_angstrom / n
    while len(found) < count:
        index = np.unravel_index(int(values.argmax()), values.shape)
        found.add(tuple(round((int(i) - n // 2) * scale) for i in reversed(index)))
        window = tuple(slice(max(int(i) - 3, 0), int(i) + 4) for i in index)
        values[window] = -torch.inf
    return found


def test_images_have_rows_along_y_and_columns_along_x_from_the_middle_pixel(
    letter: AtomicModel,
) -> None:
    wave = mid_plane_wave(letter, GRID, ELECTRON, 2.0)
    expected = {(int(x), int(y)) for x, y in STEM + ARMS}
    assert brightest(wave.imag, len(expected)) == expected
    potential = projected_potential_of(wave, ELECTRON)
    assert brightest(potential, len(expected)) == expected


def test_volumes_are_z_y_x_from_the_middle_voxel() -> None:
    model = AtomicModel(torch.tensor([[3.0, -5.0, 9.0]]), torch.tensor([6]))
    volume = true_potential_map(model, Grid(64, 32.0))
    assert brightest(volume, 1) == {(3, -5, 9)}


def test_a_quaternion_is_x_y_z_w_and_turns_x_to_y_about_z(letter: AtomicModel) -> None:
    quarter = np.array([0.0, 0.0, np.sin(np.pi / 4), np.cos(np.pi / 4)])
    np.testing.assert_allclose(matrix_from_quaternion(quarter) @ [1, 0, 0], [0, 1, 0], atol=1e-12)
    turned = posed(letter, Pose(quarter, np.array([2.0, 0.0, 0.0])))
    wave = mid_plane_wave(turned, GRID, ELECTRON, 2.0)
    expected = {(round(2 - y), int(x)) for x, y in STEM + ARMS}
    assert brightest(wave.imag, len(expected)) == expected


def test_patterns_have_zero_frequency_at_the_middle_pixel(letter: AtomicModel) -> None:
    wave = mid_plane_wave(letter, GRID, ELECTRON, 2.0)
    for side in (41, 40):
        pattern = diffraction_pattern(wave, side)
        assert divmod(int(pattern.argmax()), side) == (side // 2, side // 2)


def test_patterns_have_rows_along_q_y() -> None:
    """Two atoms apart along y give fringes along q_y only."""
    pair = AtomicModel(torch.tensor([[0.0, -2.0, 0.0], [0.0, 2.0, 0.0]]), torch.tensor([6, 6]))
    pattern = diffraction_pattern(mid_plane_wave(pair, GRID, ELECTRON, 2.0), 33)
    middle, fringe = 16, 4  # 4 samples of 1/32 1/Å: half a period of the 4 Å distance
    assert pattern[middle + fringe, middle] < 0.01 * pattern[middle, middle + fringe]


def test_a_shift_by_t_multiplies_the_transform_by_exp_minus_2_pi_i_q_t(
    letter: AtomicModel,
) -> None:
    still = fourier(mid_plane_wave(letter, GRID, ELECTRON, 2.0))
    moved = fourier(
        mid_plane_wave(letter.shifted(torch.tensor([3.0, -1.0, 0.0])), GRID, ELECTRON, 2.0)
    )
    ratio = moved / still
    q = 1 / GRID.box_angstrom
    assert torch.angle(ratio[0, 1]).item() == pytest.approx(-2 * np.pi * q * 3.0, abs=1e-3)
    assert torch.angle(ratio[1, 0]).item() == pytest.approx(2 * np.pi * q * 1.0, abs=1e-3)


def test_positive_defocus_is_underfocus_and_shows_a_molecule_dark(letter: AtomicModel) -> None:
    wave = mid_plane_wave(letter, GRID, ELECTRON, 2.0)
    lens = OpticsSettings(defocus_angstrom=400.0, aperture_mrad=6.0)  # up to its first zero
    under = image(wave, GRID, lens, ELECTRON)
    over = image(wave, GRID, lens.model_copy(update={"defocus_angstrom": -400.0}), ELECTRON)
    inside = wave.imag > 0.5 * wave.imag.max()
    assert under[inside].mean() < under.mean() < 1.01
    assert over[inside].mean() > over.mean()
    contrast = phase_contrast(OpticsSettings(defocus_angstrom=400.0), GRID, ELECTRON)
    assert contrast[0, 1] < 0


def test_underfocus_looks_upstream() -> None:
    """An underfocused lens forms the image of a plane before the object: it propagates back."""
    lens = transfer_function(OpticsSettings(defocus_angstrom=300.0), GRID, ELECTRON)
    torch.testing.assert_close(lens, propagator(-300.0, GRID, ELECTRON))


def test_atoms_downstream_are_met_later_and_stay_in_focus_at_their_own_height() -> None:
    """The wave behind an atom at z looks sharpest when propagated by z from the mid-plane."""
    atom = AtomicModel(torch.tensor([[0.0, 0.0, 10.0]]), torch.tensor([6]))
    spectrum = torch.fft.fft2(torch.fft.ifftshift(mid_plane_wave(atom, GRID, ELECTRON, 0.5)))
    peaks = {
        z: float(torch.fft.ifft2(spectrum * propagator(z, GRID, ELECTRON)).imag.max())
        for z in (-10.0, 0.0, 10.0)
    }
    assert max(peaks, key=lambda z: peaks[z]) == 10.0


def test_rows_of_an_orientation_are_the_image_axes_in_the_molecule() -> None:
    """RELION's rot, tilt, psi of our matrix: rot alone turns about z by minus the angle."""
    angle = np.deg2rad(30.0)
    about_z = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    np.testing.assert_allclose(relion_angles_degrees(about_z), [-30.0, 0.0, 0.0], atol=1e-9)
