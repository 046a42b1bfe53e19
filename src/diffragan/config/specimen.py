"""The specimen's settings: what surrounds the molecule, how it moves, and how it likes to lie."""

from math import fsum
from typing import Literal, Self

from pydantic import Field, model_validator

from diffragan.config.settings import Settings

DEFAULT_PHONON_CONFIGURATIONS = 16
POPULATION_TOLERANCE = 1e-3
"""Populations are written with few digits, as 0.33 0.33 0.34."""


class OrientationSettings(Settings):
    """Which views of the molecule the beam sees: all alike, or some more often.

    At an air-water interface most molecules lie on a preferred side (Noble et al., eLife 7 (2018)
    e34257; Tan et al., Nat. Methods 14 (2017) 793).
    """

    preferred_axis: tuple[float, float, float] | None = None
    """Direction in the molecule's frame that prefers to lie along the beam; None is uniform."""
    spread_degrees: float | None = Field(None, gt=0, le=180)
    """Standard deviation of the axis's tilt about either axis across the beam [degrees]."""
    preferring_fraction: float | None = Field(None, ge=0, le=1)
    """Share of the molecules that prefer the axis; the others lie in any way."""
    both_sides: bool = False
    """Half of the preferring molecules lie upside down, as on the film's other surface."""

    @property
    def fraction(self) -> float:
        """Share of the molecules that prefer the axis: all, unless given."""
        return 1.0 if self.preferring_fraction is None else self.preferring_fraction

    @model_validator(mode="after")
    def _axis_has_its_spread(self) -> Self:
        if self.preferred_axis is None:
            given = {
                "spread_degrees": self.spread_degrees is not None,
                "preferring_fraction": self.preferring_fraction is not None,
                "both_sides": self.both_sides,
            }
            for name, is_given in given.items():
                if is_given:
                    raise ValueError(f"{name} needs a preferred_axis; give one or leave it out")
            return self
        if not any(self.preferred_axis):
            raise ValueError("preferred_axis has no length; give a direction as 0 0 1")
        if self.spread_degrees is None:
            raise ValueError("preferred_axis needs its spread_degrees, for example 15")
        return self


class ConformationSettings(Settings):
    """Several conformations of one molecule in one data set."""

    populations: tuple[float, ...] | None = None
    """Share of each structure, in their order; None means that structures are other molecules."""
    mode_amplitude_angstrom: float = Field(0.0, ge=0, le=20)
    """Root mean square displacement of the atoms along the lowest normal modes [Å]."""
    modes: int | None = Field(None, ge=1, le=200)
    """How many of the lowest normal modes move; 5 unless given."""

    @property
    def mode_count(self) -> int:
        """Number of normal modes that move."""
        return 5 if self.modes is None else self.modes

    @model_validator(mode="after")
    def _populations_are_shares(self) -> Self:
        if self.populations is not None:
            if len(self.populations) < 2:
                raise ValueError(
                    "populations needs two conformations or more; leave it out for one"
                )
            if min(self.populations) < 0:
                raise ValueError(
                    f"populations holds {min(self.populations):g}; a share is not negative"
                )
            total = fsum(self.populations)
            if abs(total - 1) > POPULATION_TOLERANCE:
                raise ValueError(f"populations add up to {total:g}; they must add up to 1")
        if self.modes is not None and self.mode_amplitude_angstrom == 0:
            raise ValueError(
                "modes needs mode_amplitude_angstrom above 0; give the amplitude or leave modes out"
            )
        return self


class SpecimenSettings(Settings):
    """The specimen beyond the molecule at rest in vacuum."""

    ice_thickness_angstrom: float | None = Field(None, gt=0, le=5000)
    """Thickness of the vitreous ice along the beam [Å]; None is vacuum."""
    thermal_motion: Literal["none", "b_factors", "frozen_phonons"] = "none"
    """Atoms at rest, their potentials blurred by B-factors, or averages over displaced atoms."""
    b_factor_a2: float | None = Field(None, ge=0, le=1000)
    """B-factor of every atom, water too [Å2]; None takes each atom's own from its file."""
    phonon_configurations: int | None = Field(None, ge=1, le=10_000)
    """Sets of displaced atoms that frozen phonons average over; 16 unless given."""
    orientations: OrientationSettings = OrientationSettings()
    conformations: ConformationSettings = ConformationSettings()

    @property
    def configurations(self) -> int:
        """How many sets of positions one pattern averages over."""
        if self.thermal_motion != "frozen_phonons":
            return 1
        return self.phonon_configurations or DEFAULT_PHONON_CONFIGURATIONS

    @model_validator(mode="after")
    def _motion_has_its_parameters(self) -> Self:
        if self.thermal_motion == "none" and self.b_factor_a2 is not None:
            raise ValueError(
                f"b_factor_a2 is {self.b_factor_a2:g} but thermal_motion is 'none'; "
                "set it to 'b_factors' or 'frozen_phonons', or leave b_factor_a2 out"
            )
        if self.thermal_motion != "frozen_phonons" and self.phonon_configurations is not None:
            raise ValueError(
                f"phonon_configurations needs thermal_motion 'frozen_phonons', "
                f"not '{self.thermal_motion}'"
            )
        if self.thermal_motion == "frozen_phonons" and self.b_factor_a2 == 0:
            raise ValueError(
                "frozen phonons with b_factor_a2 0 do not move; give a B-factor above 0, "
                "or set thermal_motion to 'none'"
            )
        return self
