"""The overview image: the whole field at once, defocused."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.config.optics import OpticsSettings
from diffragan.config.scan_simulation import ScanSimulation
from diffragan.grid import Grid
from diffragan.physics.detector import poisson_counts
from diffragan.physics.forward import image
from diffragan.simulation.scan.field import Field, window_of
from diffragan.simulation.scan.frames import Instrument
from diffragan.simulation.scan.geometry import rotation
from diffragan.simulation.scan.lattice import Lattice, image_side
from diffragan.typing import Images

ROWS = 64
"""Computed at once."""
RIM_PIXELS = 24
"""Computed around the image and cut off: the lens mixes what lies on opposite rims."""


def overview_optics(settings: ScanSimulation) -> OpticsSettings:
    """Return the lens of the image."""
    return OpticsSettings(
        defocus_angstrom=settings.image.defocus_angstrom,
        aperture_mrad=settings.image.aperture_mrad,
        spherical_aberration_mm=settings.image.spherical_aberration_mm,
    )


def overview_counts(
    instrument: Instrument, field: Field, lattice: Lattice, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Return the electrons counted in every pixel, `(y, x)`.

    Parameters
    ----------
    field : With molecules and layers sampled for `lattice`.
    lattice : The image's.
    generator : Of the counts and the direction in which the specimen moves.
    """
    settings = instrument.settings
    side = image_side(settings) + 2 * RIM_PIXELS
    wave = torch.empty((side, side), dtype=torch.complex64)
    kept = torch.empty((side, side))
    everything: Sequence[int] = range(len(field.molecules))
    for first in range(0, side, ROWS):
        rows = min(ROWS, side - first)
        window = window_of(
            field, lattice, (first - RIM_PIXELS, -RIM_PIXELS), (rows, side), everything
        )
        wave[first : first + rows] = window.transmission
        ice, carbon = window.thickness
        paths = ice / instrument.ice_path_angstrom + carbon / instrument.carbon_path_angstrom
        kept[first : first + rows] = torch.exp(-paths)
    grid = Grid(side, side * lattice.pixel_angstrom)
    seen = image(wave.sub_(1), grid, overview_optics(settings), settings.electron)
    if settings.inelastic.enabled:
        # What lost energy is defocused by its loss and lies evenly about where it went through.
        veil = 0.0 if settings.inelastic.energy_filter else (1 - kept) * seen.mean()
        seen = kept * seen + veil
    seen = _moved(seen, grid, settings.image.motion_angstrom, generator)
    seen = seen[RIM_PIXELS:-RIM_PIXELS, RIM_PIXELS:-RIM_PIXELS]
    counts = poisson_counts(seen, settings.image.dose_e_per_a2, grid, generator)
    return np.asarray(counts.numpy().astype(np.float32))


def _moved(
    seen: Images, grid: Grid, distance_angstrom: float, generator: np.random.Generator
) -> Images:
    """Smear an image along the way that the specimen moves."""
    x, y = rotation(generator.uniform(0, 360))[:, 0] * distance_angstrom
    q = grid.axis_frequencies()
    along = q[:, None] * y + q[None, : grid.pixels // 2 + 1] * x
    smeared: Images = torch.fft.irfft2(torch.fft.rfft2(seen) * torch.sinc(along), s=seen.shape)
    return smeared
