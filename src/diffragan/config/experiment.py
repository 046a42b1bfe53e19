"""The settings of a simulated experiment: beam, box, detector, images and numerics."""

from math import ceil, floor
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from diffragan.config.settings import Settings
from diffragan.electron import Electron
from diffragan.grid import Grid

ANTIALIAS_FRACTION = 2 / 3
"""Share of the Nyquist frequency that a multislice wave may use (Kirkland, 3rd ed., sec. 6.8)."""
LARGEST_PIXELS = 4096
"""No grid may have more samples along a side."""


class DiffractionSettings(Settings):
    """What the detector of the far-field pattern records."""

    max_angle_mrad: float = Field(20.0, gt=0, le=200)
    """Half the side of the square that is recorded [mrad]; its corners reach sqrt(2) further."""
    direct_beam_pixels: float = Field(0.5, ge=0)
    """Radius around the direct beam that is masked [pixels]; 0.5 masks the central pixel alone."""


class OpticsSettings(Settings):
    """The lens that forms an image from the mid-plane wave."""

    defocus_angstrom: float = Field(ge=-1e6, le=1e6)
    """Defocus from the molecule's mid-plane, positive is underfocus [Å]."""
    aperture_mrad: float | None = Field(None, gt=0)
    """Angle beyond which nothing passes [mrad]."""
    spherical_aberration_mm: float = Field(0.0, ge=0)
    astigmatism_angstrom: float = Field(0.0, ge=0, le=1e6)
    """How far the defocus is above its mean along the angle, and below it across [Å]: RELION's
    (defocus U - defocus V) / 2."""
    astigmatism_angle_deg: float = Field(0.0, ge=-360, le=360)
    """Direction of the largest defocus, from x to y [degrees]; RELION's defocus angle."""
    focal_spread_angstrom: float = Field(0.0, ge=0)
    """Standard deviation of the defocus over the exposure [Å]."""
    convergence_mrad: float = Field(0.0, ge=0, le=10)
    """Semi-angle at which the Gaussian illumination falls to 1/e [mrad]; 0 is a parallel beam."""


class HighResolutionSettings(OpticsSettings):
    """The noise-free target image."""

    defocus_angstrom: float = Field(50.0, ge=-1e6, le=1e6)


class LowResolutionSettings(OpticsSettings):
    """The defocused, noisy image; its dose is found from the wanted signal-to-noise ratio."""

    defocus_angstrom: float = Field(1000.0, ge=-1e6, le=1e6)
    aperture_mrad: float | None = Field(5.0, gt=0)
    snr: float = Field(0.8, gt=0)
    """Signal power over noise power in `snr_band_angstrom`."""
    snr_band_angstrom: tuple[float, float] = (8.0, 5.0)
    """Resolution limits of the band in which `snr` holds [Å], coarse one first."""

    @model_validator(mode="after")
    def _band_is_ordered(self) -> Self:
        coarse, fine = self.snr_band_angstrom
        if not coarse > fine > 0:
            raise ValueError("snr_band_angstrom needs two resolutions, the coarser first")
        return self


class NumericsSettings(Settings):
    """How finely the multislice is computed."""

    pixels: int = Field(256, ge=16, le=LARGEST_PIXELS)
    """Samples along one side of the box."""
    slice_thickness_angstrom: float = Field(2.0, gt=0, le=20)


class Experiment(Settings):
    """One simulated single-molecule diffraction experiment."""

    kind: Literal["experiment"] = "experiment"
    preset: str = "paper"
    """Name of the preset these settings started from."""
    energy_kev: float = Field(200.0, ge=10, le=3000)
    box_angstrom: float = Field(70.0, gt=0, le=2000)
    orientations: int = Field(1078, ge=1, le=10_000_000)
    diffraction: DiffractionSettings = DiffractionSettings()
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
    def simulation_grid(self) -> Grid:
        """Grid of the multislice."""
        return Grid(self.numerics.pixels, self.box_angstrom)

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

    def in_box(self, box_angstrom: float) -> dict[str, Any]:
        """Return the settings to override for another box; in a larger one, pixels keep their size.

        In a smaller box the numbers of pixels stay, and the pixels become finer.
        """
        scale = box_angstrom / self.box_angstrom
        if not 1 < scale < float("inf"):
            return {"box_angstrom": box_angstrom}
        return {
            "box_angstrom": box_angstrom,
            "numerics": {"pixels": _fast_even(self.numerics.pixels * scale)},
            "wave_pixels": _fast_even(self.wave_pixels * scale),
            "image_pixels": _fast_even(self.image_pixels * scale),
        }

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
        corner = 2**0.5 * (side // 2)
        needed = 2 * corner / ANTIALIAS_FRACTION
        if self.numerics.pixels < needed or self.numerics.pixels % 2:
            raise ValueError(
                f"numerics.pixels is {self.numerics.pixels}; it must be even and at least "
                f"{needed:.0f} so that the pattern's corners are free of aliasing"
            )
        if self.numerics.pixels < max(self.wave_pixels, self.image_pixels):
            raise ValueError("numerics.pixels must not be below wave_pixels or image_pixels")
        return self


def _fast_even(least: float) -> int:
    """Smallest even number, not below `least`, whose Fourier transform is fast."""
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
