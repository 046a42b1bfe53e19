"""The accuracy rule: how finely a multislice must be computed for a wanted accuracy.

Two things make a wave of exact atoms inexact, both through multiple scattering. States beyond the
band limit are missing, and inside a slice every atom meets the wave that entered the slice. Both
errors are proportional to the electron's interaction constant and all but the same for all
proteins, because most multiple scattering is within an atom and its neighbours.

Source of all constants: `benchmarks/simulation_convergence.py`, see docs/simulation-accuracy.md.
"""

from dataclasses import dataclass

from diffragan.electron import Electron

MOST_ACCURATE, LEAST_ACCURATE = 0.001, 0.1
"""Relative errors that the rule was measured for."""

BAND_ERROR = 7.1
"""Error of a band limit of 1/Å inside the lowest frequencies, per interaction constant."""
BAND_POWER = 2.1
"""The fitted one is 2.4. Where both errors are small they add up instead of being independent, and
this rule's powers and constants lie above all of the study with that."""
BAND_FREQUENCY_PER_ANGSTROM = 0.73
"""Inside this frequency the squared growth of the band's error equals its constant part."""
LARGEST_SHARE_OF_BAND = 0.75
"""The recorded frequency is never closer to the band limit: there the law does not hold."""

SLICE_ERROR = 34.2
"""Error for wavelength times thickness of 1 Å2 inside 1/Å, per interaction constant."""
SLICE_POWER = 0.8
"""The fitted one is 0.91, see `BAND_POWER`."""
SLICE_FREQUENCY_POWER = 0.48
THICKEST_SLICE_ANGSTROM = 20.0
"""Thicker ones were not studied, and save nothing."""

MARGIN_ANGSTROM = 3.0
"""From 2 Å on nothing of an atom is left but the ringing of the band limit, an eighth of its
error; the rest is for the spread of the wave between an atom's height and the mid-plane."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How finely a multislice must be computed."""

    band_limit_per_angstrom: float
    """Highest frequency of the wave; a pixel is 1 / (3 band limit) wide [1/Å]."""
    slice_thickness_angstrom: float
    """Upper limit of the slices' thickness [Å]."""
    margin_angstrom: float
    """Vacuum around the molecule's atoms on every side [Å]."""


def band_error(band_limit: float, frequency: float, electron: Electron) -> float:
    """Relative error of psi_s inside a frequency because of the band limit, both [1/Å]."""
    growth = 1 + (frequency / BAND_FREQUENCY_PER_ANGSTROM) ** 2
    sigma = electron.interaction_rad_per_volt_angstrom
    return float(BAND_ERROR * sigma * growth / band_limit**BAND_POWER)


def slice_error(thickness_angstrom: float, frequency: float, electron: Electron) -> float:
    """Relative error of psi_s inside a frequency [1/Å] because of the slices' thickness [Å]."""
    spread = (electron.wavelength_angstrom * thickness_angstrom) ** SLICE_POWER
    sigma = electron.interaction_rad_per_volt_angstrom
    return float(SLICE_ERROR * sigma * spread * frequency**SLICE_FREQUENCY_POWER)


def sampling_for(
    accuracy: float,
    electron: Electron,
    *,
    recorded_per_angstrom: float,
    needed_per_angstrom: float,
) -> Sampling:
    """Choose the coarsest sampling that keeps an accuracy.

    Half of the squared error goes to each of band and slices, which is where their cost is least.
    If the band must be wider than that for another reason, the slices may use what it leaves.

    Parameters
    ----------
    accuracy : Relative L2 error of psi_s wanted inside the recorded angle, 0.001 to 0.1.
    electron : The beam's electron.
    recorded_per_angstrom : Frequency of the recorded angle [1/Å].
    needed_per_angstrom : Highest frequency that must be there at all [1/Å].

    Raises
    ------
    ValueError : The accuracy cannot be reached, or a frequency is not positive.
    """
    if not MOST_ACCURATE <= accuracy <= LEAST_ACCURATE:
        raise ValueError(
            f"the accuracy is {accuracy:g}; from {MOST_ACCURATE:g} to {LEAST_ACCURATE:g} can be "
            "asked for: finer sampling gains nothing that was measured, coarser saves nothing"
        )
    if not (recorded_per_angstrom > 0 and needed_per_angstrom > 0):
        raise ValueError("the recorded and the needed frequency must be positive")
    share = accuracy / 2**0.5
    band = max(
        (band_error(1.0, recorded_per_angstrom, electron) / share) ** (1 / BAND_POWER),
        recorded_per_angstrom / LARGEST_SHARE_OF_BAND,
        needed_per_angstrom,
    )
    left = (accuracy**2 - band_error(band, recorded_per_angstrom, electron) ** 2) ** 0.5
    thickness = (left / slice_error(1.0, recorded_per_angstrom, electron)) ** (1 / SLICE_POWER)
    return Sampling(band, min(thickness, THICKEST_SLICE_ANGSTROM), MARGIN_ANGSTROM)
