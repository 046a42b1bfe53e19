"""Where pixels lie: the sign of the Ewald sphere and the absolute scale, by our own multislice."""

import pytest
import torch
from made_up_patterns import BOX, LIMIT, experiment, orientations

from diffragan.errors import InputError
from diffragan.physics.form_factors import VOLT_ANGSTROM2_PER_ANGSTROM, electron_form_factor
from diffragan.physics.forward import diffraction_pattern, measured_region
from diffragan.physics.multislice import mid_plane_wave
from diffragan.reconstruction.many_views.geometry import grid_for, measured_pixels, turned
from diffragan.reconstruction.many_views.patterns import expected_per_unit
from diffragan.structures.atomic_model import AtomicModel
from diffragan.typing import Tensor


def _tall() -> AtomicModel:
    """Three unequal atoms, 30 Å high and without symmetry, so that the curvature shows."""
    places = torch.tensor([[2.0, 0.0, -15.0], [-1.5, 1.0, 15.0], [0.0, -2.5, 6.0]])
    return AtomicModel(places, torch.tensor([8, 6, 7]))


def _intensity(model: AtomicModel, points: Tensor) -> Tensor:
    """Squared transform of the potential from its definition [V2 Å6]."""
    total = torch.zeros(len(points), dtype=torch.complex128)
    for position, number in zip(model.positions, model.atomic_numbers.tolist(), strict=True):
        angle = -2 * torch.pi * points.double() @ position.double()
        factor = electron_form_factor(number, points.double().norm(dim=-1))
        total += factor * torch.polar(torch.ones_like(angle), angle)
    return (VOLT_ANGSTROM2_PER_ANGSTROM * total).abs() ** 2


def test_pixels_lie_on_the_ewald_sphere_of_the_beam_with_the_right_scale() -> None:
    setting, model = experiment(), _tall()
    side = setting.diffraction_pixels
    wave = mid_plane_wave(model, setting.simulation_grid, setting.electron, 3.0, depth_angstrom=36)
    pixels = measured_pixels(setting, measured_region(side, 0.5), LIMIT)
    seen = diffraction_pattern(wave, side).flatten()[pixels.places].double()
    unit = expected_per_unit(setting, None)
    other = pixels.points * torch.tensor([1.0, 1.0, -1.0])

    def misses(points: Tensor) -> float:
        expected = unit * _intensity(model, points)
        return float((seen - expected).abs().sum() / seen.sum())

    right, wrong = misses(pixels.points), misses(other)
    assert right < 0.06  # three light atoms scatter nearly once
    assert wrong > 5 * right


def test_points_turn_into_the_frame_of_the_molecule() -> None:
    model, rotation = _tall(), orientations(1)[0].float()
    points = torch.randn(20, 3) * 0.2
    there = _intensity(model.rotated(rotation), points)
    here = _intensity(model, turned(points, rotation[None])[0])
    assert torch.allclose(there, here, rtol=1e-3, atol=1e-3 * float(there.max()))


def test_the_direct_beam_and_what_was_not_measured_stay_out() -> None:
    setting = experiment()
    side = setting.diffraction_pixels
    measured = measured_region(side, 2.5)
    pixels = measured_pixels(setting, measured, LIMIT)
    lengths = pixels.points[:, :2].norm(dim=-1) * BOX
    assert lengths.min() > 2.5
    assert lengths.max() <= LIMIT * BOX
    with pytest.raises(InputError, match="no pixel"):
        measured_pixels(setting, torch.zeros_like(measured), LIMIT)


def test_the_grid_reaches_beyond_the_data() -> None:
    grid = grid_for(LIMIT, BOX)
    assert grid.nyquist_per_angstrom >= 1.15 * LIMIT
