"""The settings of a simulated scan: a field of molecules, the instrument, and its imperfections."""

from typing import Literal, Self

from pydantic import Field, model_validator

from diffragan.config.beam import EDGE_SIGMAS, BeamSettings, InelasticSettings
from diffragan.config.detector import DetectorSettings
from diffragan.config.settings import Settings
from diffragan.electron import Electron


class FieldSettings(Settings):
    """The molecules, and what they lie in."""

    molecules: int = Field(150, ge=0, le=100_000)
    margin_angstrom: float = Field(60.0, ge=0, le=5000)
    """How far beyond the scanned positions molecules may lie [Å]."""
    paired_fraction: float = Field(0.1, ge=0, le=1)
    """Share of the molecules that lie so close to another that one beam hits both."""
    on_carbon_fraction: float = Field(0.1, ge=0, le=1)
    """Share of the molecules that may lie on carbon."""
    damaged_fraction: float = Field(0.08, ge=0, le=1)
    damaged_b_factor_a2: float = Field(200.0, ge=0, le=2000)
    """B-factor of the atoms of a molecule that was damaged before its exposure [Å2]."""
    b_factor_a2: float = Field(20.0, ge=0, le=1000)
    """B-factor of all other atoms [Å2]."""
    ice_thickness_angstrom: float = Field(200.0, ge=0, le=3000)
    """Mean thickness of the vitreous ice [Å]; with 0 molecules are dry, on a support that does not
    scatter."""
    ice_spread_angstrom: float = Field(40.0, ge=0, le=1000)
    """Standard deviation of the thickness over the field [Å]."""
    ice_variation_angstrom: float = Field(2000.0, gt=0, le=1e5)
    """Shortest distance over which the thickness swings to and fro [Å]."""
    hole_radius_angstrom: float = Field(500.0, ge=0, le=1e5)
    """Radius of a tear in the ice, on one rim of the field, that holds nothing [Å]."""
    carbon_share: float = Field(0.06, ge=0, lt=1)
    """Share of the field that lies on the carbon film's edge."""
    carbon_thickness_angstrom: float = Field(150.0, ge=0, le=3000)
    contaminations: int = Field(3, ge=0, le=1000)
    """Dark lumps of contamination, which scatter as amorphous carbon does."""
    contamination_radius_angstrom: float = Field(150.0, gt=0, le=1e4)
    contamination_thickness_angstrom: float = Field(800.0, ge=0, le=5000)
    ice_crystals: int = Field(8, ge=0, le=1000)
    """Patches of crystalline ice, hexagonal or cubic."""
    ice_crystal_radius_angstrom: float = Field(150.0, gt=0, le=1e4)
    ice_crystal_thickness_angstrom: float = Field(150.0, gt=0, le=1000)
    ice_tile_angstrom: float = Field(140.0, ge=40, le=400)
    """Side of the piece of ice that is computed atom by atom, and cut at random [Å]."""
    ice_tile_thickness_angstrom: float = Field(80.0, ge=20, le=400)

    @property
    def is_dry(self) -> bool:
        """Whether there is no vitreous ice."""
        return self.ice_thickness_angstrom == 0


class PathSettings(Settings):
    """Where the beam goes, and where it ought to."""

    shape: tuple[int, int] = (128, 160)
    """Positions along y and x."""
    step_angstrom: float = Field(35.0, gt=0, le=1e5)
    scan_to_detector_deg: float = Field(0.0, ge=-360, le=360)
    """Angle from the scan's x axis to the detector's, from x to y [degrees]."""
    jitter_angstrom: float = Field(1.5, ge=0, le=1000)
    """Standard deviation of each position along an axis [Å]."""
    drift_angstrom: float = Field(60.0, ge=0, le=1e5)
    """How far the specimen drifts over the whole scan [Å]."""
    scale_error: float = Field(0.01, gt=-0.5, lt=0.5)
    """By what share the true step is larger than the nominal one."""
    rotation_error_deg: float = Field(0.5, ge=-45, le=45)
    """By how much the scan is turned against the nominal one, which stays in the files."""
    wander_pixels: float = Field(2.0, ge=0, le=100)
    """How far the direct beam moves on the detector over the scan: its largest distance from the
    middle of the way, smoothly [pixels]."""
    centre_jitter_pixels: float = Field(0.05, ge=0, le=10)
    """Standard deviation of what each frame adds to that along an axis [pixels]."""
    centre_offset_pixels: tuple[float, float] = (1.3, -0.8)
    """Mean place of the direct beam from pixel n // 2, along y and x [pixels]."""

    @model_validator(mode="after")
    def _has_positions(self) -> Self:
        if min(self.shape) < 1:
            raise ValueError("shape needs at least one position along y and along x")
        return self


class CameraSettings(Settings):
    """The detector of the patterns, and what its data say and do not say."""

    pixels: int = Field(128, ge=16, le=1024)
    """Side of a frame [pixels]; even."""
    mrad_per_pixel: float = Field(0.209, gt=0, le=10)
    """Nominal angle between pixels [mrad]."""
    camera_length_error: float = Field(0.01, gt=-0.5, lt=0.5)
    """By what share the true angle is larger than the nominal one."""
    ellipticity: float = Field(0.01, ge=0, lt=0.3)
    """By what share the longest diameter of a ring exceeds the shortest."""
    ellipticity_angle_deg: float = Field(30.0, ge=-360, le=360)
    """Direction of the longest, from x to y [degrees]."""
    exposure_error: float = Field(0.05, gt=-0.9, lt=1)
    """By what share the true exposure is larger than the nominal one."""
    exposure_spread: float = Field(0.02, ge=0, lt=0.3)
    """Relative standard deviation of the exposure from frame to frame."""
    flash_fraction: float = Field(0.001, ge=0, lt=1)
    """Share of frames in which the beam was far too bright."""
    flash_factor: float = Field(300.0, ge=1, le=1e6)
    detector: DetectorSettings = DetectorSettings(exposure_e_per_a2=100)
    counts_per_electron: float = Field(1.0, gt=0, le=1e6)
    offset_counts: float = Field(0.0, ge=0, le=1e6)
    gain_spread: float = Field(0.0, ge=0, lt=0.5)
    """Relative standard deviation of the gain from pixel to pixel."""
    bits: Literal[8, 16, 32] = 32
    """Of a value in the file; a format that has fewer holds fewer, and 32 bits hold the 24 of a
    counter."""
    saturation_counts: float | None = Field(None, gt=0, le=4e9)
    """Largest value that a pixel can hold; that of its bits, or of a 24-bit counter, when left
    out."""
    transposed: bool = False
    """Whether the rows of a frame run along the specimen's x."""
    flipped_y: bool = False
    flipped_x: bool = False

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        if self.pixels % 2:
            raise ValueError(f"pixels is {self.pixels}; it must be even")
        if self.detector.exposure_e_per_a2 is None:
            raise ValueError("detector.exposure_e_per_a2 is missing; a scan counts electrons")
        self.detector.refuse_impossible(self.pixels, self.pixels / 2 * self.mrad_per_pixel)
        return self


class ImageSettings(Settings):
    """The overview image of the whole field."""

    pixel_angstrom: float = Field(2.5, ge=0.3, le=50)
    defocus_angstrom: float = Field(2500.0, ge=-1e6, le=1e6)
    """Underfocus is positive [Å]."""
    aperture_mrad: float | None = Field(5.0, gt=0)
    spherical_aberration_mm: float = Field(0.0, ge=0)
    dose_e_per_a2: float = Field(200.0, gt=0, le=1e6)
    margin_angstrom: float = Field(400.0, ge=0, le=1e4)
    """How much of the specimen it shows around the scanned positions [Å]."""
    scan_to_image_deg: float = Field(8.0, ge=-360, le=360)
    """Angle from the scan's x axis to the image's, from x to y [degrees]; nominal."""
    rotation_error_deg: float = Field(0.7, ge=-45, le=45)
    """By how much the true angle is larger."""
    scale_error: float = Field(-0.004, gt=-0.5, lt=0.5)
    """By what share the true pixel is larger than the nominal one."""
    offset_angstrom: tuple[float, float] = (120.0, -80.0)
    """Where the middle of the scan lies in the image, x and y from its middle [Å]."""
    motion_angstrom: float = Field(3.0, ge=0, le=1000)
    """How far the specimen moves during the image [Å]."""
    flipped_y: bool = False


class ScanSimulation(Settings):
    """One simulated experiment: a scan of patterns, and an image of the scanned field."""

    kind: Literal["scan-simulation"] = "scan-simulation"
    preset: str = "scan"
    """Name of the preset these settings started from."""
    energy_kev: float = Field(200.0, ge=10, le=3000)
    beam: BeamSettings = BeamSettings(probe_diameter_angstrom=100, probe_edge_angstrom=2.5)
    inelastic: InelasticSettings = InelasticSettings(enabled=True, energy_filter=True)
    field: FieldSettings = FieldSettings()
    path: PathSettings = PathSettings()
    camera: CameraSettings = CameraSettings()
    image: ImageSettings = ImageSettings()
    slice_thickness_angstrom: float = Field(10.0, gt=0, le=50)
    """Upper limit of the multislice's slices, in which atoms scatter at their own heights [Å]."""

    @property
    def electron(self) -> Electron:
        """The beam's electron."""
        return Electron(self.energy_kev)

    @property
    def frames(self) -> int:
        """Number of frames."""
        return self.path.shape[0] * self.path.shape[1]

    @property
    def probe_width_angstrom(self) -> float:
        """Diameter of the beam with its soft edge [Å]."""
        assert self.beam.probe_diameter_angstrom is not None
        return self.beam.probe_diameter_angstrom + 2 * EDGE_SIGMAS * self.beam.probe_edge_angstrom

    @property
    def box_angstrom(self) -> float:
        """Inverse of the patterns' true sampling [Å]."""
        true = self.camera.mrad_per_pixel * (1 + self.camera.camera_length_error)
        return 1 / self.electron.frequency_per_angstrom(true)

    @model_validator(mode="after")
    def _beam_is_narrow(self) -> Self:
        if self.beam.probe_diameter_angstrom is None:
            raise ValueError("beam.probe_diameter_angstrom is missing; a scan has a narrow beam")
        if self.beam.probe_offset_angstrom != (0.0, 0.0):
            raise ValueError("beam.probe_offset_angstrom is the scan's to choose; leave it out")
        if self.probe_width_angstrom > 8 * self.box_angstrom:
            raise ValueError(
                f"a beam of {self.probe_width_angstrom:.0f} Å has speckles far finer than a pixel "
                f"of 1/{self.box_angstrom:.0f} 1/Å; lower camera.mrad_per_pixel"
            )
        return self
