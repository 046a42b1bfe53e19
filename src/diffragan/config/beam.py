"""The settings of the beam that makes a diffraction pattern, and of the energy it loses."""

from math import hypot, pi
from typing import Self

from pydantic import Field, model_validator

from diffragan.config.settings import Settings
from diffragan.constants import MILLI
from diffragan.electron import Electron
from diffragan.errors import ConfigError

EDGE_SIGMAS = 3.0
"""A Gaussian edge counts as that many standard deviations wide on either side."""
ATOM_RADIUS_ANGSTROM = 2.0
"""Around its centre, what of an atom's potential the flat part of the probe should hold."""


class BeamSettings(Settings):
    """A parallel beam: a plane wave that fills the box, or a probe with a flat top."""

    probe_diameter_angstrom: float | None = Field(None, gt=0, le=2000)
    """Diameter at half height of the wave's amplitude [Å]; none is a plane wave over the box."""
    probe_edge_angstrom: float = Field(5.0, ge=0)
    """Standard deviation of the Gaussian that softens the rim of the probe [Å]; 0 is sharp."""
    probe_offset_angstrom: tuple[float, float] = (0.0, 0.0)
    """Where the probe's centre lies, seen from the molecule, x and y [Å]."""
    convergence_mrad: float = Field(0.0, ge=0, le=10)
    """Semi-angle at which the Gaussian of incident directions falls to 1/e [mrad]; 0 is a beam
    from one direction."""

    @property
    def flat_radius_angstrom(self) -> float | None:
        """Radius within which the probe's amplitude is 1 (to 0.2 %) [Å]; none for a plane wave."""
        if self.probe_diameter_angstrom is None:
            return None
        return self.probe_diameter_angstrom / 2 - EDGE_SIGMAS * self.probe_edge_angstrom

    def coherence_length_angstrom(self, electron: Electron) -> float:
        """Distance at which two points of the wave still interfere by 1/e, lambda / (pi alpha) [Å].

        Infinite for a beam from one direction. A molecule larger than this has smeared speckles.
        """
        if self.convergence_mrad == 0:
            return float("inf")
        return electron.wavelength_angstrom / (pi * self.convergence_mrad * MILLI)

    def check_probe_holds(self, extent_angstrom: float) -> None:
        """Refuse a molecule that the flat part of the probe does not hold.

        Parameters
        ----------
        extent_angstrom : Diameter about the beam's axis that holds every atom's centre [Å].

        Raises
        ------
        ConfigError : The probe is too small; the message names the diameter that would do.
        """
        if self.flat_radius_angstrom is None:
            return
        needed = extent_angstrom / 2 + ATOM_RADIUS_ANGSTROM + hypot(*self.probe_offset_angstrom)
        if self.flat_radius_angstrom < needed:
            least = 2 * (needed + EDGE_SIGMAS * self.probe_edge_angstrom)
            raise ConfigError(
                f"beam.probe_diameter_angstrom: a probe of {self.probe_diameter_angstrom:g} Å does "
                f"not hold the molecule of {extent_angstrom:.1f} Å with its flat part; use at "
                f"least {least:.1f} Å, a sharper edge or a smaller offset"
            )

    @model_validator(mode="after")
    def _probe_is_possible(self) -> Self:
        if self.probe_diameter_angstrom is None:
            if self.probe_offset_angstrom != (0.0, 0.0):
                raise ValueError(
                    "probe_offset_angstrom moves a probe, and a plane wave has none; give "
                    "probe_diameter_angstrom too"
                )
        elif self.flat_radius_angstrom is not None and self.flat_radius_angstrom <= 0:
            raise ValueError(
                f"a probe of {self.probe_diameter_angstrom:g} Å with an edge of "
                f"{self.probe_edge_angstrom:g} Å has no flat part; its diameter must exceed "
                f"{2 * EDGE_SIGMAS * self.probe_edge_angstrom:g} Å"
            )
        return self


class InelasticSettings(Settings):
    """Electrons that lose energy: missing from the elastic pattern, spread behind it."""

    enabled: bool = False
    energy_filter: bool = False
    """Whether an energy filter removes them; otherwise they are recorded as a background."""
    mean_free_path_angstrom: float | None = Field(None, gt=0)
    """Inelastic mean free path in the ice at the beam's energy [Å]; none is that of vitreous ice
    from its atoms' cross-sections."""
    cross_section_factor: float = Field(1.0, gt=0, le=5)
    """Factor on the inelastic cross-sections of atoms; published ones differ by up to two."""
    energy_loss_ev: float = Field(20.0, gt=0, le=200)
    """Typical energy lost at once [eV]; sets the width of the background."""
    cutoff_mrad: float | None = Field(None, gt=0, le=200)
    """Angle beyond which no inelastic scattering goes [mrad]; none is the Bethe ridge."""

    @model_validator(mode="after")
    def _mean_free_path_counts_once(self) -> Self:
        if self.mean_free_path_angstrom is not None and self.cross_section_factor != 1.0:
            raise ValueError(
                "mean_free_path_angstrom fixes the ice and cross_section_factor scales it; give "
                "one of the two"
            )
        return self
