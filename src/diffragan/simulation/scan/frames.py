"""One frame of a scan: the far field of what the beam lights, and what the detector makes of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, exp

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.config.beam import EDGE_SIGMAS
from diffragan.config.scan_simulation import ScanSimulation
from diffragan.fourier import centred, fourier, resize_centred
from diffragan.physics.camera import DetectorMaps, detector_layout
from diffragan.physics.coherence import with_convergence
from diffragan.physics.cross_sections import ice_mean_free_path_angstrom, inelastic_cross_section
from diffragan.physics.illumination import probe_area_angstrom2, probe_profile
from diffragan.physics.inelastic import with_inelastic
from diffragan.simulation.scan.amorphous import CARBON, CARBONS_PER_A3
from diffragan.simulation.scan.field import Field, Window, window_of
from diffragan.simulation.scan.geometry import Points
from diffragan.simulation.scan.lattice import Lattice, frame_lattice, frame_pixels, overlap
from diffragan.typing import Float, Patterns, Tensor, Waves

PROFILE_STEPS = 40
"""Samples of the probe's rim for each standard deviation of its edge."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """What is the same for all frames."""

    settings: ScanSimulation
    lattice: Lattice
    window_pixels: int
    """Side of the window that holds the beam: whole boxes of the pattern's sampling."""
    subsamples: int
    """Boxes along a side: samples of a pattern over each pixel."""
    radii: NDArray[np.float64]
    """Distances at which the probe's amplitude is known [Å]."""
    amplitudes: NDArray[np.float64]
    area_angstrom2: float
    maps: DetectorMaps
    gain: Float[Tensor, "q_y q_x"]
    ice_path_angstrom: float
    carbon_path_angstrom: float


def make_instrument(settings: ScanSimulation, seed: int) -> Instrument:
    """Set up beam and detector; the same seed gives the same defects."""
    camera, beam = settings.camera, settings.beam
    subsamples = ceil(settings.probe_width_angstrom / settings.box_angstrom)
    assert beam.probe_diameter_angstrom is not None
    edge = max(beam.probe_edge_angstrom, 0.05)
    reach = beam.probe_diameter_angstrom / 2 + (EDGE_SIGMAS + 3) * edge
    radii = np.arange(0, reach, edge / PROFILE_STEPS)
    area = probe_area_angstrom2(beam)
    assert area is not None
    generator = np.random.default_rng(np.random.SeedSequence([seed, 1]))
    gain = 1 + camera.gain_spread * generator.standard_normal((camera.pixels, camera.pixels))
    factor = settings.inelastic.cross_section_factor
    ice_path = settings.inelastic.mean_free_path_angstrom or ice_mean_free_path_angstrom(
        settings.electron, factor
    )
    carbon_section = factor * inelastic_cross_section(CARBON, settings.electron)
    return Instrument(
        settings=settings,
        lattice=frame_lattice(settings),
        window_pixels=subsamples * frame_pixels(settings),
        subsamples=subsamples,
        radii=radii,
        amplitudes=probe_profile(beam, radii**2),
        area_angstrom2=area,
        maps=detector_layout(camera.detector, camera.pixels, camera.mrad_per_pixel, seed),
        gain=torch.from_numpy(gain).clamp(min=0.1),
        ice_path_angstrom=ice_path,
        carbon_path_angstrom=1 / (CARBONS_PER_A3 * carbon_section),
    )


@dataclass(frozen=True, slots=True)
class Lit:
    """What the beam lights in one frame."""

    wave: Waves
    """`(y, x)`, behind the specimen, on the window's pixels."""
    weight: Float[Tensor, "y x"]
    """Intensity of the beam in each pixel, with a sum of 1."""
    window: Window
    shares: tuple[float, ...]
    """Of each molecule near, how much of it is lit."""
    lost: float
    """Share of electrons that lose energy."""


def light(instrument: Instrument, field: Field, beam: Points, near_molecules: Sequence[int]) -> Lit:
    """Light the specimen at a place.

    Parameters
    ----------
    beam : The beam's middle, x and y [Å].
    near_molecules : Those that may reach into the window.
    """
    lattice, size = instrument.lattice, instrument.window_pixels
    x, y = np.round(lattice.pixels(beam[None])[0]).astype(int) - size // 2
    first = (int(y), int(x))
    window = window_of(field, lattice, first, (size, size), near_molecules)
    points = lattice.points(torch.arange(y, y + size), torch.arange(x, x + size)).numpy()
    away = np.hypot(points[..., 0] - beam[0], points[..., 1] - beam[1])
    probe = torch.from_numpy(
        np.interp(away, instrument.radii, instrument.amplitudes, right=0)
    ).float()
    weight = probe**2 / (probe**2).sum()
    lost = 0.0
    if instrument.settings.inelastic.enabled:
        ice, carbon = (weight * window.thickness).sum((-2, -1)).tolist()
        depth = ice / instrument.ice_path_angstrom + carbon / instrument.carbon_path_angstrom
        lost = 1 - exp(-depth)
    shares = []
    for number in near_molecules:
        molecule = field.molecules[number]
        places = overlap(first, (size, size), molecule.first, molecule.shape)
        lit = 0.0
        if places is not None:
            lit = float((molecule.displaced[places[1]] * probe[places[0]] ** 2).sum())
        shares.append(lit / float(molecule.displaced.sum()))
    return Lit(window.transmission * probe, weight, window, tuple(shares), lost)


def expected_pattern(
    instrument: Instrument, wave: Waves, centre: tuple[float, float], lost: float
) -> Patterns:
    """Compute the expected pattern of a lit wave, as fractions of the incident beam.

    |F[P psi]|^2 dq^2 / area, sampled at the middle of every pixel, as `probe_pattern` does; a beam
    wider than the box of that sampling has finer speckles, whose mean over the pixel is taken.

    Parameters
    ----------
    wave : `(y, x)`, on the window's pixels.
    centre : Where the direct beam falls, y and x from pixel n // 2 [pixels].
    lost : Share of electrons that lose energy.
    """
    settings, samples = instrument.settings, instrument.subsamples
    pixels, size = settings.camera.pixels, instrument.window_pixels
    axis = (torch.arange(size) - size // 2) / size
    ramps = [
        torch.polar(torch.ones(size), 2 * torch.pi * (samples * place + (samples - 1) / 2) * axis)
        for place in centre
    ]
    moved = wave * ramps[0][:, None] * ramps[1][None, :]
    coefficients = resize_centred(centred(fourier(moved)), samples * pixels)
    power = coefficients.real**2 + coefficients.imag**2
    power = power.reshape(pixels, samples, pixels, samples).mean((1, 3))
    box = settings.box_angstrom
    step = instrument.lattice.pixel_angstrom
    pattern = power * (step**4 / (instrument.area_angstrom2 * box**2))
    if settings.beam.convergence_mrad:
        pattern = with_convergence(pattern, settings.beam.convergence_mrad, box, settings.electron)
    if lost:
        spacing = settings.electron.angle_mrad(1 / box)
        pattern = with_inelastic(pattern, lost, spacing, settings.electron, settings.inelastic)
    return pattern
