"""The accuracy rule: its limits, its direction, and that it keeps its promise."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diffragan.config.accuracy import (
    LEAST_ACCURATE,
    MOST_ACCURATE,
    Sampling,
    band_error,
    sampling_for,
    slice_error,
)
from diffragan.config.numerics import fast_even
from diffragan.electron import Electron
from diffragan.fourier import centred, fourier, resize_centred
from diffragan.grid import Grid
from diffragan.physics.multislice import mid_plane_wave
from diffragan.simulation.orientations import item_generator, posed, random_pose
from diffragan.structures.atomic_model import AtomicModel
from diffragan.structures.prepared import PreparedStructure
from diffragan.typing import Tensor

accuracies = st.floats(MOST_ACCURATE, LEAST_ACCURATE)
energies = st.floats(80.0, 300.0)
angles = st.floats(10.0, 40.0)


def rule(accuracy: float, energy: float, angle: float, needed: float = 0.1) -> Sampling:
    electron = Electron(energy)
    recorded = electron.frequency_per_angstrom(angle)
    return sampling_for(
        accuracy, electron, recorded_per_angstrom=recorded, needed_per_angstrom=needed
    )


@given(accuracies, accuracies, energies, angles)
def test_more_accuracy_never_asks_for_less(a: float, b: float, energy: float, angle: float) -> None:
    fine, coarse = rule(min(a, b), energy, angle), rule(max(a, b), energy, angle)
    assert fine.band_limit_per_angstrom >= coarse.band_limit_per_angstrom
    assert fine.slice_thickness_angstrom <= coarse.slice_thickness_angstrom
    assert fine.margin_angstrom >= coarse.margin_angstrom


@given(accuracies, energies, angles, angles)
def test_a_wider_angle_never_asks_for_less(a: float, energy: float, x: float, y: float) -> None:
    wide, narrow = rule(a, energy, max(x, y)), rule(a, energy, min(x, y))
    assert wide.band_limit_per_angstrom >= narrow.band_limit_per_angstrom
    same_band = wide.band_limit_per_angstrom
    finer = rule(a, energy, min(x, y), needed=same_band)
    assert wide.slice_thickness_angstrom <= finer.slice_thickness_angstrom


@given(accuracies, energies, angles, st.floats(0.1, 5.0))
def test_both_errors_together_are_the_accuracy(
    accuracy: float, energy: float, angle: float, needed: float
) -> None:
    electron = Electron(energy)
    q = electron.frequency_per_angstrom(angle)
    found = rule(accuracy, energy, angle, needed)
    band = band_error(found.band_limit_per_angstrom, q, electron)
    slices = slice_error(found.slice_thickness_angstrom, q, electron)
    assert found.band_limit_per_angstrom >= needed
    assert band <= accuracy / 2**0.5 * (1 + 1e-9)
    assert (band**2 + slices**2) ** 0.5 <= accuracy * (1 + 1e-9)


@pytest.mark.parametrize("accuracy", [0.0, 0.0009, 0.11, -0.01, float("nan")])
def test_what_cannot_be_promised_is_refused(accuracy: float) -> None:
    with pytest.raises(ValueError, match=r"from 0\.001 to 0\.1"):
        rule(accuracy, 200.0, 20.0)


def test_a_frequency_must_be_positive() -> None:
    with pytest.raises(ValueError, match="must be positive"):
        rule(0.01, 200.0, 0.0)


def _spectrum(wave: Tensor, frequency: float, box: float) -> Tensor:
    """Coefficients inside a frequency [1/Å]."""
    side = 2 * int(frequency * box) + 1
    axis = (torch.arange(side) - side // 2) / box
    inside = axis[:, None] ** 2 + axis**2 <= frequency**2
    return (resize_centred(centred(fourier(wave)), side) / wave.shape[-1] ** 2)[inside]


def _computed(model: AtomicModel, box: float, sampling: Sampling, electron: Electron) -> Tensor:
    """Compute a wave in the smallest box its sampling allows, padded with vacuum."""
    whole = Grid(fast_even(3 * sampling.band_limit_per_angstrom * box), box)
    side = float(model.extent()[:2].max()) + 2 * sampling.margin_angstrom
    pixels = min(whole.pixels, fast_even(side / whole.pixel_angstrom))
    grid = Grid(pixels, pixels * whole.pixel_angstrom)
    wave = mid_plane_wave(model, grid, electron, sampling.slice_thickness_angstrom)
    return resize_centred(wave, whole.pixels)


@pytest.mark.parametrize(("energy", "angle"), [(200.0, 20.0), (80.0, 10.0), (300.0, 30.0)])
def test_the_promise_holds_for_villin(
    villin: PreparedStructure, energy: float, angle: float
) -> None:
    electron, box = Electron(energy), 50.0
    q = electron.frequency_per_angstrom(angle)
    at_rest = replace(villin.model, b_factors=None)
    model = posed(at_rest, random_pose(at_rest, item_generator(7, villin.sha256, 3)))
    fine = _spectrum(_computed(model, box, Sampling(5.0, 0.5, 8.0), electron), q, box)
    for accuracy in (0.02, 0.01, 0.005):
        sampling = rule(accuracy, energy, angle, needed=2**0.5 * q)
        found = _spectrum(_computed(model, box, sampling, electron), q, box)
        error = float((found - fine).norm() / fine.norm())
        assert error < accuracy
        # A rule that asks for far more than needed would be no rule.
        assert error > accuracy / 10
