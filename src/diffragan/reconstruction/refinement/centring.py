"""Where a molecule lies in an image, told by the phases of the lowest frequencies.

Whatever its orientation, a molecule about its own centre has nearly real, positive Fourier
coefficients at the lowest frequencies: their phases are those of the shift.
"""

import math

from diffragan.reconstruction.band import Band, ramp
from diffragan.reconstruction.refinement.global_search import as_rows, shift_grid
from diffragan.typing import Complex, Float, Tensor

LAST_SHELL = 1
"""Beyond it, the phases depend on the orientation: with three shells the error doubles."""
STEP_ANGSTROM = 0.5
OFF_CENTRE_ANGSTROM = 1.5
"""How far the phases may be misled by a molecule that is not round."""


def centres(
    data: Complex[Tensor, "n sample"],
    signal: Float[Tensor, " shell"],
    noise: float,
    band: Band,
    box_angstrom: float,
    max_shift: float,
) -> Float[Tensor, "n 2"]:
    """Shift of each image [Å] that makes its lowest coefficients most nearly real and positive.

    Parameters
    ----------
    data : Coefficients of the images.
    signal : Expected power of the map in each shell.
    noise : Power of the noise.
    band : Of the data.
    box_angstrom : Side of the box [Å].
    max_shift : Farthest that is tried [Å].
    """
    low = band.within(LAST_SHELL)
    shifts = shift_grid(max_shift, STEP_ANGSTROM)
    expected = (signal.sqrt() / noise)[low.shells] * low.shares
    # Re(F ramp) weighted by the expected modulus, as a product of rows.
    phases = ramp(shifts, low, box_angstrom).conj() * expected
    scores = as_rows(data[:, : len(low)]) @ as_rows(phases).float().T
    return shifts[scores.argmax(1)]


def centre_uncertainty(signal: float, noise: float, box_angstrom: float) -> float:
    """How far from the truth a centre may be [Å]: three deviations, and what shape can mislead.

    Parameters
    ----------
    signal, noise : Powers in the first shell, whose four samples tell the shift along an axis.
    box_angstrom : Side of the box [Å].
    """
    phase = math.sqrt(noise / (2 * 4 * max(signal, 1e-30)))
    deviation: float = min(phase, 1.0) * box_angstrom / (2 * math.pi)
    return OFF_CENTRE_ANGSTROM + 3 * deviation
