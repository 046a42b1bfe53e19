"""How well two computations of one wave agree: the wave, the pattern and the images."""

from dataclasses import dataclass

import torch

from diffragan.config.numerics import ANTIALIAS_FRACTION
from diffragan.config.optics import OpticsSettings
from diffragan.electron import Electron
from diffragan.fourier import fourier, inverse_fourier
from diffragan.grid import Grid
from diffragan.physics.forward import diffraction_pattern, image, measured_region
from diffragan.typing import Bool, Tensor, Waves

ANGLE_MRAD = 20.0
"""Angle of the comparison, that of the paper's detector; images are formed up to it, too."""
IMAGE_PIXEL_ANGSTROM = 0.28
"""Images are compared on pixels about as large as the paper's, 0.2734 Å."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Relative L2 differences of two computations of one wave."""

    angle: float
    """psi_s inside 20 mrad."""
    band: float
    """psi_s in the whole band of the grid, 2/3 of Nyquist."""
    diffraction: float
    """Intensities in the square of 20 mrad without the direct beam."""
    image_50: float
    """Contrast (intensity - 1) of the image at 50 Å underfocus, through a 20 mrad aperture."""
    image_1000: float
    """Contrast of the image at 1,000 Å underfocus, through a 20 mrad aperture."""


def relative_l2(found: Tensor, expected: Tensor, where: Bool[Tensor, "y x"] | None = None) -> float:
    """Norm of a difference over that of what was expected, of all values or those in a mask."""
    if where is not None:
        found, expected = found[..., where], expected[..., where]
    return float(torch.linalg.norm(found - expected) / torch.linalg.norm(expected))


def inside(grid: Grid, frequency_per_angstrom: float) -> Bool[Tensor, "y x"]:
    """Mask of the frequencies up to one, in FFT order."""
    return grid.squared_frequencies() <= frequency_per_angstrom**2


def spectra_agreement(
    found: Waves, expected: Waves, grid: Grid, electron: Electron
) -> tuple[float, float]:
    """Relative L2 of psi_s inside 20 mrad, and in the band of the grid."""
    a, b = fourier(found), fourier(expected)
    limit = ANTIALIAS_FRACTION * grid.nyquist_per_angstrom
    angle = electron.frequency_per_angstrom(ANGLE_MRAD)
    return relative_l2(a, b, inside(grid, angle)), relative_l2(a, b, inside(grid, limit))


def agreement(found: Waves, expected: Waves, grid: Grid, electron: Electron) -> Agreement:
    """Compare two waves and what a detector would see of them.

    Parameters
    ----------
    found, expected : psi_s on `grid`, `(y, x)`, origin at pixel n // 2.
    grid : Their sampling.
    electron : The beam's electron.
    """
    angle, band = spectra_agreement(found, expected, grid, electron)
    side = 2 * int(electron.frequency_per_angstrom(ANGLE_MRAD) * grid.box_angstrom) + 1
    patterns = [diffraction_pattern(wave, side) for wave in (found, expected)]
    pixels = min(grid.pixels, 2 * round(grid.box_angstrom / IMAGE_PIXEL_ANGSTROM / 2))
    contrasts = []
    for defocus in (50.0, 1000.0):
        optics = OpticsSettings(defocus_angstrom=defocus, aperture_mrad=ANGLE_MRAD)
        ours, theirs = (image(w, grid, optics, electron, pixels) - 1 for w in (found, expected))
        contrasts.append(relative_l2(ours, theirs))
    return Agreement(
        angle=angle,
        band=band,
        diffraction=relative_l2(patterns[0], patterns[1], measured_region(side, 0.5)),
        image_50=contrasts[0],
        image_1000=contrasts[1],
    )


def without_linear_placement(wave: Waves, grid: Grid) -> Waves:
    """Undo the mean effect of placing atoms on a grid by linear interpolation.

    Spreading a point over its four neighbours convolves it, on average over its positions, with a
    triangle two pixels wide, whose transform along each axis is sinc^2(q dx).
    """
    damping = torch.sinc(grid.axis_frequencies() * grid.pixel_angstrom) ** 2
    return inverse_fourier(fourier(wave) / (damping[:, None] * damping))
