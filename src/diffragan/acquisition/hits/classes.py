"""What a frame can show, and under which conditions it was taken."""

from dataclasses import dataclass
from math import pi

import numpy as np
from numpy.typing import NDArray

from diffragan.electron import Electron
from diffragan.errors import InputError

CLASSES = (
    "empty",
    "ice",
    "crystalline ice",
    "carbon",
    "protein",
    "several",
    "damaged",
    "saturated",
)
"""`empty` is vacuum, `ice` is vitreous, `protein` is one molecule that is not damaged."""
PROTEIN = CLASSES.index("protein")
DAMAGED = CLASSES.index("damaged")
SATURATED = CLASSES.index("saturated")


@dataclass(frozen=True, slots=True)
class Conditions:
    """How the frames of a scan were taken."""

    good: NDArray[np.bool_]
    """`(q_y, q_x)`, true where a pixel measures."""
    mrad_per_pixel: float
    """Angle between neighbouring pixels [mrad]."""
    energy_kev: float
    exposure_e_per_a2: float
    """Electrons per area of each frame [e/Å2]."""
    beam_diameter_angstrom: float
    counts_per_electron: float = 1.0
    """Value that one electron adds to a frame."""
    offset_counts: float = 0.0
    """Value of a pixel that no electron hit."""
    saturation_counts: float | None = None
    """Largest value that a pixel can hold; none where nothing saturates."""

    @property
    def frequency_per_pixel(self) -> float:
        """Spatial frequency between neighbouring pixels [1/Å]."""
        return Electron(self.energy_kev).frequency_per_angstrom(self.mrad_per_pixel)

    @property
    def incident_electrons(self) -> float:
        """Electrons that fall on the specimen during a frame."""
        return self.exposure_e_per_a2 * pi / 4 * self.beam_diameter_angstrom**2

    def check(self) -> None:
        """Refuse what no scan has.

        Raises
        ------
        InputError : A number is not positive and finite, or no pixel measures.
        """
        for name in (
            "mrad_per_pixel",
            "energy_kev",
            "exposure_e_per_a2",
            "beam_diameter_angstrom",
            "counts_per_electron",
        ):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise InputError(f"{name} is {value:g}; it must be a positive number")
        if not self.good.any():
            raise InputError("no pixel of the detector measures; nothing can be classified")
