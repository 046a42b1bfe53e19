"""The settings of a real experiment: a scan of patterns and an overview image."""

from typing import Literal, Self

from pydantic import Field, model_validator

from diffragan.config.settings import Settings

PIXEL_SPREAD = 12**-0.5
"""Standard deviation of a place within a pixel from its middle [pixels]."""


class ScanSettings(Settings):
    """A 4D scan as its detector wrote it; what its file says counts where nothing is given here."""

    shape: tuple[int, int] | None = None
    """Positions of the scan along y and x, for formats that only number their frames."""
    first_frame: int = Field(0, ge=0)
    """How many frames of the file come before the first position; they are left out."""
    energy_kev: float | None = Field(None, ge=10, le=3000)
    mrad_per_pixel: float | None = Field(None, gt=0, le=100)
    """Angle between neighbouring pixels of the detector [mrad]."""
    camera_length_mm: float | None = Field(None, gt=0, le=1e6)
    """With `detector_pixel_um`, in place of `mrad_per_pixel`."""
    detector_pixel_um: float | None = Field(None, gt=0, le=1e4)
    ellipticity: float | None = Field(None, ge=0, lt=0.3)
    """By how much, as a share, the longest diameter of what should be a circle exceeds the
    shortest; found from the patterns when left out, and a few molecules alone tell it badly."""
    ellipticity_angle_deg: float | None = Field(None, ge=-360, le=360)
    """Direction of the longest diameter in an upright frame, from x to y [degrees]."""
    step_angstrom: float | None = Field(None, gt=0, le=1e6)
    """Distance between neighbouring positions of the scan [Å]."""
    beam_diameter_angstrom: float | None = Field(None, gt=0, le=1e5)
    """Diameter of the illuminated disc on the specimen [Å]."""
    exposure_e_per_a2: float | None = Field(None, gt=0, le=1e9)
    """Electrons per area of each frame [e/Å2]."""
    counts_per_electron: float | None = Field(None, gt=0, le=1e9)
    """Value that one electron adds to the pixels of a frame; 1 for a counting detector."""
    offset_counts: float | None = None
    """Value of a pixel that no electron hit; 0 for a counting detector."""
    saturation_counts: float | None = Field(None, gt=0)
    """Largest value that a pixel can hold; that of its type when left out."""
    point_spread_pixels: float = Field(PIXEL_SPREAD, ge=0, le=20)
    """Standard deviation, along each axis, from where an electron enters the detector to the middle
    of the pixel that counts it [detector pixels]; at least that of a place within a pixel."""
    detector_transposed: bool = False
    """Whether the rows of a frame run along the specimen's x; undone first."""
    detector_flipped_y: bool = False
    detector_flipped_x: bool = False
    scan_to_detector_deg: float = Field(0.0, ge=-360, le=360)
    """Angle from the scan's x axis to the detector's, from x to y [degrees]."""

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        if (self.camera_length_mm is None) != (self.detector_pixel_um is None):
            raise ValueError("camera_length_mm and detector_pixel_um go together; give both")
        if self.mrad_per_pixel is not None and self.camera_length_mm is not None:
            raise ValueError("give mrad_per_pixel or camera_length_mm, not both")
        if (self.ellipticity is None) != (self.ellipticity_angle_deg is None):
            raise ValueError("ellipticity and ellipticity_angle_deg go together; give both")
        if self.shape is not None and min(self.shape) < 1:
            raise ValueError("shape needs at least one position along y and along x")
        return self

    @property
    def angle_per_pixel_mrad(self) -> float | None:
        """Angle between pixels, given as such or by the camera length [mrad]."""
        if self.camera_length_mm is None or self.detector_pixel_um is None:
            return self.mrad_per_pixel
        return self.detector_pixel_um / self.camera_length_mm


class OverviewSettings(Settings):
    """The image that was taken of the scanned field."""

    pixel_angstrom: float | None = Field(None, gt=0, le=1e4)
    dose_e_per_a2: float | None = Field(None, gt=0, le=1e9)
    counts_per_electron: float | None = Field(None, gt=0, le=1e9)
    """Value that one electron adds; found from the dose and the mean where that is left out."""
    defocus_angstrom: float | None = Field(None, ge=-1e6, le=1e6)
    """Underfocus is positive [Å]; estimated from the power spectrum when left out."""
    aperture_mrad: float | None = Field(None, gt=0)
    """Angle beyond which nothing passes [mrad]; none is no aperture."""
    spherical_aberration_mm: float = Field(0.0, ge=0)
    scan_to_image_deg: float = Field(0.0, ge=-360, le=360)
    """Angle from the scan's x axis to the image's, from x to y [degrees]; about, it is refined."""
    image_flipped_y: bool = False
    """Whether the rows of the image run against the scan's y."""


class HitSettings(Settings):
    """Which frames count as hits."""

    precision: float = Field(0.95, gt=0.5, lt=1)
    """Share of true hits that is expected among those that are kept."""
    largest_offset_angstrom: float | None = Field(None, gt=0)
    """How far a molecule may lie from the middle of the beam [Å]; as far as the beam holds it
    whole, all but a fiftieth, when left out."""
    smallest_registration_score: float = Field(0.15, ge=0, le=1)
    """How far the correlation of scan and image must lie above that at wrong rotations; below it
    they show different places."""


class ObservationSettings(Settings):
    """What the observations look like that are handed over."""

    name: str = Field("molecule", min_length=1, max_length=100)
    """Of the protein."""
    mass_kda: float | None = Field(None, gt=0, le=1e5)
    """Its mass, where it is known [kDa]."""
    box_angstrom: float | None = Field(None, gt=0, le=2000)
    """Side of the images; the inverse of the patterns' sampling, or a whole part of it, when left
    out."""
    max_angle_mrad: float | None = Field(None, gt=0, le=200)
    """Half the side of the square of the pattern that is kept [mrad]; all that every frame holds
    when left out."""


class AcquisitionSettings(Settings):
    """One experiment: how its scan and image were taken, and what is made of them."""

    kind: Literal["acquisition"] = "acquisition"
    scan: ScanSettings = ScanSettings()
    overview: OverviewSettings = OverviewSettings()
    hits: HitSettings = HitSettings()
    observations: ObservationSettings = ObservationSettings()
    seed: int = Field(0, ge=0)
    """Of whatever is drawn: into which pixel of a finer grid a count falls."""
