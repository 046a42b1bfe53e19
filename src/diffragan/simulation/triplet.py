"""One triplet: the diffraction pattern and two images of one molecule in one orientation."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import isfinite

import numpy as np
import torch

from diffragan.config.experiment import Experiment
from diffragan.errors import ConfigError
from diffragan.fourier import resample, resize_centred
from diffragan.grid import Grid
from diffragan.physics.camera import DetectorMaps, detector_layout, record
from diffragan.physics.detector import dose_for_snr, measured_snr, poisson_counts
from diffragan.physics.forward import image
from diffragan.physics.illumination import beam_area_angstrom2
from diffragan.physics.multislice import mid_plane_wave
from diffragan.simulation.abtem_engine import abtem_mid_plane_wave
from diffragan.simulation.far_field import far_field_pattern, inelastic_fraction
from diffragan.simulation.specimen import frozen_phonon, with_thermal_motion
from diffragan.structures.atomic_model import AtomicModel
from diffragan.structures.vitreous_ice import embed_in_ice
from diffragan.typing import Images, Int, Patterns, Tensor, Waves

Engine = Callable[[AtomicModel, Grid, Experiment], Waves]
"""Computes the mid-plane wave of atoms on a grid, by the settings of an experiment."""
LARGEST_COUNT = 1e9
"""Counts are stored as 32-bit whole numbers; this leaves room for their noise."""


def torch_wave(model: AtomicModel, grid: Grid, experiment: Experiment) -> Waves:
    """Compute the mid-plane wave ourselves."""
    return mid_plane_wave(
        model,
        grid,
        experiment.electron,
        experiment.slice_thickness_angstrom,
        multiple_scattering_per_angstrom=experiment.numerics.multiple_scattering_per_angstrom,
    )


def abtem_wave(model: AtomicModel, grid: Grid, experiment: Experiment) -> Waves:
    """Compute the mid-plane wave with abTEM."""
    return abtem_mid_plane_wave(
        model, grid, experiment.electron, experiment.slice_thickness_angstrom
    )


ENGINES: dict[str, Engine] = {"torch": torch_wave, "abtem": abtem_wave}


@dataclass(frozen=True, slots=True)
class Triplet:
    """What one exposure of one molecule gives, and the wave behind it."""

    diffraction: Patterns
    """`(q_y, q_x)`, centred: fraction of the incident beam per pixel, or counts [electrons]."""
    low_resolution: Int[Tensor, "y x"]
    """Counts of the defocused image [electrons]."""
    high_resolution: Images
    """`(y, x)`, relative to the incident beam, noise-free."""
    exit_wave: Waves
    """psi_s at the mid-plane on the wave grid; the mean over frozen phonons."""
    low_resolution_dose_e_per_a2: float
    low_resolution_snr: float
    """Signal over noise power of these very counts in the preset's band."""


def layout(experiment: Experiment, seed: int) -> DetectorMaps:
    """Return the detector of a data set; the same seed gives the same detector."""
    return detector_layout(
        experiment.detector, experiment.diffraction_pixels, experiment.pattern_spacing_mrad, seed
    )


@dataclass(frozen=True, slots=True)
class Specimen:
    """What stands in the beam during one exposure."""

    configurations: tuple[AtomicModel, ...]
    """Sets of atom positions that the exposure averages over; one where atoms are at rest."""
    lost: float
    """Share of the electrons that lose energy."""


@torch.no_grad()
def simulate_triplet(
    model: AtomicModel,
    experiment: Experiment,
    generator: np.random.Generator,
    *,
    engine: Engine = torch_wave,
    grid: Grid | None = None,
    maps: DetectorMaps | None = None,
) -> Triplet:
    """Simulate one triplet of a molecule that already stands in the beam.

    Parameters
    ----------
    model : Atoms, turned and shifted, beam along +z, mid-plane at z = 0.
    experiment : Specimen, beam, box, detector and images.
    generator : Source of the ice's cut, of thermal displacements and of the counting noise.
    engine : Computes the mid-plane wave.
    grid : The part of the box to compute; all of it when left out.
    maps : The detector's layout; one of seed 0 when left out.
    """
    specimen = set_up(model, experiment, generator)
    part = grid or experiment.simulation_grid
    waves = (engine(atoms, part, experiment) for atoms in specimen.configurations)
    return expose(waves, specimen.lost, experiment, generator, maps)


def set_up(model: AtomicModel, experiment: Experiment, generator: np.random.Generator) -> Specimen:
    """Put a molecule into its ice and let its atoms move.

    Parameters
    ----------
    model, experiment, generator : See `simulate_triplet`.
    """
    settings = experiment.specimen
    if settings.ice_thickness_angstrom is not None:
        device = model.positions.device
        model = embed_in_ice(
            model.to("cpu"), experiment.box_angstrom, settings.ice_thickness_angstrom, generator
        ).to(device)
    model = with_thermal_motion(model, settings)
    configurations = (
        tuple(frozen_phonon(model, generator) for _ in range(settings.configurations))
        if settings.thermal_motion == "frozen_phonons"
        else (model,)
    )
    return Specimen(configurations, inelastic_fraction(model, experiment))


def expose(
    waves: Iterable[Waves],
    lost: float,
    experiment: Experiment,
    generator: np.random.Generator,
    maps: DetectorMaps | None = None,
) -> Triplet:
    """Record what the waves of a specimen give.

    Parameters
    ----------
    waves : `(y, x)` each, psi_s at the mid-plane of every configuration, about the box's middle.
    lost : Share of the electrons that lose energy.
    experiment, generator, maps : See `simulate_triplet`.
    """
    field = experiment.simulation_grid
    patterns, low, high, stored = [], [], [], []
    for part in waves:
        wave = resize_centred(part, field.pixels)
        patterns.append(far_field_pattern(wave, experiment, lost))
        low.append(_image(wave, experiment, "low_resolution", lost))
        high.append(_image(wave, experiment, "high_resolution", lost))
        stored.append(resample(wave, experiment.wave_pixels))
    low_image = _mean(low)
    counts, dose, snr = _count_low_resolution(low_image, experiment, generator)
    recorded = record(
        _mean(patterns),
        experiment.detector,
        maps or layout(experiment, 0),
        beam_area_angstrom2(experiment.beam, field),
        generator,
    )
    return Triplet(recorded, counts, _mean(high), _mean(stored), dose, snr)


def _image(wave: Waves, experiment: Experiment, role: str, lost: float) -> Images:
    """Image of a wave; electrons that lost energy are filtered out, or lie evenly over it.

    Inelastic scattering is delocalised over some ten ångström and defocused by its loss, so it
    carries next to no contrast (Egerton, 3rd ed. (2011), sec. 5.5).
    """
    optics = experiment.low_resolution if role == "low_resolution" else experiment.high_resolution
    seen = image(
        wave, experiment.simulation_grid, optics, experiment.electron, experiment.image_pixels
    )
    if lost == 0:
        return seen
    veil = 0.0 if experiment.inelastic.energy_filter else lost * seen.mean()
    return (1 - lost) * seen + veil


def _mean(values: list[Tensor]) -> Tensor:
    return values[0] if len(values) == 1 else torch.stack(values).mean(0)


def _count_low_resolution(
    low: Images, experiment: Experiment, generator: np.random.Generator
) -> tuple[Tensor, float, float]:
    """Count the defocused image; return its dose [e/Å2] and signal-to-noise ratio, too."""
    settings, grid = experiment.low_resolution, experiment.image_grid
    band = settings.snr_band_angstrom
    dose = settings.dose_e_per_a2
    if dose is None:
        dose = dose_for_snr(low, settings.snr, band, grid)
        _check_countable(dose, float(low.max()), experiment)
    counts = poisson_counts(low, dose, grid, generator)
    return counts, dose, measured_snr(counts, low.cpu(), dose, band, grid)


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
