"""Partial spatial coherence: a beam that comes from many directions at once."""

from diffragan.constants import MILLI
from diffragan.electron import Electron
from diffragan.physics.blur import gaussian_blur
from diffragan.typing import Patterns


def source_sigma_pixels(convergence_mrad: float, box_angstrom: float, electron: Electron) -> float:
    """Width of the source's image in a pattern, standard deviation along an axis [pixels].

    Parameters
    ----------
    convergence_mrad : Angle alpha of the illumination exp(-(angle / alpha)^2) [mrad].
    box_angstrom : The pattern's pixels are 1 / box apart [Å].
    """
    return convergence_mrad * MILLI / 2**0.5 / electron.wavelength_angstrom * box_angstrom


def with_convergence(
    patterns: Patterns, convergence_mrad: float, box_angstrom: float, electron: Electron
) -> Patterns:
    """Pattern in a beam with a Gaussian distribution of directions.

    The directions add as intensities, so the pattern is convolved with their distribution. In real
    space its autocorrelation is multiplied by exp(-(pi alpha x / lambda)^2): parts of the molecule
    further apart than lambda / (pi alpha) hardly interfere. What leaves the square is lost; blur a
    wider square and crop it where that matters.

    Parameters
    ----------
    patterns : `(..., q_y, q_x)`, centred.
    convergence_mrad : Angle at which the distribution falls to 1/e [mrad].
    box_angstrom : The pattern's pixels are 1 / box apart [Å].

    Source: J. C. H. Spence, High-Resolution Electron Microscopy, 4th ed. (2013), ch. 4.
    """
    return gaussian_blur(patterns, source_sigma_pixels(convergence_mrad, box_angstrom, electron))
