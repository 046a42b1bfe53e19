"""The settings of a simulated experiment: specimen, beam, box, detector, images and numerics."""

from math import ceil, floor
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from diffragan.config.accuracy import Sampling, sampling_for
from diffragan.config.beam import BeamSettings, InelasticSettings
from diffragan.config.detector import DetectorSettings
from diffragan.config.numerics import (
    ANTIALIAS_FRACTION,
    BYTES_PER_PIXEL,
    LARGEST_PIXELS,
    NumericsSettings,
    fast_even,
)
from diffragan.config.optics import HighResolutionSettings, LowResolutionSettings
from diffragan.config.settings import Settings
from diffragan.config.specimen import SpecimenSettings
from diffragan.electron import Electron
from diffragan.grid import Grid


class DiffractionSettings(Settings):
    """Which part of the far-field pattern is recorded."""

    max_angle_mrad: float = Field(20.0, gt=0, le=200)
    """Half the side of the square that is recorded [mrad]; its corners reach sqrt(2) further."""
    direct_beam_pixels: float = Field(0.5, ge=0)
    """Radius around the direct beam that is masked [pixels]; 0.5 masks the central pixel alone."""


class Experiment(Settings):
    """One simulated single-molecule diffraction experiment."""

    kind: Literal["experiment"] = "experiment"
    preset: str = "paper"
    """Name of the preset these settings started from."""
    energy_kev: float = Field(200.0, ge=10, le=3000)
    box_angstrom: float = Field(70.0, gt=0, le=2000)
    """Side of the images; patterns are sampled at 1 / box [Å]."""
    orientations: int = Field(1078, ge=1, le=10_000_000)
    specimen: SpecimenSettings = SpecimenSettings()
    beam: BeamSettings = BeamSettings()
    inelastic: InelasticSettings = InelasticSettings()
    diffraction: DiffractionSettings = DiffractionSettings()
    detector: DetectorSettings = DetectorSettings()
    high_resolution: HighResolutionSettings = HighResolutionSettings()
    low_resolution: LowResolutionSettings = LowResolutionSettings()
    numerics: NumericsSettings = NumericsSettings()
    wave_pixels: int = Field(128, ge=16, le=LARGEST_PIXELS)
    """Side of the stored mid-plane waves [pixels]; must hold the whole recorded square."""
    image_pixels: int = Field(256, ge=16, le=LARGEST_PIXELS)
    """Side of the stored images [pixels]."""

    @property
    def electron(self) -> Electron:
        """The beam's electron."""
        return Electron(self.energy_kev)

    @property
    def wave_grid(self) -> Grid:
        """Grid of the stored mid-plane waves."""
        return Grid(self.wave_pixels, self.box_angstrom)

    @property
    def image_grid(self) -> Grid:
        """Grid of the stored images."""
        return Grid(self.image_pixels, self.box_angstrom)

    @property
    def sampling(self) -> Sampling:
        """What the accuracy rule asks for."""
        return sampling_for(
            self.numerics.accuracy,
            self.electron,
            recorded_per_angstrom=self.axis_limit_per_angstrom,
            needed_per_angstrom=max(
                self.corner_limit_per_angstrom, self.image_grid.nyquist_per_angstrom
            ),
        )

    @property
    def simulation_grid(self) -> Grid:
        """Grid of the multislice over the whole box."""
        pixels = self.numerics.pixels
        if pixels is None:
            finest = self.sampling.band_limit_per_angstrom
            # A little less than the sample asked for would be left out by rounding.
            pixels = fast_even(2 / ANTIALIAS_FRACTION * finest * self.box_angstrom - 1e-6)
        return Grid(pixels, self.box_angstrom)

    @property
    def slice_thickness_angstrom(self) -> float:
        """Upper limit of the slices' thickness [Å]."""
        return self.numerics.slice_thickness_angstrom or self.sampling.slice_thickness_angstrom

    def grid_for(self, diameter_angstrom: float) -> Grid:
        """Grid of the part of the box that is computed, in pixels of the same size.

        The scattered wave of a molecule vanishes around it, so vacuum need not be computed.

        Parameters
        ----------
        diameter_angstrom : Largest extent of the molecule in any orientation [Å].
        """
        whole = self.simulation_grid
        if self.specimen.ice_thickness_angstrom is not None:
            return whole
        side = self.numerics.box_angstrom or diameter_angstrom + 2 * self.sampling.margin_angstrom
        pixels = fast_even(side / whole.pixel_angstrom - 1e-6)
        if pixels >= whole.pixels:
            return whole
        return Grid(pixels, pixels * whole.pixel_angstrom)

    @property
    def axis_limit_per_angstrom(self) -> float:
        """Highest frequency measured along an axis, and on whole rings [1/Å]."""
        return (self.diffraction_pixels // 2) / self.box_angstrom

    @property
    def corner_limit_per_angstrom(self) -> float:
        """Highest frequency measured at all, in the corners of the recorded square [1/Å]."""
        return 2**0.5 * self.axis_limit_per_angstrom

    @property
    def diffraction_pixels(self) -> int:
        """Side of the recorded square [pixels]: every sample within the angle on both sides."""
        frequency = self.electron.frequency_per_angstrom(self.diffraction.max_angle_mrad)
        return 2 * floor(frequency * self.box_angstrom) + 1

    @property
    def pattern_spacing_mrad(self) -> float:
        """Angle between the pixels of a pattern [mrad]."""
        return self.electron.angle_mrad(1 / self.box_angstrom)

    def in_box(self, box_angstrom: float) -> dict[str, Any]:
        """Return the settings to override for another box; in a larger one, pixels keep their size.

        In a smaller box the numbers of pixels stay, and the pixels become finer.
        """
        scale = box_angstrom / self.box_angstrom
        if not 1 < scale < float("inf"):
            return {"box_angstrom": box_angstrom}
        changed: dict[str, Any] = {
            "box_angstrom": box_angstrom,
            "wave_pixels": fast_even(self.wave_pixels * scale),
            "image_pixels": fast_even(self.image_pixels * scale),
        }
        if self.numerics.pixels is not None:
            changed["numerics"] = {"pixels": fast_even(self.numerics.pixels * scale)}
        return changed

    @model_validator(mode="after")
    def _grids_hold_the_data(self) -> Self:
        side = self.diffraction_pixels
        if side < 9:
            raise ValueError(
                f"the pattern would have {side} pixels; raise max_angle_mrad or box_angstrom"
            )
        for name, pixels in (
            ("wave_pixels", self.wave_pixels),
            ("image_pixels", self.image_pixels),
        ):
            if pixels % 2 or pixels < side:
                raise ValueError(
                    f"{name} is {pixels}; it must be even and at least the pattern's {side} pixels"
                )
        given, found = self.numerics.pixels, self.simulation_grid.pixels
        corner = 2**0.5 * (side // 2)
        needed = max(2 * corner / ANTIALIAS_FRACTION, self.wave_pixels, self.image_pixels)
        if given is None and found > LARGEST_PIXELS:
            raise ValueError(
                f"the accuracy {self.numerics.accuracy:g} in a box of {self.box_angstrom:g} Å "
                f"needs {found} pixels a side and {BYTES_PER_PIXEL * found**2 / 1e9:.1f} GB of "
                f"memory for one wave, more than {LARGEST_PIXELS} pixels allow; lower the angle, "
                "allow a larger error, or take a smaller box"
            )
        if found < needed or found % 2:
            raise ValueError(
                f"numerics.pixels is {found}; it must be even and at least {ceil(needed)}, so that "
                "the pattern's corners are free of aliasing and the images are sampled"
            )
        return self

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        self.detector.refuse_impossible(self.diffraction_pixels, self.diffraction.max_angle_mrad)
        states = self.numerics.multiple_scattering_per_angstrom
        if states is not None and states < self.axis_limit_per_angstrom:
            raise ValueError(
                f"numerics.multiple_scattering_per_angstrom is {states:g}; it must be at least the "
                f"recorded frequency, {self.axis_limit_per_angstrom:.3g} 1/Å, or be left out"
            )
        in_ice = self.specimen.ice_thickness_angstrom is not None
        if in_ice and self.numerics.box_angstrom is not None:
            raise ValueError("numerics.box_angstrom cuts vacuum away, and ice fills the whole box")
        inner = self.numerics.box_angstrom
        if inner is not None and inner > self.box_angstrom:
            raise ValueError(
                f"numerics.box_angstrom is {inner:g}, more than the box of {self.box_angstrom:g} Å"
            )
        if self.specimen.conformations.mode_amplitude_angstrom > self.box_angstrom / 4:
            raise ValueError("mode_amplitude_angstrom is more than a quarter of the box")
        return self
