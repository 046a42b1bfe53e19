"""The settings of the detector that counts a diffraction pattern."""

from typing import Self

from pydantic import Field, model_validator

from diffragan.config.settings import Settings


class DetectorSettings(Settings):
    """A pixelated counting detector, its defects and its beam stop; ideal unless told otherwise."""

    exposure_e_per_a2: float | None = Field(None, gt=0, le=1e9)
    """Incident electrons per area [e/Å2]; none records noise-free fractions of the beam."""
    point_spread_pixels: float = Field(0.0, ge=0, le=20)
    """Standard deviation of the distance from where an electron enters to where it is counted,
    along each axis [pixels]."""
    dead_pixel_fraction: float = Field(0.0, ge=0, lt=1)
    """Share of pixels that read nothing; they are known and count as unmeasured."""
    hot_pixel_fraction: float = Field(0.0, ge=0, lt=1)
    """Share of pixels that count too much; nobody knows which, so they count as measured."""
    hot_pixel_counts: float = Field(0.0, ge=0, le=1e9)
    """Mean counts that a hot pixel adds to a pattern."""
    modules: tuple[int, int] = (1, 1)
    """Modules along y and x that the square is tiled with, the same size each."""
    gap_pixels: int = Field(0, ge=0)
    """Width of the insensitive bands between modules [pixels]."""
    beam_stop_mrad: float | None = Field(None, gt=0)
    """Radius of the disc that stops the direct beam [mrad]."""
    beam_stop_arm_mrad: float = Field(0.0, ge=0)
    """Width of the arm that holds the disc, from the middle to the rim along +y [mrad]."""
    read_noise_electrons: float = Field(0.0, ge=0, le=1e6)
    """Standard deviation of the noise that reading a pixel adds [electrons]."""

    def refuse_impossible(self, pixels: int, max_angle_mrad: float) -> None:
        """Refuse a detector that does not fit the recorded square.

        Parameters
        ----------
        pixels : Side of the square.
        max_angle_mrad : Half its side [mrad].

        Raises
        ------
        ValueError : What contradicts the square, and what would fit; a settings' validator turns
            it into the one-line error that names the file and the key.
        """
        if self.beam_stop_mrad is not None and self.beam_stop_mrad >= max_angle_mrad:
            raise ValueError(
                f"beam_stop_mrad is {self.beam_stop_mrad:g}; it must be below the "
                f"{max_angle_mrad:g} mrad that are recorded, or nothing is left on an axis"
            )
        if self.beam_stop_arm_mrad >= max_angle_mrad:
            raise ValueError(
                f"beam_stop_arm_mrad is {self.beam_stop_arm_mrad:g}; it must be below the "
                f"{max_angle_mrad:g} mrad that are recorded"
            )
        for name, count in zip(("y", "x"), self.modules, strict=True):
            if count + (count - 1) * self.gap_pixels > pixels:
                raise ValueError(
                    f"{count} modules with gaps of {self.gap_pixels} pixels along {name} do not "
                    f"fit in the recorded {pixels} pixels"
                )

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        if min(self.modules) < 1:
            raise ValueError("modules needs at least one module along y and along x")
        if self.gap_pixels and self.modules == (1, 1):
            raise ValueError("gap_pixels needs modules; one module has no gaps")
        if self.beam_stop_arm_mrad and self.beam_stop_mrad is None:
            raise ValueError("beam_stop_arm_mrad holds a beam stop; give beam_stop_mrad too")
        if self.dead_pixel_fraction + self.hot_pixel_fraction >= 1:
            raise ValueError("dead_pixel_fraction and hot_pixel_fraction leave no sound pixel")
        if (self.hot_pixel_fraction > 0) != (self.hot_pixel_counts > 0):
            raise ValueError("hot_pixel_fraction and hot_pixel_counts go together; give both")
        if self.exposure_e_per_a2 is None and (
            self.hot_pixel_fraction or self.read_noise_electrons
        ):
            raise ValueError(
                "hot pixels and read noise are in electrons; give exposure_e_per_a2 too"
            )
        return self
