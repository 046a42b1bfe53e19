"""How finely a multislice is computed: chosen from an accuracy, or given."""

from math import ceil

from pydantic import Field

from diffragan.config.settings import Settings

ANTIALIAS_FRACTION = 2 / 3
"""Share of the Nyquist frequency that a multislice wave may use (Kirkland, 3rd ed., sec. 6.8)."""
LARGEST_PIXELS = 4096
"""No grid may have more samples along a side."""
BYTES_PER_PIXEL = 180
"""Memory of one multislice for each pixel, as measured with 384 to 2048 pixels a side."""


class NumericsSettings(Settings):
    """How finely the multislice is computed; what is left out follows from the accuracy."""

    accuracy: float = Field(0.01, ge=0.001, le=0.1)
    """Relative L2 error of psi_s inside the recorded angle that pixels and slices may cause."""
    pixels: int | None = Field(None, ge=16, le=LARGEST_PIXELS)
    """Samples along one side of the box."""
    slice_thickness_angstrom: float | None = Field(None, gt=0, le=50)
    """Upper limit of the slices' thickness [Å]."""
    multiple_scattering_per_angstrom: float | None = Field(None, gt=0, le=50)
    """Highest frequency of the states between which the multislice scatters [1/Å]; beyond it,
    every atom scatters for itself. Left out: all that the pixels hold. It saves time where those
    are fine."""
    box_angstrom: float | None = Field(None, gt=0, le=2000)
    """Side of the part of the box, about its middle, that is computed [Å]; the rest is vacuum.
    Left out: what holds the molecule in any orientation, or the whole box where ice fills it."""


def fast_even(least: float) -> int:
    """Return the smallest even number, not below `least`, whose Fourier transform is fast."""
    number = 2 * ceil(least / 2)
    while number <= LARGEST_PIXELS:
        rest = number
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            break
        number += 2
    return number
