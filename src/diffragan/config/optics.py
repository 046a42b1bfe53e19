"""The settings of the lens that forms an image, and of the two images of every molecule."""

from typing import Self

from pydantic import Field, model_validator

from diffragan.config.settings import Settings


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
    """The defocused, noisy image, of a given dose or of a given signal-to-noise ratio."""

    defocus_angstrom: float = Field(1000.0, ge=-1e6, le=1e6)
    aperture_mrad: float | None = Field(5.0, gt=0)
    dose_e_per_a2: float | None = Field(None, gt=0, le=1e9)
    """Dose of the image [e/Å2]; none finds the dose that gives `snr`."""
    snr: float = Field(0.8, gt=0)
    """Signal power over noise power in `snr_band_angstrom`, where no dose is given."""
    snr_band_angstrom: tuple[float, float] = (8.0, 5.0)
    """Resolution limits of the band in which `snr` holds [Å], coarse one first."""

    @model_validator(mode="after")
    def _band_is_ordered(self) -> Self:
        coarse, fine = self.snr_band_angstrom
        if not coarse > fine > 0:
            raise ValueError("snr_band_angstrom needs two resolutions, the coarser first")
        return self
