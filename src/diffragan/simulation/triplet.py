"""One triplet: the diffraction pattern and two images of one molecule in one orientation."""

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite

import numpy as np

from diffragan.config.experiment import Experiment
from diffragan.electron import Electron
from diffragan.errors import ConfigError
from diffragan.fourier import resample
from diffragan.grid import Grid
from diffragan.physics.detector import dose_for_snr, measured_snr, poisson_counts
from diffragan.physics.forward import diffraction_pattern, image
from diffragan.physics.multislice import mid_plane_wave
from diffragan.simulation.abtem_engine import abtem_mid_plane_wave
from diffragan.structures.atomic_model import AtomicModel
from diffragan.typing import Images, Int, Patterns, Tensor, Waves

Engine = Callable[[AtomicModel, Grid, Electron, float], Waves]
ENGINES: dict[str, Engine] = {"torch": mid_plane_wave, "abtem": abtem_mid_plane_wave}
LARGEST_COUNT = 1e9
"""Counts are stored as 32-bit whole numbers; this leaves room for their noise."""


@dataclass(frozen=True, slots=True)
class Triplet:
    """What one exposure of one molecule gives, and the wave behind it."""

    diffraction: Patterns
    """`(q_y, q_x)`, centred, fraction of the incident beam per pixel."""
    low_resolution: Int[Tensor, "y x"]
    """Counts of the defocused image [electrons]."""
    high_resolution: Images
    """`(y, x)`, relative to the incident beam, noise-free."""
    exit_wave: Waves
    """psi_s at the mid-plane on the wave grid."""
    low_resolution_dose_e_per_a2: float
    low_resolution_snr: float
    """Signal over noise power of these very counts in the preset's band."""


def simulate_triplet(
    model: AtomicModel,
    experiment: Experiment,
    generator: np.random.Generator,
    engine: Engine = mid_plane_wave,
) -> Triplet:
    """Simulate one triplet of a molecule that already stands in the beam.

    Parameters
    ----------
    model : Atoms, turned and shifted, beam along +z, mid-plane at z = 0.
    experiment : Beam, box, detector and images.
    generator : Source of the counting noise.
    engine : Computes the mid-plane wave.
    """
    electron, grid = experiment.electron, experiment.simulation_grid
    wave = engine(model, grid, electron, experiment.numerics.slice_thickness_angstrom)
    low_settings, image_grid = experiment.low_resolution, experiment.image_grid
    low = image(wave, grid, low_settings, electron, experiment.image_pixels)
    high = image(wave, grid, experiment.high_resolution, electron, experiment.image_pixels)
    band = low_settings.snr_band_angstrom
    dose = dose_for_snr(low, low_settings.snr, band, image_grid)
    _check_countable(dose, float(low.max()), experiment)
    counts = poisson_counts(low, dose, image_grid, generator)
    return Triplet(
        diffraction=diffraction_pattern(wave, experiment.diffraction_pixels),
        low_resolution=counts,
        high_resolution=high,
        exit_wave=resample(wave, experiment.wave_pixels),
        low_resolution_dose_e_per_a2=dose,
        low_resolution_snr=measured_snr(counts, low.cpu(), dose, band, image_grid),
    )


def _check_countable(dose: float, brightest: float, experiment: Experiment) -> None:
    if dose * brightest * experiment.image_grid.pixel_angstrom**2 < LARGEST_COUNT:
        return
    low = experiment.low_resolution
    coarse, fine = low.snr_band_angstrom
    needed = f"needs {dose:.2g} e/Å2, more than can be counted" if isfinite(dose) else "has no dose"
    raise ConfigError(
        f"low_resolution.snr: {low.snr:g} from {coarse:g} to {fine:g} Å {needed}; lower it, or set "
        "snr_band_angstrom where the aperture lets signal through"
    )
